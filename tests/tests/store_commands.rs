//! `cloudtaser store` from outside: each command does its work, and shows no value elsewhere.
#![expect(clippy::unwrap_used, reason = "tests panic, so that the line is shown")]

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use cloudtaser_tests::marker;
use cloudtaser_tests::store::{Home, show};

fn mode(file: &std::path::Path) -> u32 {
    std::fs::metadata(file).unwrap().permissions().mode() & 0o7777
}

#[test]
fn init_makes_private_files_and_overwrites_nothing() {
    let home = Home::with_store();
    assert_eq!(
        (mode(&home.identity()), mode(&home.store())),
        (0o600, 0o600)
    );
    assert_eq!(mode(home.identity().parent().unwrap()), 0o700);
    let before = (
        std::fs::read(home.identity()).unwrap(),
        std::fs::read(home.store()).unwrap(),
    );
    let error = home.fails(64, ["init"], b"");
    assert!(
        error.contains("store.age") && error.contains("nothing was changed"),
        "{error}"
    );
    std::fs::rename(home.store(), home.path().join("other.age")).unwrap();
    home.ok(["init"], b"");
    assert_eq!(
        std::fs::read(home.identity()).unwrap(),
        before.0,
        "the identity was replaced"
    );

    // A symbolic link to nothing is something.
    std::fs::remove_file(home.store()).unwrap();
    std::os::unix::fs::symlink("nowhere", home.store()).unwrap();
    home.fails(64, ["init"], b"");
}

#[test]
fn values_come_back_byte_for_byte() {
    let home = Home::with_store();
    let long = "x".repeat(1 << 20);
    for value in [
        "",
        "plain",
        "two\nlines\n",
        "é ‘’ \u{0} \u{7f}",
        "${HOME} \"'\\",
        &long,
    ] {
        home.ok(["set", "secret/a", "field"], value.as_bytes());
        assert_eq!(home.ok(["get", "secret/a#field"], b""), value.as_bytes());
        home.ok(["set", "secret/a", "dash=-"], value.as_bytes());
        assert_eq!(
            home.ok(["get", "secret/data/a", "--field", "dash"], b""),
            value.as_bytes()
        );
        let file = home.path().join("value");
        std::fs::write(&file, value).unwrap();
        home.ok(
            ["set", "secret/a", &format!("file=@{}", file.display())],
            b"",
        );
        assert_eq!(home.ok(["get", "secret/a#file"], b""), value.as_bytes());
    }
    let too_long = format!("{long}x");
    let error = home.fails(64, ["set", "secret/a", "field"], too_long.as_bytes());
    assert!(error.contains("1 MiB"), "{error}");
}

#[test]
fn json_base64_and_newlines_are_taken_as_asked() {
    let home = Home::with_store();
    let digits = b"123456789012345678901234567890.10";
    home.ok(["set", "--json", "secret/a", "n"], digits);
    assert_eq!(home.ok(["get", "secret/a#n"], b""), digits);
    home.ok(
        ["set", "--json", "secret/a", "o"],
        br#"{"z": [1, null], "a": 1.0}"#,
    );
    assert_eq!(
        home.ok(["get", "secret/a#o"], b""),
        br#"{"z":[1,null],"a":1.0}"#
    );
    home.ok(["set", "--base64", "secret/a", "b"], b"\xff\x00");
    assert_eq!(home.ok(["get", "secret/a#b"], b""), b"/wA=");
    let error = home.fails(64, ["set", "secret/a", "b"], b"\xff\x00");
    assert!(error.contains("--base64"), "{error}");

    let output = home.run(["set", "secret/a", "line"], b"x\n");
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("--strip-newline"),
        "no note"
    );
    assert_eq!(home.ok(["get", "secret/a#line"], b""), b"x\n");
    let output = home.run(["set", "--strip-newline", "secret/a", "line"], b"x\n\n");
    assert!(output.stderr.is_empty(), "{}", show(&output));
    assert_eq!(home.ok(["get", "secret/a#line"], b""), b"x\n");
}

#[test]
fn versions_follow_kv_2() {
    let home = Home::with_store();
    for value in ["one", "two", "three"] {
        home.ok(["set", "secret/a", "f"], value.as_bytes());
    }
    home.ok(["set", "secret/a", "g"], b"g");
    assert_eq!(home.ok(["get", "secret/a#f#2"], b""), b"two");
    assert_eq!(
        home.ok(["get", "secret/a#f", "--version", "1"], b""),
        b"one"
    );
    assert_eq!(
        home.ok(["get", "secret/a#f"], b""),
        b"three",
        "set dropped the other field"
    );

    let error = home.fails(64, ["set", "--cas", "3", "secret/a", "f"], b"x");
    assert!(error.contains("version 4, not 3"), "{error}");
    home.fails(64, ["set", "--cas", "0", "secret/a", "f"], b"x");
    home.ok(["set", "--cas", "4", "--replace", "secret/a", "f"], b"five");
    home.fails(66, ["get", "secret/a#g"], b"");
    home.ok(["set", "--cas", "0", "secret/new", "f"], b"x");

    home.ok(["rm", "secret/a"], b"");
    assert!(
        home.fails(66, ["get", "secret/a#f"], b"")
            .contains("can be restored")
    );
    home.ok(["undelete", "secret/a", "--versions", "5"], b"");
    assert_eq!(home.ok(["get", "secret/a#f"], b""), b"five");
    home.ok(["rm", "secret/a", "--versions", "1,2", "--destroy"], b"");
    assert!(
        home.fails(66, ["get", "secret/a#f#2"], b"")
            .contains("cannot be restored")
    );
    home.fails(66, ["undelete", "secret/a", "--versions", "2"], b"");
    assert!(
        home.fails(66, ["rm", "secret/a", "--versions", "3,9"], b"")
            .contains("no version 9")
    );
    assert_eq!(
        home.ok(["get", "secret/a#f#3"], b""),
        b"three",
        "half of a failed rm was done"
    );
    home.ok(["rm", "secret/a", "--all"], b"");
    assert!(
        home.fails(66, ["get", "secret/a"], b"")
            .contains("no secret")
    );
    assert_eq!(home.ok(["list"], b""), b"secret/new\n");
}

#[test]
fn list_shows_names_and_no_value() {
    let home = Home::with_store();
    let secret = marker();
    home.ok(["set", "secret/app/db", "password"], secret.as_bytes());
    home.ok(["set", "secret/other", "user"], secret.as_bytes());
    assert_eq!(home.ok(["list", "secret/app"], b""), b"secret/app/db\n");
    for arguments in [&["list", "-l"][..], &["ls", "--json"]] {
        let text = String::from_utf8(home.ok(arguments, b"")).unwrap();
        assert!(text.contains("password") && text.contains("user"), "{text}");
        assert!(!text.contains(&secret), "{text}");
    }
}

#[test]
fn a_literal_value_is_refused_and_not_repeated() {
    // The one value in this file that stands in argv: that it must not is what is tested.
    let home = Home::with_store();
    let planted = marker();
    let error = home.fails(64, ["set", "secret/a", &format!("password={planted}")], b"");
    assert!(
        error.contains("command line") && error.contains("password=@FILE"),
        "{error}"
    );
    assert!(!error.contains(&planted), "{error}");
    assert_eq!(home.ok(["list"], b""), b"");
}

#[test]
fn no_failing_command_shows_a_value() {
    let home = Home::with_store();
    let secret = marker();
    home.ok(["set", "secret/a", "f"], secret.as_bytes());
    let broken = format!("{{\"secret/a\": {{\"f\": \"{secret}\", }}}}");
    let flat = format!("{{\"secret/a\": \"{secret}\"}}");
    let string = format!("\"{secret}\"");
    let dotenv = format!("A='{secret}");
    for (arguments, input) in [
        (&["import", "--format", "json"][..], &broken),
        (&["import", "--format", "json"], &flat),
        (&["import", "--format", "json"], &string),
        (
            &["import", "--format", "json", "--path", "secret/b"],
            &string,
        ),
        (
            &["import", "--format", "dotenv", "--path", "secret/b"],
            &dotenv,
        ),
        (
            &["import", "--format", "dotenv", "--path", "secret/b"],
            &secret,
        ),
        (&["set", "--json", "secret/b", "f"], &broken),
        (&["get", "secret/a#g"], &secret),
        (&["get", "secret/a#f#9"], &secret),
    ] {
        let output = home.run(arguments, input.as_bytes());
        assert!(!output.status.success(), "{arguments:?}");
        assert!(
            !show(&output).contains(&secret),
            "{arguments:?}: {}",
            show(&output)
        );
    }
    assert_eq!(home.ok(["list"], b""), b"secret/a\n");
    // Control: a successful one shows it.
    assert_eq!(home.ok(["get", "secret/a#f"], b""), secret.as_bytes());
}

#[test]
fn import_is_all_or_nothing_and_export_reads_back() {
    let home = Home::with_store();
    let json =
        br#"{"secret/a": {"x": "1", "n": 1.50, "o": {"k": []}}, "kv/app/b": {"y": "$HOME"}}"#;
    let dry = home.ok(["import", "--format", "json", "--dry-run"], json);
    assert!(
        String::from_utf8(dry)
            .unwrap()
            .contains("secret/a would be at version 1: x, n, o")
    );
    assert_eq!(home.ok(["list"], b""), b"", "a dry run wrote");
    let bad = br#"{"secret/a": {"x": "1"}, "nomount": {"y": "2"}}"#;
    home.fails(64, ["import", "--format", "json"], bad);
    assert_eq!(home.ok(["list"], b""), b"", "half of it was written");

    home.ok(["import", "--format", "json", "-"], json);
    let exported = home.ok(["export"], b"");
    let again = home.ok(["import", "--format", "json"], &exported);
    let again = String::from_utf8(again).unwrap();
    assert_eq!(again, "kv/app/b is unchanged\nsecret/a is unchanged\n");
    let other = Home::with_store();
    other.ok(["import", "--format", "json"], &exported);
    assert_eq!(other.ok(["export"], b""), exported);
    assert_eq!(other.ok(["get", "secret/a#n"], b""), b"1.50");

    let dotenv = b"# c\r\nexport A='two\nlines' # c\r\nB=\"q\\\" \\$x $HOME\"\r\nC=a b#c\r\n";
    std::fs::write(home.path().join(".env"), dotenv).unwrap();
    home.fails(64, ["import", ".env"], b"");
    home.ok(["import", "--path", "secret/env", ".env"], b"");
    assert_eq!(home.ok(["get", "secret/env#A"], b""), b"two\nlines");
    assert_eq!(home.ok(["get", "secret/env#B"], b""), b"q\" $x $HOME");
    assert_eq!(home.ok(["get", "secret/env#C"], b""), b"a b#c");
    let exported = home.ok(["export", "--format", "dotenv", "secret/env"], b"");
    let again = home.ok(
        ["import", "--format", "dotenv", "--path", "secret/env"],
        &exported,
    );
    assert_eq!(again, b"secret/env is unchanged\n");

    // A shell reads what was exported, and expands nothing.
    std::fs::write(home.path().join("exported"), &exported).unwrap();
    let shell = Command::new("sh")
        .args(["-c", ". ./exported; printf %s \"$B\""])
        .current_dir(home.path())
        .output()
        .unwrap();
    assert_eq!(shell.stdout, b"q\" $x $HOME", "{}", show(&shell));

    home.ok(["rm", "secret/a"], b"");
    assert!(
        !home
            .ok(["export"], b"")
            .windows(8)
            .any(|w| w == b"secret/a")
    );
    home.fails(66, ["export", "secret/a"], b"");
    let all = home.ok(["export", "--all-versions", "secret/a"], b"");
    assert!(String::from_utf8(all).unwrap().contains("deletion_time"));
}

#[test]
fn each_command_has_help_with_an_example() {
    let home = Home::new();
    for command in [
        "init", "set", "get", "list", "rm", "undelete", "edit", "rekey", "import", "export",
    ] {
        let text = String::from_utf8(home.ok([command, "--help"], b"")).unwrap();
        assert!(text.contains("Example"), "{command}: {text}");
        assert!(
            text.contains(&format!("cloudtaser store {command}")),
            "{command}: {text}"
        );
    }
}
