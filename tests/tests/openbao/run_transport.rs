//! How requests of the product one: connections, headers, redirects, repetitions.

use std::time::{Duration, Instant};

use cloudtaser_tests::Wrapper;
use cloudtaser_tests::server::fault::tcp::before;
use cloudtaser_tests::server::fault::{ALWAYS, Answer, Proxy, TcpFault};
use cloudtaser_tests::server::{Server, unique};
use cloudtaser_wrapper::status;
use serde_json::json;

use super::app::{App, OneSecret, arrives, count, environment, refused, text};

#[test]
fn fifty_paths_take_one_connection_of_http2_and_few_of_http1() {
    let server = Server::shared();
    let kv = server.admin().kv(&unique("kv"), 1);
    let app = App::reading(&kv.mount);
    let token = app.admin.create_token(&[&app.name]);
    for number in 0..50 {
        kv.put(&number.to_string(), &json!({ "f": number }));
    }
    let start = |url: &str| {
        let pki = &server.pki;
        let wrapper = Wrapper::openbao_at(url, &pki.authority, Some(&pki.client));
        let wrapper = wrapper.token(&token.token);
        let wrapper = (0..50).fold(wrapper, |wrapper, number| {
            wrapper.env(
                format!("V{number}"),
                format!("vault:{}/{number}#f", kv.mount),
            )
        });
        let given = environment(&wrapper);
        assert!((0..50).all(|number| text(&given, &format!("V{number}")) == number.to_string()));
    };
    // Below TLS, so that the protocol is what the server speaks.
    let front = before(server.address(), ALWAYS, TcpFault::None);
    start(&front.url());
    assert_eq!(front.connections(), 1);
    let proxy = Proxy::new(server);
    start(&proxy.url());
    assert_eq!(count(&proxy, &format!("GET /v1/{}/", kv.mount)), 50);
    // Eight requests are under way at most; a connection that is just coming back from one is not
    // there for the next, and so a few more may be opened.
    let connections = proxy.connections();
    assert!((2..=16).contains(&connections), "{connections}");
}

#[test]
fn every_request_names_the_namespace_if_there_is_one() {
    let one = OneSecret::new();
    for (namespace, sent) in [(None, None), (Some("/team/a/"), Some("team/a"))] {
        let proxy = Proxy::new(one.app.server);
        let mut wrapper = one.through(&proxy);
        if let Some(namespace) = namespace {
            wrapper = wrapper.flag("--namespace", namespace);
        }
        // A server without namespaces refuses; what was sent is seen all the same.
        let _ended = wrapper.run(&["true"]);
        let seen = proxy.seen();
        assert!(!seen.is_empty());
        let headers = seen
            .iter()
            .map(|seen| seen.request.header("x-vault-namespace"));
        assert!(
            headers.into_iter().all(|header| header == sent),
            "{:?}",
            proxy.asked()
        );
    }
}

#[test]
fn a_redirect_is_followed_to_a_configured_address_and_no_other_host_gets_the_token() {
    let one = OneSecret::new();
    let (standby, leader) = (Proxy::new(one.app.server), Proxy::new(one.app.server));
    // The same place under another name is another host.
    let elsewhere = leader.url().replace("127.0.0.1", "localhost");
    let target = format!("{elsewhere}/v1/{}", one.kv.path("app"));
    standby.on(
        "GET",
        &one.kv.path("app"),
        ALWAYS,
        Answer::redirect(&target),
    );
    let wrapper = one.through(&standby);
    let _ended = refused(
        &wrapper,
        status::PROTOCOL,
        &["it is another host or no https"],
    );
    assert_eq!((leader.connections(), one.reads(&standby)), (0, 1));
    assert!(one.app.tokens().is_empty());
    let wrapper = one.at(&format!("{},{elsewhere}", standby.url()));
    arrives(&wrapper);
    assert_eq!(one.reads(&leader), 1);
    let token = |proxy: &Proxy| {
        let seen = proxy.seen();
        let read = seen
            .iter()
            .rfind(|seen| seen.request.path.contains(&one.kv.mount));
        read.unwrap()
            .request
            .header("x-vault-token")
            .unwrap()
            .to_owned()
    };
    assert_eq!(token(&leader), token(&standby));
}

#[test]
fn what_the_server_asks_to_wait_is_waited_but_not_beyond_the_deadline() {
    let one = OneSecret::new();
    let proxy = Proxy::new(one.app.server);
    let limited = |seconds: &str| Answer::status(429).with("retry-after", seconds);
    proxy.on("GET", &one.kv.path("app"), 1, limited("1"));
    let begin = Instant::now();
    arrives(&one.through(&proxy));
    assert!(
        begin.elapsed() >= Duration::from_secs(1),
        "{:?}",
        begin.elapsed()
    );
    assert_eq!(one.reads(&proxy), 2);
    let proxy = Proxy::new(one.app.server);
    proxy.on("GET", &one.kv.path("app"), ALWAYS, limited("3600"));
    let _ended = refused(
        &one.through(&proxy),
        status::TEMPORARY,
        &["limits our requests (429)"],
    );
    assert_eq!(one.reads(&proxy), 1);
    assert!(one.app.tokens().is_empty());
}

#[test]
fn a_server_that_comes_back_is_asked_again() {
    let one = OneSecret::new();
    for answer in [
        Answer::status(503),
        Answer::status(502),
        Answer::Close,
        Answer::CutBody(9),
    ] {
        let proxy = Proxy::new(one.app.server);
        proxy.on("GET", &one.kv.path("app"), 2, answer);
        arrives(&one.through(&proxy));
        assert_eq!(one.reads(&proxy), 3);
    }
    // Whatever is made is made when the server cannot have begun: sealed, or too much to do.
    let proxy = Proxy::new(one.app.server);
    let sealed = Answer::json(503, &json!({ "errors": ["Vault is sealed"] }));
    proxy
        .on("POST", "/login", 1, sealed)
        .on("POST", "/login", 1, Answer::status(429));
    arrives(&one.through(&proxy));
    assert_eq!(count(&proxy, "POST /v1/auth/app"), 3);
}

#[test]
fn neither_a_login_nor_a_write_is_sent_again_after_a_cut() {
    let one = OneSecret::new();
    let admin = &one.app.admin;
    let mount = unique("pki");
    admin.pki(&mount, "web");
    let issue = format!("{mount}/issue/web");
    let app = App::new(&[(issue.as_str(), "update")]);
    let issued = || admin.list(&format!("{mount}/certs")).len();
    for (answer, more) in [
        (Answer::CutBody(9), 1),
        (Answer::Close, 0),
        (Answer::status(500), 0),
    ] {
        let proxy = Proxy::new(app.server);
        proxy.on("POST", &issue, 1, answer.clone());
        let before = issued();
        let write = format!(">>vault:{issue}#certificate#{{\"common_name\":\"a.example\"}}");
        let ended = app
            .at(&proxy.url())
            .env("C", write)
            .run(&["echo", "started"]);
        assert!(
            [status::SOURCE, status::TEMPORARY]
                .map(i32::from)
                .contains(&ended.status())
        );
        assert_eq!(ended.stdout(), "", "{ended:?}");
        assert_eq!(
            count(&proxy, &format!("POST /v1/{issue}")),
            1,
            "{:?}",
            proxy.asked()
        );
        assert_eq!(issued(), before + more, "{ended:?}");
        assert!(app.tokens().is_empty(), "{ended:?}");
        let proxy = Proxy::new(app.server);
        proxy.on("POST", "/login", 1, answer);
        let ended = one.through(&proxy).run(&["echo", "started"]);
        assert_eq!(ended.stdout(), "", "{ended:?}");
        assert_eq!(proxy.asked().len(), 1, "{:?}", proxy.asked());
    }
}

#[test]
fn tls_1_2_is_spoken_where_the_server_has_no_other() {
    let one = OneSecret::new();
    let proxy = Proxy::of_tls12(one.app.server);
    arrives(&one.through(&proxy));
    let seen = proxy.seen();
    assert_eq!(one.reads(&proxy), 1);
    assert!(seen.iter().all(|seen| seen.tls == "TLSv1_2"), "{seen:?}");
    // Control.
    let proxy = Proxy::new(one.app.server);
    arrives(&one.through(&proxy));
    assert!(proxy.seen().iter().all(|seen| seen.tls == "TLSv1_3"));
}

#[test]
fn a_missing_client_certificate_is_told_over_tls_1_2_too() {
    let one = OneSecret::new();
    let without = |url: &str, server: &Server| {
        let wrapper = Wrapper::openbao_at(url, &server.pki.authority, None);
        one.ask(one.app.login(wrapper))
    };
    let proxy = Proxy::of_tls12(one.app.server);
    let wrapper = without(&proxy.url(), one.app.server);
    let text = "it demands one; give --client-cert and --client-key";
    let _ended = refused(&wrapper, status::PRIVILEGE, &[text]);
    assert_eq!(proxy.asked(), Vec::<String>::new());
    // The real server has the alerts of TLS 1.2 only, none of which says it as clearly.
    let server = Server::of_tls12();
    let wrapper = without(&server.url(), &server);
    let text = "none was given, or it is bad; see --client-cert and --client-key";
    let _ended = refused(&wrapper, status::PRIVILEGE, &[text]);
}
