//! [`Cluster`] over the Kubernetes API.

use std::collections::BTreeMap;

use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, Patch as JsonPatch, PatchOperation, TestOperation};
use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, WebhookClientConfig,
};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Patch, PatchParams, PostParams};
use kube::core::Request;
use kube::{Api, Client, Resource};
use url::{Host, Url};
use zeroize::{Zeroize, Zeroizing};

use super::cluster::{Bundle, Cluster, ClusterError, Configured, Data, Stored};
use super::name::Names;

/// Who writes, in `managedFields`.
const MANAGER: &str = "cloudtaser-webhook";
type BoxedError = Box<dyn std::error::Error + Send + Sync>;

const SECRET: &str = "Secret with the webhook's certificate";
const CONFIGURATION: &str = "MutatingWebhookConfiguration";

/// Which objects.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Place {
    /// The Secret's name; it lies in the Service's namespace.
    pub secret: String,
    /// The configuration's name.
    pub configuration: String,
    /// The Service. Only webhooks that are reached by it, or by a URL with one of the other names,
    /// get our bundle.
    pub names: Names,
}

/// The cluster that we run in.
#[derive(Clone)]
pub struct KubernetesCluster {
    client: Client,
    secrets: Api<Secret>,
    configurations: Api<MutatingWebhookConfiguration>,
    place: Place,
}

impl std::fmt::Debug for KubernetesCluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("KubernetesCluster")
            .field(&self.place)
            .finish()
    }
}

impl KubernetesCluster {
    /// Over this client.
    #[must_use]
    pub fn new(client: &Client, place: Place) -> Self {
        Self {
            client: client.clone(),
            secrets: Api::namespaced(client.clone(), &place.names.namespace),
            configurations: Api::all(client.clone()),
            place,
        }
    }

    fn is_ours(&self, config: &WebhookClientConfig) -> bool {
        let names = &self.place.names;
        match (&config.service, &config.url) {
            (Some(service), _) => {
                service.name == names.service && service.namespace == names.namespace
            }
            (None, Some(url)) => {
                let url = Url::parse(url).ok();
                let host = url.as_ref().and_then(Url::host).map(|host| match host {
                    Host::Ipv6(address) => address.to_string(),
                    other => other.to_string(),
                });
                host.is_some_and(|host| names.extra.contains(&host))
            }
            (None, None) => false,
        }
    }
}

impl Cluster for KubernetesCluster {
    async fn secret(&self) -> Result<Option<Stored>, ClusterError> {
        let found = self.secrets.get_opt(&self.place.secret).await;
        let found = found.map_err(|source| request("read", SECRET, source))?;
        Ok(found.map(|secret| Stored {
            version: secret.metadata.resource_version.unwrap_or_default(),
            data: secret
                .data
                .into_iter()
                .flatten()
                .map(|(name, ByteString(bytes))| (name, Zeroizing::new(bytes)))
                .collect(),
        }))
    }

    async fn store(&self, data: &Data, version: Option<&str>) -> Result<(), ClusterError> {
        let name = &self.place.secret;
        let mut secret = match version {
            None => Secret::default(),
            // Labels and owners of the object stay; its version is compared with what was read.
            Some(_) => self
                .secrets
                .get(name)
                .await
                .map_err(|source| request("read", SECRET, source))?,
        };
        let is_same = secret.metadata.resource_version.as_deref() == version;
        wipe(secret.data.as_mut());
        if !is_same {
            return Err(ClusterError::Conflict { object: SECRET });
        }
        secret.metadata.name = Some(name.clone());
        let copies = data.iter();
        let copies = copies.map(|(name, value)| (name.clone(), ByteString(value.to_vec())));
        secret.data = Some(copies.collect());
        let params = PostParams {
            field_manager: Some(MANAGER.to_owned()),
            ..PostParams::default()
        };
        let done = match version {
            None => self.secrets.create(&params, &secret).await,
            Some(_) => self.secrets.replace(name, &params, &secret).await,
        };
        wipe(secret.data.as_mut());
        let mut answer = done.map_err(|source| request("write", SECRET, source))?;
        wipe(answer.data.as_mut());
        Ok(())
    }

    async fn configured(&self) -> Result<Option<Configured>, ClusterError> {
        let found = self.configurations.get_opt(&self.place.configuration).await;
        let found = found.map_err(|source| request("read", CONFIGURATION, source))?;
        Ok(found.map(|configuration| {
            let webhooks = configuration.webhooks.into_iter().flatten().enumerate();
            let ours = webhooks.filter(|(_, webhook)| self.is_ours(&webhook.client_config));
            Configured {
                version: configuration.metadata.resource_version.unwrap_or_default(),
                bundles: ours
                    .map(|(index, webhook)| Bundle {
                        index,
                        pem: webhook
                            .client_config
                            .ca_bundle
                            .map_or_else(Vec::new, |ByteString(pem)| pem),
                    })
                    .collect(),
            }
        }))
    }

    /// Only the bundles, and only on the object that was read: the first operation tests its
    /// version, which stands for every field of it.
    async fn publish(&self, pem: &str, read: &Configured) -> Result<(), ClusterError> {
        let name = &self.place.configuration;
        let url = MutatingWebhookConfiguration::url_path(&(), None);
        let params = PatchParams {
            field_manager: Some(MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let failed = |source: BoxedError| ClusterError::Request {
            verb: "patch",
            object: CONFIGURATION,
            source,
        };
        // kube's own JSON patch is of another generation of the json-patch crate than ours, so the
        // request is made for a merge patch and gets our body.
        let made = Request::new(url).patch(name, &params, &Patch::Merge(()));
        let mut made = made.map_err(|source| failed(source.into()))?;
        let body = serde_json::to_vec(&bundle_patch(pem, read));
        *made.body_mut() = body.map_err(|source| failed(source.into()))?;
        if let Some(kind) = made.headers_mut().get_mut("content-type") {
            let json_patch = "application/json-patch+json".parse();
            *kind = json_patch.map_err(|_not_ascii| failed("bad content type".into()))?;
        }
        let done = self
            .client
            .request::<MutatingWebhookConfiguration>(made)
            .await;
        done.map(drop)
            .map_err(|source| request("patch", CONFIGURATION, source))
    }
}

pub(super) fn bundle_patch(pem: &str, read: &Configured) -> JsonPatch {
    let test = PatchOperation::Test(TestOperation {
        path: PointerBuf::from_tokens(["metadata", "resourceVersion"]),
        value: read.version.as_str().into(),
    });
    let value = serde_json::json!(ByteString(pem.as_bytes().to_vec()));
    let places = read.bundles.iter().map(|bundle| bundle.index.to_string());
    let adds = places.map(|index| {
        let tokens = ["webhooks", index.as_str(), "clientConfig", "caBundle"];
        // "add" on a member that is there replaces it (RFC 6902, 4.1).
        PatchOperation::Add(AddOperation {
            path: PointerBuf::from_tokens(tokens),
            value: value.clone(),
        })
    });
    JsonPatch([test].into_iter().chain(adds).collect())
}

/// 404: deleted meanwhile. 409: another version. 422: the patch's test failed. In each case,
/// reading again is the answer.
fn request(verb: &'static str, object: &'static str, source: kube::Error) -> ClusterError {
    match &source {
        kube::Error::Api(status) if verb != "read" && matches!(status.code, 404 | 409 | 422) => {
            ClusterError::Conflict { object }
        }
        _ => ClusterError::Request {
            verb,
            object,
            source: Box::new(source),
        },
    }
}

fn wipe(data: Option<&mut BTreeMap<String, ByteString>>) {
    for ByteString(bytes) in data.into_iter().flat_map(BTreeMap::values_mut) {
        bytes.zeroize();
    }
}
