//! Stores that are damaged, foreign, unreadable, or cannot be written: a clear error with status
//! 69, and the file stays as it is.
#![expect(clippy::unwrap_used, reason = "tests panic, so that the line is shown")]

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::process::Command;

use cloudtaser_tests::marker;
use cloudtaser_tests::store::{Home, run, show};

/// Both a reader and a writer refuse the store, and neither touches it.
fn refused(home: &Home, secret: &str, why: &str) -> String {
    let before = fs::read(home.store()).unwrap();
    let mut errors = String::new();
    for arguments in [&["get", "secret/a#f"][..], &["set", "secret/a", "g"]] {
        let output = home.run(arguments, b"x");
        assert_eq!(
            output.status.code(),
            Some(69),
            "{why}: {arguments:?}\n{}",
            show(&output)
        );
        assert!(!show(&output).contains(secret), "{why}: {}", show(&output));
        errors.push_str(&String::from_utf8_lossy(&output.stderr));
    }
    assert!(
        errors.contains("store.age"),
        "{why}: the file is not named: {errors}"
    );
    assert_eq!(
        fs::read(home.store()).unwrap(),
        before,
        "{why}: the file was changed"
    );
    errors
}

fn with_secret() -> (Home, String) {
    let (home, secret) = (Home::with_store(), marker());
    home.ok(["set", "secret/a", "f"], secret.as_bytes());
    (home, secret)
}

#[test]
fn a_store_cut_off_anywhere_is_refused() {
    let (home, secret) = with_secret();
    let whole = fs::read(home.store()).unwrap();
    // Every length of the header would take minutes: each class of the format has its lengths.
    let lengths = (0..24)
        .chain((24..whole.len()).step_by(13))
        .chain(whole.len() - 17..whole.len());
    for length in lengths {
        fs::write(home.store(), &whole[..length]).unwrap();
        refused(&home, &secret, &format!("cut off at {length}"));
    }
    fs::write(home.store(), &whole).unwrap();
    assert_eq!(
        home.ok(["get", "secret/a#f"], b""),
        secret.as_bytes(),
        "the control"
    );
}

#[test]
fn a_store_changed_anywhere_is_refused() {
    let (home, secret) = with_secret();
    let whole = fs::read(home.store()).unwrap();
    for at in (0..whole.len()).step_by(7) {
        let mut changed = whole.clone();
        changed[at] ^= 1 << (at % 8);
        fs::write(home.store(), &changed).unwrap();
        refused(&home, &secret, &format!("byte {at} changed"));
    }
    let mut longer = whole.clone();
    longer.push(b'x');
    fs::write(home.store(), &longer).unwrap();
    refused(&home, &secret, "one byte more");
}

#[test]
fn a_wrong_identity_is_named() {
    let (home, secret) = with_secret();
    let other = Home::with_store();
    fs::copy(other.identity(), home.identity()).unwrap();
    let errors = refused(&home, &secret, "wrong identity");
    assert!(errors.contains("identity.txt"), "{errors}");
    for (text, hint) in [
        ("", "no identity"),
        ("age1abc", "public recipient"),
        ("AGE-PLUGIN-X-1ABC", "plugin"),
        ("age-encryption.org/v1\n", "encrypted"),
        ("AGE-SECRET-KEY-1ABC", "mistyped"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n", "SSH"),
    ] {
        fs::write(home.identity(), text).unwrap();
        let error = home.fails(69, ["get", "secret/a#f"], b"");
        assert!(
            error.contains(hint) && error.contains("identity.txt"),
            "{text}: {error}"
        );
        assert!(!error.contains("1ABC"), "{error}");
    }
    fs::remove_file(home.identity()).unwrap();
    let error = home.fails(69, ["get", "secret/a#f"], b"");
    assert!(
        error.contains("identity.txt") && error.contains("No such file"),
        "{error}"
    );
}

#[test]
fn what_is_no_store_is_refused() {
    let (home, secret) = with_secret();
    fs::write(home.store(), "{}").unwrap();
    refused(&home, &secret, "JSON");
    fs::write(home.store(), "").unwrap();
    assert!(refused(&home, &secret, "empty").contains("empty"));
    fs::remove_file(home.store()).unwrap();
    let error = home.fails(69, ["get", "secret/a#f"], b"");
    assert!(error.contains("cloudtaser store init"), "{error}");
    fs::create_dir(home.store()).unwrap();
    for arguments in [
        &["get", "secret/a#f"][..],
        &["set", "secret/a", "g"],
        &["rekey"],
    ] {
        assert!(home.fails(69, arguments, b"x").contains("folder"));
    }
    fs::remove_dir(home.store()).unwrap();
    let fifo = Command::new("mkfifo").arg(home.store()).status().unwrap();
    assert!(fifo.success());
    assert!(
        home.fails(69, ["get", "secret/a#f"], b"")
            .contains("regular")
    );
}

#[test]
fn a_store_from_the_future_is_left_alone() {
    let (home, secret) = with_secret();
    let text = fs::read_to_string(home.identity()).unwrap();
    let public = text
        .lines()
        .find_map(|line| line.strip_prefix("# public key: "))
        .unwrap();
    let recipient: age::x25519::Recipient = public.parse().unwrap();
    let future = format!(
        r#"{{"format":"cloudtaser-store","version":2,"recipients":["{public}"],"new":"{secret}"}}"#
    );
    fs::write(
        home.store(),
        age::encrypt(&recipient, future.as_bytes()).unwrap(),
    )
    .unwrap();
    let errors = refused(&home, &secret, "future");
    assert!(
        errors.contains("newer version") && errors.contains("upgrade"),
        "{errors}"
    );
}

#[test]
fn an_unreadable_store_is_an_error() {
    let (home, _) = with_secret();
    // Root reads everything, so another user tries.
    let everybody = Permissions::from_mode(0o755);
    let mut folder = home.store();
    while folder.pop() && folder != std::env::temp_dir() {
        fs::set_permissions(&folder, everybody.clone()).unwrap();
    }
    let mut command = home.command(["get", "secret/a#f"]);
    if rustix::process::geteuid().is_root() {
        let binary = home.path().join("cloudtaser");
        cloudtaser_tests::binary::copy_program(&cloudtaser_tests::cloudtaser(), &binary);
        let mut other = Command::new(binary);
        other
            .args(command.get_args())
            .env_clear()
            .env("HOME", home.path());
        command = other;
        command.uid(65534).gid(65534);
    } else {
        fs::set_permissions(home.store(), Permissions::from_mode(0o000)).unwrap();
    }
    let output = run(&mut command, b"");
    assert_eq!(output.status.code(), Some(69), "{}", show(&output));
    assert!(
        show(&output).contains("Permission denied"),
        "{}",
        show(&output)
    );
}

#[test]
fn a_full_disk_leaves_the_old_store() {
    let (home, secret) = with_secret();
    let before = fs::read(home.store()).unwrap();
    // RLIMIT_FSIZE stands for the full disk: the write fails in the middle, with EFBIG.
    let inner = home.command(["set", "secret/a", "big"]);
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$0\" \"$@\""])
        .arg(inner.get_program())
        .args(inner.get_args())
        .env_clear()
        .env("HOME", home.path());
    let output = run(&mut command, "x".repeat(100_000).as_bytes());
    assert_eq!(output.status.code(), Some(69), "{}", show(&output));
    assert!(show(&output).contains("unchanged"), "{}", show(&output));
    assert_eq!(fs::read(home.store()).unwrap(), before);
    assert_eq!(
        home.beside_store(),
        ["store.age", "store.age.lock"],
        "the rest was left"
    );
    assert_eq!(home.ok(["get", "secret/a#f"], b""), secret.as_bytes());
    home.ok(["set", "secret/a", "big"], "x".repeat(100_000).as_bytes());
}

#[test]
fn links_modes_and_owners_are_kept() {
    let (home, secret) = with_secret();
    let real = home.path().join("real.age");
    fs::rename(home.store(), &real).unwrap();
    std::os::unix::fs::symlink(&real, home.store()).unwrap();
    fs::set_permissions(&real, Permissions::from_mode(0o640)).unwrap();
    let is_root = rustix::process::geteuid().is_root();
    if is_root {
        std::os::unix::fs::chown(&real, Some(1234), Some(4321)).unwrap();
    }
    home.ok(["set", "secret/a", "g"], b"x");
    assert!(
        fs::symlink_metadata(home.store()).unwrap().is_symlink(),
        "the link was replaced"
    );
    let metadata = fs::metadata(&real).unwrap();
    assert_eq!(metadata.mode() & 0o7777, 0o640);
    if is_root {
        assert_eq!((metadata.uid(), metadata.gid()), (1234, 4321));
    }
    assert_eq!(home.ok(["get", "secret/a#f"], b""), secret.as_bytes());
}
