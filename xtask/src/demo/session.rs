//! A running `psql` under `cloudtaser run`, in each way in which it can be given its password, and
//! how it is asked.

use std::fmt;
use std::io::Write;
use std::process::{Child, ChildStdin, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::needle::Needle;
use super::outputs::Outputs;
use super::row::Row;
use super::server::{PAUSE, Server};
use super::{FIELD, PATH, Store};
use crate::exec::Cmd;

/// Longest wait for an answer. Chosen: it takes a fraction of a second.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// A variable of the wrapper's environment that holds the marker, as the control of the search.
const MARKER: &str = "DEMO_MARKER";
/// The password file that exists in memory only.
pub(super) const PGPASS: &str = "/run/cloudtaser-demo/pgpass";

/// How psql is given its password.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Way {
    /// As a file that exists in memory only.
    File,
    /// As a variable that the kernel's copy of the environment does not hold.
    Variable,
    /// As a plain variable: the control of the searches.
    Plain,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File => "file",
            Self::Variable => "variable",
            Self::Plain => "control",
        })
    }
}

impl Way {
    /// What the demo says before it.
    pub(super) const fn says(self) -> &'static str {
        match self {
            Self::File => {
                "1. psql reads its password from the file that PGPASSFILE names. The file is made of a\n\
                 template, and exists in secret memory only."
            }
            Self::Variable => {
                "2. psql takes its password from PGPASSWORD. It finds the variable in its environment;\n\
                 /proc/PID/environ does not show it."
            }
            Self::Plain => {
                "3. The same with a plain variable, to show what the first two keep away, and that the\n\
                 search finds it where it is."
            }
        }
    }

    /// psql's name among the outputs.
    pub(super) const fn program(self) -> &'static str {
        match self {
            Self::File => "psql (file)",
            Self::Variable => "psql (variable)",
            Self::Plain => "psql (control)",
        }
    }

    /// The options of `cloudtaser run`.
    fn options(self) -> [String; 3] {
        let reference = format!("vault:{PATH}#{FIELD}");
        let variable = format!("--env=PGPASSWORD={reference}");
        let (delivery, option) = match self {
            // pgpass: host, port, database, user, password.
            Self::File => (
                "preload",
                format!("--file={PGPASS}=*:*:*:*:${{{reference}}}"),
            ),
            Self::Variable => ("preload", variable),
            Self::Plain => ("environ", variable),
        };
        ["--delivery".into(), delivery.into(), option]
    }
}

/// `cloudtaser run … -- psql`, waiting for queries.
#[derive(Debug)]
pub(super) struct Session {
    way: Way,
    wrapper: Child,
    stdin: Option<ChildStdin>,
    outputs: Outputs,
}

impl Session {
    /// Starts it. The marker goes where the password must not be: argv and environment.
    pub(super) fn start(
        store: &Store<'_>,
        server: &Server,
        way: Way,
        marker: &Needle,
        outputs: &Outputs,
    ) -> Result<Self> {
        let mut cmd = through(store, server, way, marker);
        if way == Way::File {
            cmd = cmd.env("PGPASSFILE", PGPASS);
        }
        let mut cmd = cmd.env(MARKER, marker.text()).into_std();
        // What the caller has there is of another server.
        cmd.env_remove("PGPASSWORD");
        if way != Way::File {
            cmd.env_remove("PGPASSFILE");
        }
        let mut wrapper = cmd
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start `cloudtaser run`")?;
        if let Some(pipe) = wrapper.stdout.take() {
            outputs.collect(way.program(), pipe);
        }
        if let Some(pipe) = wrapper.stderr.take() {
            outputs.collect("cloudtaser run", pipe);
        }
        let stdin = wrapper.stdin.take();
        Ok(Self {
            way,
            wrapper,
            stdin,
            outputs: outputs.clone(),
        })
    }

    /// Sends a query and waits for a line with the expected answer.
    pub(super) fn ask(&mut self, query: &str, expected: &str) -> Result<Row> {
        let Some(stdin) = &mut self.stdin else {
            bail!("psql's input is closed")
        };
        // The marker in psql's output is the control of the search in outputs. Answers go through
        // a program that psql starts, so that there is one.
        writeln!(stdin, "\\echo :marker\n\\o |cat\n{query}").context("cannot send the query")?;
        stdin.flush()?;
        let start = Instant::now();
        while start.elapsed() < ANSWER_WITHIN {
            let text = self.outputs.text(self.way.program());
            if let Some(line) = text.lines().find(|line| line.trim() == expected) {
                let result = format!("{query} → {}", line.trim());
                return Ok(Row::new(
                    format!("{}: the query's answer", self.way),
                    true,
                    result,
                ));
            }
            if let Some(status) = self.wrapper.try_wait()? {
                bail!("`cloudtaser run` ended with {status}: {}", self.said());
            }
            std::thread::sleep(PAUSE);
        }
        bail!("no answer within {ANSWER_WITHIN:?}: {}", self.said())
    }

    /// What `cloudtaser run` and psql complained of.
    fn said(&self) -> String {
        self.outputs.text("cloudtaser run").trim().to_owned()
    }

    /// How psql was given its password.
    pub(super) const fn way(&self) -> Way {
        self.way
    }

    /// The wrapper's process id.
    pub(super) fn wrapper(&self) -> u32 {
        self.wrapper.id()
    }

    /// Ends psql's input and waits: wrapper and program must end with status 0.
    pub(super) fn finish(mut self) -> Result<Row> {
        drop(self.stdin.take());
        let status = self
            .wrapper
            .wait()
            .context("cannot wait for `cloudtaser run`")?;
        let what = format!("{}: the program's exit status", self.way);
        Ok(Row::new(what, status.success(), status.to_string()))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // psql ends with its input, and the wrapper with psql.
        drop(self.stdin.take());
    }
}

/// The command line that a user would type.
fn through(store: &Store<'_>, server: &Server, way: Way, marker: &Needle) -> Cmd {
    store
        .command(&["run"])
        .args(way.options())
        .args(["--", "psql", "--no-psqlrc", "--no-password"])
        .args(["--tuples-only", "--no-align"])
        .args(["--host=127.0.0.1", "--username=demo", "--dbname=postgres"])
        .arg(format!("--port={}", server.port))
        .arg(format!("--set=marker={}", marker.text()))
}
