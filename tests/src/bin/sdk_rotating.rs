//! Plays the wrapper for a program that reads the region itself: two values, new versions as fast
//! as they can be published, until the program ends. `sdk_rotating PROGRAM ARGUMENT…`
//!
//! Every value says in its first eight bytes which one it is, and all its other bytes and its
//! length follow from that: a mixture of two values cannot pass for one. The variable
//! `ROTATING_PAUSE_US` makes it wait so many microseconds after each version.
#![expect(clippy::expect_used, reason = "a program of the tests")]
#![expect(clippy::print_stderr, reason = "a program of the tests")]

use std::os::fd::AsRawFd;
use std::process::Command;
use std::time::Duration;

use cloudtaser_abi::names::ENV_REGION_FD;
use cloudtaser_abi::protection::Protection;
use cloudtaser_wrapper::region::{EntrySpec, Layout, Region};

/// The longest value of each entry. The second one does not fit into what the SDK keeps ready.
const LONGEST: [usize; 2] = [48, 4096];

fn value(entry: usize, number: u64) -> Vec<u8> {
    let longest = LONGEST.get(entry).copied().unwrap_or_default();
    let len = longest - usize::try_from(number % 7).expect("small") * 4;
    let mut value = number.to_le_bytes().to_vec();
    let [.., seed] = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
    value.resize(len, seed);
    value
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (program, arguments) = words.split_first().expect("sdk_rotating PROGRAM ARGUMENT…");
    let specs = [("secret/data/short#v", 48), ("secret/data/long#v", 4096)];
    let specs = specs.map(|(reference, value_len)| EntrySpec {
        reference,
        value_len,
        ..EntrySpec::default()
    });
    let layout = Layout::plan(&specs).expect("a layout");
    let mut region = Region::create_shared(layout, Protection::None).expect("memory");
    for entry in 0..2 {
        region.fill(entry, &value(entry, 0)).expect("filled");
    }
    region.seal().expect("sealed");
    let file = region.file().expect("a descriptor");
    rustix::io::fcntl_setfd(file, rustix::io::FdFlags::empty()).expect("fcntl");
    let mut child = Command::new(program)
        .args(arguments)
        .env(ENV_REGION_FD, file.as_raw_fd().to_string())
        .spawn()
        .expect("started");
    let pause = std::env::var("ROTATING_PAUSE_US").ok();
    let pause = pause.map(|text| Duration::from_micros(text.parse().expect("a number")));
    let mut number = 0_u64;
    while child.try_wait().expect("waited").is_none() {
        number += 1;
        for entry in 0..2 {
            region
                .publish(entry, &value(entry, number))
                .expect("published");
        }
        pause.map_or_else(std::thread::yield_now, std::thread::sleep);
    }
    let status = child.wait().expect("waited");
    eprintln!("{number} versions");
    std::process::exit(status.code().unwrap_or(1));
}
