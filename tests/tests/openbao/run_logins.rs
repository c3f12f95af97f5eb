//! Each login of the product: at a mount and in a role of the test's choice, it makes one token,
//! which lives as long as the program.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::process::Command;

use cloudtaser_tests::Wrapper;
use cloudtaser_tests::process::eventually;
use cloudtaser_tests::server::fault::Proxy;
use cloudtaser_tests::server::{JwtKey, Kv, TokenReview, login_claims, unique};
use cloudtaser_wrapper::status;

use super::app::{App, OneSecret, Waiting, count, refused, text, with_secret};

/// One token while the program runs, and none after it.
#[track_caller]
fn makes_one_token(app: &App, kv: &Kv, wrapper: Wrapper) {
    assert!(app.tokens().is_empty());
    let running = Waiting::start(with_secret(wrapper, kv));
    assert_eq!(text(&running.environment, "A"), "s3cret");
    let token = app.token();
    assert!(app.admin.is_alive(&token));
    let ended = running.end();
    assert!(!app.admin.is_alive(&token), "{ended:?}");
    assert!(!ended.stderr().contains("token"), "{ended:?}");
}

#[test]
fn approle_logs_in() {
    let OneSecret { app, kv } = OneSecret::new();
    makes_one_token(&app, &kv, app.direct());
    let wrapped = app.admin.wrapped_secret_id(&app.name, "app");
    let wrapper = Wrapper::openbao(app.server)
        .login("approle", &format!("auth/{}", app.name), "")
        .flag_file("--role-id-file", &app.role_id)
        .flag_file("--secret-id-file", &wrapped)
        .flags(&["--auth-wrapped"]);
    makes_one_token(&app, &kv, wrapper);
}

#[test]
fn cert_logs_in_with_the_certificate_of_the_connection() {
    let OneSecret { app, kv } = OneSecret::new();
    let mount = unique("cert");
    let ca = app.server.pki.authority.pem();
    app.admin.cert_login(&mount, "web", &ca, &[&app.name]);
    let wrapper = Wrapper::openbao(app.server);
    makes_one_token(&app, &kv, wrapper.login("cert", &mount, "web"));
    let wrapper = Wrapper::openbao(app.server).login("cert", &mount, "other");
    let _ended = refused(
        &with_secret(wrapper, &kv),
        status::PRIVILEGE,
        &["role `other`"],
    );
}

#[test]
fn jwt_logs_in_with_a_signed_token() {
    let OneSecret { app, kv } = OneSecret::new();
    let (mount, key) = (unique("team/jwt"), JwtKey::new());
    app.admin.jwt_login(&mount, "web", &key, &[&app.name]);
    let jwt = key.sign(&login_claims("web"));
    let wrapper = || Wrapper::openbao(app.server).flag_file("--jwt-file", &format!("{jwt}\n"));
    makes_one_token(&app, &kv, wrapper().login("jwt", &mount, "web"));
    let other = wrapper().login("jwt", &mount, "other");
    let _ended = refused(
        &with_secret(other, &kv),
        status::PRIVILEGE,
        &["role `other`"],
    );
}

#[test]
fn kubernetes_logs_in_with_the_service_accounts_token() {
    let OneSecret { app, kv } = OneSecret::new();
    let (mount, cluster) = (unique("kubernetes"), TokenReview::start());
    let account = ("shop", "web");
    app.admin
        .kubernetes_login(&mount, "web", account, &cluster, &[&app.name]);
    let wrapper = |account: &str| {
        let wrapper = Wrapper::openbao(app.server).login("kubernetes", &mount, "web");
        wrapper.flag_file("--jwt-file", &cluster.issue("shop", account))
    };
    makes_one_token(&app, &kv, wrapper("web"));
    let other = with_secret(wrapper("other"), &kv);
    let _ended = refused(
        &other,
        status::PRIVILEGE,
        &["service account bound to the role"],
    );
}

#[test]
fn a_login_is_tried_again_with_a_service_account_token_that_has_been_replaced() {
    let OneSecret { app, kv } = OneSecret::new();
    let (mount, cluster) = (unique("kubernetes"), TokenReview::start());
    let account = ("shop", "web");
    app.admin
        .kubernetes_login(&mount, "web", account, &cluster, &[&app.name]);
    let proxy = Proxy::new(app.server);
    let pki = &app.server.pki;
    let wrapper = Wrapper::openbao_at(&proxy.url(), &pki.authority, Some(&pki.client));
    let file = wrapper.folder().join("token");
    let wrapper = with_secret(wrapper, &kv)
        .login("kubernetes", &mount, "web")
        .flag("--jwt-file", &file);
    // A pipe gives each reader what is written for it, and so says when it is read.
    let made = Command::new("mkfifo").arg(&file).status().unwrap();
    assert!(made.success(), "mkfifo: {made}");
    let write = |token: &str| {
        let mut options = OpenOptions::new();
        // Without a reader this fails instead of waiting for one (fifo(7)).
        options.write(true).custom_flags(libc::O_NONBLOCK);
        let mut pipe = None;
        let is_read = eventually(|| {
            pipe = options.open(&file).ok();
            pipe.is_some()
        });
        assert!(is_read, "the token is not read: {:?}", proxy.asked());
        pipe.unwrap().write_all(token.as_bytes()).unwrap();
    };
    let (old, new) = ("no.longer.good", cluster.issue("shop", "web"));
    let logins = || count(&proxy, "POST /v1/auth/");
    let ended = std::thread::scope(|scope| {
        let start = scope.spawn(|| wrapper.run(&["sh", "-c", "printf %s \"$A\""]));
        write(old);
        assert!(eventually(|| logins() == 1));
        write(&new);
        start.join().unwrap()
    });
    assert_eq!(ended.with(0).stdout(), "s3cret");
    assert_eq!(count(&proxy, &format!("POST /v1/auth/{mount}/login")), 2);
    assert!(app.tokens().is_empty());
    // Control: one that is the same still is not tried twice.
    let before = proxy.asked().len();
    let wrapper = Wrapper::openbao_at(&proxy.url(), &pki.authority, Some(&pki.client))
        .login("kubernetes", &mount, "web")
        .flag_file("--jwt-file", old);
    let _ended = refused(
        &with_secret(wrapper, &kv),
        status::PRIVILEGE,
        &["status 403"],
    );
    assert_eq!(proxy.asked().len(), before + 1, "{:?}", proxy.asked());
}
