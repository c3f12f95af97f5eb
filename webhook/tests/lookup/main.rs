//! The look-up of an image's command against registries that are slow, huge, lying or private.
//!
//! Every refusal stands beside a control that succeeds. The servers listen on loopback.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "test code: a panic shows the line"
)]

mod bounds;
mod cache;
mod images;
mod lies;
mod login;
mod mirrors;
mod redirects;
mod requests;
mod server;

use std::sync::Arc;
use std::time::Duration;

use cloudtaser_webhook::image::{
    CacheCounters, HostSettings, ImageConfig, ImageResolver, Keyring, Limits, LookupError,
    Platform, PullSecret, PullSecretKind, RegistrySettings,
};

use crate::server::Server;

/// The time of a look-up in tests. Long enough for a loaded machine; a test that waits for it says
/// so.
const LOOK_UP: Duration = Duration::from_secs(20);

fn limits() -> Limits {
    Limits {
        look_up: LOOK_UP,
        ..Limits::default()
    }
}

/// A host that is asked over plain HTTP.
fn plain(server: &Server) -> HostSettings {
    HostSettings {
        host: server.host(),
        insecure_plain_http: true,
        ..HostSettings::default()
    }
}

fn resolver_with(hosts: Vec<HostSettings>, limits: Limits) -> ImageResolver {
    let settings = RegistrySettings {
        hosts,
        authorities_pem: None,
        limits,
    };
    ImageResolver::new(&settings).unwrap()
}

fn resolver(server: &Server) -> ImageResolver {
    resolver_with(vec![plain(server)], limits())
}

/// One whose counters the test sees.
fn counted(server: &Server, limits: Limits) -> (ImageResolver, CacheCounters) {
    let settings = RegistrySettings {
        hosts: vec![plain(server)],
        authorities_pem: None,
        limits,
    };
    let counters = CacheCounters::default();
    let resolver = ImageResolver::counted(&settings, counters.clone());
    (resolver.unwrap(), counters)
}

/// A pull secret with one password.
fn password(host: &str, name: &str, word: &str) -> PullSecret {
    secret(&serde_json::json!({"auths": {host: {"username": name, "password": word}}}))
}

fn secret(value: &serde_json::Value) -> PullSecret {
    let kind = PullSecretKind::DockerConfigJson;
    PullSecret::read("pull", kind, value.to_string().as_bytes()).unwrap()
}

type Outcome = Result<Arc<ImageConfig>, Arc<LookupError>>;

async fn resolve_as(resolver: &ImageResolver, image: &str, secrets: &[PullSecret]) -> Outcome {
    resolve_in(resolver, "shop", image, secrets).await
}

async fn resolve_in(
    resolver: &ImageResolver,
    namespace: &str,
    image: &str,
    secrets: &[PullSecret],
) -> Outcome {
    let keyring = Keyring::for_pod(secrets, &[], &[]);
    let platform = Platform::new("linux", "amd64", None);
    resolver
        .resolve(namespace, &image.parse().unwrap(), &platform, &keyring)
        .await
}

async fn resolve(resolver: &ImageResolver, image: &str) -> Outcome {
    resolve_as(resolver, image, &[]).await
}

/// Why it was refused; panics if it was not.
#[track_caller]
fn reason(outcome: &Outcome) -> &'static str {
    match outcome {
        Ok(config) => panic!("not refused: {config:?}"),
        Err(error) => error.reason(),
    }
}
