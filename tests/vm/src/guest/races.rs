//! Attacks that need a moment: before a child runs, while a target is frozen, after it has ended.

use std::fs;
use std::io;
use std::time::{Duration, Instant};

use cloudtaser_abi::enforce::EBUSY;

use crate::{container, sys};

/// Longest wait for the kernel. Chosen.
const PATIENCE: Duration = Duration::from_secs(20);

fn end(status: i32) -> ! {
    std::process::exit(status)
}

/// A child of ours is traced and asks for registration. Only EBUSY is a refusal.
pub(crate) fn traced_registration() -> io::Result<Vec<u8>> {
    let page = sys::Words::map(-1, 0);
    let pid = sys::fork();
    if pid == 0 {
        while page.get(0) == 0 {
            std::thread::yield_now();
        }
        end(i32::from(container::register() == EBUSY));
    }
    let traced = sys::ptrace(libc::PTRACE_SEIZE, pid, 0);
    page.set(0, 1);
    let status = sys::wait(pid);
    traced?;
    if (status >> 8) & 0xff == 1 {
        return Err(io::Error::from_raw_os_error(libc::EACCES));
    }
    Ok(Vec::new())
}

/// A registered process ends, and a new one gets its id.
pub(crate) fn reused_pid() -> io::Result<Vec<u8>> {
    let pid = sys::fork();
    if pid == 0 {
        let _answer = container::register();
        end(0);
    }
    sys::wait(pid);
    let page = sys::Words::map(-1, 0);
    let again = sys::fork_as(pid)?;
    if again == 0 {
        while page.get(0) == 0 {
            std::thread::yield_now();
        }
        end(0);
    }
    assert_eq!(again, pid, "the same id");
    let result = fs::read(format!("/proc/{pid}/environ"));
    page.set(0, 1);
    sys::wait(pid);
    result
}

/// Runs `attack` while the target's control group is frozen.
pub(crate) fn frozen(
    target: u32,
    attack: impl FnOnce() -> io::Result<Vec<u8>>,
) -> io::Result<Vec<u8>> {
    let group = "/sys/fs/cgroup/frozen";
    let target = target.to_string();
    let _there = fs::create_dir(group);
    fs::write(format!("{group}/cgroup.procs"), &target).expect("a group");
    fs::write(format!("{group}/cgroup.freeze"), "1").expect("a group");
    let start = Instant::now();
    let events = format!("{group}/cgroup.events");
    while !fs::read_to_string(&events)
        .expect("a group")
        .contains("frozen 1")
    {
        assert!(start.elapsed() < PATIENCE, "not frozen");
    }
    let result = attack();
    fs::write(format!("{group}/cgroup.freeze"), "0").expect("a group");
    fs::write("/sys/fs/cgroup/cgroup.procs", &target).expect("a group");
    result
}

/// A registered process forks, and we read what we can of each child, from before it runs.
pub(crate) fn forks(count: u32) -> io::Result<Vec<u8>> {
    let page = sys::Words::map(-1, 0);
    let parent = sys::fork();
    if parent == 0 {
        let _answer = container::register();
        for _ in 0..count {
            let pid = sys::fork();
            if pid == 0 {
                page.set(0, std::process::id());
                std::thread::yield_now();
                end(0);
            }
            sys::wait(pid);
        }
        page.set(1, 1);
        end(0);
    }
    let mut found = Vec::new();
    let mut last = io::Error::from_raw_os_error(libc::ESRCH);
    while page.get(1) == 0 {
        // The newest that we know of, and those that come next.
        let newest = page.get(0).max(parent.unsigned_abs());
        for pid in newest..newest + 3 {
            if pid == parent.unsigned_abs() {
                continue;
            }
            match fs::read(format!("/proc/{pid}/environ")) {
                Ok(bytes) => found.extend(bytes),
                Err(error) if matches!(error.raw_os_error(), Some(libc::EPERM | libc::EACCES)) => {
                    last = error;
                }
                Err(_) => {}
            }
        }
    }
    sys::wait(parent);
    if found.is_empty() {
        return Err(last);
    }
    found.truncate(64);
    Ok(found)
}
