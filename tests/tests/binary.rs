//! The released binary against `tests/binary.toml`: size and hardening. With controls, so that
//! each check is seen to tell a good file from a bad one.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "test code: a panic shows the line"
)]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use cloudtaser_tests::elf::hardening;
use cloudtaser_tests::skip;

const STORED: &str = include_str!("../binary.toml");

fn stored() -> toml::Table {
    STORED.parse().expect("tests/binary.toml is TOML")
}

fn number(name: &str) -> u64 {
    let value = stored().get(name).and_then(toml::Value::as_integer);
    u64::try_from(value.expect("a whole number")).expect("not negative")
}

fn wanted() -> BTreeSet<String> {
    let list = stored()["hardening"].as_array().expect("a list").clone();
    list.iter()
        .map(|name| name.as_str().expect("a name").to_owned())
        .collect()
}

/// What of the stored list does not hold of a file.
fn lacking(file: &Path) -> Vec<String> {
    let data = std::fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let holds = hardening(&data);
    wanted()
        .into_iter()
        .filter(|name| !holds.contains(name.as_str()))
        .collect()
}

fn product() -> Option<std::path::PathBuf> {
    let file = std::env::var_os("CLOUDTASER_BIN");
    if file.is_none() {
        skip("CLOUDTASER_BIN names no binary: run `cargo xtask test process`");
    }
    file.map(Into::into)
}

#[test]
fn product_is_hardened() {
    let Some(file) = product() else { return };
    assert_eq!(
        lacking(&file),
        Vec::<String>::new(),
        "missing from {}",
        file.display()
    );
}

#[test]
fn product_has_the_recorded_size() {
    let Some(file) = product() else { return };
    let size = std::fs::metadata(&file).expect("the binary is there").len();
    assert!(
        size <= number("most_bytes"),
        "{size} bytes are more than the bar"
    );
    let recorded = number("size_bytes");
    let tolerance = recorded * number("tolerance_percent") / 100;
    assert!(
        size.abs_diff(recorded) <= tolerance,
        "{size} bytes, recorded are {recorded}: run `cargo xtask generate` if that is meant"
    );
}

#[test]
fn dynamic_program_is_told_apart() {
    // Control: an ordinary program of the system has an interpreter and libraries.
    let lacking = lacking(Path::new("/bin/ls"));
    assert!(
        lacking.contains(&"no-interpreter".to_owned()),
        "{lacking:?}"
    );
    assert!(lacking.contains(&"no-library".to_owned()), "{lacking:?}");
}

#[test]
fn badly_linked_program_is_told_apart() {
    // Control for every other check: a program that is linked the wrong way on purpose. It is
    // never run.
    let dir = tempfile::tempdir().expect("a temporary folder");
    let source = dir.path().join("main.c");
    std::fs::write(&source, "void _start(void) { for (;;) {} }\n").expect("the source is written");
    let bad = dir.path().join("bad");
    let cc = Command::new("cc")
        .args([
            "-nostdlib",
            "-static",
            "-no-pie",
            "-Wl,-z,norelro",
            "-Wl,-z,lazy",
            "-Wl,-z,execstack",
        ])
        .args(["-Wl,--omagic", "-Wl,--no-warn-rwx-segments", "-o"])
        .args([&bad, &source])
        .output();
    match cc {
        Err(error) => return skip(&format!("no C compiler: {error}")),
        Ok(cc) => assert!(
            cc.status.success(),
            "{}",
            String::from_utf8_lossy(&cc.stderr)
        ),
    }
    let expected = [
        "bind-now",
        "no-writable-code",
        "position-independent",
        "relro",
        "stack-not-executable",
        "stripped",
    ];
    assert_eq!(lacking(&bad), expected);
}
