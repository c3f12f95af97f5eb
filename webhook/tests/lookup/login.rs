//! Logins: passwords, tokens, identity tokens; in order; to nobody else; in no message.

use serde_json::json;

use crate::images::Image;
use crate::server::{Answer, Seen, Server, Store, document, status, with};
use crate::{
    limits, password, plain, reason, resolve, resolve_as, resolver, resolver_with, secret,
};

/// `u:right` in base64.
const RIGHT: &str = "Basic dTpyaWdodA==";

fn basic(store: &Store, seen: &Seen) -> Answer {
    match seen.authorization.as_deref() {
        Some(RIGHT) => store.answer(seen),
        _ => with(401, "www-authenticate", "Basic realm=\"r\""),
    }
}

fn store() -> Store {
    Store::default().with("1", &Image::new("amd64", &["/x"], &[]))
}

#[tokio::test]
async fn each_fitting_login_is_tried_in_order_until_one_is_taken() {
    let store = store();
    let server = Server::start(move |seen| basic(&store, seen)).await;
    let (host, name) = (server.host(), format!("{}/app:1", server.host()));
    let (wrong, right) = (password(&host, "u", "wrong"), password(&host, "u", "right"));
    let elsewhere = password("other.example", "u", "right");
    let found = resolve_as(&resolver(&server), &name, &[wrong.clone(), right.clone()]).await;
    assert_eq!(found.unwrap().entrypoint, ["/x"]);
    // None, the wrong one, the right one; then it stays.
    assert_eq!(
        server.kinds(),
        [
            "GET manifests",
            "GET manifests",
            "GET manifests",
            "GET blobs"
        ]
    );
    for (secrets, tried) in [(vec![], 0), (vec![wrong], 1), (vec![elsewhere], 0)] {
        server.forget();
        let refused = resolve_as(&resolver(&server), &name, &secrets).await;
        assert_eq!(reason(&refused), "registry_denied");
        let message = refused.unwrap_err().message();
        for part in [
            &host,
            &name,
            &format!("{tried} fitting"),
            "pull secret",
            "`command`",
        ] {
            assert!(message.contains(part), "{part}: {message}");
        }
        assert!(
            !message.contains("wrong") && !message.contains("right"),
            "{message}"
        );
        // A login for another registry is not shown to this one.
        assert_eq!(server.seen().len(), 1 + tried);
    }
}

/// A registry that takes the token `t-NAME` from the token service of the same server.
fn with_token(store: &Store, seen: &Seen, realm: &str) -> Answer {
    if seen.target.starts_with("/token") {
        let form = seen.body.contains("refresh_token=refresh%2Ftoken");
        return match (seen.method.as_str(), seen.authorization.as_deref()) {
            ("POST", _) if form => document("application/json", br#"{"access_token":"t-id"}"#),
            ("GET", Some(RIGHT)) => document("application/json", br#"{"token":"t-u"}"#),
            ("GET", None) => document("application/json", br#"{"token":"t-nobody"}"#),
            _ => status(401),
        };
    }
    let demand =
        format!("Bearer realm=\"{realm}/token?a=b\",service=\"s\",scope=\"repository:x:push\"");
    match (
        seen.authorization.as_deref(),
        seen.target.contains("/private/"),
    ) {
        (Some("Bearer t-u" | "Bearer t-id"), _) | (Some("Bearer t-nobody"), false) => {
            store.answer(seen)
        }
        (Some(_), _) => status(403),
        (None, _) => with(401, "www-authenticate", &demand),
    }
}

async fn token_server() -> Server {
    let store = store();
    let own = std::sync::Arc::new(std::sync::OnceLock::<String>::new());
    let realm = std::sync::Arc::clone(&own);
    let server = Server::start(move |seen| {
        with_token(&store, seen, realm.get().expect("the server's own address"))
    })
    .await;
    own.set(format!("http://{}", server.host())).unwrap();
    server
}

#[tokio::test]
async fn a_token_costs_the_refusal_and_one_request_and_reads_one_repository_only() {
    let server = token_server().await;
    let name = format!("{}/private/app:1", server.host());
    let login = password(&server.host(), "u", "right");
    let found = resolve_as(&resolver(&server), &name, &[login]).await;
    assert_eq!(found.unwrap().entrypoint, ["/x"]);
    assert_eq!(
        server.kinds(),
        ["GET manifests", "GET /token", "GET manifests", "GET blobs"]
    );
    let asked = &server.seen()[1].target;
    let expected = "/token?a=b&service=s&scope=repository%3Aprivate%2Fapp%3Apull";
    assert_eq!(asked, expected, "our scope, not the registry's");
}

#[tokio::test]
async fn without_a_login_a_token_is_asked_for_all_the_same() {
    let server = token_server().await;
    let public = format!("{}/public/app:1", server.host());
    let found = resolve(&resolver(&server), &public).await;
    assert_eq!(found.unwrap().entrypoint, ["/x"]);
    assert_eq!(server.seen()[1].authorization, None);
    let private = format!("{}/private/app:1", server.host());
    let refused = resolve(&resolver(&server), &private).await;
    assert_eq!(reason(&refused), "registry_denied");
}

#[tokio::test]
async fn an_identity_token_is_exchanged_and_never_put_into_a_url() {
    let server = token_server().await;
    let name = format!("{}/private/app:1", server.host());
    let login = |token: &str| {
        secret(&json!({"auths": {server.host(): {"auth": "dTo=", "identitytoken": token}}}))
    };
    let found = resolve_as(&resolver(&server), &name, &[login("refresh/token")]).await;
    assert_eq!(found.unwrap().entrypoint, ["/x"]);
    let exchange = server.seen()[1].clone();
    assert_eq!(exchange.method, "POST");
    assert!(
        exchange.body.starts_with("grant_type=refresh_token&"),
        "{}",
        exchange.body
    );
    assert!(
        server
            .seen()
            .iter()
            .all(|one| !one.target.contains("refresh"))
    );
    let refused = resolve_as(&resolver(&server), &name, &[login("wrong")]).await;
    assert_eq!(reason(&refused), "registry_denied");
}

#[tokio::test]
async fn a_hostile_realm_gets_no_login() {
    let thief = Server::start(|_| document("application/json", br#"{"token":"t"}"#)).await;
    for realm in [
        format!("http://{}/token", thief.host()),
        format!("https://{}/token", thief.host()),
        String::from("http://auth.example/token"),
        String::from("http://169.254.169.254/latest/meta-data"),
        String::from("https://[fd00:ec2::254]/"),
        String::from("https://u@auth.example/"),
        String::from("gopher://auth.example/"),
    ] {
        let demand = format!("Bearer realm=\"{realm}\"");
        let server = Server::start(move |_| with(401, "www-authenticate", &demand)).await;
        let login = password(&server.host(), "u", "right");
        let name = format!("{}/app:1", server.host());
        let refused = resolve_as(&resolver(&server), &name, &[login]).await;
        let reason = reason(&refused);
        assert!(
            ["registry_address", "registry_no_tls"].contains(&reason),
            "{realm}: {reason}"
        );
        assert!(!refused.unwrap_err().message().contains("right"));
    }
    assert!(thief.seen().is_empty());
    // The control: a token service that the operator configured is asked.
    let demand = format!("Bearer realm=\"http://{}/token\"", thief.host());
    let server = Server::start(move |_| with(401, "www-authenticate", &demand)).await;
    let resolver = resolver_with(vec![plain(&server), plain(&thief)], limits());
    let refused = resolve(&resolver, &format!("{}/app:1", server.host())).await;
    assert_eq!(reason(&refused), "registry_denied");
    assert_eq!(thief.kinds(), ["GET /token"]);
}

#[tokio::test]
async fn a_token_services_redirect_carries_no_login_away() {
    let thief = Server::start(|_| document("application/json", br#"{"token":"t"}"#)).await;
    let to = format!("http://{}/steal", thief.host());
    let service = Server::start(move |_| with(307, "location", &to)).await;
    let demand = format!("Bearer realm=\"http://{}/token\"", service.host());
    let server = Server::start(move |_| with(401, "www-authenticate", &demand)).await;
    let hosts = vec![plain(&server), plain(&service), plain(&thief)];
    let name = format!("{}/app:1", server.host());
    let login = password(&server.host(), "u", "right");
    resolve_as(&resolver_with(hosts.clone(), limits()), &name, &[login])
        .await
        .unwrap_err();
    assert_eq!(
        service.seen()[0].authorization.as_deref(),
        Some(RIGHT),
        "the control"
    );
    assert_eq!(thief.seen()[0].authorization, None);
    // A refresh token is in the body: there the redirect is not followed at all.
    thief.forget();
    let login = secret(&json!({"auths": {server.host(): {"identitytoken": "refresh"}}}));
    resolve_as(&resolver_with(hosts, limits()), &name, &[login])
        .await
        .unwrap_err();
    assert!(thief.seen().is_empty());
}

#[tokio::test]
async fn a_token_service_that_gives_nonsense_is_named() {
    for answer in ["", "{}", "[]", "{\"token\":\"\"}", "{\"token\":\"a\\nb\"}"] {
        let service = Server::start(move |_| document("application/json", answer.as_bytes())).await;
        let demand = format!("Bearer realm=\"http://{}/token\"", service.host());
        let server = Server::start(move |_| with(401, "www-authenticate", &demand)).await;
        let resolver = resolver_with(vec![plain(&server), plain(&service)], limits());
        let refused = resolve(&resolver, &format!("{}/app:1", server.host())).await;
        assert_eq!(reason(&refused), "registry_token", "{answer}");
        assert!(refused.unwrap_err().message().contains(&service.host()));
    }
}
