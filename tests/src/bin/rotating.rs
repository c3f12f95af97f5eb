//! Plays the wrapper for a program of the tests: a region with one file, the hand-over to the
//! preload library, and new versions of the value as fast as they can be published, until a file
//! appears. `rotating LIBRARY PATH STOP PROGRAM ARGUMENT…`
//!
//! The variable `ROTATING_PAUSE_US` makes it wait so many microseconds after each version, which
//! leaves the processors to the program. `ROTATING_LEN` makes the values so long at most, and each
//! letter's shorter than the one before.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a program of the tests"
)]

use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use cloudtaser_abi::handover::{HANDOVER_MAX, Handover};
use cloudtaser_abi::names::{ENV_PRELOAD, ENV_REGION_FD};
use cloudtaser_abi::protection::Protection;
use cloudtaser_abi::region::layout::FLAG_FOLLOW_CHILDREN;
use cloudtaser_wrapper::region::{EntrySpec, Layout, Region};

/// Bytes of each version.
const LEN: usize = 200;

/// How many bytes shorter each letter is than the one before, with a length that changes.
const STEP: usize = 101;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [library, path, stop, program, arguments @ ..] = words.as_slice() else {
        panic!("rotating LIBRARY PATH STOP PROGRAM ARGUMENT…");
    };
    let longest = std::env::var("ROTATING_LEN").ok();
    let longest: Option<usize> = longest.map(|text| text.parse().expect("a number"));
    let most = longest.unwrap_or(LEN);
    let step = if longest.is_some() { STEP } else { 0 };
    let spec = EntrySpec {
        reference: "test#value",
        path: Some(path),
        value_len: most,
        ..EntrySpec::default()
    };
    let mut layout = Layout::plan(&[spec]).expect("a layout");
    layout.flags = FLAG_FOLLOW_CHILDREN;
    let mut region = Region::create_shared(layout, Protection::None).expect("memory");
    region.fill(0, &vec![b'a'; most]).expect("filled");
    region.seal().expect("sealed");

    let root = rustix::fs::stat("/").expect("a root");
    let handover = Handover {
        root: Some((root.st_dev, root.st_ino)),
        ..Handover::default()
    };
    let mut text = [0; HANDOVER_MAX];
    let len = handover.write(&mut text).expect("room");
    let file = region.file().expect("a descriptor");
    rustix::io::fcntl_setfd(file, rustix::io::FdFlags::empty()).expect("fcntl");
    let number = file.as_raw_fd().to_string();
    let mut child = Command::new(program)
        .args(arguments)
        .env("LD_PRELOAD", library)
        .env(ENV_REGION_FD, number)
        .env(
            ENV_PRELOAD,
            String::from_utf8_lossy(text.get(..len).expect("written")).as_ref(),
        )
        .spawn()
        .expect("started");
    let pause = std::env::var("ROTATING_PAUSE_US").ok();
    let pause = pause.map(|text| Duration::from_micros(text.parse().expect("a number")));
    let mut versions = 0_u64;
    while !Path::new(stop).exists() && child.try_wait().expect("waited").is_none() {
        let letter = u8::try_from(versions % 26).expect("a letter");
        let value = vec![b'a' + letter; most - step * usize::from(letter)];
        region.publish(0, &value).expect("published");
        versions += 1;
        pause.map_or_else(std::thread::yield_now, std::thread::sleep);
    }
    let status = child.wait().expect("waited");
    println!("ended {status}, versions {}", versions > 10);
}
