//! Signals while the wrapper logs in and fetches (P-5): it ends at once, nothing was started, and
//! no token stays.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cloudtaser_tests::process::eventually;
use cloudtaser_tests::running::pid_of;
use cloudtaser_tests::server::fault::{ALWAYS, Answer, Proxy};
use cloudtaser_tests::server::{Admin, Server, unique};
use cloudtaser_tests::{Ended, Wrapper};
use cloudtaser_wrapper::sys::signal::kill;
use serde_json::json;

use crate::app::count;

/// Longest time from a signal to the end. P-5 asks for a second; the other one is for a busy
/// machine. An ordinary revocation may take 3 s, and so would be seen.
const SOON: Duration = Duration::from_secs(2);

const REVOKE: &str = "POST /v1/auth/token/revoke-self";

/// What waits for the fault: the wrapper's own limits must not end it before the signal does.
const PATIENT: [&str; 4] = ["--request-timeout", "60s", "--total-timeout", "60s"];

struct Start {
    admin: Admin,
    policy: String,
    proxy: Proxy,
    wrapper: Wrapper,
}

impl Start {
    /// A start that stops where `method` and `path` are asked for.
    fn stopping_at(method: &str, path: &str, answer: Answer) -> Self {
        let server = Server::shared();
        let admin = server.admin();
        let kv = admin.kv(&unique("kv"), 2);
        kv.put("db", &json!({ "password": "p4ss" }));
        let policy = unique("interrupt");
        let rules = format!("path \"{}/*\" {{ capabilities = [\"read\"] }}", kv.mount);
        admin.policy(&policy, &rules);
        let mount = unique("approle");
        let role_id = admin.approle_login(&mount, "app", &[&policy]);
        let secret_id = admin.secret_id(&mount, "app");
        let proxy = Proxy::new(server);
        proxy.on(method, path, ALWAYS, answer);
        let pki = &server.pki;
        let wrapper = Wrapper::openbao_at(&proxy.url(), &pki.authority, Some(&pki.client))
            .login("approle", &mount, "")
            .flag("--role-id", &role_id)
            .flag_file("--secret-id-file", &secret_id)
            .flags(&PATIENT)
            .env("A", format!("vault:{}/db#password", kv.mount));
        Self {
            admin,
            policy,
            proxy,
            wrapper,
        }
    }

    fn command(&self) -> Command {
        let mut command = self.wrapper.command(&["sh", "-c", "echo > started; cat"]);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Waits until the proxy was asked for `path`.
    fn wait_for(&self, path: &str) {
        let is_asked = || self.proxy.asked().iter().any(|asked| asked.contains(path));
        assert!(
            eventually(is_asked),
            "{path} is not asked for: {:?}",
            self.proxy.asked()
        );
    }

    fn tokens(&self) -> usize {
        self.admin.accessors_with(&self.policy).len()
    }
}

/// Sends the signal and waits; the status, and how long that took.
fn interrupt(child: Child, signal: i32) -> (Ended, Duration) {
    kill(pid_of(&child), signal).expect("sent");
    let begin = Instant::now();
    let output = child.wait_with_output().expect("waited for");
    let ended = Ended {
        command: format!("signal {signal}"),
        output,
    };
    (ended, begin.elapsed())
}

#[test]
fn p5_a_signal_during_the_fetch_ends_the_start_and_revokes_the_token() {
    for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGQUIT] {
        let start = Start::stopping_at("GET", "/data/db", Answer::Silent);
        let child = start.command().spawn().expect("started");
        start.wait_for("/data/db");
        assert_eq!(start.tokens(), 1, "control: the login has made a token");
        assert_eq!(count(&start.proxy, REVOKE), 0, "before the signal");
        let (ended, took) = interrupt(child, signal);
        assert_eq!(ended.status(), 128 + signal, "{ended:?}");
        ended.says(&["ended by signal"]);
        assert!(took < SOON, "{took:?}");
        assert_eq!(count(&start.proxy, REVOKE), 1, "{ended:?}");
        assert_eq!(start.tokens(), 0, "{ended:?}");
        assert!(!start.wrapper.folder().join("started").exists());
    }
}

#[test]
fn p5_a_revocation_that_is_never_answered_does_not_hold_the_end_up() {
    let start = Start::stopping_at("GET", "/data/db", Answer::Silent);
    start
        .proxy
        .on("POST", "/revoke-self", ALWAYS, Answer::Silent);
    let child = start.command().spawn().expect("started");
    start.wait_for("/data/db");
    assert_eq!(count(&start.proxy, REVOKE), 0, "before the signal");
    let (ended, took) = interrupt(child, libc::SIGTERM);
    assert_eq!(ended.status(), 128 + libc::SIGTERM, "{ended:?}");
    ended.says(&["ended by signal"]);
    assert!(took < SOON, "{took:?}");
    assert!(count(&start.proxy, REVOKE) > 0, "{ended:?}");
    // Control: the proxy has not passed it on.
    assert_eq!(start.tokens(), 1, "{ended:?}");
    assert!(!start.wrapper.folder().join("started").exists());
}

#[test]
fn p5_a_signal_while_the_login_is_under_way_leaves_no_token() {
    // The server has made the token; its answer comes a moment later.
    let delay = Duration::from_millis(150);
    let start = Start::stopping_at("POST", "/login", Answer::Delayed(delay));
    let child = start.command().spawn().expect("started");
    start.wait_for("/login");
    let (ended, took) = interrupt(child, libc::SIGTERM);
    assert_eq!(ended.status(), 128 + libc::SIGTERM, "{ended:?}");
    assert!(took < SOON, "{took:?}");
    assert!(eventually(|| start.tokens() == 0), "{ended:?}");
}

#[test]
fn a_signal_that_we_were_started_to_ignore_does_not_end_the_fetch() {
    let delay = Duration::from_millis(500);
    let start = Start::stopping_at("GET", "/data/db", Answer::Delayed(delay));
    let mut inner = start.command();
    let words = std::iter::once(inner.get_program().to_owned())
        .chain(inner.get_args().map(ToOwned::to_owned))
        .collect::<Vec<_>>();
    let mut command = Command::new("nohup");
    command
        .args(words)
        .env_clear()
        .current_dir(start.wrapper.folder());
    for (name, value) in inner.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("nohup");
    start.wait_for("/data/db");
    kill(pid_of(&child), libc::SIGHUP).expect("sent");
    let is_started = || start.wrapper.folder().join("started").exists();
    assert!(eventually(is_started), "the program was not started");
    drop(child.stdin.take());
    let status = child.wait().expect("waited for");
    assert!(status.success(), "{status}");
    assert_eq!(start.tokens(), 0);
    let _unused = inner.stdin(Stdio::null());
}

#[test]
fn a_signal_that_is_not_meant_to_end_us_waits_for_the_program() {
    let delay = Duration::from_millis(300);
    let start = Start::stopping_at("GET", "/data/db", Answer::Delayed(delay));
    let program = "trap 'echo got; exit 5' USR1; echo > started; while :; do sleep 0.05; done";
    let mut command = start.wrapper.command(&["sh", "-c", program]);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("started");
    start.wait_for("/data/db");
    kill(pid_of(&child), libc::SIGUSR1).expect("sent");
    let output = child.wait_with_output().expect("waited for");
    // The program may get it before its trap stands, and then it dies of it.
    let ended = Ended {
        command: String::from("USR1"),
        output,
    };
    let is_passed_on = [5, 128 + libc::SIGUSR1].contains(&ended.status());
    assert!(is_passed_on, "{ended:?}");
}
