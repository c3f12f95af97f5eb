//! The container: mount, PID and cgroup namespaces of its own, and two attacked processes in it,
//! `T14` (root with 14 capabilities) and `T1000` (uid 1000), each with a child.

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use cloudtaser_abi::registration::{OP_REGISTER, PR_CLOUDTASER};
use cloudtaser_vm::table::{ATTACKS, Action};

use crate::{MARKER_AT, MARKER_FD, actor, sys};

/// Makes the namespaces, starts both targets and stays.
pub(crate) fn run() {
    let spaces = libc::CLONE_NEWNS | libc::CLONE_NEWPID | libc::CLONE_NEWCGROUP;
    let spaces = usize::try_from(spaces).unwrap();
    sys::call(libc::SYS_unshare, [spaces, 0, 0, 0, 0, 0]).expect("unshare");
    let pid = sys::fork();
    if pid != 0 {
        sys::wait(pid);
        return;
    }
    sys::mount("none", "/", libc::MS_REC | libc::MS_PRIVATE).expect("private mounts");
    sys::mount("proc", "/proc", 0).expect("proc");
    name("pause");
    heirs();
    for (name, user) in [("T14", 0), ("T1000", 1000)] {
        if sys::fork() == 0 {
            actor::drop_to(user);
            panic!(
                "exec: {}",
                Command::new("/vm").args(["target", name]).exec()
            );
        }
    }
    park();
}

/// Registers, then executes anew, as the wrapper does. Without an enforcer nothing is registered.
pub(crate) fn target(name: &str) {
    let _answer = register();
    panic!("exec: {}", Command::new("/vm").args(["hold", name]).exec());
}

/// Asks the enforcer to register us; the `errno` that it answers with.
pub(crate) fn register() -> i32 {
    let (option, op) = (PR_CLOUDTASER.unsigned_abs(), OP_REGISTER);
    let args = [
        usize::try_from(option).unwrap(),
        usize::try_from(op).unwrap(),
        0,
        0,
        0,
        0,
    ];
    let answer = sys::call(libc::SYS_prctl, args);
    answer
        .err()
        .and_then(|error| error.raw_os_error())
        .unwrap_or(0)
}

/// Holds the marker in memory and in a descriptor (in the environment it is already), and ignores
/// the signals that are tried.
pub(crate) fn hold(who: &str) {
    let marker = std::env::var("MARKER").expect("a marker");
    sys::page(MARKER_AT, marker.as_bytes());
    let mut file = File::create_new(format!("/tmp/{who}")).expect("a file");
    file.write_all(marker.as_bytes()).expect("a file");
    let mut file = File::open(format!("/tmp/{who}")).expect("a file");
    file.rewind().expect("a file");
    let to = usize::try_from(MARKER_FD).unwrap();
    let from = usize::try_from(file.as_raw_fd()).unwrap();
    sys::call(libc::SYS_dup2, [from, to, 0, 0, 0, 0]).expect("dup2");
    std::fs::remove_file(format!("/tmp/{who}")).expect("a file");
    for signal in [libc::SIGQUIT, libc::SIGUSR1] {
        sys::ignore(signal);
    }
    let _listening = listen(who);
    if sys::fork() == 0 {
        child(who);
    }
    for (kind, program) in [("suid", SUID), ("fcap", FCAP)] {
        if sys::fork() == 0 {
            let name = format!("{who}-{kind}");
            panic!(
                "exec: {}",
                Command::new(program).args(["heir", &name]).exec()
            );
        }
    }
    name(who);
    park();
}

/// Listens on every socket of the table's.
fn listen(who: &str) -> Vec<UnixListener> {
    let names = ATTACKS.iter().filter_map(|attack| match attack.action {
        Action::Connect(name) => Some(name.replace("WHO", who)),
        _ => None,
    });
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    names.dedup();
    let listeners = names.iter().map(|name| {
        // What an earlier run left.
        let _gone = std::fs::remove_file(name);
        UnixListener::bind_addr(&address(name)).expect("a socket")
    });
    listeners.collect()
}

/// A Unix socket's address; `@` at the start stands for an abstract one.
pub(crate) fn address(name: &str) -> SocketAddr {
    let address = match name.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(name),
    };
    address.expect("an address")
}

/// Programs that give whoever executes them more rights than he has.
const SUID: &str = "/tmp/vm-suid";
const FCAP: &str = "/tmp/vm-fcap";

/// Makes both.
fn heirs() {
    for file in [SUID, FCAP] {
        std::fs::copy("/vm", file).expect("a copy");
    }
    let mode = std::fs::Permissions::from_mode(0o4755);
    std::fs::set_permissions(SUID, mode).expect("a set-uid bit");
    // `VFS_CAP_REVISION_2` with the effective bit; permitted and inheritable, twice:
    // CAP_NET_RAW (linux/capability.h).
    let mut value = [0x0200_0001_u32, 1 << 13, 0, 0, 0];
    let (mut path, mut key) = (sys::text(FCAP), sys::text("security.capability"));
    let (path, key) = (
        sys::address(path.as_mut_slice()),
        sys::address(key.as_mut_slice()),
    );
    let size = size_of_val(&value);
    let value = sys::address(&mut value);
    sys::call(libc::SYS_setxattr, [path, key, value, size, 0, 0]).expect("file capabilities");
}

/// A descendant that has more rights than the target had.
pub(crate) fn heir(who: &str) {
    let status = std::fs::read_to_string("/proc/self/status").expect("status");
    let is_root = status.contains("Uid:\t1000\t0\t0\t0") || !who.starts_with("T1000");
    let has_capability = status.contains("CapEff:\t0000000000002000");
    assert!(
        has_capability || is_root,
        "executing {who} gave nothing more"
    );
    name(who);
    park();
}

/// Registers, leaves a child behind, and ends; the child lives as long as its input.
pub(crate) fn orphan() {
    let _answer = register();
    if sys::fork() == 0 {
        let _ended = std::io::stdin().read_to_end(&mut Vec::new());
    }
}

/// The target's child; it runs what the tree itself may do when it is told to.
pub(crate) fn child(who: &str) {
    name(&format!("{who}-child"));
    loop {
        // A request is a file that init makes: the row's number.
        if let Ok(row) = std::fs::read_to_string(format!("/tmp/{who}-do")) {
            std::fs::remove_file(format!("/tmp/{who}-do")).expect("a request");
            let parent = std::os::unix::process::parent_id();
            let result = crate::action::line(row.trim().parse().unwrap(), parent, parent);
            std::fs::write(format!("/tmp/{who}-part"), result).expect("a result");
            std::fs::rename(format!("/tmp/{who}-part"), format!("/tmp/{who}-done"))
                .expect("a result");
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

/// Takes a name and stays.
pub(crate) fn stay(who: &str) {
    name(who);
    park();
}

/// Sets the name by which init finds a process.
fn name(name: &str) {
    // `/proc/self/comm` is root's where executing a program gave more rights.
    let mut name = sys::text(name);
    let set = usize::try_from(libc::PR_SET_NAME).unwrap();
    let name = sys::address(name.as_mut_slice());
    sys::call(libc::SYS_prctl, [set, name, 0, 0, 0, 0]).expect("a name");
}

fn park() {
    loop {
        std::thread::park();
    }
}
