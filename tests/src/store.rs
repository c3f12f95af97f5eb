//! A store in a folder of its own, and the binary run on it.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A folder with a store, which goes when the value goes.
#[derive(Debug)]
pub struct Home {
    folder: tempfile::TempDir,
}

impl Default for Home {
    fn default() -> Self {
        Self::new()
    }
}

impl Home {
    /// An empty home folder.
    ///
    /// # Panics
    ///
    /// When no folder can be made.
    #[must_use]
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// A home with an empty store and an identity that opens it.
    ///
    /// # Panics
    ///
    /// When `init` fails.
    #[must_use]
    pub fn with_store() -> Self {
        let home = Self::new();
        home.ok(["init"], b"");
        home
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The store's file.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.path().join(".local/share/cloudtaser/store.age")
    }

    /// The default identity's file.
    #[must_use]
    pub fn identity(&self) -> PathBuf {
        self.path().join(".config/cloudtaser/identity.txt")
    }

    /// `cloudtaser store` with `arguments`, in an environment of its own.
    #[must_use]
    pub fn command<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(crate::cloudtaser());
        command
            .arg("store")
            .args(arguments)
            .env_clear()
            .env("HOME", self.path())
            .env("PATH", "/usr/bin:/bin")
            .current_dir(self.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs with `input` on standard input.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    #[must_use]
    pub fn run<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
        input: &[u8],
    ) -> Output {
        run(&mut self.command(arguments), input)
    }

    /// As [`Self::run`]; gives standard output.
    ///
    /// # Panics
    ///
    /// When the status is not 0, with command and both outputs.
    pub fn ok<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
        input: &[u8],
    ) -> Vec<u8> {
        let mut command = self.command(arguments);
        let output = run(&mut command, input);
        assert!(output.status.success(), "{command:?}\n{}", show(&output));
        output.stdout
    }

    /// As [`Self::run`]; gives standard error.
    ///
    /// # Panics
    ///
    /// When the status is another one.
    pub fn fails<A: AsRef<OsStr>>(
        &self,
        status: i32,
        arguments: impl IntoIterator<Item = A>,
        input: &[u8],
    ) -> String {
        let mut command = self.command(arguments);
        let output = run(&mut command, input);
        assert_eq!(
            output.status.code(),
            Some(status),
            "{command:?}\n{}",
            show(&output)
        );
        String::from_utf8(output.stderr).unwrap()
    }

    /// Names in the store's folder, in order.
    ///
    /// # Panics
    ///
    /// When there is no such folder.
    #[must_use]
    pub fn beside_store(&self) -> Vec<String> {
        let folder = self.store().parent().unwrap().to_owned();
        let mut names: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

/// Runs a command with `input` on standard input.
///
/// # Panics
///
/// When it cannot be started.
#[must_use]
pub fn run(command: &mut Command, input: &[u8]) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that needs no input may be gone before it is written.
    drop(child.stdin.take().unwrap().write_all(input));
    child.wait_with_output().unwrap()
}

/// Status and both outputs, for a failing test.
#[must_use]
pub fn show(output: &Output) -> String {
    format!(
        "{}\nstdout: {}\nstderr: {}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
