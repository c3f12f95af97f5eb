//! Looks up what a decision needs ([`crate::decide::needs`]), within one deadline.
//!
//! Touches the world, and decides nothing: what cannot be looked up is left out of the facts or is
//! a failure in them, and the engine refuses the pod where it counts (*fails closed*).

mod cluster;
pub mod events;
pub mod status;
mod store;
pub mod watch;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use k8s_openapi::api::core::v1::{Pod, PodSpec};
use tokio::time::{Instant, timeout_at};

pub use cluster::{Answer, Cluster, ClusterError, KubeCluster};
pub use store::{ProfileStore, Snapshot, checked};

use crate::decide::{Facts, ImageFact, Needs, SourceKey};
use crate::image::{ImageName, ImageResolver, Keyring, Platform, PullSecret};
use crate::serve::metrics::{Metrics, Reason};

/// Pull secrets that are read for one pod. Chosen: more than the 16 logins that are tried.
const PULL_SECRETS: usize = 16;
/// Sources that are read for one pod, those that decide first; of the others, what decides counts
/// as holding a reference, and nothing is said about the rest. Chosen.
const SOURCES: usize = 32;
/// How long a review waits for sources that only give warnings. Chosen: a cluster answers within
/// milliseconds, and no pod's start hangs on a warning.
const FOR_WARNINGS: Duration = Duration::from_secs(1);

/// Everything that is asked beside the pod itself.
#[derive(Debug)]
pub struct Lookup {
    /// The cluster.
    pub cluster: Arc<dyn Cluster>,
    /// The registries.
    pub images: ImageResolver,
    /// The operator's pull secrets.
    pub default_pull: Vec<PullSecret>,
    /// The architecture of nodes where the pod leaves it open.
    pub architecture: String,
    /// Where outcomes are counted.
    pub metrics: Arc<Metrics>,
}

impl Lookup {
    /// Looks up what is needed.
    pub async fn facts(&self, pod: &Pod, namespace: &str, needs: &Needs, end: Instant) -> Facts {
        let mut facts = Facts::default();
        if needs.is_empty() {
            return facts;
        }
        let none = PodSpec::default();
        let spec = pod.spec.as_ref().unwrap_or(&none);
        let sources = self.sources(namespace, needs, end);
        let images = self.images(spec, namespace, needs, end);
        let (sources, images) = tokio::join!(sources, images);
        facts.sources.extend(sources);
        facts.images.extend(images);
        facts
    }

    async fn sources(
        &self,
        namespace: &str,
        needs: &Needs,
        end: Instant,
    ) -> Vec<(SourceKey, crate::decide::SourceFact)> {
        let sooner = end.min(Instant::now() + FOR_WARNINGS);
        let deciding = needs.deciding_sources.iter().map(|key| (key, end));
        let others = needs.other_sources.iter().map(|key| (key, sooner));
        let asked = deciding
            .chain(others)
            .take(SOURCES)
            .map(|(key, end)| async move {
                let asked = self.cluster.source(namespace.to_owned(), key.clone());
                match timeout_at(end, asked).await {
                    Ok(Ok(fact)) => Some((key.clone(), fact)),
                    // Left out: where it decides, it counts as holding a reference, so its
                    // container is wrapped.
                    Ok(Err(error)) => {
                        tracing::debug!(namespace, %error, "not looked up");
                        None
                    }
                    Err(_elapsed) => None,
                }
            });
        join_all(asked).await.into_iter().flatten().collect()
    }

    async fn images(
        &self,
        spec: &PodSpec,
        namespace: &str,
        needs: &Needs,
        end: Instant,
    ) -> Vec<(String, ImageFact)> {
        let (keyring, problems) = if needs.images.is_empty() {
            (Keyring::default(), Vec::new())
        } else {
            self.keyring(spec, namespace, end).await
        };
        let architecture = needs.architecture.unwrap_or(&self.architecture);
        let platform = Platform::new("linux", architecture, None);
        let asked = needs.images.iter().map(|name| async {
            let asked = self.image(namespace, name, &platform, &keyring, end);
            let fact = asked.await.unwrap_or_else(|mut message| {
                for problem in &problems {
                    message.push_str("; ");
                    message.push_str(problem);
                }
                ImageFact::Failed(message)
            });
            (name.clone(), fact)
        });
        join_all(asked).await
    }

    /// What an image says, or why its registry gave nothing: then pull secrets may be at fault.
    async fn image(
        &self,
        namespace: &str,
        text: &str,
        platform: &Platform,
        keyring: &Keyring,
        end: Instant,
    ) -> Result<ImageFact, String> {
        let name: ImageName = match text.parse() {
            Ok(name) => name,
            Err(error) => {
                let error: crate::image::ReferenceError = error;
                self.count(error.reason());
                return Ok(ImageFact::Failed(error.to_string()));
            }
        };
        let asked = self.images.resolve(namespace, &name, platform, keyring);
        let (reason, message) = match timeout_at(end, asked).await {
            Ok(Ok(config)) => {
                self.count("found");
                return Ok(ImageFact::Found(config));
            }
            Ok(Err(error)) => (error.reason(), error.message()),
            Err(_elapsed) => {
                let late = "its registry did not answer within the API server's time-out";
                ("slow", late.to_owned())
            }
        };
        self.count(reason);
        Err(message)
    }

    /// The pod's pull secrets; its service account's only where it names none, so that nobody is
    /// asked for what does not count.
    async fn keyring(
        &self,
        spec: &PodSpec,
        namespace: &str,
        end: Instant,
    ) -> (Keyring, Vec<String>) {
        let mut problems = Vec::new();
        let named = spec.image_pull_secrets.iter().flatten();
        let names = named.map(|reference| reference.name.clone());
        let mut names: Vec<String> = names.filter(|name| !name.is_empty()).collect();
        if names.is_empty() {
            let account = spec.service_account_name.clone();
            let account = account.filter(|name| !name.is_empty());
            let account = account.unwrap_or_else(|| "default".to_owned());
            let asked = self.cluster.account(namespace.to_owned(), account);
            match timeout_at(end, asked).await {
                Ok(Ok(found)) => names = found,
                Ok(Err(error)) => problems.push(error.to_string()),
                Err(_elapsed) => problems.push("the service account was not read in time".into()),
            }
        }
        let asked = names.into_iter().take(PULL_SECRETS).map(|name| {
            let asked = self.cluster.pull_secret(namespace.to_owned(), name);
            timeout_at(end, asked)
        });
        let mut secrets = Vec::new();
        for answer in join_all(asked).await {
            match answer {
                Ok(Ok(secret)) => secrets.extend(secret),
                Ok(Err(error)) => problems.push(error.to_string()),
                Err(_elapsed) => problems.push("a pull secret was not read in time".into()),
            }
        }
        let keyring = Keyring::for_pod(&secrets, &[], &self.default_pull);
        (keyring, problems)
    }

    fn count(&self, reason: &'static str) {
        let labels = Reason { reason };
        self.metrics.images.get_or_create(&labels).inc();
    }
}
