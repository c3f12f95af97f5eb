//! How well a start protects its secrets here, and what it says of it: levels, refusals, core
//! dumps, other processes of the same user (E1, E5, E7). Each refusal has a control beside it.
#![expect(clippy::expect_used, reason = "test code: a panic shows the line")]

use std::path::Path;
use std::process::{Child, Stdio};

use cloudtaser_tests::process::{eventually, only_child};
use cloudtaser_tests::{Ended, Planted, Wrapper, skip};
use cloudtaser_wrapper::status;
use cloudtaser_wrapper::sys::signal::kill;

/// A user that owns nothing (nobody, Linux Standard Base).
const NOBODY: &str = "uid=65534";

fn wrapper(value_len: usize) -> Wrapper {
    let value = vec![b'x'; value_len];
    Wrapper::memory(&[Planted::new("secret/db", "password", value)])
        .env("A", "vault:secret/db#password")
        .flags(&["--verbose"])
}

#[track_caller]
fn assert_level(ended: &Ended, level: &str) {
    ended.says(&[&format!("secret memory is at level `{level}`")]);
}

/// Whether this place has secret memory at all: the control of what follows.
fn has_secret_memory() -> bool {
    let ended = wrapper(20).run(&["true"]).with(0);
    let has = ended.stderr().contains("level `secretmem`");
    if !has {
        skip(&format!("secret memory (memfd_secret): {}", ended.stderr()));
    }
    has
}

fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        skip("root, to become a user without CAP_IPC_LOCK");
    }
    is_root
}

#[test]
fn without_memfd_secret_memory_is_locked_and_said_to_be() {
    if !has_secret_memory() {
        return;
    }
    for (errno, reason) in [(libc::EPERM, "forbid"), (libc::ENOSYS, "kernel")] {
        let start = || wrapper(20).under(format!("memfd_secret={errno}"));
        let ended = start().run(&["sh", "-c", "echo $A"]).with(0);
        assert_eq!(ended.stdout(), format!("{}\n", "x".repeat(20)));
        assert_level(&ended, "locked");
        ended.says(&["not `secretmem`", "memfd_secret", reason]);
        let _accepted = start()
            .flags(&["--min-protection", "locked"])
            .run(&["true"])
            .with(0);
        let refused = start()
            .flags(&["--min-protection", "secretmem"])
            .run(&["true"]);
        let refused = refused.with(status::PRIVILEGE.into());
        refused.says(&["`locked`", "`secretmem` is demanded", "memfd_secret"]);
    }
    let control = wrapper(20).flags(&["--min-protection", "secretmem"]);
    let _ended = control.run(&["true"]).with(0);
}

#[test]
fn a_small_limit_of_locked_memory_decides_the_level() {
    if !is_root() || !has_secret_memory() {
        return;
    }
    let start = |limit: u32, len| {
        let wrapper = wrapper(len).for_every_user();
        wrapper.under(format!("memlock={limit}")).under(NOBODY)
    };
    for (limit, len, level) in [
        (0, 20, "none"),
        (64 << 10, 20, "secretmem"),
        (64 << 10, 60 << 10, "none"),
        (8 << 20, 60 << 10, "secretmem"),
    ] {
        let ended = start(limit, len).run(&["true"]).with(0);
        assert_level(&ended, level);
        if level == "none" {
            ended.says(&["RLIMIT_MEMLOCK"]);
            let demanding = start(limit, len).flags(&["--min-protection", "locked"]);
            let _refused = demanding.run(&["true"]).with(status::PRIVILEGE.into());
        }
    }
    // CAP_IPC_LOCK, which root has, lifts the limit.
    let root = wrapper(60 << 10).under("memlock=0").run(&["true"]).with(0);
    assert_level(&root, "secretmem");
}

/// Cores that the kernel left in a folder; `None` when it puts them elsewhere.
fn cores(folder: &Path) -> Option<usize> {
    let pattern = std::fs::read_to_string("/proc/sys/kernel/core_pattern").expect("/proc");
    let pattern = pattern.trim();
    if pattern.contains(['/', '|']) || pattern.is_empty() {
        return None;
    }
    let start = pattern.split('%').next().unwrap_or_default().to_owned();
    let files = std::fs::read_dir(folder).expect("listed");
    let names = files.map(|file| file.expect("listed").file_name());
    Some(
        names
            .filter(|name| name.to_string_lossy().starts_with(&start))
            .count(),
    )
}

#[test]
fn a_wrapper_that_is_aborted_leaves_no_core() {
    let unlimited = format!("core={}", u64::MAX);
    let control = Wrapper::product().under(unlimited.as_str());
    let Some(0) = cores(control.folder()) else {
        return skip("a core_pattern that is a file in the working directory");
    };
    let _died = control.run_bare(&["sh", "-c", "kill -ABRT $$"]).with(134);
    assert_eq!(
        cores(control.folder()),
        Some(1),
        "control: a core of the bare program"
    );

    // Aborted while it has the secret on its heap, before the program runs.
    let wrapper = wrapper(20);
    let fifo = wrapper.folder().join("fifo");
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, 0o600.into()).expect("a FIFO");
    let wrapper = wrapper
        .env("CLOUDTASER_MEMORY_PAUSE", &fifo)
        .under(unlimited);
    let mut child = wrapper.command(&["true"]).spawn().expect("started");
    let writer = std::fs::OpenOptions::new()
        .write(true)
        .open(&fifo)
        .expect("opened");
    kill(pid(&child), libc::SIGABRT).expect("kill");
    let died = child.wait().expect("waited for");
    drop(writer);
    let signal = std::os::unix::process::ExitStatusExt::signal(&died);
    assert_eq!(signal, Some(libc::SIGABRT));
    assert_eq!(cores(wrapper.folder()), Some(0));
}

fn pid(child: &Child) -> i32 {
    i32::try_from(child.id()).expect("a process id")
}

/// Whether another process of the same user may open what a process's memory is read by.
fn readable(reader: &Wrapper, pid: i32) -> Vec<&'static str> {
    let files = ["mem", "environ", "maps", "fd", "root", "cwd"];
    let is_readable = |file: &&str| {
        let path = format!("/proc/{pid}/{file}");
        let command = match *file {
            "mem" => format!("head -c 0 {path}"),
            "environ" | "maps" => format!("cat {path} >/dev/null"),
            _ => format!("ls {path}/ >/dev/null"),
        };
        reader.run_bare(&["sh", "-c", &command]).status() == 0
    };
    files.into_iter().filter(is_readable).collect()
}

#[test]
fn other_processes_of_the_same_user_cannot_read_the_wrapper() {
    let as_user = |wrapper: Wrapper| {
        let wrapper = wrapper.for_every_user();
        if rustix::process::geteuid().is_root() {
            wrapper.under(NOBODY)
        } else {
            wrapper
        }
    };
    let reader = as_user(Wrapper::product());
    let wrapper = as_user(wrapper(20));
    let mut command = wrapper.command(&["cat"]);
    command.stdin(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("started");
    let program = only_child(pid(&child));
    // Control: the program itself is an ordinary process.
    if !eventually(|| readable(&reader, program).len() == 6) {
        let seen = readable(&reader, program);
        drop(child.stdin.take());
        let _status = child.wait().expect("waited for");
        return skip(&format!(
            "a place where a user reads processes of its own (kernel.yama.ptrace_scope 0): {seen:?}"
        ));
    }
    assert_eq!(readable(&reader, pid(&child)), [] as [&str; 0]);
    drop(child.stdin.take());
    assert!(child.wait().expect("waited for").success());
}
