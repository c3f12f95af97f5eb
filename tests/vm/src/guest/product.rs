//! `cloudtaser run` as a container runs it: uid 1000, a store that opens with a file, secrets as a
//! variable and as a file.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use cloudtaser_vm::product::{ATTACKED, ATTEMPTS, STARTS, modes};
use cloudtaser_vm::table::{ATTACKS, Actor};

use crate::container;
use crate::init::{Runner, attacker, find, within};
use crate::sys;

const WRAPPER: &str = "/product/cloudtaser";
const HOME: &str = "/tmp/home";
const REFERENCE: &str = "vault:secret/db#password";
/// A dynamic program, with both secrets: what it writes shows that the preload library works.
const SHELL: [&str; 2] = ["/bin/dash", "-c"];
const WRITE: &str = "read F < /run/secrets/key; echo \"$V $F\"";
/// As above, with a copy of the secret in its heap; then it waits for a writer that never comes.
const STAY: &str = "read F < /run/secrets/key; COPY=x$V; read X < /tmp/never";
/// What the wrapper says of `--enforcer require`.
const REFUSAL: &str = "--enforcer prefer";

/// What this run asks for.
pub(crate) fn run(runner: &Runner, run: &str) {
    if !STARTS.contains(&run) {
        return;
    }
    if !fs::exists(HOME).expect("a folder") {
        store(&runner.marker);
    }
    for mode in modes(run) {
        let output = wrapper(mode, &SHELL, WRITE).output().expect("the wrapper");
        let (text, says) = (output.stdout, String::from_utf8_lossy(&output.stderr));
        let both = format!("{0} {0}\n", runner.marker);
        let mark = match () {
            () if text == both.as_bytes() => "secret",
            () if text.is_empty() && says.contains(REFUSAL) => "refusal",
            () => "neither",
        };
        let status = output.status.code().unwrap_or(-1);
        if mark == "neither" {
            eprintln!("{says}");
        }
        runner.say(&format!("start {run} {mode} {status} {mark}"));
    }
    if ATTACKED.contains(&run) {
        attacks(runner, run);
    }
}

/// Encrypted to an identity, for uid 1000.
fn store(marker: &str) {
    fs::create_dir_all(HOME).expect("a folder");
    std::os::unix::fs::chown(HOME, Some(1000), Some(1000)).expect("a folder");
    let mut never = sys::text("/tmp/never");
    let (never, mode) = (sys::address(never.as_mut_slice()), 0o010_666);
    sys::call(libc::SYS_mknod, [never, mode, 0, 0, 0, 0]).expect("a pipe");
    for args in [
        ["store", "init"].as_slice(),
        &["store", "set", "secret/db", "password"],
    ] {
        let mut child = user(&[WRAPPER])
            .args(args)
            .stdin(Stdio::piped())
            .spawn()
            .expect("the store");
        let mut input = child.stdin.take().expect("a pipe");
        // `init` reads nothing, and may be gone.
        let _written = input.write_all(marker.as_bytes());
        drop(input);
        let status = child.wait().expect("the store");
        assert!(status.success(), "{args:?}");
    }
}

/// A program of uid 1000.
fn user(program: &[&str]) -> Command {
    let mut command = Command::new("/vm");
    command.args(["as", "1000"]).args(program);
    command.env_clear().env("HOME", HOME);
    command.stdout(Stdio::null());
    command
}

fn wrapper(mode: &str, program: &[&str], script: &str) -> Command {
    let mut command = user(&[WRAPPER, "run", "--enforcer", mode]);
    command.args(["--env", &format!("V={REFERENCE}")]);
    command.args(["--file", &format!("/run/secrets/key={REFERENCE}")]);
    command.arg("--").args(program);
    if !script.is_empty() {
        command.arg(script);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command.stderr(Stdio::piped());
    command
}

/// Root of the node tries the rows on both wrappers and both programs.
fn attacks(runner: &Runner, run: &str) {
    let mode = if run == "enforced" {
        "require"
    } else {
        "prefer"
    };
    let mut running = Vec::new();
    for (program, script, comm, names) in [
        (&SHELL[..], STAY, "dash", ["wrapper", "preloaded"]),
        (&["/vm", "app"], "", "app", ["static-wrapper", "static"]),
    ] {
        let started = wrapper(mode, program, script)
            .stderr(Stdio::null())
            .spawn()
            .expect("the wrapper");
        let program = find(comm);
        running.push((started, program));
        settled(program);
        for (name, pid) in names.into_iter().zip([parent(program), program]) {
            let only = ATTEMPTS.join(",");
            let ids = [pid, pid, 0, pid, pid];
            attacker(run, Actor::Root, ids, &only, |row, result| {
                let (id, verdict) = (ATTACKS[row].id, runner.verdict(result));
                runner.say(&format!("guard {run} {name} {id} {verdict}"));
            });
        }
    }
    for (mut wrapper, program) in running {
        wrapper.kill().expect("the wrapper");
        wrapper.wait().expect("the wrapper");
        // It dies with its wrapper, and is ours then: the next run must not find it.
        sys::wait(i32::try_from(program).unwrap());
    }
}

/// A static program: the variable is all that it gets, and it copies it.
pub(crate) fn app() {
    let secret = std::env::var("V").expect("a secret");
    sys::page(crate::MARKER_AT, secret.as_bytes());
    container::stay("app");
}

/// Waits until a program sleeps: then it has done what it was to do before.
fn settled(pid: u32) {
    let state = || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let state = stat.rsplit_once(") ").map(|(_, rest)| rest.to_owned());
        state.unwrap_or_default()
    };
    let is_settled = within(|| state().starts_with('S').then_some(()));
    assert!(is_settled.is_some(), "process {pid} is `{}`", state());
}

fn parent(pid: u32) -> u32 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("status");
    let line = status.lines().find_map(|line| line.strip_prefix("PPid:"));
    line.and_then(|id| id.trim().parse().ok())
        .expect("a parent")
}
