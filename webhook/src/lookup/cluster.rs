//! What is read of the cluster for one decision: labels of a namespace, a ConfigMap or Secret that
//! decides about an init container, pull secrets. A trait, so that tests need no cluster.
//!
//! Labels and pull secrets are kept for seconds, for the pods of one roll-out ask the same. What a
//! pod's own variables come from is read each time.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret, ServiceAccount};
use kube::{Api, Client};
use moka::future::Cache;

use crate::decide::{SourceFact, SourceKey};
use crate::image::{CredentialsError, PullSecret, PullSecretKind};

/// How long labels and pull secrets count. Chosen: who repairs one waits no longer than a
/// ReplicaSet's next tries.
const KEPT: Duration = Duration::from_secs(10);
/// Answers kept of each kind. Chosen: more than the namespaces that make pods within ten seconds.
const ENTRIES: u64 = 1024;

/// Why the cluster did not answer. The text is for whoever made the pod.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// The API server refused or failed.
    #[error("{what} cannot be read ({why})")]
    Api {
        /// Kind and name.
        what: String,
        /// A word of the API's, or of ours.
        why: String,
    },
    /// A pull secret with another text than expected.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
}

/// An answer to come.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, ClusterError>>;

/// The cluster's side of a look-up.
pub trait Cluster: Debug + Send + Sync {
    /// Labels of a namespace.
    fn labels(&self, namespace: String) -> Answer<'_, BTreeMap<String, String>>;
    /// A ConfigMap or Secret, reduced.
    fn source(&self, namespace: String, key: SourceKey) -> Answer<'_, SourceFact>;
    /// The pull secrets that a service account names.
    fn account(&self, namespace: String, name: String) -> Answer<'_, Vec<String>>;
    /// A pull secret; nothing where there is none, which the kubelet passes over too.
    fn pull_secret(&self, namespace: String, name: String) -> Answer<'_, Option<PullSecret>>;
}

type Kept<T> = Cache<(String, String), T>;

/// The cluster, by its API.
#[derive(Clone, Debug)]
pub struct KubeCluster {
    client: Arc<Reader>,
    labels: Kept<BTreeMap<String, String>>,
    accounts: Kept<Vec<String>>,
    secrets: Kept<Option<PullSecret>>,
}

struct Reader(Client);

impl Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reader(…)")
    }
}

impl KubeCluster {
    /// Asks nothing yet.
    #[must_use]
    pub fn new(client: Client) -> Self {
        fn kept<T: Clone + Send + Sync + 'static>() -> Kept<T> {
            let builder = Cache::builder().max_capacity(ENTRIES);
            builder.time_to_live(KEPT).build()
        }
        Self {
            client: Arc::new(Reader(client)),
            labels: kept(),
            accounts: kept(),
            secrets: kept(),
        }
    }

    fn client(&self) -> Client {
        self.client.0.clone()
    }
}

fn failed(what: String) -> impl FnOnce(kube::Error) -> ClusterError {
    move |error| {
        let why = match error {
            kube::Error::Api(status) if !status.reason.is_empty() => status.reason,
            _ => "no answer from the API server".to_owned(),
        };
        ClusterError::Api { what, why }
    }
}

fn shared(error: Arc<ClusterError>) -> ClusterError {
    Arc::unwrap_or_clone(error)
}

impl Cluster for KubeCluster {
    fn labels(&self, namespace: String) -> Answer<'_, BTreeMap<String, String>> {
        let api: Api<Namespace> = Api::all(self.client());
        Box::pin(async move {
            let key = (namespace.clone(), String::new());
            let fresh = async {
                let what = format!("the namespace `{namespace}`");
                let found = api.get(&namespace).await.map_err(failed(what))?;
                Ok(found.metadata.labels.unwrap_or_default())
            };
            self.labels.try_get_with(key, fresh).await.map_err(shared)
        })
    }

    fn source(&self, namespace: String, key: SourceKey) -> Answer<'_, SourceFact> {
        let client = self.client();
        Box::pin(async move {
            let what = key.describe();
            match &key {
                SourceKey::ConfigMap(name) => {
                    let api: Api<ConfigMap> = Api::namespaced(client, &namespace);
                    let found = api.get_opt(name).await.map_err(failed(what))?;
                    Ok(found.map_or(SourceFact::Missing, |object| {
                        let data = object.data.iter().flatten();
                        let texts = data.map(|(key, value)| (key.as_str(), value.as_bytes()));
                        let binary = object.binary_data.iter().flatten();
                        let binary = binary.map(|(key, value)| (key.as_str(), value.0.as_slice()));
                        SourceFact::new(texts.chain(binary))
                    }))
                }
                SourceKey::Secret(name) => {
                    let api: Api<Secret> = Api::namespaced(client, &namespace);
                    let found = api.get_opt(name).await.map_err(failed(what))?;
                    Ok(found.map_or(SourceFact::Missing, |object| {
                        let data = object.data.iter().flatten();
                        SourceFact::new(data.map(|(key, value)| (key.as_str(), value.0.as_slice())))
                    }))
                }
            }
        })
    }

    fn account(&self, namespace: String, name: String) -> Answer<'_, Vec<String>> {
        let api: Api<ServiceAccount> = Api::namespaced(self.client(), &namespace);
        Box::pin(async move {
            let fresh = async {
                let what = format!("the service account `{name}`");
                let found = api.get_opt(&name).await.map_err(failed(what))?;
                let named = found.and_then(|account| account.image_pull_secrets);
                let names = named.into_iter().flatten().map(|reference| reference.name);
                Ok(names.filter(|name| !name.is_empty()).collect())
            };
            let key = (namespace, name.clone());
            self.accounts.try_get_with(key, fresh).await.map_err(shared)
        })
    }

    fn pull_secret(&self, namespace: String, name: String) -> Answer<'_, Option<PullSecret>> {
        let api: Api<Secret> = Api::namespaced(self.client(), &namespace);
        Box::pin(async move {
            let fresh = async {
                let what = format!("the pull secret `{name}`");
                let found = api.get_opt(&name).await.map_err(failed(what))?;
                let data = found.and_then(|secret| secret.data).unwrap_or_default();
                let known = data.iter();
                let mut known = known.filter_map(|(key, value)| {
                    PullSecretKind::of_key(key).map(|kind| (kind, &value.0))
                });
                let Some((kind, value)) = known.next() else {
                    return Ok(None);
                };
                Ok(Some(PullSecret::read(&name, kind, value)?))
            };
            let key = (namespace, name.clone());
            self.secrets.try_get_with(key, fresh).await.map_err(shared)
        })
    }
}
