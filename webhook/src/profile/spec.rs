//! What an operator writes into a profile. The doc comments are the schema's descriptions, and
//! `kubectl explain` shows them.

use std::collections::BTreeMap;

use cloudtaser_abi::annotation::Override;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The server, and how TLS to it works.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!self.addresses.exists(a, a.startsWith('http://')) || (has(self.insecureHttp) && self.insecureHttp)").message("an http:// address shows every secret to whoever is on the way; set insecureHttp if that is meant"))]
#[x_kube(validation = Rule::new("self.addresses.all(a, a.startsWith('http://')) || self.addresses.all(a, a.startsWith('https://'))").message("the addresses of one cluster must all be https or all be http"))]
pub struct ServerSpec {
    /// Addresses of the nodes of one server, https://HOST:PORT. Private addresses are allowed here.
    #[schemars(
        length(min = 1, max = 8),
        inner(length(max = 256), regex(pattern = r"^https?://[^/?#@\s]+/?$"))
    )]
    pub addresses: Vec<String>,
    /// Namespace of the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub namespace: Option<String>,
    /// Certification authorities that vouch for the server. Without it: those in the program's image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<CaSpec>,
    /// Secret of type kubernetes.io/tls in the pod's namespace: the client certificate for mutual TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub client_certificate_secret: Option<String>,
    /// Name that the server's certificate must have, instead of the address's host.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub tls_server_name: Option<String>,
    /// Take any certificate: whoever is on the way reads every secret.
    #[serde(default)]
    pub insecure_skip_verify: bool,
    /// Take http:// addresses: whoever is on the way reads every secret.
    #[serde(default)]
    pub insecure_http: bool,
}

/// Where the certification authorities come from: exactly one of these.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("(has(self.inline) ? 1 : 0) + (has(self.configMap) ? 1 : 0) + (has(self.secret) ? 1 : 0) == 1").message("give exactly one of inline, configMap, secret"))]
pub struct CaSpec {
    /// PEM text. The only form that nobody in the pod's namespace can change.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 65536))]
    pub inline: Option<String>,
    /// A ConfigMap in the pod's namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_map: Option<KeySpec>,
    /// A Secret in the pod's namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<KeySpec>,
}

/// A key of a ConfigMap or Secret.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct KeySpec {
    /// Name of the object.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Key in it.
    #[serde(default = "default_ca_key")]
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

/// What cert-manager and trust-manager call it.
fn default_ca_key() -> String {
    "ca.crt".to_owned()
}

/// How pods log in.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AuthSpec {
    /// Login method.
    pub method: AuthMethod,
    /// Where it is mounted, without auth/. Default: the method's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub mount: Option<String>,
    /// Role; {namespace} and {serviceAccount} stand for the pod's.
    #[schemars(length(min = 1, max = 256))]
    pub role: String,
    /// Roles that pods may choose when overrides allows `role`; `*` stands for any text,
    /// {namespace} and {serviceAccount} for the pod's. Without it: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 256)))]
    pub allowed_roles: Option<Vec<String>>,
    /// Audience of the service-account token; the server's role must demand the same.
    #[schemars(length(min = 1, max = 256))]
    pub audience: String,
    /// How long the token lives, in seconds.
    // 600: the least that the API takes (TokenRequest); renewed by the kubelet.
    #[schemars(range(min = 600, max = 86400))]
    pub token_expiration_seconds: i64,
}

impl Default for AuthSpec {
    fn default() -> Self {
        Self {
            method: AuthMethod::Kubernetes,
            mount: None,
            // A namespace has no dot, so no two service accounts share a role by accident.
            role: "{namespace}.{serviceAccount}".to_owned(),
            allowed_roles: None,
            audience: "vault".to_owned(),
            token_expiration_seconds: 600,
        }
    }
}

/// Login methods that a pod has credentials for.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthMethod {
    /// The service-account token, reviewed by the API server.
    #[default]
    Kubernetes,
    /// The service-account token, by its signature.
    Jwt,
    /// The client certificate.
    Cert,
}

impl AuthMethod {
    /// The wrapper's word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes",
            Self::Jwt => "jwt",
            Self::Cert => "cert",
        }
    }
}

/// What pods may choose by annotation.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum OverrideName {
    /// Which secrets.
    Paths,
    /// How secrets get into the program.
    Delivery,
    /// Less protection than this profile demands.
    Protection,
    /// Which server.
    Address,
    /// Which role.
    Role,
    /// Which login method.
    AuthMethod,
    /// Which mount of the login method.
    AuthPath,
    /// Which namespace of the server.
    Namespace,
    /// Whether the server's certificate is not looked at.
    SkipVerify,
}

impl From<OverrideName> for Override {
    fn from(name: OverrideName) -> Self {
        match name {
            OverrideName::Paths => Self::Paths,
            OverrideName::Delivery => Self::Delivery,
            OverrideName::Protection => Self::Protection,
            OverrideName::Address => Self::Address,
            OverrideName::Role => Self::Role,
            OverrideName::AuthMethod => Self::AuthMethod,
            OverrideName::AuthPath => Self::AuthPath,
            OverrideName::Namespace => Self::Namespace,
            OverrideName::SkipVerify => Self::SkipVerify,
        }
    }
}

/// Addresses that pods may choose when overrides allows `address`.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AddressPolicy {
    /// Only these. Without it: any that is not private.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 256)))]
    pub allowed: Option<Vec<String>>,
    /// Private addresses too; never the pod itself, link-local addresses or metadata services.
    pub allow_private: bool,
}

/// Namespaces whose pods may use a profile of the cluster.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct NamespaceSpec {
    /// Their names. Empty: any name.
    #[schemars(length(max = 256), inner(length(min = 1, max = 63)))]
    pub names: Vec<String>,
    /// Labels that they must have, all of them.
    pub match_labels: BTreeMap<String, String>,
}

/// The image of the copy step.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageSpec {
    /// Reference, best with a digest.
    #[schemars(length(min = 1, max = 512))]
    pub name: String,
    /// When it is pulled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull_policy: Option<PullPolicy>,
}

/// When an image is pulled.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum PullPolicy {
    /// At every start.
    Always,
    /// When the node does not have it.
    IfNotPresent,
    /// Never.
    Never,
}

impl PullPolicy {
    /// The API's word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Always => "Always",
            Self::IfNotPresent => "IfNotPresent",
            Self::Never => "Never",
        }
    }
}

/// The wrapper's levels of protection.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ProtectionName {
    /// No demand.
    #[default]
    None,
    /// Locked into memory.
    Locked,
    /// Memory of memfd_secret(2).
    Secretmem,
    /// The same, and an enforcer on the node.
    Enforced,
}

/// The wrapper's `--enforcer`.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EnforcerName {
    /// Do not register.
    Off,
    /// Register where there is one.
    #[default]
    Prefer,
    /// Do not start without one.
    Require,
}

/// The wrapper's `--delivery`.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryName {
    /// By the preload library where it can.
    #[default]
    Auto,
    /// By the preload library only.
    Preload,
    /// In plain variables.
    Environ,
}

/// Demands on protection and delivery.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ProtectionSpec {
    /// The least protection of secret memory.
    pub minimum: ProtectionName,
    /// What to do about the node's enforcer.
    pub enforcer: EnforcerName,
    /// How secrets get into programs.
    pub delivery: DeliveryName,
}

/// Resources of the copy step, amounts as Kubernetes writes them.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default)]
pub struct CopyResources {
    /// What the container may use at most, by resource.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: BTreeMap<String, String>,
    /// What the container is given at least, by resource.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub requests: BTreeMap<String, String>,
}
