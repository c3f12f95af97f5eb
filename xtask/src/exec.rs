//! Starting other programs: no shell, and the command line is printed before it runs.
//!
//! Secrets never pass through here in arguments or variables, so printing both is safe; what a
//! program must be told in secret goes through a pipe, which the caller does itself.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, ExitStatus, Output, Stdio};

use anyhow::{Context, Result, bail};

use crate::term;

/// What `cargo run` sets for us and a nested `cargo` must not see: build scripts that watch
/// these would run again each time. (Cargo reference, "Environment variables".)
const OF_CARGO_RUN: &[&str] = &[
    "CARGO_BIN_NAME",
    "CARGO_CRATE_NAME",
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_PATH",
    "CARGO_PKG_AUTHORS",
    "CARGO_PKG_DESCRIPTION",
    "CARGO_PKG_HOMEPAGE",
    "CARGO_PKG_LICENSE",
    "CARGO_PKG_LICENSE_FILE",
    "CARGO_PKG_NAME",
    "CARGO_PKG_README",
    "CARGO_PKG_REPOSITORY",
    "CARGO_PKG_RUST_VERSION",
    "CARGO_PKG_VERSION",
    "CARGO_PKG_VERSION_MAJOR",
    "CARGO_PKG_VERSION_MINOR",
    "CARGO_PKG_VERSION_PATCH",
    "CARGO_PKG_VERSION_PRE",
    "CARGO_PRIMARY_PACKAGE",
];

/// A program to be started, with the line that is shown for it.
#[derive(Debug)]
pub(crate) struct Cmd {
    inner: Command,
    shown: String,
}

impl Cmd {
    /// A program by path or by name on `PATH`.
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let shown = quoted(program.as_ref());
        let mut inner = Command::new(program);
        for name in OF_CARGO_RUN {
            inner.env_remove(name);
        }
        Self { inner, shown }
    }

    /// One more argument.
    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.shown.push(' ');
        self.shown.push_str(&quoted(arg.as_ref()));
        self.inner.arg(arg);
        self
    }

    /// More arguments.
    pub(crate) fn args<A: AsRef<OsStr>>(self, args: impl IntoIterator<Item = A>) -> Self {
        args.into_iter().fold(self, Cmd::arg)
    }

    /// An environment variable; shown in front of the command. Never a secret.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.shown = format!("{name}={} {}", quoted(value.as_ref()), self.shown);
        self.inner.env(name, value);
        self
    }

    /// The working directory.
    pub(crate) fn dir(mut self, dir: &Path) -> Self {
        self.inner.current_dir(dir);
        self
    }

    /// The `std` command, after printing it; for callers that need pipes of their own.
    pub(crate) fn into_std(self) -> Command {
        self.announce();
        self.inner
    }

    /// The `std` command, not announced: for what runs hundreds of times.
    pub(crate) fn quiet(self) -> Command {
        self.inner
    }

    /// The line that is shown for it.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    /// Runs it on our own standard streams.
    ///
    /// # Errors
    ///
    /// When it cannot be started or does not succeed.
    pub(crate) fn run(self) -> Result<()> {
        let shown = self.shown.clone();
        let status = self.status()?;
        if !status.success() {
            bail!("`{shown}` ended with {status}");
        }
        Ok(())
    }

    /// Runs it on our own standard streams and leaves the judgement to the caller.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub(crate) fn status(mut self) -> Result<ExitStatus> {
        self.announce();
        self.inner
            .status()
            .with_context(|| format!("cannot start `{}`", self.shown))
    }

    /// Runs it quietly (not announced) and keeps both outputs; for questions, not for work.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub(crate) fn ask(mut self) -> Result<Output> {
        self.inner.stdin(Stdio::null());
        self.inner
            .output()
            .with_context(|| format!("cannot start `{}`", self.shown))
    }

    /// Runs it, prints both outputs as they come, in their true order, and hands every line to
    /// `each` as well.
    ///
    /// # Errors
    ///
    /// When it cannot be started or its output cannot be read.
    pub(crate) fn lines(mut self, mut each: impl FnMut(&str)) -> Result<ExitStatus> {
        self.announce();
        let (reader, writer) = std::io::pipe().context("cannot make a pipe")?;
        self.inner
            .stdin(Stdio::null())
            .stdout(writer.try_clone()?)
            .stderr(writer);
        let mut child = self
            .inner
            .spawn()
            .with_context(|| format!("cannot start `{}`", self.shown))?;
        // Our copies of the pipe's writing end must go, or the reader never sees its end.
        drop(self.inner);
        for line in BufReader::new(reader).split(b'\n') {
            let line = line.context("cannot read a program's output")?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            each(&line);
        }
        child.wait().context("cannot wait for a program")
    }

    fn announce(&self) {
        eprintln!("{}", term::stderr().faint(&format!("$ {}", self.shown)));
    }
}

/// The path of a program on `PATH`.
pub(crate) fn which(name: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|dir| dir.join(name))
        .find(|file| is_executable(file))
}

/// Whether a file can be executed by somebody.
pub(crate) fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(file)
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// A word as one would type it into a POSIX shell; for showing only.
fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@+%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_line_can_be_pasted() {
        let cmd = Cmd::new("cc")
            .arg("a b")
            .arg("it's")
            .arg("")
            .env("X", "-C y");
        assert_eq!(cmd.shown, r"X='-C y' cc 'a b' 'it'\''s' ''");
    }

    #[test]
    fn lines_of_both_streams_keep_their_order() {
        let mut seen = Vec::new();
        // `sh` is the program under test here, not a way to run things.
        let status = Cmd::new("sh")
            .args(["-c", "echo one; echo two >&2; echo three; exit 3"])
            .lines(|line| seen.push(line.to_owned()))
            .unwrap();
        assert_eq!(status.code(), Some(3));
        assert_eq!(seen, ["one", "two", "three"]);
    }

    #[test]
    fn missing_program_is_named() {
        let error = Cmd::new("/nonexistent/program").run().unwrap_err();
        assert!(
            format!("{error:#}").contains("/nonexistent/program"),
            "{error:#}"
        );
        assert!(which("nonexistent-program").is_none());
        assert!(which("sh").is_some());
    }
}
