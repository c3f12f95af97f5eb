//! A writer that is killed at any of its system calls leaves the old or the new store, whole.
#![expect(clippy::unwrap_used, reason = "tests panic, so that the line is shown")]

use std::fs::File;
use std::path::Path;

use cloudtaser_tests::store::Home;
use cloudtaser_tests::sys::ptrace::Traced;

/// Runs `command` to its `stops`-th stop and kills it there; `false` when it ended before.
fn kill_at(home: &Home, arguments: &[&str], input: &Path, stops: usize) -> bool {
    let mut command = home.command(arguments);
    command
        .stdin(File::open(input).unwrap())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null());
    let traced = Traced::spawn(&mut command).unwrap();
    for _ in 0..stops {
        if !traced.next_stop().unwrap() {
            return false;
        }
    }
    traced.kill().unwrap();
    true
}

#[test]
fn set_killed_at_each_system_call_leaves_old_or_new() {
    let home = Home::with_store();
    home.ok(["set", "secret/db", "password"], b"old");
    let input = home.path().join("input");
    std::fs::write(&input, "new").unwrap();
    let before = std::fs::read(home.store()).unwrap();

    let (mut old, mut new, mut leftovers) = (0, 0, 0);
    let mut stops = 0;
    loop {
        std::fs::write(home.store(), &before).unwrap();
        if !kill_at(&home, &["set", "secret/db", "password"], &input, stops) {
            break;
        }
        stops += 1;
        leftovers += usize::from(
            home.beside_store()
                .iter()
                .any(|name| name.ends_with(".tmp")),
        );
        let value = home.ok(["get", "secret/db#password"], b"");
        match value.as_slice() {
            b"old" => {
                old += 1;
                assert_eq!(
                    std::fs::read(home.store()).unwrap(),
                    before,
                    "at stop {stops}"
                );
            }
            b"new" => new += 1,
            other => panic!("at stop {stops}: {other:?}"),
        }
        home.ok(["set", "secret/db", "next"], b"n");
        assert_eq!(
            home.beside_store(),
            ["store.age", "store.age.lock"],
            "the next writer left a temporary file of the killed one, at stop {stops}"
        );
    }
    // Controls: the run was really cut at both sides of the rename, and in the middle of a write.
    assert!(
        old > 0 && new > 0 && leftovers > 0,
        "{old} old, {new} new, {leftovers} leftovers"
    );
    assert_eq!(old + new, stops);
}

#[test]
fn init_killed_at_each_system_call_can_be_repeated() {
    let (mut none, mut made) = (0, 0);
    let mut stops = 0;
    loop {
        let home = Home::new();
        if !kill_at(&home, &["init"], Path::new("/dev/null"), stops) {
            break;
        }
        stops += 1;
        if home.store().exists() {
            made += 1;
        } else {
            none += 1;
            home.ok(["init"], b"");
        }
        home.ok(["set", "secret/db", "password"], b"value");
        assert_eq!(
            home.ok(["get", "secret/db#password"], b""),
            b"value",
            "at stop {stops}"
        );
    }
    assert!(none > 0 && made > 0, "{none} without, {made} with a store");
}
