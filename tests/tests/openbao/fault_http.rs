//! Each answer of the fault proxy, as a plain client sees it: the controls of the tests in which
//! the wrapper sees them.

use std::time::{Duration, Instant};

use cloudtaser_tests::server::fault::{ALWAYS, Answer, Proxy};
use cloudtaser_tests::server::{Admin, Flaw, Identity, Server};
use serde_json::{Value, json};

const HEALTH: &str = "sys/health";

/// A client of a proxy, with the certificate of the server's clients and the root token.
fn client(proxy: &Proxy) -> Admin {
    let server = Server::shared();
    let tls = server.pki.authority.client_config(Some(&server.pki.client));
    Admin::new(&proxy.url(), tls, server.admin().token())
}

fn health(proxy: &Proxy) -> Result<u16, String> {
    let reply = client(proxy).try_ask("GET", HEALTH, &Value::Null);
    reply.map(|reply| reply.status)
}

/// What a client is told when the proxy answers so.
fn refused(answer: Answer) -> String {
    let proxy = Proxy::new(Server::shared());
    proxy.on("", HEALTH, ALWAYS, answer);
    health(&proxy).unwrap_err()
}

#[test]
fn without_a_rule_the_server_answers_and_all_is_recorded() {
    let server = Server::shared();
    let proxy = Proxy::new(server);
    let admin = client(&proxy).in_namespace("team");
    let body = json!({ "accessor": "none" });
    let reply = admin.ask("POST", "auth/token/lookup-accessor?x=1", &body);
    assert!(reply.status >= 400, "{reply:?}");
    assert!(reply.body["errors"][0].is_string(), "{reply:?}");
    assert_eq!(client(&proxy).health(), 200);

    let seen = proxy.seen();
    let path = "/v1/auth/token/lookup-accessor?x=1";
    assert_eq!(
        proxy.asked(),
        [format!("POST {path}"), format!("GET /v1/{HEALTH}")]
    );
    assert_eq!(seen[0].request.header("x-vault-namespace"), Some("team"));
    assert_eq!(seen[0].request.header("x-vault-token"), Some(admin.token()));
    assert_eq!(seen[0].request.body, body.to_string().as_bytes());
    assert_eq!(seen[0].request.minor_version, 1);
    assert_eq!(seen[0].tls, "TLSv1_3");
    assert_eq!(seen[0].key_exchange, "X25519MLKEM768");
    let certificate = server.pki.client.certificate_der();
    assert_eq!(seen[0].client_certificate, certificate);
    assert_eq!((seen[0].connection, seen[1].connection), (1, 2));
    assert_eq!(proxy.connections(), 2);
}

#[test]
fn one_client_keeps_one_connection() {
    let proxy = Proxy::new(Server::shared());
    let client = client(&proxy);
    for _ in 0..3 {
        assert_eq!(client.health(), 200);
    }
    assert_eq!(proxy.connections(), 1);
}

#[test]
fn a_flawed_certificate_is_refused_and_the_proxy_is_told() {
    let server = Server::shared();
    let authority = &server.pki.authority;
    for (flaw, reason, alert) in [
        (Flaw::Expired, "certificate expired", "CertificateExpired"),
        (Flaw::NotYetValid, "not valid yet", "CertificateExpired"),
        (Flaw::WrongName, "not valid for name", "BadCertificate"),
        (Flaw::SelfSigned, "UnknownIssuer", "UnknownCA"),
        (
            Flaw::WrongUsage,
            "does not allow extended key usage",
            "UnsupportedCertificate",
        ),
    ] {
        let proxy = Proxy::showing(server, &authority.server(flaw));
        let said = health(&proxy).unwrap_err();
        assert!(said.contains(reason), "{said}");
        assert!(proxy.refusal().contains(alert), "{}", proxy.refusal());
        assert!(proxy.seen().is_empty());
    }
}

#[test]
fn a_revoked_certificate_is_refused_by_who_has_the_list() {
    let server = Server::shared();
    let authority = &server.pki.authority;
    let (revoked, other) = (authority.server(Flaw::None), authority.server(Flaw::None));
    let crl = authority.crl(&[&revoked]);
    let ask = |certificate: &Identity| {
        let proxy = Proxy::showing(server, certificate);
        let tls = authority.client_config_with_crl(&crl, Some(&server.pki.client));
        let reply = Admin::new(&proxy.url(), tls, "").try_ask("GET", HEALTH, &Value::Null);
        assert_eq!(health(&proxy), Ok(200), "without the list");
        reply.map(|reply| reply.status)
    };
    assert_eq!(ask(&other), Ok(200));
    let said = ask(&revoked).unwrap_err();
    assert!(said.contains("Revoked"), "{said}");
}

#[test]
fn a_rule_is_used_up_and_the_next_one_counts() {
    let proxy = Proxy::new(Server::shared());
    let busy = Answer::status(429).with("retry-after", "1");
    proxy.on("GET", HEALTH, 2, busy);
    proxy.on(
        "",
        "sys/",
        1,
        Answer::json(503, &json!({ "errors": ["x"] })),
    );
    proxy.on("POST", HEALTH, ALWAYS, Answer::status(400));
    let statuses: Vec<_> = (0..4).map(|_| health(&proxy).unwrap()).collect();
    assert_eq!(statuses, [429, 429, 503, 200]);
    assert_eq!(proxy.asked().len(), 4);
}

#[test]
fn an_answer_is_cut_late_slow_or_changed() {
    let proxy = Proxy::new(Server::shared());
    let client = client(&proxy);
    let ask = || client.try_ask("GET", HEALTH, &Value::Null);
    let edit = |body: &mut Value| body["sealed"] = json!("perhaps");
    proxy.on("", "", 1, Answer::CutBody(10));
    proxy.on("", "", 1, Answer::Edited(edit));
    proxy.on("", "", 1, Answer::DripBody(Duration::from_millis(1)));
    proxy.on("", "", 1, Answer::Delayed(Duration::from_millis(100)));
    let said = ask().unwrap_err();
    assert!(said.contains("end of file before message length"), "{said}");
    assert_eq!(ask().unwrap().body["sealed"], "perhaps");
    for least in [100, 100] {
        let start = Instant::now();
        assert_eq!(ask().unwrap().body["sealed"], false);
        assert!(start.elapsed() >= Duration::from_millis(least));
    }
}

#[test]
fn no_answer_or_a_torn_one_is_an_error() {
    for (answer, reason) in [
        (Answer::Close, "without sending TLS close_notify"),
        (
            Answer::Raw(b"SSH-2.0-x\r\n\r\n".to_vec()),
            "invalid HTTP version",
        ),
        (
            Answer::Raw(b"HTTP/1.1 200 OK\r\ncontent-".to_vec()),
            "connection closed",
        ),
        (Answer::EndlessHeaders, "message head is too large"),
    ] {
        let said = refused(answer);
        assert!(said.contains(reason), "{said}");
    }
}

#[test]
fn a_token_is_echoed_and_json_is_what_a_test_says() {
    let proxy = Proxy::new(Server::shared());
    let client = client(&proxy);
    let ask = || client.ask("GET", HEALTH, &Value::Null);
    proxy.on("", "", 1, Answer::EchoToken(403));
    proxy.on("", "", 1, Answer::text(200, "{\"data\": {"));
    proxy.on("", "", 1, Answer::json(200, &json!({ "data": [1] })));
    let echo = ask();
    assert_eq!(echo.status, 403);
    let text = echo.body["errors"][0].as_str().unwrap();
    assert!(text.ends_with(client.token()), "{text}");
    assert_eq!((ask().status, ask().body), (200, json!({ "data": [1] })));
}

#[test]
fn a_redirect_leads_to_where_it_says() {
    let (proxy, other) = (Proxy::new(Server::shared()), Proxy::new(Server::shared()));
    let elsewhere = format!("{}/v1/{HEALTH}", other.url());
    proxy.on("", "", 1, Answer::redirect(&elsewhere));
    proxy.on("", "", 1, Answer::RedirectToSelf);
    let locations: Vec<_> = (0..2)
        .map(|_| {
            let response = client(&proxy).raw("GET", HEALTH);
            assert_eq!(response.status().as_u16(), 307);
            response.headers()["location"].to_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(locations, [elsewhere, format!("/v1/{HEALTH}")]);
    assert_eq!(other.connections(), 0);
}

#[test]
fn an_endless_body_is_as_long_as_somebody_reads_it() {
    for (answer, length) in [
        (Answer::EndlessBody, None),
        (Answer::HugeBody, Some(1 << 40)),
    ] {
        let proxy = Proxy::new(Server::shared());
        proxy.on("", "", 1, answer);
        let mut response = client(&proxy).raw("GET", HEALTH);
        assert_eq!(response.content_length(), length);
        let mut bytes = vec![0; 8 << 20];
        std::io::Read::read_exact(&mut response, &mut bytes).unwrap();
        assert!(proxy.bytes_written() >= 8 << 20);
    }
}

#[test]
fn silence_lasts_until_the_client_gives_up() {
    let proxy = Proxy::new(Server::shared());
    proxy.on("", "", 1, Answer::Silent);
    let client = client(&proxy).patient_for(Duration::from_millis(200));
    let said = client.try_ask("GET", HEALTH, &Value::Null).unwrap_err();
    assert!(said.contains("timed out"), "{said}");
    assert_eq!(proxy.asked().len(), 1);
}
