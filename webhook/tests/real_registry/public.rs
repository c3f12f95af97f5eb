//! What everyone may read.

use crate::images::{self, Image};
use crate::push::Pusher;
use crate::registry::{Access, Registry};
use crate::{HostSettings, resolve, resolver};

#[tokio::test]
async fn a_tag_a_digest_and_an_index_are_read_over_https() {
    let registry = Registry::start_tls(&Access::Everyone);
    let pusher = Pusher::new(&registry, "team/app", None);
    let amd64 = Image::new("amd64", &["/usr/bin/app", "a b", ""], &["serve"]);
    let arm64 = Image::new("arm64", &["/usr/bin/arm"], &[]);
    let attestation = Image::new("unknown", &[], &[]);
    pusher.image("plain", &amd64).await;
    for image in [&arm64, &attestation] {
        pusher.image(&image.digest(), image).await;
    }
    let index = images::index(&[
        attestation.entry("unknown", "unknown"),
        arm64.entry("linux", "arm64"),
        amd64.entry("linux", "amd64"),
    ]);
    pusher.index("multi", &index).await;
    let resolver = resolver(vec![registry.settings()]);
    let base = format!("{}/team/app", registry.host());
    for (version, architecture, entrypoint) in [
        (
            String::from(":plain"),
            "amd64",
            &["/usr/bin/app", "a b", ""][..],
        ),
        (
            format!("@{}", amd64.digest()),
            "amd64",
            &["/usr/bin/app", "a b", ""],
        ),
        (
            String::from(":multi"),
            "amd64",
            &["/usr/bin/app", "a b", ""],
        ),
        (String::from(":multi"), "arm64", &["/usr/bin/arm"]),
        (
            format!("@{}", images::digest(&index)),
            "arm64",
            &["/usr/bin/arm"],
        ),
    ] {
        let name = format!("{base}{version}");
        let found = resolve(&resolver, &name, architecture, &[]).await.unwrap();
        assert_eq!(found.entrypoint, entrypoint, "{name} {architecture}");
        assert_eq!(found.architecture, architecture);
    }
    let refused = resolve(&resolver, &format!("{base}:multi"), "s390x", &[])
        .await
        .unwrap_err();
    assert_eq!(refused.reason(), "image_platform");
    assert!(
        refused
            .message()
            .contains("there is linux/arm64, linux/amd64;"),
        "{}",
        refused.message()
    );
    let refused = resolve(&resolver, &format!("{base}:none"), "amd64", &[])
        .await
        .unwrap_err();
    assert_eq!(refused.reason(), "image_not_found");
    // The registry's authority is nobody else's.
    let stranger = HostSettings {
        authorities_pem: Registry::start_tls(&Access::Everyone)
            .settings()
            .authorities_pem,
        ..registry.settings()
    };
    let untrusting = crate::resolver(vec![stranger]);
    let refused = resolve(&untrusting, &format!("{base}:plain"), "amd64", &[])
        .await
        .unwrap_err();
    assert_eq!(refused.reason(), "registry_unreachable");
}

#[tokio::test]
async fn a_pull_through_mirror_answers_for_the_registry() {
    let registry = Registry::start(&Access::Everyone);
    let image = Image::new("amd64", &["/mirrored"], &[]);
    Pusher::new(&registry, "app", None).image("1", &image).await;
    let mirror = Registry::mirror_of(&registry.url());
    let behind = HostSettings {
        mirrors: vec![mirror.host().to_owned()],
        // Asked over HTTPS it would answer nothing, so what is found comes from the mirror.
        insecure_plain_http: false,
        ..registry.settings()
    };
    let name = format!("{}/app:1", registry.host());
    let alone = resolver(vec![HostSettings {
        mirrors: Vec::new(),
        ..behind.clone()
    }]);
    let refused = resolve(&alone, &name, "amd64", &[]).await.unwrap_err();
    assert_eq!(refused.reason(), "registry_unreachable", "the control");
    let mirrored = resolver(vec![behind, mirror.settings()]);
    let found = resolve(&mirrored, &name, "amd64", &[]).await.unwrap();
    assert_eq!(found.entrypoint, ["/mirrored"]);
}
