//! The program's own errors: each has its status, and says what to do.

use std::process::{Command, Output, Stdio};

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
        file("config", KUBECONFIG),
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

/// A program that runs, with the lines of its log.
struct Running {
    child: std::process::Child,
    lines: std::io::Lines<std::io::BufReader<std::process::ChildStderr>>,
}

impl Running {
    /// Against an API server that is not there.
    fn start(more: &[&str], variables: &[(&str, &str)]) -> Self {
        use std::io::BufRead;
        let folder = tempfile::tempdir().unwrap().keep();
        let config = folder.join("config");
        std::fs::write(&config, KUBECONFIG).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_cloudtaser-webhook"));
        command.env_clear().envs(variables.iter().copied());
        command.args(["--copy-image", "c:1", "--drain", "0s"]);
        command.args(["--listen", "127.0.0.1:0", "--probes", "127.0.0.1:0"]);
        command.arg("--kubeconfig").arg(&config).args(more);
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let lines = std::io::BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The next line that has this word.
    fn line(&mut self, word: &str) -> String {
        let mut lines = self.lines.by_ref().map(Result::unwrap);
        lines
            .find(|line| line.contains(word))
            .expect("the program ended")
    }

    /// SIGTERM, and the status.
    fn end(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        let killed = Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        assert!(killed.success());
        // Whatever is still said must not fill the pipe.
        let _rest = self.lines.by_ref().count();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ended = self.child.kill();
    }
}

const KUBECONFIG: &str = r#"{"apiVersion":"v1","kind":"Config","current-context":"a",
    "contexts":[{"name":"a","context":{"cluster":"a","user":"a"}}],
    "clusters":[{"name":"a","cluster":{"server":"https://127.0.0.1:1"}}],
    "users":[{"name":"a","user":{"token":"t0ken-of-the-test"}}]}"#;

#[tokio::test]
async fn without_an_api_server_it_waits_not_ready_and_ends_when_asked() {
    let mut running = Running::start(&[], &[]);
    let line = running.line("\"listening\"");
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    let probes: std::net::SocketAddr = line["probes"].as_str().unwrap().parse().unwrap();
    let said = running.line("profiles are not watched");
    assert!(!said.contains("t0ken"), "{said}");
    let (status, text) = crate::support::page_of(probes, "/readyz").await;
    assert_eq!(status, 503);
    assert!(
        text.contains("[-]certificate failed: there is none yet"),
        "{text}"
    );
    assert_eq!(crate::support::page_of(probes, "/healthz").await.0, 200);
    assert_eq!(running.end(), Some(0));
}

#[test]
fn the_log_is_json_or_text_and_has_colours_only_where_asked_for() {
    let is_json = |line: &str| serde_json::from_str::<serde_json::Value>(line).is_ok();
    for (flags, variables, json, colours) in [
        (&[][..], &[][..], true, false),
        (&["--log-format", "text"], &[], false, false),
        (
            &["--log-format", "text", "--color", "always"],
            &[],
            false,
            true,
        ),
        (
            &[],
            &[("CLOUDTASER_WEBHOOK_LOG_FORMAT", "text")],
            false,
            false,
        ),
        // A flag wins over its variable.
        (
            &["--log-format", "json"],
            &[("CLOUDTASER_WEBHOOK_LOG_FORMAT", "text")],
            true,
            false,
        ),
    ] {
        let mut running = Running::start(flags, variables);
        let line = running.line("listening");
        assert_eq!(is_json(&line), json, "{flags:?}: {line}");
        assert_eq!(line.contains('\u{1b}'), colours, "{flags:?}: {line}");
        assert_eq!(running.end(), Some(0));
    }
}

#[test]
fn levels_are_by_flag() {
    let mut quiet = Running::start(&["--log-level", "off,cloudtaser_webhook=warn"], &[]);
    let line = quiet.line("");
    assert!(line.contains("WARN"), "{line}");
    assert_eq!(quiet.end(), Some(0));
}
