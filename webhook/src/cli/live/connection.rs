//! The way into a cluster, and reading there: nothing but GET, with a limit on time and pages.

use std::time::Duration;

use kube::Client;
use kube::api::{GetParams, ListParams};
use kube::config::{Config, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::core::Request;
use serde_json::Value;

use super::error::{LiveError, last_cause};
use crate::cli::args::Connection;
use crate::cli::target::Kind;

/// For a person who waits. Chosen: a far API server answers in one.
const CONNECT: Duration = Duration::from_secs(10);
const READ: Duration = Duration::from_secs(30);
/// Objects of one answer, as kubectl has it.
const PAGE: u32 = 500;

/// A resource of the API.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resource {
    /// Group and version.
    pub(super) version: &'static str,
    /// Plural.
    pub(super) plural: &'static str,
}

impl From<&Kind> for Resource {
    fn from(kind: &Kind) -> Self {
        Self {
            version: kind.version,
            plural: kind.plural,
        }
    }
}

impl Resource {
    pub(super) const fn new(version: &'static str, plural: &'static str) -> Self {
        Self { version, plural }
    }

    fn path(self, namespace: Option<&str>) -> String {
        let root = match self.version {
            "v1" => "/api/v1".to_owned(),
            version => format!("/apis/{version}"),
        };
        match namespace {
            Some(namespace) => format!("{root}/namespaces/{namespace}/{}", self.plural),
            None => format!("{root}/{}", self.plural),
        }
    }

    /// With its group, as `kubectl auth can-i` takes it.
    fn name(self) -> String {
        match self.version.split_once('/') {
            Some((group, _)) => format!("{}.{group}", self.plural),
            None => self.plural.to_owned(),
        }
    }
}

/// An API server that we can ask.
pub(super) struct Server {
    client: Client,
    url: String,
    /// The kubeconfig's.
    pub(super) namespace: String,
}

impl Server {
    /// Asks nothing yet.
    pub(super) async fn new(args: &Connection) -> Result<Self, LiveError> {
        let mut config = config(args).await?;
        config.connect_timeout = Some(CONNECT);
        config.read_timeout = Some(READ);
        let url = config.cluster_url.to_string();
        let url = url.trim_end_matches('/').to_owned();
        let namespace = config.default_namespace.clone();
        let client = Client::try_from(config).map_err(|error| match last_cause(&error) {
            Some(why) => LiveError::Kubeconfig(why),
            None => LiveError::Credentials,
        })?;
        Ok(Self {
            client,
            url,
            namespace,
        })
    }

    /// An object; nothing where there is none.
    pub(super) async fn get(
        &self,
        resource: Resource,
        namespace: Option<&str>,
        name: &str,
    ) -> Result<Option<Value>, LiveError> {
        let request = Request::new(resource.path(namespace)).get(name, &GetParams::default());
        let request = request.map_err(|_cause| LiveError::Unreadable {
            resource: resource.name(),
        })?;
        match self.client.request::<Value>(request).await {
            Ok(object) => Ok(Some(object)),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
            Err(error) => Err(self.failed(&error, "get", resource, namespace)),
        }
    }

    /// All objects, with these parameters.
    pub(super) async fn list(
        &self,
        resource: Resource,
        namespace: Option<&str>,
        params: ListParams,
    ) -> Result<Vec<Value>, LiveError> {
        let mut params = params.limit(PAGE);
        let mut objects = Vec::new();
        loop {
            let unreadable = || LiveError::Unreadable {
                resource: resource.name(),
            };
            let request = Request::new(resource.path(namespace)).list(&params);
            let request = request.map_err(|_cause| unreadable())?;
            let page = self.client.request::<Value>(request).await;
            let mut page =
                page.map_err(|error| self.failed(&error, "list", resource, namespace))?;
            let Some(Value::Array(items)) = page.get_mut("items").map(Value::take) else {
                return Err(unreadable());
            };
            objects.extend(items);
            match page.pointer("/metadata/continue").and_then(Value::as_str) {
                None | Some("") => return Ok(objects),
                Some(more) => params = params.continue_token(more),
            }
        }
    }

    fn failed(
        &self,
        error: &kube::Error,
        verb: &'static str,
        resource: Resource,
        namespace: Option<&str>,
    ) -> LiveError {
        let url = self.url.clone();
        let kube::Error::Api(status) = error else {
            return match last_cause(error) {
                Some(_) if matches!(error, kube::Error::SerdeError(_)) => LiveError::Unreadable {
                    resource: resource.name(),
                },
                Some(why) => LiveError::Unreachable { url, why },
                None => LiveError::Credentials,
            };
        };
        match status.code {
            401 => LiveError::Login { url },
            403 => LiveError::Forbidden {
                verb,
                resource: resource.name(),
                place: match namespace {
                    Some(name) => format!(" in the namespace `{name}`"),
                    None => " in the whole cluster".to_owned(),
                },
            },
            // Of a list: there is no such path.
            404 => LiveError::NoKind {
                resource: resource.name(),
            },
            code => LiveError::Answer {
                code,
                reason: status.reason.clone(),
                resource: resource.name(),
            },
        }
    }
}

async fn config(args: &Connection) -> Result<Config, LiveError> {
    let options = KubeConfigOptions {
        context: args.context.clone(),
        ..KubeConfigOptions::default()
    };
    let read = match &args.kubeconfig {
        Some(file) => Kubeconfig::read_from(file),
        None => Kubeconfig::read(),
    };
    let kubeconfig = match read {
        Ok(kubeconfig) => kubeconfig,
        Err(error) => {
            let is_absent = match &error {
                KubeconfigError::ReadConfig(source, _) => {
                    source.kind() == std::io::ErrorKind::NotFound
                }
                KubeconfigError::FindPath => true,
                _ => false,
            };
            if is_absent && args.kubeconfig.is_none() {
                // In a pod there is a service account instead, as for kubectl.
                return Config::incluster().map_err(|_absent| LiveError::NoCluster);
            }
            return Err(LiveError::kubeconfig(&error));
        }
    };
    let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
    config.map_err(|error| LiveError::kubeconfig(&error))
}
