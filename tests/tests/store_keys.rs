//! Who opens a store: age and SSH identities, several recipients, a passphrase, and changing them.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests panic, so that the line is shown"
)]

use std::path::Path;
use std::process::Command;

use cloudtaser_tests::store::{Home, show};

/// Makes an SSH key without a passphrase and gives its public half.
fn ssh_key(file: &Path, kind: &[&str]) -> String {
    let output = Command::new("ssh-keygen")
        .args(["-q", "-N", "", "-C", "comment", "-f"])
        .arg(file)
        .args(kind)
        .output()
        .expect("ssh-keygen is needed");
    assert!(output.status.success(), "{}", show(&output));
    std::fs::read_to_string(file.with_extension("pub"))
        .unwrap()
        .trim()
        .to_owned()
}

/// The public half of the default identity.
fn public(home: &Home) -> String {
    let text = std::fs::read_to_string(home.identity()).unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("# public key: "));
    line.unwrap().to_owned()
}

#[test]
fn ssh_keys_open_a_store() {
    for kind in [&["-t", "ed25519"][..], &["-t", "rsa", "-b", "2048"]] {
        let home = Home::new();
        let key = home.path().join("key");
        let public = ssh_key(&key, kind);
        home.ok(["init", "--recipient", &public], b"");
        assert!(
            !home.identity().exists(),
            "an identity was made that nobody asked for"
        );
        let identity = key.to_str().unwrap();
        home.ok(["set", "--identity", identity, "secret/a", "f"], b"v");
        assert_eq!(
            home.ok(["get", "--identity", identity, "secret/a#f"], b""),
            b"v"
        );
        home.fails(69, ["get", "secret/a#f"], b"");
    }
}

#[test]
fn a_rewrite_reaches_all_recipients() {
    let (alice, bob) = (Home::with_store(), Home::with_store());
    std::fs::remove_file(alice.store()).unwrap();
    alice.ok(["init", "--recipient", &public(&bob)], b"");
    // Bob was named, and Alice's own identity was there: both open it, also after a rewrite.
    alice.ok(["set", "secret/a", "f"], b"v");
    std::fs::copy(alice.store(), bob.store()).unwrap();
    assert_eq!(bob.ok(["get", "secret/a#f"], b""), b"v");
    bob.ok(["set", "secret/a", "f"], b"w");
    std::fs::copy(bob.store(), alice.store()).unwrap();
    assert_eq!(alice.ok(["get", "secret/a#f"], b""), b"w");

    alice.ok(["rekey", "--remove-recipient", &public(&bob)], b"");
    std::fs::copy(alice.store(), bob.store()).unwrap();
    let error = bob.fails(69, ["get", "secret/a#f"], b"");
    assert!(
        error.contains("identity.txt") && error.contains("--identity"),
        "{error}"
    );
    // Both identities together open it; comments and empty lines are fine.
    let both = bob.path().join("both");
    let text = [bob.identity(), alice.identity()].map(|f| std::fs::read_to_string(f).unwrap());
    std::fs::write(&both, text.join("\n# more\n\n")).unwrap();
    let both = both.to_str().unwrap();
    assert_eq!(bob.ok(["get", "--identity", both, "secret/a#f"], b""), b"w");
}

#[test]
fn rekey_refuses_to_lock_us_out() {
    let (home, other) = (Home::with_store(), Home::with_store());
    home.ok(["set", "secret/a", "f"], b"v");
    let before = std::fs::read(home.store()).unwrap();
    for arguments in [
        &["rekey", "--recipient", &public(&other)][..],
        &[
            "rekey",
            "--add-recipient",
            &public(&other),
            "--remove-recipient",
            &public(&home),
        ],
        &["rekey", "--remove-recipient", &public(&home)],
        &["rekey", "--remove-recipient", &public(&other)],
        &["rekey", "--recipient", "age1mistyped"],
    ] {
        home.fails(64, arguments, b"");
        assert_eq!(
            std::fs::read(home.store()).unwrap(),
            before,
            "{arguments:?}"
        );
    }
    home.ok(["rekey"], b"");
    assert_ne!(std::fs::read(home.store()).unwrap(), before);
    assert_eq!(home.ok(["get", "secret/a#f"], b""), b"v");
    home.ok(["rekey", "--force", "--recipient", &public(&other)], b"");
    home.fails(69, ["get", "secret/a#f"], b"");
    std::fs::copy(home.store(), other.store()).unwrap();
    assert_eq!(other.ok(["get", "secret/a#f"], b""), b"v");
}

#[test]
fn a_passphrase_opens_a_store_and_can_be_changed() {
    let home = Home::new();
    let file = |name: &str, text: &str| {
        let file = home.path().join(name);
        std::fs::write(&file, text).unwrap();
        file.into_os_string().into_string().unwrap()
    };
    let (first, second) = (
        file("first", "correct horse\n"),
        file("second", "battery staple"),
    );
    let with = |file: &str, rest: &[&str]| {
        let mut all = vec![rest[0], "--passphrase-file", file];
        all.extend_from_slice(&rest[1..]);
        all.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    home.ok(with(&first, &["init", "--passphrase"]), b"");
    home.ok(with(&first, &["set", "secret/a", "f"]), b"v");
    assert_eq!(
        home.ok(with("-", &["get", "secret/a#f"]), b"correct horse\n"),
        b"v"
    );
    let error = home.fails(69, with(&second, &["get", "secret/a#f"]), b"");
    assert!(
        error.contains("passphrase") && !error.contains("battery"),
        "{error}"
    );
    home.fails(64, with("-", &["set", "secret/a", "f"]), b"correct horse\n");
    home.ok(
        with(
            &first,
            &["rekey", "--passphrase", "--new-passphrase-file", &second],
        ),
        b"",
    );
    assert_eq!(home.ok(with(&second, &["get", "secret/a#f"]), b""), b"v");
    home.fails(69, with(&first, &["get", "secret/a#f"]), b"");
    // Without file and terminal there is nobody to ask.
    let mut command = Command::new("setsid");
    let inner = home.command(["get", "secret/a#f"]);
    command
        .arg("-w")
        .arg(inner.get_program())
        .args(inner.get_args());
    command
        .env_clear()
        .env("HOME", home.path())
        .env("PATH", "/usr/bin:/bin");
    let output = cloudtaser_tests::store::run(&mut command, b"");
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(69), "{}", show(&output));
    assert!(error.contains("--passphrase-file"), "{error}");
}
