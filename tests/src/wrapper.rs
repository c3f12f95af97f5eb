//! Starts `cloudtaser run` the way a test wants it, and keeps what is needed to tell why it went
//! otherwise: command, folder, status, both outputs.

use std::any::Any;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use cloudtaser_wrapper::sys::signal::kill;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::binary::{cloudtaser, copy_program};

/// How long a run may take before it is killed, and so shows as status 137. Chosen: far more than
/// any takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// A program of this package, such as `start_with`: cargo puts them beside each other, and the
/// tests into a folder there.
///
/// # Panics
///
/// When cargo has changed where it puts things.
#[must_use]
pub fn helper(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("our own path");
    let folder = own
        .parent()
        .expect("target/PROFILE/deps, or target/PROFILE");
    let folder = folder
        .parent()
        .filter(|_| folder.ends_with("deps"))
        .unwrap_or(folder);
    let file = folder.join(name);
    assert!(file.is_file(), "{} is not built", file.display());
    file
}

/// A secret's value: text, or bytes that need not be text.
#[derive(Clone, Debug)]
pub struct Planted {
    /// Where it stands.
    pub path: String,
    /// Under which name.
    pub field: String,
    /// What the program is to receive.
    pub value: Vec<u8>,
}

impl Planted {
    /// `value` at `path`, in `field`.
    pub fn new(path: &str, field: &str, value: impl Into<Vec<u8>>) -> Self {
        Self {
            path: path.into(),
            field: field.into(),
            value: value.into(),
        }
    }
}

/// A `cloudtaser run` in the making, in a folder of its own.
///
/// Its environment is `PATH` and `HOME` only, besides what the test adds.
#[derive(Debug)]
pub struct Wrapper {
    program: PathBuf,
    folder: TempDir,
    flags: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    conditions: Vec<String>,
    delivery: Option<&'static str>,
    kept: Vec<Box<dyn Any + Send + Sync>>,
}

impl Wrapper {
    /// The product, without any secret.
    #[must_use]
    pub fn product() -> Self {
        Self::of(cloudtaser())
    }

    /// The product with an encrypted store that holds these secrets, which must be text.
    #[must_use]
    pub fn local(secrets: &[Planted]) -> Self {
        let wrapper = Self::of(cloudtaser());
        let mut document = Map::new();
        for secret in secrets {
            let fields = document
                .entry(&secret.path)
                .or_insert_with(|| Value::Object(Map::new()));
            let text = str::from_utf8(&secret.value).expect("text");
            let fields = fields.as_object_mut().expect("an object");
            fields.insert(secret.field.clone(), text.into());
        }
        let file = |name: &str| wrapper.folder().join(name).into_os_string();
        let flags = [
            "--store".into(),
            file("store.age"),
            "--identity".into(),
            file("identity"),
        ];
        let store = |words: &[&str], input: String| {
            let command = Command::new(&wrapper.program);
            let answer = feed(command, words, &flags, input);
            assert!(answer.status.success(), "{answer:?}");
        };
        store(&["store", "init"], String::new());
        store(
            &["store", "import", "--format", "json", "-"],
            Value::Object(document).to_string(),
        );
        wrapper.flags(&flags)
    }

    /// The product's code with the source `memory` in it, and these secrets there.
    #[must_use]
    pub fn memory(secrets: &[Planted]) -> Self {
        let wrapper = Self::of(helper("third_source"));
        let mut document = Map::new();
        for secret in secrets {
            let value = str::from_utf8(&secret.value)
                .map_or_else(|_| json!({ "bytes": hex(&secret.value) }), Value::from);
            let fields = document
                .entry(&secret.path)
                .or_insert_with(|| Value::Object(Map::new()));
            let fields = fields.as_object_mut().expect("an object");
            fields.insert(secret.field.clone(), value);
        }
        let file = wrapper.write("secrets.json", Value::Object(document).to_string());
        wrapper
            .env("CLOUDTASER_MEMORY_FILE", file)
            .env("CLOUDTASER_SOURCE", "memory")
    }

    fn of(program: PathBuf) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let home = folder.path().into();
        let path = std::env::var_os("PATH").unwrap_or_default();
        Self {
            program,
            folder,
            flags: Vec::new(),
            environment: vec![("PATH".into(), path), ("HOME".into(), home)],
            conditions: Vec::new(),
            delivery: Some("environ"),
            kept: Vec::new(),
        }
    }

    /// Keeps something, such as a server, for as long as this value lives.
    #[must_use]
    pub fn keeping(mut self, value: impl Any + Send + Sync) -> Self {
        self.kept.push(Box::new(value));
        self
    }

    /// Delivers the secrets in another way than as plain variables, which is what the tests want
    /// unless they are about something else: `--delivery` is set to `mode`, or not at all.
    #[must_use]
    pub fn delivery(mut self, mode: Option<&'static str>) -> Self {
        self.delivery = mode;
        self
    }

    /// The folder that it runs in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file into that folder and answers its path.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let file = self.folder().join(name);
        std::fs::write(&file, content).expect("written");
        file
    }

    /// Adds options before the `--`.
    #[must_use]
    pub fn flags<W: AsRef<OsStr>>(mut self, flags: &[W]) -> Self {
        self.flags
            .extend(flags.iter().map(|flag| flag.as_ref().to_owned()));
        self
    }

    /// Adds a variable to the environment of the wrapper.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Takes a variable out of the environment again.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.environment.retain(|(set, _)| set != name);
        self
    }

    /// Writes `cloudtaser.toml` in its folder.
    #[must_use]
    pub fn file(self, toml: &str) -> Self {
        let _path = self.write("cloudtaser.toml", toml);
        self
    }

    /// Lets every user run it there: the program is copied into the folder, and all can be read.
    ///
    /// # Panics
    ///
    /// When that is not possible.
    #[must_use]
    pub fn for_every_user(mut self) -> Self {
        let copy = self.folder().join("cloudtaser");
        copy_program(&self.program, &copy);
        self.program = copy;
        let files = std::fs::read_dir(self.folder()).expect("listed");
        let files = files.map(|file| file.expect("listed").path());
        for path in files.chain([self.folder().to_owned()]) {
            let mode = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(path, mode).expect("chmod");
        }
        self
    }

    /// Starts it under a condition of `start_with`.
    #[must_use]
    pub fn under(mut self, condition: impl Into<String>) -> Self {
        self.conditions.push(condition.into());
        self
    }

    /// The command that runs `program` wrapped.
    pub fn command<W: AsRef<OsStr>>(&self, program: &[W]) -> Command {
        let mut words = vec![self.program.clone().into_os_string(), "run".into()];
        words.extend(self.flags.iter().cloned());
        let delivery = self.delivery.iter();
        words.extend(delivery.flat_map(|mode| ["--delivery".into(), mode.into()]));
        words.push("--".into());
        words.extend(program.iter().map(|word| word.as_ref().to_owned()));
        self.bare(&words)
    }

    /// The command that runs `program` itself, in the same folder, environment and conditions.
    pub fn bare<W: AsRef<OsStr>>(&self, program: &[W]) -> Command {
        let mut command = if self.conditions.is_empty() {
            let (name, arguments) = program.split_first().expect("a program");
            let mut command = Command::new(name);
            command.args(arguments);
            command
        } else {
            let mut command = Command::new(helper("start_with"));
            command.args(&self.conditions).arg("--").args(program);
            command
        };
        command
            .current_dir(self.folder())
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    /// Runs `program` wrapped, to its end.
    pub fn run<W: AsRef<OsStr>>(&self, program: &[W]) -> Ended {
        Ended::of(self.command(program), b"")
    }

    /// Runs `program` without us, to its end: the control.
    pub fn run_bare<W: AsRef<OsStr>>(&self, program: &[W]) -> Ended {
        Ended::of(self.bare(program), b"")
    }
}

/// A process that has ended. Shown in full when a test fails.
pub struct Ended {
    /// The command and its folder.
    pub command: String,
    /// Status and outputs.
    pub output: Output,
}

impl Ended {
    /// Runs `command` with `input` on its standard input (none when empty).
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    #[must_use]
    pub fn of(mut command: Command, input: &[u8]) -> Self {
        let stdin = if input.is_empty() {
            Stdio::null()
        } else {
            Stdio::piped()
        };
        let text = describe(&command);
        let child = command
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("started");
        Self::wait(child, text, input)
    }

    fn wait(mut child: Child, command: String, input: &[u8]) -> Self {
        let stdin = child.stdin.take();
        let pid = i32::try_from(child.id()).expect("a process id");
        let (ended, end) = mpsc::channel::<()>();
        let output = std::thread::scope(|scope| {
            scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(input)));
            scope.spawn(move || {
                // The program of a wrapper that is killed dies, too, and so the outputs end.
                if end.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout) {
                    drop(kill(pid, libc::SIGKILL));
                }
            });
            let output = child.wait_with_output().expect("waited for");
            drop(ended);
            output
        });
        Self { command, output }
    }

    /// The exit status; 128 + n when it died of signal n itself.
    #[must_use]
    pub fn status(&self) -> i32 {
        let status = self.output.status;
        status
            .code()
            .unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
    }

    /// Standard output as text.
    #[must_use]
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }

    /// Standard error as text.
    #[must_use]
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    /// Panics unless it ended with `status`.
    #[must_use]
    #[track_caller]
    pub fn with(self, status: i32) -> Self {
        assert_eq!(self.status(), status, "{self:?}");
        self
    }

    /// Panics unless standard error holds every one of `texts`.
    #[track_caller]
    pub fn says(&self, texts: &[&str]) {
        for text in texts {
            assert!(self.stderr().contains(text), "no `{text}`: {self:?}");
        }
    }
}

impl fmt::Debug for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = |text: String| text.chars().take(4000).collect::<String>();
        writeln!(f, "\n{}\nstatus {}", self.command, self.status())?;
        writeln!(f, "--- stdout\n{}", start(self.stdout()))?;
        writeln!(f, "--- stderr\n{}", start(self.stderr()))
    }
}

/// Command with its variables, and folder, for a failing test.
fn describe(command: &Command) -> String {
    let folder = command.get_current_dir().unwrap_or_else(|| Path::new("."));
    let mut text = format!("in {}: ", folder.display());
    text.extend(format!("{command:?}").chars().take(2000));
    text
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Runs a command of the store with `input` on standard input.
fn feed(mut command: Command, words: &[&str], flags: &[OsString], input: String) -> Output {
    let piped = Stdio::piped;
    let command = command.args(words).args(flags);
    let started = command
        .stdin(piped())
        .stdout(piped())
        .stderr(piped())
        .spawn();
    let mut child = started.expect("started");
    // The import is read to its end before anything is answered.
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(input.as_bytes()).expect("written");
    drop(stdin);
    child.wait_with_output().expect("waited for")
}
