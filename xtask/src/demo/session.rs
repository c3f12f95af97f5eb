//! The running `psql` under `cloudtaser run`, and what all programs printed.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::needle::Needle;
use super::proof::Row;
use super::server::{PAUSE, Server};
use super::{FIELD, PATH, Store};
use crate::exec::Cmd;

/// Longest wait for an answer. Chosen: it takes a fraction of a second.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// A variable of the wrapper's environment that holds the marker, as the control of the search.
const MARKER: &str = "DEMO_MARKER";

/// A program's name and what it printed.
type Printed = (String, Vec<u8>);

/// Everything that programs printed, by program; shared with the threads that read pipes.
#[derive(Clone, Debug, Default)]
pub(super) struct Outputs {
    all: Arc<Mutex<Vec<Printed>>>,
}

impl Outputs {
    /// Keeps some output.
    pub(super) fn add(&self, program: &str, bytes: &[u8]) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        match all.iter_mut().find(|(name, _)| name == program) {
            Some((_, kept)) => kept.extend(bytes),
            None => all.push((program.to_owned(), bytes.to_vec())),
        }
    }

    /// Keeps both outputs of a program that ended, which must have succeeded.
    pub(super) fn of(&self, program: &str, output: &Output) -> Result<()> {
        self.add(program, &output.stdout);
        self.add(program, &output.stderr);
        let text = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "{program} ended with {}: {}",
            output.status,
            text.trim()
        );
        Ok(())
    }

    /// What a program printed so far.
    pub(super) fn text(&self, program: &str) -> String {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let found = all.iter().find(|(name, _)| name == program);
        found.map_or_else(String::new, |(_, bytes)| {
            String::from_utf8_lossy(bytes).into_owned()
        })
    }

    /// A copy of everything.
    pub(super) fn all(&self) -> Vec<Printed> {
        self.all
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Collects a pipe in the background until it ends.
    fn collect(&self, program: &'static str, mut pipe: impl Read + Send + 'static) {
        let outputs = self.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = pipe.read(&mut buffer) {
                outputs.add(program, buffer.get(..n).unwrap_or_default());
            }
        });
    }
}

/// `cloudtaser run … -- psql`, waiting for queries.
#[derive(Debug)]
pub(super) struct Session {
    wrapper: Child,
    stdin: Option<ChildStdin>,
    outputs: Outputs,
}

impl Session {
    /// Starts it. The marker goes where the password must not be: argv and environment.
    pub(super) fn start(
        store: &Store<'_>,
        server: &Server,
        marker: &Needle,
        outputs: &Outputs,
    ) -> Result<Self> {
        let mut wrapper = through(store, server, marker)
            .env(MARKER, marker.text())
            .into_std()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start `cloudtaser run`")?;
        if let Some(pipe) = wrapper.stdout.take() {
            outputs.collect("psql", pipe);
        }
        if let Some(pipe) = wrapper.stderr.take() {
            outputs.collect("cloudtaser run", pipe);
        }
        let stdin = wrapper.stdin.take();
        Ok(Self {
            wrapper,
            stdin,
            outputs: outputs.clone(),
        })
    }

    /// Sends a query and waits for a line with the expected answer.
    pub(super) fn ask(&mut self, query: &str, expected: &str) -> Result<String> {
        let Some(stdin) = &mut self.stdin else {
            bail!("psql's input is closed")
        };
        // The marker in psql's output is the control of the search in outputs.
        writeln!(stdin, "\\echo :marker\n{query}").context("cannot send the query")?;
        stdin.flush()?;
        let start = Instant::now();
        while start.elapsed() < ANSWER_WITHIN {
            let text = self.outputs.text("psql");
            if let Some(line) = text.lines().find(|line| line.trim() == expected) {
                return Ok(format!("{query} → {}", line.trim()));
            }
            if let Some(status) = self.wrapper.try_wait()? {
                bail!(
                    "`cloudtaser run` ended with {status}: {}",
                    self.outputs.text("cloudtaser run").trim()
                );
            }
            std::thread::sleep(PAUSE);
        }
        bail!(
            "no answer within {ANSWER_WITHIN:?}: {}",
            self.outputs.text("cloudtaser run").trim()
        )
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
        Ok(Row {
            what: "the program's exit status",
            good: status.success(),
            result: status.to_string(),
        })
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // psql ends with its input, and the wrapper with psql.
        drop(self.stdin.take());
    }
}

/// The command line that a user would type.
fn through(store: &Store<'_>, server: &Server, marker: &Needle) -> Cmd {
    store
        .command(&["run"])
        .arg("--env")
        .arg(format!("PGPASSWORD=vault:{PATH}#{FIELD}"))
        .args([
            "--",
            "psql",
            "--no-psqlrc",
            "--no-password",
            "--tuples-only",
            "--no-align",
        ])
        .args(["--host=127.0.0.1", "--username=demo", "--dbname=postgres"])
        .arg(format!("--port={}", server.port))
        .arg(format!("--set=marker={}", marker.text()))
}
