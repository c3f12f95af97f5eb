//! A program run to its end while its whole tree of processes is watched.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};
use std::{fmt, fs, thread};

use cloudtaser_tests::process::children;
use cloudtaser_tests::running::pid_of;
use cloudtaser_wrapper::sys::signal::kill;

use crate::disk::assert_absent;
use crate::fill::Filled;

/// How long a program may take. Chosen: far more than any takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// Between two looks at a tree. Chosen: a start lasts longer, and the programs keep the processor.
const PAUSE: Duration = Duration::from_millis(2);

/// What the wrapper's own lines on standard error begin with.
const OURS: &str = "cloudtaser: ";

/// What is seen of a run.
pub(crate) struct Seen {
    pub(crate) command: String,
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a program to its end. With `needles` it is one of ours: see [`watch`].
pub(crate) fn run(mut command: Command, filled: &Filled, needles: &[String]) -> Seen {
    let text = format!("{command:?}");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = command
        .spawn()
        .unwrap_or_else(|error| panic!("{text}: {error}"));
    let pid = pid_of(&child);
    let output = thread::scope(|scope| {
        let (ended, end) = mpsc::channel();
        scope.spawn(move || watch(pid, filled, needles, &end));
        let output = child.wait_with_output().expect("waited for");
        // The other side is gone if it has panicked, which the scope passes on.
        let _sent = ended.send(());
        output
    });
    Seen {
        command: text,
        status: status_of(output.status),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The exit status; 128 + n for signal n.
pub(crate) fn status_of(status: ExitStatus) -> i32 {
    status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

/// The wrapper's own lines.
pub(crate) fn wrapper_lines(stderr: &str) -> Vec<&str> {
    stderr
        .lines()
        .filter(|line| line.starts_with(OURS))
        .collect()
}

/// Until `end`: with needles, none of them stands in an environment of the tree, and nothing
/// appears on disk (F3). A tree that does not end in time is killed.
fn watch(pid: i32, filled: &Filled, needles: &[String], end: &Receiver<()>) {
    let start = Instant::now();
    while end.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
        if !needles.is_empty() {
            look(pid, filled, needles);
        }
        if start.elapsed() > LIMIT {
            kill_tree(pid);
        }
    }
}

/// One look at a tree.
pub(crate) fn look(pid: i32, filled: &Filled, needles: &[String]) {
    assert_absent(filled);
    for pid in tree(pid) {
        // A process that has ended meanwhile has none.
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let environment = String::from_utf8_lossy(&environment);
        let found = needles.iter().any(|needle| environment.contains(needle));
        assert!(
            !found,
            "a secret in the environment of {pid}: {environment}"
        );
    }
}

/// Kills a process and all below it, the ones below first.
pub(crate) fn kill_tree(pid: i32) {
    for pid in tree(pid).into_iter().rev() {
        drop(kill(pid, libc::SIGKILL));
    }
}

fn tree(pid: i32) -> Vec<i32> {
    let mut all = vec![pid];
    let mut next = 0;
    while let Some(pid) = all.get(next) {
        all.extend(children(*pid));
        next += 1;
    }
    all
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = |text: &str| text.chars().take(4000).collect::<String>();
        writeln!(f, "\n{}\nstatus {}", start(&self.command), self.status)?;
        writeln!(f, "--- stdout\n{}", start(&self.stdout))?;
        writeln!(f, "--- stderr\n{}", start(&self.stderr))
    }
}
