//! Where the product finds the server and how both show who they are: proxies, sockets, names,
//! certificates, and the variables that say so.

use cloudtaser_tests::server::Flaw;
use cloudtaser_tests::server::fault::{self, Proxy, Tunnel};
use cloudtaser_tests::{Planted, Wrapper};
use cloudtaser_wrapper::status;

use super::app::{OneSecret, Waiting, arrives, environment, refused, text};

#[test]
fn only_a_proxy_that_was_named_to_us_is_used() {
    let one = OneSecret::new();
    let (server, tunnel) = (one.app.server, Tunnel::start());
    let mut wrapper = one.ask(one.app.direct());
    for name in ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"] {
        wrapper = wrapper
            .env(name, tunnel.url())
            .env(name.to_lowercase(), tunnel.url());
    }
    arrives(&wrapper);
    assert_eq!(tunnel.connections(), 0);
    let connect = format!("CONNECT {} HTTP/1.1", server.address());
    arrives(&wrapper.flag("--proxy", tunnel.url()));
    let asked = tunnel.asked();
    assert!(
        !asked.is_empty() && asked.iter().all(|line| *line == connect),
        "{asked:?}"
    );
    let wrapper = one
        .ask(one.app.direct())
        .env("VAULT_PROXY_ADDR", tunnel.url());
    arrives(&wrapper);
    assert!(tunnel.asked().len() > asked.len());
}

#[test]
fn a_unix_socket_and_plain_http_on_loopback_are_addresses() {
    let one = OneSecret::new();
    let server = one.app.server;
    let socket = format!("unix://{}", server.socket().display());
    for url in [
        socket,
        server.url_http(),
        server.url_without_client_certificate(),
    ] {
        let wrapper = Wrapper::openbao_at(&url, &server.pki.authority, None);
        let running = Waiting::start(one.ask(one.app.login(wrapper)));
        assert_eq!(text(&running.environment, "A"), "s3cret");
        let _token = one.app.token();
        let _ended = running.end();
        assert!(one.app.tokens().is_empty(), "{url}");
    }
}

#[test]
fn the_certificates_name_can_be_another_than_the_addresses() {
    let one = OneSecret::new();
    let certificate = one.app.server.pki.authority.server(Flaw::WrongName);
    let proxy = Proxy::showing(one.app.server, &certificate);
    let _ended = refused(
        &one.through(&proxy),
        status::PROTOCOL,
        &["for another name"],
    );
    assert!(proxy.seen().is_empty());
    arrives(
        &one.through(&proxy)
            .flag("--tls-server-name", "elsewhere.invalid"),
    );
    let hosts = proxy.seen();
    let port = proxy.url().rsplit(':').next().unwrap().to_owned();
    let host = format!("elsewhere.invalid:{port}");
    assert!(
        hosts
            .iter()
            .all(|seen| seen.request.header("host") == Some(&host))
    );
}

#[test]
fn the_handshake_is_post_quantum_tls_1_3_and_shows_our_certificate() {
    let one = OneSecret::new();
    let proxy = Proxy::new(one.app.server);
    arrives(&one.through(&proxy));
    let certificate = one.app.server.pki.client.certificate_der();
    for seen in proxy.seen() {
        assert_eq!(
            (seen.tls.as_str(), seen.key_exchange.as_str()),
            ("TLSv1_3", "X25519MLKEM768")
        );
        assert_eq!(seen.client_certificate, certificate);
    }
    assert!(proxy.seen().len() > 2, "{:?}", proxy.asked());
}

#[test]
fn the_token_is_revoked_with_certificates_that_were_renewed_meanwhile() {
    let one = OneSecret::new();
    let proxy = Proxy::new(one.app.server);
    let wrapper = one.through(&proxy);
    let renewed = one.app.server.pki.authority.client("renewed", Flaw::None);
    let running = Waiting::start(wrapper);
    let before = proxy.seen().len();
    let _files = renewed.write(running.wrapper.folder(), "client");
    let _ended = running.end();
    let seen = proxy.seen();
    let [revocation] = &seen[before..] else {
        panic!("{:?}", proxy.asked());
    };
    assert_eq!(revocation.request.path, "/v1/auth/token/revoke-self");
    assert_eq!(revocation.client_certificate, renewed.certificate_der());
    assert_ne!(
        seen[0].client_certificate,
        renewed.certificate_der(),
        "control"
    );
    assert!(one.app.tokens().is_empty());
}

#[test]
fn certificate_and_key_can_lie_in_the_local_store() {
    let one = OneSecret::new();
    let server = one.app.server;
    let client = &server.pki.client;
    let store = || {
        Wrapper::local(&[
            Planted::new("tls/client", "key", client.key_pem.as_str()),
            Planted::new("tls/client", "certificate", client.certificate_pem.as_str()),
        ])
        .env("CLOUDTASER_SOURCE", "openbao")
        .flag("--addr", server.url())
        .flag("--ca-cert", server.ca_file())
        .flag("--client-cert", "local:tls/client#certificate")
    };
    let start = |key: &str| one.ask(one.app.login(store())).flag("--client-key", key);
    arrives(&start("local:tls/client#key"));
    assert!(one.app.tokens().is_empty());
    let _ended = refused(
        &start("local:tls/none#key"),
        status::USAGE,
        &["local:tls/none#key"],
    );
}

#[test]
fn the_names_of_the_servers_own_client_are_enough_and_ours_win_over_them() {
    let one = OneSecret::new();
    let server = one.app.server;
    let token = one.app.admin.create_token(&[&one.app.name]).token;
    let (certificate, key) = server.client_files();
    let wrapper = |kind: &str| {
        let name = |rest: &str| format!("{kind}_{rest}");
        let wrapper = one.ask(Wrapper::product());
        let wrapper = wrapper
            .env(name("CACERT"), server.ca_file())
            .env(name("TOKEN"), &token);
        let wrapper = wrapper.env(name("CLIENT_CERT"), &certificate);
        wrapper.env(name("CLIENT_KEY"), &key)
    };
    let bad = fault::REFUSED;
    arrives(&wrapper("VAULT").env("VAULT_ADDR", server.url()));
    arrives(
        &wrapper("BAO")
            .env("BAO_ADDR", server.url())
            .env("VAULT_ADDR", bad),
    );
    let toml = format!("addr = '{}'\n", server.url());
    arrives(&wrapper("VAULT").file(&toml));
    let wrapper = || {
        wrapper("VAULT")
            .env("VAULT_ADDR", bad)
            .flag("--retries", "0")
    };
    arrives(&wrapper().env("CLOUDTASER_ADDR", server.url()));
    arrives(
        &wrapper()
            .env("CLOUDTASER_ADDR", bad)
            .flag("--addr", server.url()),
    );
    let _ended = refused(
        &wrapper().file(&toml),
        status::SOURCE,
        &["does the server run?"],
    );
}

#[test]
fn p15_no_variable_of_ours_or_of_the_servers_client_reaches_the_program() {
    let one = OneSecret::new();
    let server = one.app.server;
    let wrapper = || {
        let wrapper = one.ask(one.app.direct());
        let wrapper = wrapper
            .env("VAULT_ADDR", server.url())
            .env("BAO_ADDR", server.url());
        let wrapper = wrapper
            .env("VAULT_CACERT", server.ca_file())
            .env("BAO_NAMESPACE", "");
        wrapper
            .env("CLOUDTASER_REQUEST_TIMEOUT", "9s")
            .env("VAULT_FORMAT", "json")
    };
    let is_ours = |name: &&String| {
        let mut begins = ["CLOUDTASER_", "VAULT_", "BAO_"].iter();
        begins.any(|begin| name.starts_with(begin))
    };
    for flags in [&[][..], &["--exec"]] {
        let given = environment(&wrapper().flags(flags));
        assert_eq!(text(&given, "A"), "s3cret");
        assert_eq!(given.keys().find(is_ours), None, "{flags:?}");
    }
    let given = environment(&wrapper().flag("--pass", "VAULT_FORMAT"));
    assert_eq!(
        given.keys().filter(is_ours).collect::<Vec<_>>(),
        ["VAULT_FORMAT"],
        "control"
    );
}
