//! `cloudtaser run` as an init: signals, orphans, its own death (P-4, P-9, P-10).
#![expect(clippy::expect_used, reason = "test code: a panic shows the line")]

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdout, Stdio};

use cloudtaser_tests::process::{self, children, eventually};
use cloudtaser_tests::wrapper::helper;
use cloudtaser_tests::{Wrapper, skip};
use cloudtaser_wrapper::sys::signal::kill;

/// A wrapped program whose lines are read.
struct Running {
    wrapper: Child,
    lines: Lines<BufReader<ChildStdout>>,
    _folder: Wrapper,
}

impl Running {
    fn start(wrapper: Wrapper, program: &[&str]) -> Self {
        let mut command = wrapper.command(program);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("started");
        let stdout = child.stdout.take().expect("a pipe");
        Self {
            wrapper: child,
            lines: BufReader::new(stdout).lines(),
            _folder: wrapper,
        }
    }

    fn line(&mut self) -> Option<String> {
        self.lines.next().map(|line| line.expect("a line"))
    }

    fn pid(&self) -> i32 {
        i32::try_from(self.wrapper.id()).expect("a process id")
    }

    fn signal(&self, signal: i32) {
        kill(self.pid(), signal).expect("kill");
    }

    fn status(&mut self) -> Option<i32> {
        self.wrapper.wait().expect("waited for").code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.wrapper.kill());
        drop(self.wrapper.wait());
    }
}

fn teller() -> String {
    helper("signal_teller").to_string_lossy().into_owned()
}

#[test]
fn signals_reach_the_program_exactly_once() {
    let mut running = Running::start(Wrapper::product(), &[&teller()]);
    assert_eq!(running.line().as_deref(), Some("ready"));
    let signals = [
        libc::SIGINT,
        libc::SIGHUP,
        libc::SIGUSR1,
        libc::SIGUSR2,
        libc::SIGQUIT,
        libc::SIGWINCH,
        libc::SIGCONT,
        libc::SIGALRM,
        libc::SIGRTMIN() + 3,
        libc::SIGTERM,
    ];
    // One after the other: a signal that came twice would stand between two of them.
    for signal in signals {
        running.signal(signal);
        assert_eq!(running.line(), Some(signal.to_string()));
    }
    assert_eq!(running.line(), None, "the end");
    assert_eq!(running.status(), Some(0));
}

#[test]
fn signals_of_the_wrappers_own_stay_with_it() {
    let mut running = Running::start(Wrapper::product(), &[&teller()]);
    assert_eq!(running.line().as_deref(), Some("ready"));
    for signal in [libc::SIGCHLD, libc::SIGURG] {
        running.signal(signal);
    }
    // Control: the same signals are told when they are sent to the program itself.
    let program = process::only_child(running.pid());
    for signal in [libc::SIGCHLD, libc::SIGURG] {
        kill(program, signal).expect("kill");
        assert_eq!(running.line(), Some(signal.to_string()));
    }
    running.signal(libc::SIGTERM);
    assert_eq!(running.line(), Some(libc::SIGTERM.to_string()));
    assert_eq!(running.line(), None);
}

/// Mask and dispositions as a program finds them; the `cat` changes none.
fn signal_state(wrapper: &Wrapper, is_bare: bool) -> Vec<String> {
    let program = ["cat", "/proc/self/status"];
    let ended = if is_bare {
        wrapper.run_bare(&program)
    } else {
        wrapper.run(&program)
    };
    let ended = ended.with(0);
    let lines = ended.stdout();
    let is_state = |line: &&str| line.starts_with("Sig") || line.starts_with("Shd");
    let state = lines
        .lines()
        .filter(is_state)
        .map(String::from)
        .collect::<Vec<_>>();
    assert!(state.len() >= 4, "{ended:?}");
    state
        .into_iter()
        .filter(|line| !line.starts_with("SigQ"))
        .collect()
}

#[test]
fn mask_and_dispositions_are_inherited() {
    let mut seen = Vec::new();
    let (pipe, child) = (libc::SIGPIPE, libc::SIGCHLD);
    for condition in [
        format!("default={pipe}"),
        format!("ignored={pipe}"),
        format!("ignored={child}"),
        format!("ignored={}", libc::SIGTERM),
        format!("blocked={}", libc::SIGUSR1),
        format!("blocked={}", libc::SIGTERM),
        // The C library keeps these two for itself and leaves them out of its masks.
        String::from("blocked=32"),
        String::from("blocked=33"),
    ] {
        for flags in [&[][..], &["--exec"]] {
            let wrapper = Wrapper::product().under(condition.as_str()).flags(flags);
            let bare = signal_state(&wrapper, true);
            assert_eq!(signal_state(&wrapper, false), bare, "{condition} {flags:?}");
            seen.push(bare);
        }
    }
    seen.dedup();
    assert_eq!(seen.len(), 8, "control: the conditions differ");
}

#[test]
fn a_parent_that_ignores_its_children_does_not_stop_us() {
    // With SIGCHLD ignored the kernel reaps by itself and tells nobody.
    let wrapper = Wrapper::product().under(format!("ignored={}", libc::SIGCHLD));
    let _ended = wrapper.run(&["sh", "-c", "exit 5"]).with(5);
}

#[test]
fn orphans_are_reaped() {
    const ORPHANS: u32 = 2000;
    let script = format!(
        "i=0; while [ $i -lt {ORPHANS} ]; do (sh -c 'exit 0' &); i=$((i+1)); done; \
         echo done; read end"
    );
    let mut running = Running::start(Wrapper::product(), &["sh", "-c", &script]);
    assert_eq!(running.line().as_deref(), Some("done"));
    let wrapper = running.pid();
    assert!(
        eventually(|| children(wrapper).len() == 1),
        "{} children of the wrapper are left",
        children(wrapper).len()
    );
    let stdin = running.wrapper.stdin.as_mut().expect("a pipe");
    stdin.write_all(b"end\n").expect("written");
    assert_eq!(running.status(), Some(0));
}

#[test]
fn an_orphan_becomes_the_wrappers_child() {
    // Control for the test above: without a reaper that it belongs to, nothing would be shown.
    let script = "(sleep 60 & echo $!); read end";
    let mut running = Running::start(Wrapper::product(), &["sh", "-c", script]);
    let orphan: i32 = running
        .line()
        .expect("a line")
        .parse()
        .expect("a process id");
    assert!(eventually(|| children(running.pid()).contains(&orphan)));
    kill(orphan, libc::SIGKILL).expect("kill");
    assert!(eventually(|| !process::exists(orphan)));
}

#[test]
fn the_program_dies_with_the_wrapper() {
    let mut running = Running::start(Wrapper::product(), &["sh", "-c", "echo $$; exec sleep 60"]);
    let program: i32 = running
        .line()
        .expect("a line")
        .parse()
        .expect("a process id");
    assert!(process::exists(program), "control");
    running.signal(libc::SIGKILL);
    let died = running.wrapper.wait().expect("waited for");
    assert_eq!(
        std::os::unix::process::ExitStatusExt::signal(&died),
        Some(libc::SIGKILL)
    );
    assert!(
        eventually(|| !process::is_alive(program)),
        "process {program} lives on"
    );
}

#[test]
fn stop_signals_stop_both_and_continue() {
    // What a terminal's Ctrl-Z does: the whole process group gets SIGTSTP, and the shell waits
    // for its child, the wrapper, to stop.
    use std::os::unix::process::CommandExt;
    let wrapper = Wrapper::product();
    let mut command = wrapper.command(&["sh", "-c", "echo $$; exec sleep 60"]);
    let mut child = command
        .process_group(0)
        .stdout(Stdio::piped())
        .spawn()
        .expect("started");
    let pid = i32::try_from(child.id()).expect("a process id");
    let stdout = child.stdout.take().expect("a pipe");
    let line = BufReader::new(stdout)
        .lines()
        .next()
        .expect("a line")
        .expect("a line");
    let program: i32 = line.parse().expect("a process id");
    kill(-pid, libc::SIGTSTP).expect("kill");
    let stopped = || [pid, program].map(|one| process::state(one) == Some('T'));
    assert!(
        eventually(|| stopped() == [true; 2]),
        "wrapper, program: {:?}",
        stopped()
    );
    kill(-pid, libc::SIGCONT).expect("kill");
    assert!(
        eventually(|| stopped() == [false; 2]),
        "wrapper, program: {:?}",
        stopped()
    );
    kill(pid, libc::SIGTERM).expect("kill");
    assert_eq!(
        child.wait().expect("waited for").code(),
        Some(128 + libc::SIGTERM)
    );
}

#[test]
fn a_signal_during_the_fetch_ends_the_start() {
    let wrapper = Wrapper::memory(&[]).env("A", "memory:x#y");
    let fifo = wrapper.folder().join("fifo");
    if rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, 0o600.into()).is_err() {
        return skip("a file system with FIFOs");
    }
    let wrapper = wrapper.env("CLOUDTASER_MEMORY_PAUSE", &fifo);
    let mut child = wrapper.command(&["true"]).spawn().expect("started");
    // Opening it for writing waits until the source has opened it for reading.
    let _writer = std::fs::OpenOptions::new()
        .write(true)
        .open(&fifo)
        .expect("opened");
    kill(
        i32::try_from(child.id()).expect("a process id"),
        libc::SIGTERM,
    )
    .expect("kill");
    let died = child.wait().expect("waited for");
    assert_eq!(
        std::os::unix::process::ExitStatusExt::signal(&died),
        Some(libc::SIGTERM)
    );
}
