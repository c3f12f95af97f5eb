//! Servers: started, asked, stopped. Each listens on the loopback interface only.

use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, Command, Stdio};

use cloudtaser_tests::Wrapper;
use cloudtaser_tests::process::{eventually, is_alive};
use cloudtaser_tests::running::pid_of;
use cloudtaser_wrapper::sys::signal::kill;

use crate::check::at;
use crate::fill::Filled;
use crate::programs;
use crate::watch::{Seen, kill_tree, look, run, status_of};

/// Runs a server until it has answered or ended by itself, and tells the answer, or its end.
pub(crate) fn serve(command: Command, filled: &Filled, needles: &[String]) -> Seen {
    let mut server = Running::start(command, filled, "server.log");
    let mut answer = None;
    let mut end = None;
    let in_time = eventually(|| {
        end = server.child.try_wait().expect("waited for").map(status_of);
        if end.is_none() {
            look_if(server.pid(), filled, needles);
            let seen = run(ask(filled), filled, &[]);
            answer = (seen.status == 0).then_some(seen);
        }
        answer.is_some() || end.is_some()
    });
    assert!(in_time, "no answer from {}:\n{}", server.text, server.log());
    look_if(server.pid(), filled, needles);
    let log = server.log();
    match answer {
        // Whether it can be stopped is a part of what it does.
        Some(seen) => Seen {
            status: server.stop(),
            command: format!("{}\n{log}", server.text),
            ..seen
        },
        None => Seen {
            command: server.text.clone(),
            status: end.unwrap_or_default(),
            stdout: "it ended".to_owned(),
            stderr: log,
        },
    }
}

fn look_if(pid: i32, filled: &Filled, needles: &[String]) {
    if !needles.is_empty() {
        look(pid, filled, needles);
    }
}

fn ask(filled: &Filled) -> Command {
    let mut command = Command::new(programs::find(&filled.ask[0]).expect("not missing"));
    command
        .args(&filled.ask[1..])
        .current_dir(&filled.here)
        .env("HOME", &filled.here);
    command
}

/// The server that a client's row talks to. Stopped when dropped.
#[derive(Debug)]
pub(crate) struct Helper {
    _server: Running,
}

impl Helper {
    /// Starts it, and waits until its port is open.
    pub(crate) fn start(wrapper: &Wrapper, filled: &Filled) -> Self {
        let mut words = filled.helper.clone();
        words[0] = programs::find(&words[0]).expect("not missing");
        let command = at(wrapper.bare(&words), filled);
        let mut server = Running::start(command, filled, "helper.log");
        let is_open = || TcpStream::connect((Ipv4Addr::LOCALHOST, filled.port)).is_ok();
        let in_time = eventually(|| {
            let end = server.child.try_wait().expect("waited for");
            assert!(end.is_none(), "{end:?} {}:\n{}", server.text, server.log());
            is_open()
        });
        assert!(
            in_time,
            "the port of {} stays closed:\n{}",
            server.text,
            server.log()
        );
        Self { _server: server }
    }
}

/// A process whose outputs go into a file. Stopped when dropped.
#[derive(Debug)]
struct Running {
    child: Child,
    text: String,
    log: std::path::PathBuf,
}

impl Running {
    fn start(mut command: Command, filled: &Filled, log: &str) -> Self {
        let text = format!("{command:?}");
        let log = filled.here.join(log);
        let file = fs::File::create(&log).expect("a log");
        command
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a log"))
            .stderr(file);
        let child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{text}: {error}"));
        Self { child, text, log }
    }

    fn pid(&self) -> i32 {
        pid_of(&self.child)
    }

    fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Asks it to end, and tells its status.
    fn stop(&mut self) -> i32 {
        drop(kill(self.pid(), libc::SIGTERM));
        let pid = self.pid();
        if !eventually(|| !is_alive(pid)) {
            kill_tree(pid);
        }
        status_of(self.child.wait().expect("waited for"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // After `wait` the number may be another process's.
        if let Ok(None) = self.child.try_wait() {
            self.stop();
        }
    }
}
