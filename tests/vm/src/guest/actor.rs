//! Becoming an actor: entering the container as `kubectl exec` does, and giving up privileges.

use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use crate::{AGENT, sys};

/// The capabilities that container runtimes give by default (containerd's `defaultUnixCaps`):
/// chown, dac_override, fowner, fsetid, kill, setgid, setuid, setpcap, net_bind_service, net_raw,
/// sys_chroot, mknod, audit_write, setfcap.
const DEFAULT: [u32; 14] = [0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31];
/// Last capability of Linux 6.12 (linux/capability.h).
const LAST: u32 = 40;

/// `attack RUN ACTOR HOST_PID LOCAL_PID PAUSE_PID`, both pids of the child, and
/// perhaps the ids of rows: becomes the actor and runs its rows, or those.
pub(crate) fn enter(args: &[String]) {
    let (run, who) = (&args[0], args[1].as_str());
    let is_inside = !matches!(who, "root" | "agent");
    if is_inside {
        let spaces = if who == "sibling" {
            &["pid"][..]
        } else {
            &["cgroup", "pid", "mnt"]
        };
        for space in spaces {
            let file = File::open(format!("/proc/{}/ns/{space}", args[4])).expect("a namespace");
            let fd = usize::try_from(file.as_raw_fd()).unwrap();
            sys::call(libc::SYS_setns, [fd, 0, 0, 0, 0, 0]).expect("setns");
        }
    }
    let pid = sys::fork();
    if pid != 0 {
        let status = sys::wait(pid);
        std::process::exit(i32::from(status != 0));
    }
    match who {
        "user" => drop_to(1000),
        "root14" => drop_to(0),
        "sibling" => {
            let spaces = usize::try_from(libc::CLONE_NEWNS | libc::CLONE_NEWCGROUP).unwrap();
            sys::call(libc::SYS_unshare, [spaces, 0, 0, 0, 0, 0]).expect("unshare");
            sys::mount("none", "/", libc::MS_REC | libc::MS_PRIVATE).expect("private mounts");
            sys::mount("proc", "/proc", 0).expect("proc");
            drop_to(0);
        }
        "agent" => std::fs::write(format!("{AGENT}/cgroup.procs"), "0").expect("cgroup.procs"),
        _ => {}
    }
    let (target, child) = if is_inside {
        (&args[3], &args[6])
    } else {
        (&args[2], &args[5])
    };
    // Its environment is empty: what it can find it must take from the target.
    let error = Command::new("/vm")
        .args(["act", run, who, target, child])
        .args(args.get(7))
        .env_clear()
        // Row A24 must see something of its own children's environment.
        .env("OURS", "nothing")
        .exec();
    panic!("exec: {error}");
}

/// Leaves the 14 default capabilities in every set, and becomes the user.
pub(crate) fn drop_to(user: u32) {
    for capability in (0..=LAST).filter(|capability| !DEFAULT.contains(capability)) {
        let drop = usize::try_from(libc::PR_CAPBSET_DROP).unwrap();
        let capability = usize::try_from(capability).unwrap();
        sys::call(libc::SYS_prctl, [drop, capability, 0, 0, 0, 0]).expect("capbset");
    }
    let id = usize::try_from(user).unwrap();
    sys::call(libc::SYS_setgroups, [0, 0, 0, 0, 0, 0]).expect("setgroups");
    sys::call(libc::SYS_setresgid, [id, id, id, 0, 0, 0]).expect("setresgid");
    sys::call(libc::SYS_setresuid, [id, id, id, 0, 0, 0]).expect("setresuid");
    if user == 0 {
        let mask = DEFAULT.iter().fold(0_u32, |mask, bit| mask | (1 << bit));
        // `_LINUX_CAPABILITY_VERSION_3`, for ourselves.
        let mut header = [0x2008_0522_u32, 0];
        // Effective, permitted, inheritable; then the upper halves.
        let mut data = [mask, mask, 0, 0, 0, 0];
        let (header, data) = (sys::address(&mut header), sys::address(&mut data));
        sys::call(libc::SYS_capset, [header, data, 0, 0, 0, 0]).expect("capset");
    }
}

/// `as USER PROGRAM ARGS…`: as in a container, with the 14 default capabilities at most.
pub(crate) fn execute_as(args: &[String]) {
    drop_to(args[0].parse().expect("a user"));
    panic!("exec: {}", Command::new(&args[1]).args(&args[2..]).exec());
}
