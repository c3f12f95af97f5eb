//! Mirrors: asked first, with their own logins only; what they cannot do the registry does; a lie
//! stops.

use std::time::Duration;

use crate::images::{self, Image};
use crate::server::{Answer, Server, Store, Then, body, document, status, with};
use crate::{HostSettings, Limits, limits, password, plain, reason, resolve, resolve_as};
use crate::{resolver_with, server::Seen};

fn store(entrypoint: &str) -> Store {
    Store::default().with("1", &Image::new("amd64", &[entrypoint], &[]))
}

/// A registry with a mirror.
fn mirrored(registry: &Server, mirror: &Server, prefix: &str) -> Vec<HostSettings> {
    let with_mirror = HostSettings {
        mirrors: vec![format!("{}{prefix}", mirror.host())],
        ..plain(registry)
    };
    vec![with_mirror, plain(mirror)]
}

async fn serve(answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Server {
    Server::start(answer).await
}

#[tokio::test]
async fn a_mirror_is_asked_first_with_prefix_and_namespace() {
    let (theirs, ours) = (store("/mirror"), store("/registry"));
    let mirror = serve(move |seen| theirs.answer(seen)).await;
    let registry = serve(move |seen| ours.answer(seen)).await;
    let resolver = resolver_with(mirrored(&registry, &mirror, "/hub"), limits());
    let found = resolve(&resolver, &format!("{}/a/b:1", registry.host())).await;
    assert_eq!(found.unwrap().entrypoint, ["/mirror"]);
    assert!(registry.seen().is_empty());
    let first = &mirror.seen()[0];
    let ns = registry.host().replace(':', "%3A");
    assert_eq!(first.target, format!("/v2/hub/a/b/manifests/1?ns={ns}"));
}

#[tokio::test]
async fn a_mirror_that_demands_a_login_gets_its_own_and_not_the_registrys() {
    let ours = store("/registry");
    let mirror = serve(|_| with(401, "www-authenticate", "Basic realm=\"r\"")).await;
    let registry = serve(move |seen| ours.answer(seen)).await;
    let name = format!("{}/app:1", registry.host());
    // `u:p`
    for (owner, expected) in [(&registry, None), (&mirror, Some("Basic dTpw"))] {
        mirror.forget();
        let resolver = resolver_with(mirrored(&registry, &mirror, ""), limits());
        let login = password(&owner.host(), "u", "p");
        let found = resolve_as(&resolver, &name, &[login]).await;
        assert_eq!(found.unwrap().entrypoint, ["/registry"]);
        let sent = mirror.seen().into_iter().find_map(|one| one.authorization);
        assert_eq!(sent.as_deref(), expected);
    }
}

#[tokio::test]
async fn a_mirror_that_lacks_the_image_or_is_broken_is_passed_by() {
    for code in [401, 403, 404, 429, 500, 503] {
        let ours = store("/registry");
        let mirror = serve(move |_| status(code)).await;
        let registry = serve(move |seen| ours.answer(seen)).await;
        let resolver = resolver_with(mirrored(&registry, &mirror, ""), limits());
        let found = resolve(&resolver, &format!("{}/app:1", registry.host())).await;
        assert_eq!(found.unwrap().entrypoint, ["/registry"], "{code}");
        assert_eq!(mirror.seen().len(), 1, "{code}");
    }
}

#[tokio::test]
async fn a_mirror_that_hangs_leaves_time_for_the_registry() {
    let ours = store("/registry");
    let mirror = serve(|_| hyper::Response::new(body("{", Then::Never))).await;
    let registry = serve(move |seen| ours.answer(seen)).await;
    let short = Limits {
        look_up: Duration::from_secs(4),
        ..limits()
    };
    let resolver = resolver_with(mirrored(&registry, &mirror, ""), short);
    let found = resolve(&resolver, &format!("{}/app:1", registry.host())).await;
    assert_eq!(found.unwrap().entrypoint, ["/registry"]);
    assert_eq!(mirror.kinds(), ["GET manifests"]);
}

#[tokio::test]
async fn a_mirror_that_lies_stops_the_look_up() {
    let image = Image::new("amd64", &["/x"], &[]);
    let evil = Image::new("amd64", &["/evil"], &[]).manifest;
    let ours = Store::default().with("1", &image);
    let mirror = serve(move |_| document(images::MANIFEST, &evil)).await;
    let registry = serve(move |seen| ours.answer(seen)).await;
    let resolver = resolver_with(mirrored(&registry, &mirror, ""), limits());
    let name = format!("{}/app@{}", registry.host(), image.digest());
    let refused = resolve(&resolver, &name).await;
    assert_eq!(reason(&refused), "registry_digest");
    assert!(registry.seen().is_empty());
    // The control: without the mirror it is found.
    let alone = resolver_with(vec![plain(&registry)], limits());
    assert_eq!(resolve(&alone, &name).await.unwrap().entrypoint, ["/x"]);
}
