//! The look-up against a real image registry (`distribution/distribution`), over HTTPS and HTTP,
//! with htpasswd, with a token service, and as a pull-through mirror.
//!
//! `cargo xtask test api` says which program, in `CLOUDTASER_TEST_REGISTRY`. The images are made
//! and pushed here. What a real registry does not do (lie, hang, send without end) is in
//! `tests/lookup`.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "test code: a panic shows the line"
)]

#[path = "../lookup/images.rs"]
mod images;
mod private;
mod public;
mod push;
mod registry;
mod token_service;

use std::sync::Arc;

use cloudtaser_webhook::image::{
    HostSettings, ImageConfig, ImageResolver, Keyring, LookupError, Platform, PullSecret,
    PullSecretKind, RegistrySettings,
};
use serde_json::json;

type Outcome = Result<Arc<ImageConfig>, Arc<LookupError>>;

fn resolver(hosts: Vec<HostSettings>) -> ImageResolver {
    let settings = RegistrySettings {
        hosts,
        ..RegistrySettings::default()
    };
    ImageResolver::new(&settings).unwrap()
}

fn password(host: &str, name: &str, word: &str) -> PullSecret {
    let value = json!({"auths": {host: {"username": name, "password": word}}});
    let kind = PullSecretKind::DockerConfigJson;
    PullSecret::read("pull", kind, value.to_string().as_bytes()).unwrap()
}

async fn resolve(
    resolver: &ImageResolver,
    image: &str,
    architecture: &str,
    secrets: &[PullSecret],
) -> Outcome {
    let keyring = Keyring::for_pod(secrets, &[], &[]);
    let platform = Platform::new("linux", architecture, None);
    resolver
        .resolve("shop", &image.parse().unwrap(), &platform, &keyring)
        .await
}
