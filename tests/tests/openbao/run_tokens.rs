//! What becomes of a token: one of ours ends with the program, and before when there is none; one
//! that was handed to us stays; nobody else sees it.

use cloudtaser_tests::Wrapper;
use cloudtaser_tests::process::only_child;
use cloudtaser_tests::server::fault::{ALWAYS, Answer, Proxy};
use cloudtaser_wrapper::status;
use cloudtaser_wrapper::sys::signal::kill;
use serde_json::json;

use super::app::{OneSecret, Waiting, count, refused, text, with_secret};

#[test]
fn a_token_that_was_handed_to_us_stays() {
    let OneSecret { app, kv } = OneSecret::new();
    let token = app.admin.create_token(&[&app.name]);
    let of_file = Wrapper::openbao(app.server).token(&format!("{}\n", token.token));
    let ended = with_secret(of_file, &kv).run(&["true"]).with(0);
    assert!(!ended.stderr().contains("TOKEN"), "{ended:?}");
    for name in ["VAULT_TOKEN", "BAO_TOKEN"] {
        let wrapper = Wrapper::openbao(app.server).env(name, &token.token);
        let running = Waiting::start(with_secret(wrapper, &kv));
        assert_eq!(text(&running.environment, "A"), "s3cret");
        assert!(!running.environment.contains_key(name));
        running.end().says(&[name]);
    }
    assert!(app.admin.is_alive(&token.accessor));
}

#[test]
fn a_token_that_was_wrapped_for_us_ends_with_the_program() {
    let OneSecret { app, kv } = OneSecret::new();
    let parameters = json!({ "policies": [app.name], "ttl": "1h" });
    let wrap = || {
        app.admin
            .wrapped("POST", "auth/token/create", &parameters, "60s")
    };
    let wrapper = |wrapping: &str| {
        let wrapper = Wrapper::openbao(app.server).token(wrapping);
        wrapper.flags(&["--auth-wrapped"])
    };
    // Wrapped, it lives already; so it is counted before.
    let wrapping = wrap();
    let token = app.token();
    let running = Waiting::start(with_secret(wrapper(&wrapping), &kv));
    assert!(app.admin.is_alive(&token));
    let _ended = running.end();
    assert!(!app.admin.is_alive(&token));
    let again = with_secret(wrapper(&wrapping), &kv);
    let _ended = refused(&again, status::PRIVILEGE, &["was used before"]);
}

#[test]
fn a_batch_token_is_used_and_left_to_its_end() {
    let OneSecret { app, kv } = OneSecret::new();
    let role = format!("auth/{}/role/app", app.name);
    let _answer = app.admin.write(&role, &json!({ "token_type": "batch" }));
    let wrapper = with_secret(app.direct(), &kv);
    let ended = wrapper.run(&["sh", "-c", "printf %s \"$A\""]).with(0);
    assert_eq!(ended.stdout(), "s3cret");
    assert!(!ended.stderr().contains("token"), "{ended:?}");
    // It has no accessor: the server keeps nothing of it.
    assert!(app.tokens().is_empty());
}

#[test]
fn nothing_is_asked_of_the_server_when_there_is_no_program_to_start() {
    let OneSecret { app, kv } = OneSecret::new();
    let proxy = Proxy::new(app.server);
    let wrapper = with_secret(app.at(&proxy.url()), &kv);
    let no_program = wrapper.write("no-program", "x");
    let _ended = wrapper.run(&["no-such-program"]).with(127);
    let _ended = wrapper.run(&[no_program]).with(126);
    assert_eq!(proxy.connections(), 0);
    // Control.
    let _ended = wrapper.run(&["true"]).with(0);
    assert!(proxy.connections() > 0);
}

#[test]
fn a_start_that_fails_after_the_login_leaves_no_token() {
    let OneSecret { app, kv } = OneSecret::new();
    let proxy = Proxy::new(app.server);
    let revocations = || count(&proxy, "POST /v1/auth/token/revoke-self");
    let start = || with_secret(app.at(&proxy.url()), &kv);
    let missing = start().env("B", format!("vault:{}/none#f", kv.mount));
    let _ended = refused(&missing, status::NO_SECRET, &["no secret at"]);
    assert_eq!((app.tokens().len(), revocations()), (0, 1));
    // No memory is protected enough, which is seen when the values are there.
    let weak = start().flags(&["--min-protection", "secretmem"]);
    let weak = weak.under(format!("memfd_secret={}", libc::ENOSYS));
    let _ended = refused(&weak, status::PRIVILEGE, &["`secretmem` is demanded"]);
    assert_eq!((app.tokens().len(), revocations()), (0, 2));
}

#[test]
fn the_token_ends_with_the_program_however_that_ends() {
    let OneSecret { app, kv } = OneSecret::new();
    for (script, status) in [("exit 5", 5), ("kill -KILL $$", 137), ("exit 66", 66)] {
        let wrapper = with_secret(app.direct(), &kv);
        let _ended = wrapper.run(&["sh", "-c", script]).with(status);
        assert!(app.tokens().is_empty(), "{script}");
    }
    let running = Waiting::start(with_secret(app.direct(), &kv));
    let token = app.token();
    kill(running.pid(), libc::SIGTERM).unwrap();
    let _ended = running.end_with(128 + libc::SIGTERM);
    assert!(!app.admin.is_alive(&token));
}

#[test]
fn a_token_that_cannot_be_revoked_is_a_warning_and_the_status_is_the_programs() {
    let OneSecret { app, kv } = OneSecret::new();
    let proxy = Proxy::new(app.server);
    proxy.on("POST", "/revoke-self", ALWAYS, Answer::status(500));
    let wrapper = with_secret(app.at(&proxy.url()), &kv).flag("--retries", "0");
    let ended = wrapper.run(&["sh", "-c", "exit 5"]).with(5);
    ended.says(&["warning: the login token is not revoked", "status 500"]);
    let _left = app.token();
}

#[test]
fn a_token_without_the_right_to_revoke_itself_is_told_and_not_called_revoked() {
    let OneSecret { app, kv } = OneSecret::new();
    let path = format!("auth/{}/role/app", app.name);
    let role = json!({ "token_no_default_policy": true, "token_policies": [app.name] });
    let _answer = app.admin.write(&path, &role);
    let wrapper = with_secret(app.direct(), &kv).flags(&["--verbose"]);
    let ended = wrapper.run(&["true"]).with(0);
    ended.says(&["warning: the login token is not revoked", "revoke-self"]);
    assert!(!ended.stderr().contains("token is revoked"), "{ended:?}");
    // Control: it lives.
    let _left = app.token();
}

#[test]
fn p15_the_token_is_in_no_environment_and_no_argument() {
    if !cloudtaser_tests::running::is_root() {
        return;
    }
    let OneSecret { app, kv } = OneSecret::new();
    let proxy = Proxy::new(app.server);
    let running = Waiting::start(with_secret(app.at(&proxy.url()), &kv));
    let seen = proxy.seen();
    let token = seen
        .iter()
        .find_map(|seen| seen.request.header("x-vault-token"));
    let token = token.expect("a request with the token").as_bytes();
    let program = only_child(running.pid());
    let is_in = |pid: i32, file: &str, what: &[u8]| {
        let bytes = std::fs::read(format!("/proc/{pid}/{file}")).unwrap();
        assert!(!bytes.is_empty(), "{file} of {pid}");
        bytes.windows(what.len()).any(|window| window == what)
    };
    assert!(is_in(program, "environ", b"s3cret"), "control");
    for pid in [program, running.pid()] {
        for file in ["environ", "cmdline"] {
            assert!(!is_in(pid, file, token), "{file} of {pid}");
        }
    }
    assert!(!running.environment.values().any(|value| value == token));
    let _ended = running.end();
}
