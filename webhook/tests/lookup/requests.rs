//! How many requests a look-up makes: exactly those that tell.

use serde_json::json;

use crate::images::{self, Image};
use crate::server::{Server, Store, Tls, status};
use crate::{HostSettings, limits, reason, resolve, resolver, resolver_with};

#[tokio::test]
async fn a_cold_look_up_asks_for_manifest_and_configuration_and_nothing_more() {
    let image = Image::new("amd64", &["/app"], &["serve"]);
    let store = Store::default().with("1", &image);
    let server = Server::start(move |seen| store.answer(seen)).await;
    let resolver = resolver(&server);
    let name = format!("{}/team/app:1", server.host());
    let config = resolve(&resolver, &name).await.unwrap();
    assert_eq!(
        (&config.entrypoint[..], &config.command[..]),
        (&["/app".into()][..], &["serve".into()][..])
    );
    assert_eq!(
        (config.os.as_str(), config.architecture.as_str()),
        ("linux", "amd64")
    );
    assert_eq!(server.kinds(), ["GET manifests", "GET blobs"]);
    assert_eq!(server.seen()[0].target, "/v2/team/app/manifests/1");
    // A warm one asks for nothing.
    server.forget();
    assert_eq!(resolve(&resolver, &name).await.unwrap(), config);
    // Nor does the digest that the tag stood for.
    let by_digest = format!("{}/team/app@{}", server.host(), image.digest());
    assert_eq!(resolve(&resolver, &by_digest).await.unwrap(), config);
    assert_eq!(server.kinds(), [""; 0]);
}

#[tokio::test]
async fn by_digest_too_and_a_tag_beside_it_is_not_asked_for() {
    let image = Image::new("amd64", &["/app"], &[]);
    let store = Store::default().with("1", &image);
    let server = Server::start(move |seen| store.answer(seen)).await;
    let name = format!("{}/app:other@{}", server.host(), image.digest());
    resolve(&resolver(&server), &name).await.unwrap();
    assert_eq!(server.kinds(), ["GET manifests", "GET blobs"]);
    assert!(server.seen()[0].target.ends_with(&image.digest()));
}

#[tokio::test]
async fn an_index_costs_one_request_more_and_attestations_none() {
    let (amd64, arm64) = (
        Image::new("amd64", &["/x"], &[]),
        Image::new("arm64", &["/a"], &[]),
    );
    let attestation = Image::new("amd64", &["/attested"], &[]);
    let index = images::index(&[
        attestation.entry("unknown", "unknown"),
        arm64.entry("linux", "arm64"),
        amd64.entry("linux", "amd64"),
        attestation.entry("unknown", "unknown"),
    ]);
    let mut store = Store::default().with_index("multi", &index);
    for image in [&amd64, &arm64, &attestation] {
        store = store.with(&image.digest(), image);
    }
    let server = Server::start(move |seen| store.answer(seen)).await;
    let name = format!("{}/app:multi", server.host());
    let config = resolve(&resolver(&server), &name).await.unwrap();
    assert_eq!(config.entrypoint, ["/x"]);
    assert_eq!(
        server.kinds(),
        ["GET manifests", "GET manifests", "GET blobs"]
    );
}

#[tokio::test]
async fn an_index_in_an_index_is_followed_once_and_no_deeper() {
    let image = Image::new("amd64", &["/x"], &[]);
    let inside = |bytes: &[u8]| json!({"mediaType": images::INDEX, "digest": images::digest(bytes), "size": bytes.len()});
    let one = images::index(&[image.entry("linux", "amd64")]);
    let two = images::index(&[inside(&one)]);
    let three = images::index(&[inside(&two)]);
    let store = Store::default()
        .with("image", &image)
        .with_index("one", &one)
        .with_index("two", &two)
        .with_index("three", &three);
    let server = Server::start(move |seen| store.answer(seen)).await;
    let resolver = resolver(&server);
    let two = resolve(&resolver, &format!("{}/app:two", server.host())).await;
    assert_eq!(two.unwrap().entrypoint, ["/x"]);
    server.forget();
    let three = resolve(&resolver, &format!("{}/app:three", server.host())).await;
    assert_eq!(reason(&three), "image_document");
    assert_eq!(server.kinds(), ["GET manifests"; 3]);
}

#[tokio::test]
async fn a_missing_platform_names_what_there_is() {
    let arm64 = Image::new("arm64", &["/a"], &[]);
    let index = images::index(&[
        arm64.entry("linux", "arm64"),
        arm64.entry("unknown", "unknown"),
    ]);
    let store = Store::default().with_index("multi", &index);
    let server = Server::start(move |seen| store.answer(seen)).await;
    let refused = resolve(&resolver(&server), &format!("{}/app:multi", server.host())).await;
    assert_eq!(reason(&refused), "image_platform");
    let message = refused.unwrap_err().message();
    let expected = "not made for linux/amd64; there is linux/arm64; set `command`";
    assert!(message.contains(expected), "{message}");
}

#[tokio::test]
async fn a_registry_with_an_authority_of_its_own_is_asked_over_tls() {
    let tls = Tls::new();
    let image = Image::new("amd64", &["/app"], &[]);
    let store = Store::default().with("1", &image);
    let server = Server::start_tls(&tls, move |seen| store.answer(seen)).await;
    let name = format!("{}/app:1", server.host());
    let host = |pem: Option<String>| HostSettings {
        host: server.host(),
        authorities_pem: pem,
        ..HostSettings::default()
    };
    let trusting = resolver_with(vec![host(Some(tls.authority_pem.clone()))], limits());
    assert_eq!(
        resolve(&trusting, &name).await.unwrap().entrypoint,
        ["/app"]
    );
    let other = resolver_with(vec![host(Some(Tls::new().authority_pem))], limits());
    let refused = resolve(&other, &name).await;
    assert_eq!(reason(&refused), "registry_unreachable");
    let message = refused.unwrap_err().message();
    assert!(message.contains("certificate"), "{message}");
}

#[tokio::test]
async fn without_the_operators_word_no_request_reaches_loopback_or_plain_http() {
    let server = Server::start(|_| status(404)).await;
    let other = Server::start(|_| status(404)).await;
    let only_other = resolver_with(vec![plain_host(&other)], limits());
    let refused = resolve(&only_other, &format!("{}/app:1", server.host())).await;
    assert_eq!(reason(&refused), "registry_address");
    let not_plain = HostSettings {
        host: server.host(),
        ..HostSettings::default()
    };
    let tls_only = resolver_with(vec![not_plain], limits());
    let refused = resolve(&tls_only, &format!("{}/app:1", server.host())).await;
    assert_eq!(reason(&refused), "registry_unreachable");
    assert!(server.seen().is_empty());
    // The control: with it, the request arrives.
    let refused = resolve(&resolver(&server), &format!("{}/app:1", server.host())).await;
    assert_eq!(reason(&refused), "image_not_found");
    assert_eq!(server.kinds(), ["GET manifests"]);
}

fn plain_host(server: &Server) -> HostSettings {
    crate::plain(server)
}
