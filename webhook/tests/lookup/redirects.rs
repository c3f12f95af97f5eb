//! Redirects are bounded, never carry a login to another host, and never lead where we do not ask.

use std::sync::{Arc, Mutex};

use crate::images::Image;
use crate::server::{Answer, Seen, Server, Store, document, status, with};
use crate::{limits, password, plain, reason, resolve, resolve_as, resolver, resolver_with};

/// Demands a password, then redirects blobs to `to`.
fn private(store: &Store, seen: &Seen, to: &str) -> Answer {
    if seen.authorization.is_none() {
        return with(401, "www-authenticate", "Basic realm=\"r\"");
    }
    if seen.target.contains("/blobs/") {
        return with(307, "location", &format!("{to}{}", seen.target));
    }
    store.answer(seen)
}

#[tokio::test]
async fn a_login_is_not_sent_to_the_host_of_a_redirect() {
    let image = Image::new("amd64", &["/x"], &[]);
    let store = Store::default().with("1", &image);
    let blobs = store.clone();
    let cdn = Server::start(move |seen| blobs.answer(seen)).await;
    let to = format!("http://{}", cdn.host());
    let server = Server::start(move |seen| private(&store, seen, &to)).await;
    let resolver = resolver_with(vec![plain(&server), plain(&cdn)], limits());
    let login = password(&server.host(), "u", "p");
    let found = resolve_as(&resolver, &format!("{}/app:1", server.host()), &[login]).await;
    assert_eq!(found.unwrap().entrypoint, ["/x"]);
    // The control: the registry itself got it, for both documents.
    let sent: Vec<_> = server
        .seen()
        .iter()
        .map(|one| one.authorization.is_some())
        .collect();
    assert_eq!(sent, [false, true, true]);
    assert_eq!(cdn.kinds(), ["GET blobs"]);
    assert_eq!(cdn.seen()[0].authorization, None);
}

/// As CVE-2020-15157: the host of a redirect demands a login, and names where it is to go.
#[tokio::test]
async fn a_demand_of_the_host_of_a_redirect_gets_no_login() {
    for (leads_away, is_asked) in [(true, false), (false, true)] {
        let image = Image::new("amd64", &["/x"], &[]);
        let store = Store::default().with("1", &image);
        let tokens = Server::start(|_| document("application/json", br#"{"token":"t"}"#)).await;
        let demand = format!("Bearer realm=\"http://{}/token\"", tokens.host());
        let own = demand.clone();
        let cdn = Server::start(move |_| with(401, "www-authenticate", &demand)).await;
        let to = format!("http://{}", cdn.host());
        let server = Server::start(move |seen| match seen.target.contains("/blobs/") {
            true if leads_away => with(307, "location", &format!("{to}{}", seen.target)),
            // The control: the registry itself demands the same.
            true => with(401, "www-authenticate", &own),
            false => store.answer(seen),
        })
        .await;
        let all = vec![plain(&server), plain(&cdn), plain(&tokens)];
        let login = password(&server.host(), "u", "p");
        let name = format!("{}/app:1", server.host());
        let refused = resolve_as(&resolver_with(all, limits()), &name, &[login]).await;
        assert_eq!(reason(&refused), "registry_denied", "{leads_away}");
        assert_eq!(cdn.seen().is_empty(), !leads_away);
        let asked = tokens.seen();
        let has_password = asked.iter().any(|one| one.authorization.is_some());
        assert_eq!(has_password, is_asked, "{leads_away}: {asked:?}");
    }
}

#[tokio::test]
async fn a_redirect_on_the_same_host_keeps_the_login() {
    let image = Image::new("amd64", &["/x"], &[]);
    let store = Store::default().with("1", &image);
    let server = Server::start(move |seen| {
        if seen.authorization.is_none() {
            return with(401, "www-authenticate", "Basic realm=\"r\"");
        }
        match seen.target.strip_prefix("/v2/old/") {
            Some(rest) => with(301, "location", &format!("/v2/new/{rest}")),
            None => store.answer(seen),
        }
    })
    .await;
    let login = password(&server.host(), "u", "p");
    let name = format!("{}/old/app:1", server.host());
    let found = resolve_as(&resolver(&server), &name, &[login]).await;
    assert_eq!(found.unwrap().entrypoint, ["/x"]);
}

#[tokio::test]
async fn a_redirect_to_a_place_that_is_not_asked_gets_no_request() {
    let inner = Server::start(|_| status(404)).await;
    for to in [
        format!("http://{}", inner.host()),
        format!("https://{}", inner.host()),
        String::from("http://169.254.169.254"),
        String::from("https://169.254.169.254"),
        String::from("https://metadata.google.internal"),
        String::from("https://u:p@reg.example"),
        String::from("file:///etc"),
    ] {
        let location = format!("{to}/x");
        let server = Server::start(move |_| with(302, "location", &location)).await;
        let refused = resolve(&resolver(&server), &format!("{}/app:1", server.host())).await;
        let reason = reason(&refused);
        assert!(
            ["registry_address", "registry_no_tls"].contains(&reason),
            "{to}: {reason}"
        );
    }
    assert!(inner.seen().is_empty());
}

#[tokio::test]
async fn redirects_are_counted_and_must_lead_somewhere() {
    // `hops` redirects before the document.
    let image = Image::new("amd64", &["/x"], &[]);
    for (hops, fine) in [(3, true), (4, false)] {
        let store = Store::default().with("1", &image);
        let left = Arc::new(Mutex::new(hops));
        let server = Server::start(move |seen| {
            let mut left = left.lock().unwrap();
            if *left == 0 {
                return store.answer(seen);
            }
            *left -= 1;
            with(302, "location", &seen.target)
        })
        .await;
        let outcome = resolve(&resolver(&server), &format!("{}/app:1", server.host())).await;
        assert_eq!(outcome.is_ok(), fine, "{hops}");
        if !fine {
            assert_eq!(reason(&outcome), "registry_redirect");
            assert_eq!(server.seen().len(), 4);
        }
    }
    let nowhere = Server::start(|_| status(302)).await;
    let refused = resolve(&resolver(&nowhere), &format!("{}/app:1", nowhere.host())).await;
    assert_eq!(reason(&refused), "registry_redirect");
}
