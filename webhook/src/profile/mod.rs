//! Profiles: the operator's settings for pods, as two custom resources of one form.
//!
//! A `CloudTaserProfile` lies in a namespace and applies to its pods; whoever may write one there
//! decides which server its pods ask. A `ClusterCloudTaserProfile` is the cluster operator's.
//! [`choose()`] says which one a pod gets, and [`crate::decide`] what the pod may change of it.

#![expect(
    unreachable_pub,
    reason = "the derive `KubeSchema` copies each struct, with its `pub`, into a function"
)]
#![expect(
    clippy::duplicated_attributes,
    reason = "each printer column has the same names of fields"
)]

mod choose;
pub mod spec;

use cloudtaser_abi::annotation::Override;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use choose::{NamespaceFacts, Profile, ProfileError, Profiles, Scope, choose};
use spec::{
    AddressPolicy, AuthSpec, CopyResources, ImageSpec, NamespaceSpec, OverrideName, ProtectionSpec,
    ServerSpec,
};

/// Settings for the pods of one namespace.
#[derive(Clone, CustomResource, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[kube(
    group = "cloudtaser.io",
    version = "v1alpha1",
    kind = "CloudTaserProfile",
    plural = "cloudtaserprofiles",
    shortname = "ctp",
    category = "cloudtaser",
    namespaced,
    status = "ProfileStatus",
    derive = "PartialEq",
    doc = "CloudTaser's settings for the pods of this namespace",
    printcolumn(
        name = "Server",
        type_ = "string",
        json_path = ".spec.server.addresses[0]"
    ),
    printcolumn(name = "Method", type_ = "string", json_path = ".spec.auth.method"),
    printcolumn(
        name = "Minimum",
        type_ = "string",
        json_path = ".spec.protection.minimum"
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].status"
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.auth) || !has(self.auth.method) || self.auth.method != 'cert' || has(self.server.clientCertificateSecret)").message("the method cert needs server.clientCertificateSecret"))]
pub struct CloudTaserProfileSpec {
    /// The server.
    pub server: ServerSpec,
    /// How pods log in.
    #[serde(default)]
    pub auth: AuthSpec,
    /// What pods may choose by annotation. Without it: paths, delivery.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 9))]
    pub overrides: Option<Vec<OverrideName>>,
    /// Addresses that pods may choose.
    #[serde(default)]
    pub address_policy: AddressPolicy,
    /// Namespaces whose pods may use this profile. Counts for a profile of the cluster only.
    #[serde(default)]
    pub namespaces: NamespaceSpec,
    /// Demands on protection and delivery.
    #[serde(default)]
    pub protection: ProtectionSpec,
    /// The image of the copy step. Without it: the webhook's own setting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageSpec>,
    /// Resources of the copy step. Without it: 100m and 64Mi, as request and as limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<CopyResources>,
    /// Limit of the memory-backed volume. Without it: 32Mi.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 32),
        regex(pattern = r"^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|k|M|G)?$")
    )]
    pub volume_size_limit: Option<String>,
    /// Containers that are left alone unless a pod names them. Without it: the proxies of well-known
    /// service meshes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 63)))]
    pub skip_containers: Option<Vec<String>>,
}

impl CloudTaserProfileSpec {
    /// Whether pods may choose this.
    #[must_use]
    pub fn allows(&self, wanted: Override) -> bool {
        match &self.overrides {
            None => Override::DEFAULT.contains(&wanted),
            Some(names) => names.iter().any(|name| Override::from(*name) == wanted),
        }
    }
}

/// Settings for the pods of the cluster, or of some namespaces of it.
#[derive(Clone, CustomResource, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[kube(
    group = "cloudtaser.io",
    version = "v1alpha1",
    kind = "ClusterCloudTaserProfile",
    plural = "clustercloudtaserprofiles",
    shortname = "cctp",
    category = "cloudtaser",
    status = "ProfileStatus",
    derive = "PartialEq",
    doc = "CloudTaser's settings for pods of all namespaces, or of those that it selects",
    printcolumn(
        name = "Server",
        type_ = "string",
        json_path = ".spec.server.addresses[0]"
    ),
    printcolumn(name = "Method", type_ = "string", json_path = ".spec.auth.method"),
    printcolumn(
        name = "Minimum",
        type_ = "string",
        json_path = ".spec.protection.minimum"
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].status"
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[serde(transparent)]
pub struct ClusterCloudTaserProfileSpec {
    /// The same settings as in a namespace.
    pub settings: CloudTaserProfileSpec,
}

/// What the webhook found out about a profile.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ProfileStatus {
    /// `Ready`: the profile can be used; else the message says what is wrong.
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// The generation of the spec that the conditions are about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

#[cfg(test)]
mod tests;
