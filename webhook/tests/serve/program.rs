//! The program's own errors: each has its status, and says what to do.

use std::process::{Command, Output};

fn run(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cloudtaser-webhook"));
    command.env_clear().args(args).output().unwrap()
}

#[track_caller]
fn fails(args: &[&str], status: i32, words: &[&str]) {
    let ended = run(args);
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(status), "{said}");
    for word in words {
        assert!(said.contains(word), "{said}");
    }
}

#[test]
fn every_error_has_its_status_and_says_what_to_do() {
    let image = ["--copy-image", "c:1"];
    let with = |more: &[&'static str]| [&image[..], more].concat();
    fails(&[], 64, &["--copy-image"]);
    fails(&with(&["--drain", "soon"]), 64, &["--drain"]);
    fails(&with(&["--tls-cert", "a"]), 64, &["--tls-key"]);
    fails(
        &with(&["--log-level", "x=y=z"]),
        64,
        &["cannot read the levels `x=y=z`"],
    );
    fails(
        &with(&[]),
        69,
        &["there is no cluster here: give --kubeconfig"],
    );
    fails(
        &with(&["--registries", "/no/such"]),
        66,
        &["cannot read `/no/such`"],
    );
    fails(
        &with(&["--kubeconfig", "/no/such"]),
        66,
        &["cannot read `/no/such`"],
    );
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (odd, config) = (
        file("odd", "registries: [{host: a.example, colour: red}]"),
        file(
            "config",
            r#"{"apiVersion":"v1","kind":"Config","current-context":"a",
            "contexts":[{"name":"a","context":{"cluster":"a","user":"a"}}],
            "clusters":[{"name":"a","cluster":{"server":"https://127.0.0.1:1"}}],
            "users":[{"name":"a","user":{"token":"t0ken"}}]}"#,
        ),
    );
    let image = ["--copy-image", "c:1"];
    let with = |more: &[&str]| -> Vec<String> {
        let all = image.iter().chain(more);
        all.map(|text| (*text).to_owned()).collect()
    };
    let run = |more: &[&str], status, words: &[&str]| {
        let args = with(more);
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        fails(&args, status, words);
    };
    run(&["--registries", &odd], 64, &["registries in", "colour"]);
    run(&["--kubeconfig", &odd], 64, &["kubeconfig"]);
    run(
        &[
            "--kubeconfig",
            &config,
            "--tls-cert",
            &odd,
            "--tls-key",
            &odd,
        ],
        64,
        &["--tls-cert and --tls-key", "PEM"],
    );
    run(
        &[
            "--kubeconfig",
            &config,
            "--tls-cert",
            "/no/c",
            "--tls-key",
            "/no/k",
        ],
        66,
        &["cannot read `/no/c`"],
    );
    run(
        &[
            "--kubeconfig",
            &config,
            "--pull-config",
            &odd,
            "--listen",
            "127.0.0.1:0",
            "--probes",
            "127.0.0.1:0",
        ],
        64,
        &["logins"],
    );
    // An address that is taken.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    run(
        &["--kubeconfig", &config, "--listen", &address],
        69,
        &["cannot listen on", &address],
    );
}

#[test]
fn help_teaches() {
    let said = run(&["--help"]);
    assert_eq!(said.status.code(), Some(0));
    let said = String::from_utf8(said.stdout).unwrap();
    for word in [
        "Exit status",
        "Examples:",
        "CLOUDTASER_WEBHOOK_TLS_CERT",
        "NO_COLOR",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
}
