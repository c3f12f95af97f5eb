//! `cloudtaser doctor` (cases E5, X5): what it says here, with the limits taken away, with a
//! tracer, and with stores that cannot be opened.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a failing test shows where, and what each command printed"
)]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};

use cloudtaser_tests::{cloudtaser, skip};
use serde_json::Value;

/// Every name that the report has; programs rely on them.
const NAMES: [&str; 25] = [
    "kernel",
    "proc",
    "secret-memory",
    "locked-memory",
    "memlock",
    "memory-limit",
    "swap",
    "hibernation",
    "core-dumps",
    "tracer",
    "yama",
    "seccomp",
    "enforcer",
    "user",
    "stdio",
    "preload-library",
    "store",
    "identity-files",
    "server-settings",
    "server-address",
    "server-tls",
    "client-certificate",
    "login",
    "policies",
    "clock-skew",
];

/// `doctor` in an empty home, without any setting of the caller's.
fn doctor(home: &Path) -> Command {
    let mut command = Command::new(cloudtaser());
    command
        .arg("doctor")
        .env_clear()
        .env("HOME", home)
        .current_dir(home);
    command
}

fn run(mut command: Command) -> Output {
    let output = command.output().expect("start");
    println!("{command:?}: {output:?}");
    output
}

fn report(command: Command) -> (Option<i32>, Value) {
    let output = run(command);
    let json = serde_json::from_slice(&output.stdout).expect("one JSON document");
    (output.status.code(), json)
}

fn check<'a>(json: &'a Value, name: &str) -> &'a Value {
    let checks = json["checks"].as_array().expect("checks");
    checks
        .iter()
        .find(|check| check["name"] == name)
        .expect(name)
}

fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().expect("directory");
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).expect("chmod");
    home
}

#[test]
fn json_has_stable_names_and_statuses() {
    let home = home();
    let mut command = doctor(home.path());
    command.arg("--json");
    let (status, json) = report(command);
    assert_eq!(status, Some(0));
    let checks = json["checks"].as_array().expect("checks");
    let names: Vec<_> = checks
        .iter()
        .map(|check| check["name"].as_str().expect("name"))
        .collect();
    assert_eq!(names, NAMES);
    for check in checks {
        assert!(
            ["ok", "warn"].map(Value::from).contains(&check["status"]),
            "{check}"
        );
        assert!(
            !check["finding"].as_str().expect("finding").is_empty(),
            "{check}"
        );
        assert_eq!(check["fix"].is_string(), check["status"] != "ok", "{check}");
    }
    let has_secret_memory = check(&json, "secret-memory")["status"] == "ok";
    let level = json["protection"]["level"].as_str().expect("level");
    assert_eq!(
        ["secretmem", "enforced"].contains(&level),
        has_secret_memory
    );
}

#[test]
fn lines_say_the_same_without_colors() {
    let home = home();
    let output = run(doctor(home.path()));
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(!text.contains('\x1b'), "no terminal, no colors");
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), NAMES.len() + 1);
    for (line, name) in lines.iter().zip(NAMES.iter().chain(&["protection"])) {
        let (status, rest) = line.split_at(5);
        assert!(["OK   ", "WARN "].contains(&status), "{line}");
        assert!(rest.starts_with(&format!("{name}: ")), "{line}");
        assert_eq!(line.contains("; fix: "), status == "WARN ", "{line}");
    }
}

#[test]
fn a_demanded_level_decides_the_status() {
    let home = home();
    let status = |level: &str| {
        let mut command = doctor(home.path());
        command.args(["--min-protection", level]);
        run(command).status.code()
    };
    let (_, json) = report({
        let mut command = doctor(home.path());
        command.arg("--json");
        command
    });
    let reached = json["protection"]["level"].as_str().expect("level");
    let levels = ["none", "locked", "secretmem", "enforced"];
    let rank = levels
        .iter()
        .position(|level| *level == reached)
        .expect("a level");
    for (index, level) in levels.iter().enumerate() {
        let expected = if index <= rank { 0 } else { 77 };
        assert_eq!(status(level), Some(expected), "{level} with {reached}");
    }
    assert_eq!(status("best"), Some(64));
}

#[test]
fn without_memlock_the_level_falls_and_the_fix_is_named() {
    if fs::metadata("/proc/self").expect("/proc").uid() != 0 {
        return skip("root, to become a user without CAP_IPC_LOCK");
    }
    let home = home();
    let program = home.path().join("program");
    cloudtaser_tests::binary::copy_program(&cloudtaser(), &program);
    let as_nobody = |limit: &str, options: &str| {
        let mut command = Command::new("sh");
        let script = format!(r#"ulimit -l {limit}; exec "$0" doctor --json {options}"#);
        command.arg("-c").arg(script).arg(&program);
        command
            .env_clear()
            .env("HOME", home.path())
            .uid(65534)
            .gid(65534);
        command.current_dir(home.path());
        report(command)
    };
    let (status, json) = as_nobody("0", "");
    assert_eq!(
        (status, &json["protection"]["level"]),
        (Some(0), &Value::from("none"))
    );
    for name in ["memlock", "locked-memory", "secret-memory"] {
        assert_eq!(check(&json, name)["status"], "warn", "{name}");
    }
    let missing = json["protection"]["missing"].as_str().expect("missing");
    assert!(missing.contains("RLIMIT_MEMLOCK"), "{missing}");
    assert_eq!(as_nobody("0", "--min-protection locked").0, Some(77));

    let (status, json) = as_nobody("64", "--min-protection secretmem");
    assert_eq!(status, Some(0), "control: 64 KiB is enough");
    assert_eq!(check(&json, "memlock")["status"], "ok");
}

#[test]
fn a_tracer_is_a_failure() {
    if Command::new("strace").arg("-V").output().is_err() {
        return skip("strace");
    }
    let home = home();
    let mut command = Command::new("strace");
    command
        .args(["-f", "-o", "/dev/null"])
        .arg(cloudtaser())
        .args(["doctor", "--json"]);
    command.env("HOME", home.path()).current_dir(home.path());
    let (status, json) = report(command);
    assert_eq!(status, Some(77));
    assert_eq!(check(&json, "tracer")["status"], "fail");
}

#[test]
fn a_store_that_cannot_be_opened_is_a_failure() {
    let home = home();
    let missing = home.path().join("missing.age");
    let damaged = home.path().join("damaged.age");
    fs::write(&damaged, "no store").expect("write");
    for file in [&missing, &damaged] {
        let mut command = doctor(home.path());
        command.arg("--json").arg("--store").arg(file);
        let (status, json) = report(command);
        assert_eq!(status, Some(69), "{file:?}");
        let check = check(&json, "store");
        assert_eq!(check["status"], "fail");
        assert!(
            check["finding"]
                .as_str()
                .expect("finding")
                .contains("cannot be opened")
        );
    }
    let by_variable = {
        let mut command = doctor(home.path());
        command.env("CLOUDTASER_STORE", &missing);
        command
    };
    assert_eq!(run(by_variable).status.code(), Some(69));
    // Not named, but there, in the default place.
    let default = home.path().join(".local/share/cloudtaser");
    fs::create_dir_all(&default).expect("directories");
    fs::rename(&damaged, default.join("store.age")).expect("rename");
    assert_eq!(run(doctor(home.path())).status.code(), Some(69));
}

#[test]
fn an_identity_that_others_can_read_is_warned_of() {
    let home = home();
    let identity = home.path().join("identity.txt");
    fs::write(&identity, "# none\n").expect("write");
    let status = |mode| {
        fs::set_permissions(&identity, fs::Permissions::from_mode(mode)).expect("chmod");
        let mut command = doctor(home.path());
        command.arg("--json").arg("--identity").arg(&identity);
        let (status, json) = report(command);
        assert_eq!(status, Some(0));
        check(&json, "identity-files")["status"].clone()
    };
    assert_eq!(status(0o600), "ok");
    assert_eq!(status(0o640), "warn");
}
