//! Starts a program under the conditions that a test needs: `start_with WORD… -- PROGRAM ARG…`.
//!
//! It changes itself and then becomes the program (`execvp(3)`), so that nothing else of it is
//! left. What a shell can do as well (closing descriptors, umask) is left to shells.
//!
//! | Word | Condition |
//! |---|---|
//! | `blocked=N` | signal N is blocked |
//! | `ignored=N`, `default=N` | disposition of signal N |
//! | `uid=N` | real, effective and saved user and group; no other groups, no capabilities |
//! | `memlock=BYTES`, `core=BYTES` | `RLIMIT_MEMLOCK`, `RLIMIT_CORE` |
//! | `stack=BYTES` | soft `RLIMIT_STACK` |
//! | `memfd_secret=ERRNO` | a seccomp filter answers so in the kernel's place |
//! | `death=N` | signal N comes when the thread that started us ends |
//! | `parent=PID` | nothing: fails if the parent is another, which is how `death` comes too late |
//! | `traced` | we are its tracer; its stops are continued and its end is passed on |
#![expect(
    unsafe_code,
    reason = "signal dispositions, fork and ptrace are C calls"
)]
#![expect(
    clippy::expect_used,
    reason = "test code: a panic shows what could not be set"
)]

use std::collections::BTreeMap;
use std::ffi::CString;
use std::os::unix::ffi::OsStringExt;

use rustix::process::{
    Resource, Rlimit, Signal, getppid, getrlimit, set_parent_process_death_signal, setrlimit,
};
use rustix::thread::{Gid, Uid, set_thread_groups, set_thread_res_gid, set_thread_res_uid};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};

fn main() {
    let mut words = std::env::args_os().skip(1);
    let mut is_traced = false;
    // The Rust runtime ignores SIGPIPE, and whoever runs the tests may ignore others, as nohup
    // does: the default is what the program gets unless a word says otherwise.
    let fixed = [libc::SIGKILL, libc::SIGSTOP];
    for signal in (1..=31).filter(|signal| !fixed.contains(signal)) {
        set_disposition(signal, libc::SIG_DFL);
    }
    for word in words.by_ref().take_while(|word| word != "--") {
        let word = word.into_string().expect("UTF-8");
        if word == "traced" {
            is_traced = true;
        } else {
            let (name, value) = word.split_once('=').expect("NAME=VALUE");
            apply(name, value.parse().expect("a number"));
        }
    }
    let program: Vec<CString> = words
        .map(|word| CString::new(word.into_vec()).expect("no NUL"))
        .collect();
    if is_traced {
        std::process::exit(trace(&program));
    }
    execute(&program);
}

fn apply(name: &str, number: u64) {
    let signal = || libc::c_int::try_from(number).expect("a signal");
    match name {
        "blocked" => block(signal()),
        "ignored" => set_disposition(signal(), libc::SIG_IGN),
        "default" => set_disposition(signal(), libc::SIG_DFL),
        "uid" => become_user(u32::try_from(number).expect("a user")),
        "memlock" => limit(Resource::Memlock, number, Some(number)),
        "core" => limit(Resource::Core, number, Some(number)),
        "stack" => limit(Resource::Stack, number, getrlimit(Resource::Stack).maximum),
        "death" => die_after_parent(signal()),
        "parent" => assert_eq!(parent(), i32::try_from(number).ok(), "the parent is gone"),
        "memfd_secret" => refuse_memfd_secret(u32::try_from(number).expect("an errno")),
        _ => panic!("there is no condition `{name}`"),
    }
}

fn limit(resource: Resource, current: u64, maximum: Option<u64>) {
    let current = Some(current);
    setrlimit(resource, Rlimit { current, maximum }).expect("setrlimit");
}

/// Of this thread, which is the only one.
fn become_user(number: u32) {
    let (uid, gid) = (Uid::from_raw(number), Gid::from_raw(number));
    set_thread_groups(&[]).expect("setgroups");
    set_thread_res_gid(gid, gid, gid).expect("setresgid");
    set_thread_res_uid(uid, uid, uid).expect("setresuid");
}

/// Kept across `execve(2)`, lost by a change of user: the word comes after `uid`.
fn die_after_parent(signal: libc::c_int) {
    let signal = Signal::from_named_raw(signal).expect("a signal with a name");
    set_parent_process_death_signal(Some(signal)).expect("prctl");
}

fn parent() -> Option<i32> {
    getppid().map(|pid| pid.as_raw_nonzero().get())
}

fn refuse_memfd_secret(errno: u32) {
    let filter = SeccompFilter::new(
        BTreeMap::from([(libc::SYS_memfd_secret, Vec::new())]),
        SeccompAction::Allow,
        SeccompAction::Errno(errno),
        std::env::consts::ARCH.try_into().expect("architecture"),
    );
    let program = filter.and_then(BpfProgram::try_from).expect("filter");
    apply_filter(&program).expect("seccomp");
}

fn set_disposition(signal: libc::c_int, disposition: libc::sighandler_t) {
    // SAFETY: `signal(2)` takes two words by value; both dispositions used here are no functions.
    let before = unsafe { libc::signal(signal, disposition) };
    assert_ne!(before, libc::SIG_ERR, "signal {signal}");
}

/// Through the kernel's call: the C library's refuses to block its own two real-time signals.
fn block(signal: libc::c_int) {
    let set: u64 = 1 << (signal - 1);
    // SAFETY: `rt_sigprocmask(2)` reads the set, whose size of 8 bytes is given, and writes
    // nothing through a null pointer.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            libc::SIG_BLOCK,
            &raw const set,
            std::ptr::null_mut::<u64>(),
            size_of_val(&set),
        )
    };
    assert_eq!(answer, 0, "rt_sigprocmask");
}

fn execute(program: &[CString]) -> ! {
    let mut pointers: Vec<_> = program.iter().map(|word| word.as_ptr()).collect();
    pointers.push(std::ptr::null());
    let name = program.first().expect("a program");
    // SAFETY: `execvp(3)` reads NUL-terminated strings and an array that ends with a null pointer,
    // made just above from strings that are alive.
    unsafe { libc::execvp(name.as_ptr(), pointers.as_ptr()) };
    panic!("{name:?}: {}", std::io::Error::last_os_error());
}

/// The exit status of `program`, traced by us from its start to its end.
fn trace(program: &[CString]) -> i32 {
    // SAFETY: `fork(2)` of a process with one thread.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: PTRACE_TRACEME looks at no argument.
        unsafe { libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) };
        execute(program);
    }
    loop {
        let mut status = 0;
        // SAFETY: `waitpid(2)` writes one number.
        let pid = unsafe { libc::waitpid(child, &raw mut status, 0) };
        assert_eq!(pid, child, "waitpid");
        if libc::WIFEXITED(status) {
            return libc::WEXITSTATUS(status);
        }
        assert!(libc::WIFSTOPPED(status), "status {status}");
        let signal = match libc::WSTOPSIG(status) {
            libc::SIGTRAP => 0,
            other => other,
        };
        // SAFETY: PTRACE_CONT takes a process that is stopped by us and a signal by value.
        unsafe { libc::ptrace(libc::PTRACE_CONT, child, 0, signal) };
    }
}
