//! Slow and huge registries: bounded in time, bytes and number.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::Response;

use crate::images::{self, Image};
use crate::server::{Answer, Server, Store, Then, body, document, status, with};
use crate::{LOOK_UP, Limits, limits, plain, reason, resolve, resolve_in, resolver, resolver_with};

/// Short enough to wait for, long enough for a request on a loaded machine.
const SHORT: Duration = Duration::from_millis(1500);

fn short() -> Limits {
    Limits {
        look_up: SHORT,
        ..limits()
    }
}

fn hanging() -> Answer {
    Response::new(body("{\"schemaVersion\": 2,", Then::Never))
}

fn endless() -> Answer {
    Response::new(body(vec![b' '; 64 << 10], Then::Again))
}

#[tokio::test]
async fn a_registry_that_hangs_is_refused_less_than_a_second_past_the_limit() {
    let image = Image::new("amd64", &["/x"], &[]);
    for at in ["/manifests/", "/blobs/"] {
        let store = Store::default().with("1", &image);
        let server = Server::start(move |seen| {
            if seen.target.contains(at) {
                hanging()
            } else {
                store.answer(seen)
            }
        })
        .await;
        let resolver = resolver_with(vec![plain(&server)], short());
        let start = Instant::now();
        let refused = resolve(&resolver, &format!("{}/app:1", server.host())).await;
        let took = start.elapsed();
        assert_eq!(reason(&refused), "registry_slow", "{at}");
        assert!(
            took >= SHORT && took < SHORT + Duration::from_secs(1),
            "{took:?}"
        );
        let message = refused.unwrap_err().message();
        assert!(message.contains("within 1500 ms"), "{message}");
    }
}

#[tokio::test]
async fn a_server_that_never_answers_and_one_that_is_not_there_are_told_apart() {
    // Accepts by the kernel's queue, and nobody reads.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    for (address, expected) in [
        (silent.local_addr().unwrap(), "registry_slow"),
        (gone, "registry_unreachable"),
    ] {
        let host = cloudtaser_webhook::image::HostSettings {
            host: address.to_string(),
            ..Default::default()
        };
        let resolver = resolver_with(vec![host], short());
        let start = Instant::now();
        let refused = resolve(&resolver, &format!("{address}/app:1")).await;
        assert_eq!(reason(&refused), expected);
        assert!(start.elapsed() < SHORT + Duration::from_secs(1));
    }
}

#[tokio::test]
async fn endless_answers_are_cut_off() {
    let image = Image::new("amd64", &["/x"], &[]);
    let demand = "Bearer realm=\"http://HOST/token\"";
    for at in ["/manifests/", "/blobs/", "/token"] {
        let store = Store::default().with("1", &image);
        let own = Arc::new(std::sync::OnceLock::<String>::new());
        let host = Arc::clone(&own);
        let server = Server::start(move |seen| {
            if seen.target.contains(at) && (at != "/token" || seen.target.starts_with(at)) {
                return endless();
            }
            if at == "/token" {
                let demand = demand.replace("HOST", host.get().unwrap());
                return with(401, "www-authenticate", &demand);
            }
            store.answer(seen)
        })
        .await;
        own.set(server.host()).unwrap();
        let refused = resolve(&resolver(&server), &format!("{}/app:1", server.host())).await;
        assert_eq!(reason(&refused), "registry_too_large", "{at}");
    }
}

#[tokio::test]
async fn a_refusal_without_end_does_not_hold_the_look_up() {
    let server = Server::start(|_| {
        let mut answer = endless();
        *answer.status_mut() = hyper::StatusCode::UNAUTHORIZED;
        answer
    })
    .await;
    let refused = resolve(&resolver(&server), &format!("{}/app:1", server.host())).await;
    assert_eq!(reason(&refused), "registry_denied");
}

#[tokio::test]
async fn a_size_that_is_too_large_costs_no_request() {
    let mut manifest: serde_json::Value =
        serde_json::from_slice(&Image::new("amd64", &["/x"], &[]).manifest).unwrap();
    manifest["config"]["size"] = serde_json::json!(5 << 20);
    let manifest = manifest.to_string().into_bytes();
    let server = Server::start(move |_| document(images::MANIFEST, &manifest)).await;
    let refused = resolve(&resolver(&server), &format!("{}/app:1", server.host())).await;
    assert_eq!(reason(&refused), "registry_too_large");
    assert_eq!(server.kinds(), ["GET manifests"]);
}

#[tokio::test]
async fn a_large_image_within_the_limit_is_read() {
    let filler = "x".repeat(3 << 19);
    let config = serde_json::json!({
        "os": "linux", "architecture": "amd64", "author": filler,
        "config": {"Entrypoint": ["/x"]}, "rootfs": {"type": "layers", "diff_ids": []},
    });
    let image = Image::of_config(config.to_string().into_bytes());
    let store = Store::default().with("1", &image);
    let server = Server::start(move |seen| store.answer(seen)).await;
    let found = resolve(&resolver(&server), &format!("{}/app:1", server.host())).await;
    assert_eq!(found.unwrap().entrypoint, ["/x"]);
}

#[tokio::test]
async fn one_registry_is_asked_for_four_images_at_once_and_leaves_room_for_others() {
    let slow = Server::start(|_| hanging()).await;
    let image = Image::new("amd64", &["/x"], &[]);
    let store = Store::default().with("1", &image);
    let quick = Server::start(move |seen| store.answer(seen)).await;
    let hosts = vec![plain(&slow), plain(&quick)];
    // Registries share a lane with a chance of 1 in 64: another resolver, another hash.
    for _ in 0..4 {
        slow.forget();
        let longer = Limits {
            look_up: 3 * SHORT,
            ..limits()
        };
        let resolver = Arc::new(resolver_with(hosts.clone(), longer));
        let waiting: Vec<_> = (0..12)
            .map(|n| {
                let (resolver, name) = (Arc::clone(&resolver), format!("{}/app:{n}", slow.host()));
                let asker = format!("n{n}");
                tokio::spawn(
                    async move { reason(&resolve_in(&resolver, &asker, &name, &[]).await) },
                )
            })
            .collect();
        while slow.seen().len() < 4 {
            tokio::task::yield_now().await;
        }
        let start = Instant::now();
        let other = resolve(&resolver, &format!("{}/app:1", quick.host())).await;
        // Later, the four have given up and others are let in.
        let is_early = start.elapsed() < 2 * SHORT;
        let asked = slow.seen().len();
        for one in waiting {
            let reason = one.await.unwrap();
            assert!(
                ["registry_busy", "registry_slow"].contains(&reason),
                "{reason}"
            );
        }
        if let (Ok(found), true) = (other, is_early) {
            assert_eq!((asked, &found.entrypoint[..]), (4, &["/x".into()][..]));
            return;
        }
    }
    panic!("the quick registry never got a place");
}

/// One namespace names many registries that never answer, and what everybody uses as well.
#[tokio::test]
async fn one_namespace_keeps_no_other_from_being_looked_up_for() {
    const REGISTRIES: usize = 24;
    let image = Image::new("amd64", &["/x"], &[]);
    let store = Store::default().with("1", &image).with("2", &image);
    let quick = Server::start(move |seen| store.answer(seen)).await;
    let mut hosts = vec![plain(&quick)];
    let mut slow = Vec::new();
    for _ in 0..REGISTRIES {
        let server = Server::start(|_| hanging()).await;
        hosts.push(plain(&server));
        slow.push(server);
    }
    let resolver = Arc::new(resolver_with(hosts, limits()));
    let ask = |namespace: &'static str, name: String| {
        let resolver = Arc::clone(&resolver);
        tokio::spawn(async move { resolve_in(&resolver, namespace, &name, &[]).await })
    };
    let asked = || {
        slow.iter()
            .filter(|server| !server.seen().is_empty())
            .count()
    };
    let hung: Vec<_> = slow
        .iter()
        .map(|server| ask("tar", format!("{}/app:1", server.host())))
        .collect();
    while asked() < 3 {
        tokio::task::yield_now().await;
    }
    // His own wait, and hold up nobody who asks the same.
    let own = ask("tar", format!("{}/app:1", quick.host()));
    let start = Instant::now();
    for tag in ["1", "2"] {
        let other = ask("shop", format!("{}/app:{tag}", quick.host()));
        assert_eq!(other.await.unwrap().unwrap().entrypoint, ["/x"]);
    }
    assert!(start.elapsed() < LOOK_UP, "it waited for those that hang");
    assert_eq!(asked(), 3);
    assert!(!own.is_finished(), "the control: one's own wait");
    for one in hung.into_iter().chain([own]) {
        one.abort();
    }
}

#[tokio::test]
async fn a_status_is_named_and_nothing_of_the_answer_is() {
    for (code, expected) in [
        (500, "registry_status"),
        (400, "registry_status"),
        (429, "registry_rate_limited"),
    ] {
        let server = Server::start(move |_| {
            let mut answer = document("text/html", b"<b>MARKER</b>");
            *answer.status_mut() = hyper::StatusCode::from_u16(code).unwrap();
            answer
        })
        .await;
        let refused = resolve(&resolver(&server), &format!("{}/app:1", server.host())).await;
        assert_eq!(reason(&refused), expected);
        let message = refused.unwrap_err().message();
        assert!(
            message.contains(&code.to_string()) && !message.contains("MARKER"),
            "{message}"
        );
    }
    let teapot = Server::start(|_| status(418)).await;
    let refused = resolve(&resolver(&teapot), &format!("{}/app:1", teapot.host())).await;
    assert_eq!(reason(&refused), "registry_status");
}
