//! What lives as long as the test's process and no longer: servers, and the folder that they
//! share.
//!
//! A server is shared by all tests of a process, so no test can stop it. The kernel does: each is
//! started with a parent-death signal (`prctl(2)`), from a thread of ours that never ends, for
//! the kernel counts the thread that started it as the parent. The folder goes when a shell that
//! reads from us sees the end of its input.

use std::io;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::time::Duration;

use cloudtaser_wrapper::sys::signal::kill;

use crate::process::{eventually, is_alive, within};
use crate::wrapper::helper;

/// Removes the folder when its standard input ends, which is when we do. Twice: a server that is
/// being killed may still have written a file.
const SWEEP: &str = "trap '' HUP INT TERM; read -r _; rm -rf -- \"$1\" || rm -rf -- \"$1\"";

/// How much of a log is shown when a start fails, in lines. Chosen: a screenful.
const TAIL: usize = 40;

/// A program that dies with us, in the making.
#[derive(Debug)]
pub struct Kept {
    command: Command,
    death: i32,
    log: PathBuf,
}

impl Kept {
    /// `program`, which gets `death` when we end, as `user` if one is named. Both its outputs go
    /// to `log`.
    ///
    /// # Panics
    ///
    /// When the log cannot be written.
    #[must_use]
    pub fn new(program: &Path, death: i32, user: Option<u32>, log: PathBuf) -> Self {
        let mut command = Command::new(helper("start_with"));
        command
            .args(user.map(|user| format!("uid={user}")))
            .arg(format!("death={death}"))
            .arg(format!("parent={}", std::process::id()))
            .arg("--")
            .arg(program);
        let file = std::fs::File::create(&log).expect("a log");
        command
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a log"))
            .stderr(file);
        Self {
            command,
            death,
            log,
        }
    }

    /// Its arguments, folder and variables.
    pub fn command(&mut self) -> &mut Command {
        &mut self.command
    }

    /// Starts it.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    #[must_use]
    pub fn start(self) -> Started {
        let (answer, started) = mpsc::channel();
        let job = Job {
            command: self.command,
            answer,
        };
        keeper().send(job).expect("the keeper lives");
        let child = started.recv().expect("the keeper answers");
        Started {
            child: child.expect("started"),
            death: self.death,
            log: self.log,
        }
    }
}

/// A program that was started so.
#[derive(Debug)]
pub struct Started {
    child: Child,
    death: i32,
    log: PathBuf,
}

impl Started {
    /// Its process id.
    ///
    /// # Panics
    ///
    /// Never, on Linux.
    #[must_use]
    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).expect("a process id")
    }

    /// What it has printed.
    #[must_use]
    pub fn log(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The file that holds it.
    #[must_use]
    pub fn log_file(&self) -> &Path {
        &self.log
    }

    /// Waits for its end: the status, if it came within the limit and by itself.
    ///
    /// # Panics
    ///
    /// When it cannot be waited for.
    pub fn ended_within(&mut self, limit: Duration) -> Option<i32> {
        let mut status = None;
        let _in_time = within(limit, || {
            status = self.child.try_wait().expect("waited for");
            status.is_some()
        });
        status.and_then(|status| status.code())
    }

    /// The last lines of that.
    #[must_use]
    pub fn tail(&self) -> String {
        let log = self.log();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(TAIL)..].join("\n")
    }

    /// Waits until `is_ready`, for 20 s; `false` if it ended before.
    ///
    /// # Panics
    ///
    /// When it is not ready within the limit.
    pub fn is_ready(&mut self, is_ready: impl FnMut() -> bool) -> bool {
        self.is_ready_within(Duration::from_secs(20), is_ready)
    }

    /// The same with another limit.
    ///
    /// # Panics
    ///
    /// When it is not ready within the limit.
    pub fn is_ready_within(&mut self, limit: Duration, mut is_ready: impl FnMut() -> bool) -> bool {
        let mut has_ended = false;
        let in_time = within(limit, || {
            has_ended = self.child.try_wait().expect("waited for").is_some();
            has_ended || is_ready()
        });
        assert!(in_time, "not ready in time:\n{}", self.tail());
        !has_ended
    }

    /// Kills it at once and waits for its end.
    ///
    /// # Panics
    ///
    /// When the kernel does not let us.
    pub fn kill(&mut self) {
        self.child.kill().expect("killed");
        let _status = self.child.wait().expect("waited for");
    }
}

/// With the signal that it would get if we ended, so that it can end its own children.
impl Drop for Started {
    fn drop(&mut self) {
        let pid = self.pid();
        drop(kill(pid, self.death));
        let _in_time = eventually(|| !is_alive(pid));
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

struct Job {
    command: Command,
    answer: Sender<io::Result<Child>>,
}

/// The thread that is the parent of every server.
fn keeper() -> &'static Sender<Job> {
    static KEEPER: OnceLock<Sender<Job>> = OnceLock::new();
    KEEPER.get_or_init(|| {
        let (sender, jobs) = mpsc::channel::<Job>();
        // The sender is never dropped, so this thread never ends.
        let _thread = std::thread::spawn(move || {
            for mut job in jobs {
                drop(job.answer.send(job.command.spawn()));
            }
        });
        sender
    })
}

/// A new folder, which goes with us; every user may pass through it.
///
/// # Panics
///
/// When it cannot be made.
#[must_use]
pub fn folder(name: &str) -> PathBuf {
    static BASE: OnceLock<(PathBuf, ChildStdin)> = OnceLock::new();
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let (base, _sweeper) = BASE.get_or_init(|| {
        let base = tempfile::Builder::new().prefix("cloudtaser-").tempdir();
        let base = base.expect("a temporary folder").keep();
        open_to_all(&base);
        let sweeper = Command::new("sh")
            .args(["-c", SWEEP, "sh"])
            .arg(&base)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let input = sweeper.expect("a sweeper").stdin.expect("a pipe");
        (base, input)
    });
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let folder = base.join(format!("{name}-{number}"));
    std::fs::create_dir(&folder).expect("a folder");
    open_to_all(&folder);
    folder
}

fn open_to_all(folder: &Path) {
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder, mode).expect("chmod");
}

/// A TCP port on 127.0.0.1 that is free now. Whoever takes it in between makes a server fail,
/// which is then started again on another.
///
/// # Panics
///
/// When none is free.
#[must_use]
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its address").port()
}
