//! The secret region against the real kernel: what its memory refuses, and what the wrapper does
//! where the kernel refuses that memory. Every refusal has a control beside it that succeeds.
#![expect(clippy::expect_used, reason = "test code: a panic shows the line")]

mod child;
mod fork;

use std::fs::File;
use std::io::Read;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;

use cloudtaser_abi::protection::Protection;
use cloudtaser_wrapper::region::{EntrySpec, Layout, Region};
use cloudtaser_wrapper::sys::process_vm_readv::process_vm_readv;
use fork::{End, in_child};
use rustix::process::getpid;

const FAULT: End = End::Signal(libc::SIGSEGV);

fn region() -> Region {
    let spec = EntrySpec {
        reference: "secret/data/db#password",
        variable: Some("PGPASSWORD"),
        value_len: 7,
        ..EntrySpec::default()
    };
    let layout = Layout::plan(&[spec]).expect("layout");
    let mut region = Region::create(layout, Protection::None).expect("memory");
    region.fill(0, b"hunter2").expect("fill");
    region.seal().expect("seal");
    region
}

/// The region, if this kernel has secret memory.
fn secret_region() -> Option<Region> {
    let region = region();
    if region.protection() == Protection::Secretmem {
        return Some(region);
    }
    cloudtaser_tests::skip(&format!("secret memory: {:?}", region.refusals()));
    None
}

#[test]
fn process_vm_readv_cannot_read_it_and_reads_the_heap() {
    let Some(region) = secret_region() else {
        return;
    };
    let mut copy = [0; 8];
    let heap = Box::new(*b"ordinary");
    let read = process_vm_readv(getpid(), heap.as_ptr().addr(), &mut copy);
    assert_eq!(read.expect("control"), 8);
    assert_eq!(&copy, b"ordinary");
    let error = process_vm_readv(getpid(), region.range().0.addr(), &mut copy);
    let error = error.expect_err("secret memory was read");
    assert_eq!(error.raw_os_error(), Some(libc::EFAULT));
}

#[test]
fn proc_mem_cannot_read_it_and_reads_the_heap() {
    let Some(region) = secret_region() else {
        return;
    };
    let memory = File::open("/proc/self/mem").expect("/proc/self/mem");
    let at = |address: *const u8| u64::try_from(address.addr()).expect("64 bits");
    let mut copy = [0; 8];
    let heap = Box::new(*b"ordinary");
    let read = memory.read_exact_at(&mut copy, at(heap.as_ptr()));
    read.expect("control");
    assert_eq!(&copy, b"ordinary");
    let error = memory.read_exact_at(&mut copy, at(region.range().0));
    let error = error.expect_err("secret memory was read");
    assert_eq!(error.raw_os_error(), Some(libc::EIO));
}

#[test]
fn both_guard_pages_fault() {
    let region = region();
    let (start, len) = region.range();
    let end = start.wrapping_add(len);
    assert_eq!(in_child(|| fork::read(start)), End::Exited(0));
    assert_eq!(in_child(|| fork::read(end.wrapping_sub(1))), End::Exited(0));
    assert_eq!(in_child(|| fork::read(start.wrapping_sub(1))), FAULT);
    assert_eq!(in_child(|| fork::read(start.wrapping_sub(4096))), FAULT);
    assert_eq!(in_child(|| fork::read(end)), FAULT);
    assert_eq!(in_child(|| fork::read(end.wrapping_add(4095))), FAULT);
}

#[test]
fn a_sealed_region_is_read_only_and_still_rotates() {
    let layout = Layout::plan(&[EntrySpec::default()]).expect("layout");
    let mut region = Region::create(layout, Protection::None).expect("memory");
    let last = region.range().0.wrapping_add(region.range().1 - 1);
    assert_eq!(in_child(|| fork::write(last)), End::Exited(0));
    region.seal().expect("seal");
    assert_eq!(in_child(|| fork::write(last)), FAULT);
    region.publish(0, b"next").expect("publish");
    assert_eq!(in_child(|| fork::write(last)), FAULT);
}

#[test]
fn children_have_it_until_they_are_excluded() {
    let region = region();
    let start = region.range().0;
    assert_eq!(in_child(|| fork::read(start)), End::Exited(0));
    region.exclude_from_children().expect("madvise");
    assert_eq!(in_child(|| fork::read(start)), FAULT);
    fork::read(start);
}

#[test]
fn it_is_out_of_core_dumps() {
    let region = region();
    let maps = std::fs::read_to_string("/proc/self/smaps").expect("smaps");
    let first = format!("{:x}-", region.range().0.addr());
    let flags = |first: &str| {
        let (_, mapping) = maps.split_once(first).expect("mapping");
        let (_, flags) = mapping.split_once("VmFlags:").expect("VmFlags");
        let flags = flags.lines().next().expect("line");
        flags.split(' ').map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(flags(&first).iter().any(|flag| flag == "dd"), "DONTDUMP");
    let control = flags("[heap]");
    assert!(!control.iter().any(|flag| flag == "dd"), "{control:?}");
}

#[test]
fn execve_takes_the_environment_string_out_of_it() {
    let region = region();
    let (mut output, input) = std::io::pipe().expect("pipe");
    let environ = region.environ_string(0).expect("variable").as_ptr();
    let end = in_child(|| fork::execute_env(environ, input.as_raw_fd()));
    assert_eq!(end, End::Exited(0));
    drop(input);
    let mut text = String::new();
    output.read_to_string(&mut text).expect("output");
    assert_eq!(text, "PGPASSWORD=hunter2\n");
}

/// What a child gets without any obstacle; the control of the tests below.
fn unhindered() -> bool {
    let answer = child::run("bytes=49152");
    if answer == "level=secretmem descriptors=0 refusals=" {
        return true;
    }
    cloudtaser_tests::skip(&format!("secret memory without obstacle: {answer}"));
    false
}

#[test]
fn a_limit_of_64_kib_is_enough_for_48_kib() {
    if unhindered() {
        let answer = child::run("bytes=49152 memlock=65536 min=enforced");
        assert_eq!(answer, "level=secretmem descriptors=0 refusals=");
    }
}

#[test]
fn a_limit_of_0_or_too_little_leaves_ordinary_memory_and_says_why() {
    if !unhindered() {
        return;
    }
    let none = "level=none descriptors=0 refusals=mmap:memlock-limit,mlock2:memlock-limit";
    assert_eq!(child::run("bytes=49152 memlock=0"), none);
    assert_eq!(child::run("bytes=81920 memlock=65536"), none);
    let refused = child::run("bytes=81920 memlock=65536 min=locked");
    let words = [
        "exit=77 ",
        "`none`",
        "`locked`",
        "CLOUDTASER_MIN_PROTECTION",
        "mmap: 81920 bytes needed, RLIMIT_MEMLOCK is 65536 bytes",
        "at least 80 KiB",
        "mlock2: 81920 bytes needed",
    ];
    for word in words {
        assert!(refused.contains(word), "{word} in: {refused}");
    }
}

#[test]
fn a_seccomp_filter_on_memfd_secret_leaves_locked_memory_or_ends_the_start() {
    if !unhindered() {
        return;
    }
    let cases = [
        (libc::EPERM, "forbidden", "forbidden (EPERM or EACCES)"),
        (
            libc::ENOSYS,
            "missing",
            "not in this kernel, or switched off (ENOSYS)",
        ),
        (0, "faked", "something pretends that it succeeded"),
    ];
    for (errno, reason, text) in cases {
        let answer = child::run(&format!("filter={errno}"));
        let locked = format!("level=locked descriptors=0 refusals=memfd_secret:{reason}");
        assert_eq!(answer, locked);
        for minimum in ["secretmem", "enforced"] {
            let answer = child::run(&format!("filter={errno} min={minimum}"));
            assert!(answer.starts_with("exit=77 "), "{answer}");
            assert!(answer.contains(text), "{answer}");
        }
        let answer = child::run(&format!("filter={errno} min=locked"));
        assert_eq!(answer, locked);
        let answer = child::run(&format!("filter={errno} memlock=0"));
        assert!(answer.starts_with("level=none "), "{answer}");
    }
}
