//! The real server as the other tests suppose it to be: these are their controls.

use std::io::Read;
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::Arc;

use cloudtaser_tests::process::{eventually, is_alive, only_child};
use cloudtaser_tests::server::{Admin, Authority, Flaw, Server, Stage};
use cloudtaser_tests::wrapper::helper;
use cloudtaser_wrapper::sys::signal::kill;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use serde_json::{Value, json};

/// What the server says after the handshake to a client that sends nothing: its alert, if it has
/// one. A request on its way could hide it, for the server closes without reading that.
fn alert(server: &Server, config: ClientConfig) -> String {
    let name = "localhost".try_into().unwrap();
    let tls = ClientConnection::new(Arc::new(config), name).unwrap();
    let socket = TcpStream::connect(server.address()).unwrap();
    let answer = StreamOwned::new(tls, socket).read(&mut [0]);
    answer.unwrap_err().to_string()
}

#[test]
fn it_answers_over_mutual_tls() {
    assert_eq!(Server::shared().admin().health(), 200);
}

#[test]
fn it_refuses_who_has_no_client_certificate_or_anothers() {
    let server = Server::shared();
    let authority = &server.pki.authority;
    let stranger = Authority::new("another").client("client", Flaw::None);
    let expired = authority.client("client", Flaw::Expired);
    for (identity, reason) in [
        (None, "CertificateRequired"),
        (Some(&stranger), "UnknownCA"),
        (Some(&expired), "CertificateExpired"),
    ] {
        let tls = authority.client_config(identity);
        let said = alert(server, tls);
        assert!(said.contains(reason), "{said}");
    }
}

#[test]
fn its_other_listeners_answer_too() {
    let server = Server::shared();
    let tls = || server.pki.authority.client_config(None);
    let without = Admin::new(&server.url_without_client_certificate(), tls(), "");
    assert_eq!(without.health(), 200);
    assert_eq!(Admin::new(&server.url_http(), tls(), "").health(), 200);
    let socket = std::os::unix::net::UnixStream::connect(server.socket());
    assert!(socket.is_ok(), "{socket:?}");
}

#[test]
fn it_is_uninitialised_or_sealed_if_a_test_wants_that() {
    for (stage, status) in [(Stage::Uninitialised, 501), (Stage::Sealed, 503)] {
        let server = Server::start(stage);
        assert_eq!(server.admin().health(), status);
        let pid = server.pid();
        drop(server);
        assert!(!is_alive(pid));
    }
}

#[test]
fn a_revoked_token_is_seen_to_be_gone() {
    let admin = Server::shared().admin();
    let policy = cloudtaser_tests::server::unique("alive");
    admin.allow(&policy, "nothing");
    assert!(admin.accessors_with(&policy).is_empty());
    let token = admin.create_token(&[&policy]);
    assert!(admin.is_alive(&token.accessor));
    assert_eq!(
        Vec::from_iter(admin.accessors_with(&policy)),
        [token.accessor.as_str()]
    );
    let itself = admin.with_token(&token.token);
    let _answer = itself.write("auth/token/revoke-self", &Value::Null);
    assert!(!admin.is_alive(&token.accessor));
    assert!(admin.accessors_with(&policy).is_empty());
    assert_eq!(
        itself
            .ask("GET", "auth/token/lookup-self", &json!(null))
            .status,
        403
    );
}

#[test]
fn a_server_dies_with_whoever_started_it() {
    // Here a shell starts it and is killed, which gives it no time to clean up.
    let script = "\"$0\" death=15 parent=$$ -- sleep 600 & wait";
    let mut shell = Command::new("sh")
        .args(["-c", script])
        .arg(helper("start_with"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let server = only_child(i32::try_from(shell.id()).unwrap());
    let is_sleep = || std::fs::read_to_string(format!("/proc/{server}/comm"));
    assert!(eventually(|| is_sleep().is_ok_and(|name| name == "sleep\n")));
    assert!(is_alive(server));
    shell.kill().unwrap();
    shell.wait().unwrap();
    let is_gone = eventually(|| !is_alive(server));
    if !is_gone {
        drop(kill(server, 9));
    }
    assert!(is_gone);
}
