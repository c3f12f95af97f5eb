//! The cache: one look-up for all who ask the same, and nobody gets what another's login brought.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::images::Image;
use crate::server::{Server, Store, status, with};
use crate::{
    LOOK_UP, Limits, counted, limits, password, plain, reason, resolve, resolve_as, resolver,
    resolver_with,
};

#[tokio::test]
async fn five_hundred_pods_of_one_image_cost_one_look_up() {
    let store = Store::default().with("1", &Image::new("amd64", &["/x"], &[]));
    let server = Server::start(move |seen| store.answer(seen)).await;
    let (resolver, counters) = counted(&server, limits());
    let resolver = Arc::new(resolver);
    let pods: Vec<_> = (0..500)
        .map(|_| {
            let (resolver, name) = (Arc::clone(&resolver), format!("{}/app:1", server.host()));
            tokio::spawn(async move { resolve(&resolver, &name).await })
        })
        .collect();
    for pod in pods {
        assert_eq!(pod.await.unwrap().unwrap().entrypoint, ["/x"]);
    }
    assert_eq!(server.kinds(), ["GET manifests", "GET blobs"]);
    assert_eq!((counters.misses.get(), counters.hits.get()), (1, 499));
}

#[tokio::test]
async fn w9_a_namespace_without_credentials_gets_no_cached_answer() {
    let store = Store::default().with("1", &Image::new("amd64", &["/x"], &[]));
    let digest = Image::new("amd64", &["/x"], &[]).digest();
    let server = Server::start(move |seen| match seen.authorization.as_deref() {
        // `u:right`
        Some("Basic dTpyaWdodA==") => store.answer(seen),
        _ => with(401, "www-authenticate", "Basic realm=\"r\""),
    })
    .await;
    let resolver = resolver(&server);
    let right = [password(&server.host(), "u", "right")];
    let wrong = [password(&server.host(), "u", "guess")];
    for name in [
        format!("{}/app:1", server.host()),
        format!("{}/app@{digest}", server.host()),
    ] {
        assert!(
            resolve_as(&resolver, &name, &right).await.is_ok(),
            "the control"
        );
        for secrets in [&[][..], &wrong[..]] {
            let refused = resolve_as(&resolver, &name, secrets).await;
            assert_eq!(reason(&refused), "registry_denied", "{name}");
        }
        // And the refusals did not take it from the one who may.
        server.forget();
        assert!(resolve_as(&resolver, &name, &right).await.is_ok());
        assert_eq!(server.seen().len(), 0, "from the cache");
    }
}

#[tokio::test]
async fn a_failure_counts_for_a_short_time_and_for_all_who_asked() {
    let fails = Arc::new(AtomicBool::new(true));
    let store = Store::default().with("1", &Image::new("amd64", &["/x"], &[]));
    let broken = Arc::clone(&fails);
    let server = Server::start(move |seen| {
        if broken.load(Ordering::SeqCst) {
            status(500)
        } else {
            store.answer(seen)
        }
    })
    .await;
    let quick = Limits {
        failure: Duration::from_millis(300),
        ..limits()
    };
    let (resolver, counters) = counted(&server, quick);
    let name = format!("{}/app:1", server.host());
    for _ in 0..2 {
        assert_eq!(reason(&resolve(&resolver, &name).await), "registry_status");
    }
    assert_eq!(server.seen().len(), 1, "the second is the first's");
    assert_eq!((counters.misses.get(), counters.hits.get()), (1, 1));
    fails.store(false, Ordering::SeqCst);
    let end = Instant::now() + LOOK_UP;
    while resolve(&resolver, &name).await.is_err() {
        assert!(Instant::now() < end, "the failure never ends");
    }
    assert_eq!(counters.misses.get(), 2, "asked for again");
}

#[tokio::test]
async fn a_tag_is_asked_for_again_and_a_known_digest_is_not() {
    let (old, new) = (
        Image::new("amd64", &["/old"], &[]),
        Image::new("amd64", &["/new"], &[]),
    );
    let moved = Arc::new(AtomicBool::new(false));
    let (before, after) = (
        Store::default().with("1", &old),
        Store::default().with("1", &new),
    );
    let is_new = Arc::clone(&moved);
    let server = Server::start(move |seen| {
        if is_new.load(Ordering::SeqCst) {
            after.answer(seen)
        } else {
            before.answer(seen)
        }
    })
    .await;
    let no_tags = Limits {
        tag: Duration::from_millis(1),
        ..limits()
    };
    let resolver = resolver_with(vec![plain(&server)], no_tags);
    let name = format!("{}/app:1", server.host());
    let first = resolve(&resolver, &name).await.unwrap();
    assert_eq!(first.entrypoint, ["/old"]);
    server.forget();
    let end = Instant::now() + LOOK_UP;
    while server.seen().is_empty() {
        assert!(Instant::now() < end, "the tag counts for ever");
        assert_eq!(resolve(&resolver, &name).await.unwrap(), first);
    }
    assert!(
        server.kinds().iter().all(|kind| kind == "GET manifests"),
        "the rest is known"
    );
    moved.store(true, Ordering::SeqCst);
    while resolve(&resolver, &name).await.unwrap().entrypoint != ["/new"] {
        assert!(Instant::now() < end, "the new image never comes");
    }
}

#[tokio::test]
async fn who_gives_up_leaves_the_look_up_to_the_next() {
    let store = Store::default().with("1", &Image::new("amd64", &["/x"], &[]));
    let hangs = Arc::new(AtomicBool::new(true));
    let first = Arc::clone(&hangs);
    let server = Server::start(move |seen| {
        if first.swap(false, Ordering::SeqCst) {
            let never = crate::server::body("{", crate::server::Then::Never);
            return hyper::Response::new(never);
        }
        store.answer(seen)
    })
    .await;
    let resolver = Arc::new(resolver(&server));
    let ask = || {
        let (resolver, name) = (Arc::clone(&resolver), format!("{}/app:1", server.host()));
        tokio::spawn(async move { resolve(&resolver, &name).await })
    };
    let leader = ask();
    while server.seen().is_empty() {
        tokio::task::yield_now().await;
    }
    let follower = ask();
    leader.abort();
    assert_eq!(follower.await.unwrap().unwrap().entrypoint, ["/x"]);
}
