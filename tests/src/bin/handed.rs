//! Tells what a program is handed that loads the preload library, as the library would find it:
//! the environment's lines of ours, every descriptor of them, and the region's entries.
//!
//! With an argument it writes that to the report pipe first.
#![expect(
    unsafe_code,
    reason = "a descriptor that is named by its number, and its memory"
)]
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "test code: a panic shows what is missing, and the output is the answer"
)]

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::slice;
use std::sync::atomic::AtomicU64;

use cloudtaser_abi::handover::Handover;
use cloudtaser_abi::names::{ENV_PRELOAD, ENV_REGION_FD};
use cloudtaser_abi::region::{Region, Text};
use cloudtaser_wrapper::sys::mmap::GuardedMapping;
use rustix::mm::{MapFlags, ProtFlags, mmap};

fn main() {
    let environ = std::fs::read("/proc/self/environ").expect("environ");
    for string in environ.split(|byte| *byte == 0) {
        let text = String::from_utf8_lossy(string);
        if text.starts_with("CLOUDTASER_SLOT=") || text.starts_with("LD_PRELOAD=") {
            println!("{text}");
        }
    }
    let number = |name: &str| std::env::var(name).expect(name);
    let handover = std::env::var_os(ENV_PRELOAD).expect("handed over");
    let handover = Handover::parse(handover.as_bytes()).expect("a handover");
    if let (Some(report), Some(line)) = (handover.report, std::env::args_os().nth(1)) {
        let pipe = OpenOptions::new().write(true).open(path(report));
        let mut pipe = pipe.expect("the report pipe");
        pipe.write_all(line.as_bytes()).expect("written");
    }
    let root = rustix::fs::stat("/").expect("stat");
    println!("root={}", handover.root == Some((root.st_dev, root.st_ino)));
    println!("report={}", handover.report.is_some());
    if let Some(ledger) = handover.ledger {
        let len = File::open(path(ledger)).and_then(|file| file.metadata());
        println!("ledger={}", len.expect("a ledger").len());
    }
    let region: i32 = number(ENV_REGION_FD).parse().expect("a number");
    println!("high={}", region >= 10);
    tell_region(region);
}

fn path(descriptor: u32) -> String {
    format!("/proc/self/fd/{descriptor}")
}

/// Maps the region by its descriptor: secret memory cannot be opened anew.
fn tell_region(number: i32) {
    // SAFETY: `borrow_raw` wants a descriptor that stays open meanwhile: nothing here closes one.
    let fd = unsafe { BorrowedFd::borrow_raw(number) };
    let len = rustix::fs::fstat(fd).expect("open").st_size;
    let len = usize::try_from(len).expect("a size");
    println!("writable={}", is_writable(len, fd));
    let (prot, flags) = (ProtFlags::READ, MapFlags::SHARED);
    // SAFETY: `mmap` without MAP_FIXED takes an unused range.
    let start = unsafe { mmap(std::ptr::null_mut(), len, prot, flags, fd, 0) }.expect("mmap");
    // SAFETY: `from_raw_parts` wants readable memory, changed through atomics only, for as long as
    // the borrow lives: the mapping stays until we end, and the wrapper writes by atomics.
    let words = unsafe { slice::from_raw_parts(start.cast::<AtomicU64>(), len / 8) };
    let region = Region::open(words).expect("a region");
    let flags = (region.follows_children(), region.gives_static_plain());
    println!("level={} flags={flags:?}", region.protection());
    assert!(region.created_ns() > 0);
    for entry in region.entries() {
        let mut value = vec![0; entry.capacity()];
        let len = entry.read(&mut value).expect("readable");
        value.truncate(len);
        let name = entry.path().or_else(|| entry.variable()).map(text);
        println!(
            "{} mode={:o} owner={:?} opens={:?} value={}",
            name.expect("a path or a name"),
            entry.mode(),
            entry.owner(),
            entry.open_limit(),
            String::from_utf8_lossy(&value)
        );
    }
}

/// Whether we could write to it: the mapping is dropped unwiped.
fn is_writable(len: usize, fd: BorrowedFd<'_>) -> bool {
    GuardedMapping::new(len, Some(fd)).is_ok_and(|mut mapping| {
        mapping.keep_content();
        true
    })
}

fn text(text: Text<'_>) -> String {
    let mut bytes = vec![0; text.len()];
    text.copy_to(&mut bytes).expect("long enough");
    String::from_utf8(bytes).expect("text")
}
