//! `cloudtaser store edit`: the text is in memory only, and no mistake of an editor changes a
//! store.
#![expect(clippy::unwrap_used, reason = "tests panic, so that the line is shown")]

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use cloudtaser_tests::marker;
use cloudtaser_tests::store::{Home, run, show};

/// Makes a shell script to be used as an editor.
fn script(home: &Home, name: &str, text: &str) -> String {
    let file = home.path().join(name);
    std::fs::write(&file, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o700)).unwrap();
    file.into_os_string().into_string().unwrap()
}

#[test]
fn edit_works_in_memory() {
    let home = Home::with_store();
    let secret = marker();
    home.ok(["set", "secret/a", "f"], secret.as_bytes());
    let edit = |editor: &str| {
        run(
            home.command(["edit", "secret/a"]).env("EDITOR", editor),
            b"",
        )
    };
    let seen = home.path().join("seen");
    let replace = script(
        &home,
        "replace",
        &format!(
            "readlink \"$1\" > {}; t=$(sed 's/\"f\"/\"g\"/' \"$1\"); printf '%s' \"$t\" > \"$1\"",
            seen.display()
        ),
    );
    let output = edit(&replace);
    assert!(output.status.success(), "{}", show(&output));
    assert_eq!(home.ok(["get", "secret/a#g"], b""), secret.as_bytes());
    let link = std::fs::read_to_string(&seen).unwrap();
    assert!(link.starts_with("/memfd:"), "the editor was given {link}");

    let before = std::fs::read(home.store()).unwrap();
    let output = edit(&script(&home, "keep", "exit 0"));
    assert_eq!(
        output.stdout,
        b"secret/a is unchanged\n",
        "{}",
        show(&output)
    );
    let output = edit(&script(&home, "fail", "echo '{}' > \"$1\"; exit 3"));
    assert_eq!(output.status.code(), Some(70), "{}", show(&output));
    let broken = format!("printf '{{\\n  \"f\": \"{secret}\",\\n}}' > \"$1\"");
    let output = edit(&script(&home, "broken", &broken));
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(64), "{error}");
    assert!(error.contains("line 3, column 1"), "{error}");
    assert!(!error.contains(&secret), "{error}");
    assert_eq!(edit("/nonexistent/editor").status.code(), Some(70));
    assert_eq!(
        std::fs::read(home.store()).unwrap(),
        before,
        "something was written"
    );

    let output = run(
        home.command(["edit", "secret/new"]).env("VISUAL", &replace),
        b"",
    );
    assert_eq!(
        output.stdout,
        b"secret/new is unchanged\n",
        "{}",
        show(&output)
    );
}

/// Whether a file below the home folder holds `secret`.
fn holds(home: &Home, secret: &str) -> bool {
    let mut grep = Command::new("grep");
    // The pattern goes through standard input: arguments are no place for it.
    grep.args(["-rlaFf", "-"]).arg(home.path());
    run(&mut grep, secret.as_bytes()).status.success()
}

#[test]
fn vim_leaves_no_trace_whatever_its_settings() {
    let home = Home::with_store();
    let secret = marker();
    home.ok(["set", "secret/a", "f"], secret.as_bytes());
    let traces = "set swapfile backup writebackup undofile viminfo='100,<1000\n\
                  set directory=$HOME backupdir=$HOME undodir=$HOME updatecount=1\n";
    std::fs::write(home.path().join(".vimrc"), traces).unwrap();
    // Yanks the secret into a register, which viminfo would keep, and changes the field's name.
    let vim = "vim -E -s -u .vimrc -c normal!ggyG -c %s/\"f\"/\"g\"/ -c wq";
    let output = run(home.command(["edit", "secret/a"]).env("EDITOR", vim), b"");
    assert!(output.status.success(), "vim is needed: {}", show(&output));
    assert_eq!(home.ok(["get", "secret/a#g"], b""), secret.as_bytes());
    assert!(!holds(&home, &secret), "the secret stands in a file");

    // Control: with the same settings and a file on the disk, the traces are there.
    let file = home.path().join("plain.json");
    std::fs::write(&file, format!("{{\"f\": \"{secret}\"}}")).unwrap();
    let words: Vec<_> = vim.split(' ').collect();
    let mut plain = Command::new(words[0]);
    plain
        .args(&words[1..])
        .arg(&file)
        .env("HOME", home.path())
        .current_dir(home.path());
    assert!(run(&mut plain, b"").status.success());
    std::fs::remove_file(&file).unwrap();
    assert!(
        holds(&home, &secret),
        "this vim never leaves traces: the check shows nothing"
    );
}

#[test]
fn edit_does_not_overwrite_what_somebody_else_wrote() {
    let home = Home::with_store();
    home.ok(["set", "secret/a", "f"], b"mine");
    let other = format!(
        "printf theirs | {} store set secret/a f >/dev/null && echo '{{\"f\":\"late\"}}' > \"$1\"",
        cloudtaser_tests::cloudtaser()
            .canonicalize()
            .unwrap()
            .display()
    );
    let editor = script(&home, "other", &other);
    let output = run(
        home.command(["edit", "secret/a"]).env("EDITOR", &editor),
        b"",
    );
    assert_eq!(output.status.code(), Some(64), "{}", show(&output));
    assert_eq!(home.ok(["get", "secret/a#f"], b""), b"theirs");
}
