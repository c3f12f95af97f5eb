//! A static Go program with the Go SDK, started by the wrapper: what it reads, what is in its
//! environment and memory, and what it passes on. `cargo xtask test sdk` builds the program
//! (`sdk-go/integration/program`) and names it in a variable.
#![expect(
    clippy::expect_used,
    reason = "a failing test shows where, and what each command printed"
)]

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use cloudtaser_tests::process::only_child;
use cloudtaser_tests::running::{is_root, pid_of, search_outside};
use cloudtaser_tests::search::{Pieces, random_text};
use cloudtaser_tests::wrapper::helper;
use cloudtaser_tests::{Ended, Planted, Wrapper};
use cloudtaser_wrapper::status;
use sha2::{Digest, Sha256};

/// How often the program reads while a writer rotates. Ten million were read once (docs/sdk-go.md).
const READS: &str = "1000000";

fn program() -> PathBuf {
    let program = std::env::var_os("CLOUDTASER_SDK_PROGRAM");
    let program = PathBuf::from(program.expect("CLOUDTASER_SDK_PROGRAM; see `cargo xtask test`"));
    assert!(program.is_file(), "{}", program.display());
    program
}

/// A wrapper with one variable and one file of these two values, without `--delivery`.
fn wrapper(password: &str, key: &str) -> Wrapper {
    let secrets = [
        Planted::new("secret/db", "password", password),
        Planted::new("secret/tls", "key", key),
    ];
    Wrapper::local(&secrets)
        .delivery(None)
        .flags(&["--file=/run/secrets/tls.key=vault:secret/tls#key"])
        .env("PGPASSWORD", "vault:secret/db#password")
        .env("URL", "postgres://app:${vault:secret/db#password}@db")
        .env("PLAIN", "text")
}

fn run(wrapper: &Wrapper, words: &[&str]) -> Ended {
    let program = program().into_os_string();
    let words = words.iter().map(Into::into);
    let all: Vec<std::ffi::OsString> = std::iter::once(program).chain(words).collect();
    wrapper.run(&all)
}

#[test]
fn a_static_program_reads_its_secrets_in_every_way() {
    let (password, key) = (random_text(32), random_text(3000));
    let wrapper = wrapper(&password, &key);
    let words = [
        "get",
        "secret/db#password",
        "get",
        "vault:secret/db",
        "use",
        "secret/data/db#password",
        "use",
        "secret/tls#key",
        "env",
        "PGPASSWORD",
        "env",
        "URL",
        "env",
        "PLAIN",
        "file",
        "run/secrets/tls.key",
        "list",
    ];
    let ended = run(&wrapper, &words).with(0);
    assert_eq!(ended.stderr(), "", "{ended:?}");
    let digest = |text: &str| -> String {
        let bytes = Sha256::digest(text);
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    };
    let wanted = [
        password.clone(),
        password.clone(),
        digest(&password),
        digest(&key),
        format!("{password} true  false"),
        format!("postgres://app:{password}@db true  false"),
        "text true text true".into(),
        key,
        "secret/data/db#password  PGPASSWORD".into(),
        "${secret/data/db#password}  URL".into(),
        "secret/data/tls#key /run/secrets/tls.key ".into(),
    ];
    let told = ended.stdout();
    let told: Vec<_> = told.lines().collect();
    assert_eq!(told, wanted, "{ended:?}");
}

#[test]
fn what_is_not_there_is_an_error_without_a_value() {
    let (password, key) = (random_text(32), random_text(32));
    let wrapper = wrapper(&password, &key);
    let ended = run(&wrapper, &["get", "secret/db#passwort"]).with(1);
    assert!(ended.stdout().contains("no such secret"), "{ended:?}");
    let control = run(&wrapper, &["get", "secret/db#password"]).with(0);
    assert!(control.stdout().contains(&password), "{control:?}");
    assert!(!ended.stdout().contains(&password), "{ended:?}");
}

#[test]
fn without_the_wrapper_nothing_is_served() {
    let ended = Ended::of(Command::new(program()), b"").with(1);
    assert!(
        ended.stdout().contains("not started by the wrapper"),
        "{ended:?}"
    );
}

/// A program that has run its words up to `wait`, below the wrapper. Killed when dropped.
struct Waiting {
    wrapper: Child,
    stdout: BufReader<ChildStdout>,
    pid: i32,
    _folder: Wrapper,
}

impl Waiting {
    fn start(wrapper: Wrapper, words: &[&str]) -> Self {
        let program = program().into_os_string();
        let words = words.iter().map(Into::into);
        let mut all: Vec<std::ffi::OsString> = std::iter::once(program).chain(words).collect();
        all.push("wait".into());
        let mut command = wrapper.command(&all);
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = piped.spawn().expect("started");
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        while line != "waiting\n" {
            line.clear();
            let read = stdout.read_line(&mut line).expect("read");
            assert!(read > 0, "it ended before it waited");
        }
        Self {
            pid: only_child(pid_of(&child)),
            wrapper: child,
            stdout,
            _folder: wrapper,
        }
    }

    fn end(mut self) {
        let mut stdin = self.wrapper.stdin.take().expect("a pipe");
        stdin.write_all(b"\n").expect("written");
        let mut rest = String::new();
        self.stdout.read_line(&mut rest).expect("read");
        let status = self.wrapper.wait().expect("waited for");
        assert!(status.success(), "{status} {rest}");
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        drop(self.wrapper.kill());
        drop(self.wrapper.wait());
    }
}

/// Not even root reads secret memory through `/proc/PID/mem`: neither the region nor the copies.
fn assert_root_cannot_read(pid: i32, mappings: &[String]) {
    let memory = std::fs::File::open(format!("/proc/{pid}/mem")).expect("mem");
    for line in mappings.iter().filter(|line| line.contains("/secretmem")) {
        let (start, _) = line.split_once('-').expect("a range");
        let start = u64::from_str_radix(start, 16).expect("an address");
        let read = memory.read_at(&mut [0; 64], start);
        assert!(read.is_err(), "{line} can be read");
    }
}

#[test]
fn environment_and_memory_hold_only_what_the_program_copied() {
    if !is_root() {
        return;
    }
    let (password, key) = (random_text(32), random_text(3000));
    let pieces = Pieces::of(&[&password, &key]);
    let used = ["use", "secret/db#password", "use", "secret/tls#key"];
    let quiet = Waiting::start(wrapper(&password, &key), &used);
    let environ = std::fs::read(format!("/proc/{}/environ", quiet.pid)).expect("environ");
    let environ = String::from_utf8_lossy(&environ).into_owned();
    assert!(environ.contains("PLAIN=text"), "{environ}");
    assert!(environ.contains("CLOUDTASER_REGION_FD="), "{environ}");
    assert!(
        !environ.contains(&password) && !environ.contains("PGPASSWORD"),
        "{environ}"
    );
    let searched = search_outside(quiet.pid, &pieces);
    assert!(searched.bytes > 1 << 20, "{} bytes", searched.bytes);
    assert!(!searched.left_out.is_empty(), "the region is not mapped");
    assert!(searched.places.is_empty(), "{:?}", searched.places);
    assert_root_cannot_read(quiet.pid, &searched.left_out);
    quiet.end();

    // The control: what GetSecret copies onto Go's heap is found, and nothing else.
    let copying = Waiting::start(wrapper(&password, &key), &["get", "secret/db#password"]);
    let searched = search_outside(copying.pid, &pieces);
    assert!(searched.values.contains(&0), "the search finds nothing");
    assert!(!searched.values.contains(&1), "{:?}", searched.places);
    copying.end();
}

#[test]
fn its_children_get_nothing_unless_it_shares() {
    let (password, key) = (random_text(32), random_text(32));
    let wrapper = wrapper(&password, &key);
    let ended = run(&wrapper, &["environ", "children"]).with(0);
    let told = ended.stdout();
    assert!(!told.contains("CLOUDTASER_REGION_FD"), "{ended:?}");
    assert!(told.contains("shared=false: error: "), "{ended:?}");
    assert!(told.contains("not started by the wrapper"), "{ended:?}");
    let levels = ["none", "locked", "secretmem"];
    let shared = levels.map(|level| format!("shared=true: {level}\n"));
    assert!(shared.iter().any(|line| told.contains(line)), "{ended:?}");
}

#[test]
fn the_same_program_gets_plain_variables_when_that_is_asked_for() {
    let (password, key) = (random_text(32), random_text(32));
    let plain = wrapper(&password, &key).delivery(Some("environ"));
    let ended = run(&plain, &["list"]).with(1);
    assert!(
        ended.stdout().contains("not started by the wrapper"),
        "{ended:?}"
    );
    let demanded = wrapper(&password, &key).delivery(Some("preload"));
    let ended = run(&demanded, &["list"]).with(status::PRIVILEGE.into());
    ended.says(&["--delivery preload"]);
}

/// Any program can be told to read the region itself: here `sh`, which cannot.
#[test]
fn what_is_told_to_read_the_region_itself_gets_nothing_else() {
    let (password, key) = (random_text(32), random_text(32));
    let wrapper = wrapper(&password, &key).delivery(Some("sdk"));
    let script = "env; [ -e /proc/self/fd/$CLOUDTASER_REGION_FD ] && echo open";
    let ended = wrapper.run(&["sh", "-c", script]).with(0);
    let told = ended.stdout();
    assert!(told.ends_with("open\n"), "{ended:?}");
    assert!(
        !told.contains(&password) && !told.contains("PGPASSWORD"),
        "{ended:?}"
    );
    assert!(!told.contains("LD_PRELOAD"), "{ended:?}");
}

fn rotating(words: &[&str], pause: Option<&str>) -> Ended {
    let mut command = Command::new(helper("sdk_rotating"));
    command.arg(program()).args(words);
    command.envs(pause.map(|pause| ("ROTATING_PAUSE_US", pause)));
    Ended::of(command, b"")
}

#[test]
fn no_value_is_torn_in_a_million_reads_while_rust_rotates() {
    let ended = rotating(&["reads", READS], None).with(0);
    let told = ended.stdout();
    let words: Vec<_> = told.split_whitespace().collect();
    let ["reads", reads, "mixtures", "0", "versions", versions] = words.as_slice() else {
        panic!("{ended:?}");
    };
    assert_eq!(*reads, READS);
    let versions: u64 = versions.parse().expect("a number");
    assert!(versions > 100, "it saw few rotations: {ended:?}");
}

#[test]
fn a_watch_is_told_of_a_rotation() {
    let ended = rotating(&["watch", "secret/short#v"], Some("20000")).with(0);
    assert_eq!(
        ended.stdout(),
        "watching\nchanged true true true\n",
        "{ended:?}"
    );
}

/// A developer's laptop: the same program, started by itself, with the secrets of the store.
#[test]
fn the_program_runs_unchanged_from_the_store() {
    let (password, key) = (random_text(32), random_text(32));
    let wrapper = wrapper(&password, &key).for_every_user();
    let folder = wrapper.folder();
    let start = |minimum: Option<&str>| {
        let mut command = Command::new(program());
        command
            .args(["get", "secret/db#password"])
            .env("PATH", folder)
            .env("CLOUDTASER_DEV_SOURCE", "store")
            .env("CLOUDTASER_STORE", folder.join("store.age"))
            .env("CLOUDTASER_IDENTITY", folder.join("identity"))
            .envs(minimum.map(|level| ("CLOUDTASER_MIN_PROTECTION", level)));
        command
    };
    let ended = Ended::of(start(None), b"").with(0);
    assert_eq!(ended.stdout(), format!("{password}\n"), "{ended:?}");
    ended.says(&["INSECURE DEVELOPMENT SOURCE"]);
    let refused = Ended::of(start(Some("none")), b"").with(1);
    assert!(
        refused.stdout().contains("protection below the minimum"),
        "{refused:?}"
    );
}
