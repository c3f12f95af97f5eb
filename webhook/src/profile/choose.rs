//! Which profile a pod gets.

use std::collections::BTreeMap;

use super::CloudTaserProfileSpec;
use super::spec::NamespaceSpec;
use super::{CloudTaserProfile, ClusterCloudTaserProfile};
use crate::address::{self, AddressError, Origin};
use crate::annotation::shown;

/// The name that counts where a pod names no profile.
const DEFAULT_NAME: &str = "default";

/// Where a profile lies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scope {
    /// In the pod's namespace.
    Namespace,
    /// In the cluster.
    Cluster,
}

/// A profile, whatever its scope.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// Where it lies.
    pub scope: Scope,
    /// The API server's count of changes of its settings; nothing for one from a file.
    pub generation: Option<i64>,
    /// Its settings.
    pub spec: CloudTaserProfileSpec,
}

impl From<CloudTaserProfile> for Profile {
    fn from(object: CloudTaserProfile) -> Self {
        Self {
            name: object.metadata.name.unwrap_or_default(),
            generation: object.metadata.generation,
            scope: Scope::Namespace,
            spec: object.spec,
        }
    }
}

impl From<ClusterCloudTaserProfile> for Profile {
    fn from(object: ClusterCloudTaserProfile) -> Self {
        Self {
            name: object.metadata.name.unwrap_or_default(),
            generation: object.metadata.generation,
            scope: Scope::Cluster,
            spec: object.spec.settings,
        }
    }
}

/// The profiles that a pod could get: those of its namespace, and those of the cluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profiles {
    /// In the pod's namespace.
    pub namespaced: Vec<Profile>,
    /// In the cluster.
    pub cluster: Vec<Profile>,
}

/// What is known about the pod's namespace.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct NamespaceFacts {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// Why a pod gets no profile.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// None of that name.
    #[error(
        "there is no profile {} in the namespace `{namespace}` or in the cluster; there are: {known}",
        shown(name)
    )]
    Missing {
        /// What was looked for.
        name: String,
        /// Where.
        namespace: String,
        /// What there is, or `none`.
        known: String,
    },
    /// One of the cluster that is not for this namespace.
    #[error("the cluster's profile `{name}` is not for pods of the namespace `{namespace}`")]
    NotForNamespace {
        /// The profile.
        name: String,
        /// The namespace.
        namespace: String,
    },
    /// One that cannot be used. The operator must act.
    #[error("the profile `{name}` has an address that cannot be used: {problem}")]
    Address {
        /// The profile.
        name: String,
        /// Why.
        problem: AddressError,
    },
    /// One without any server.
    #[error("the profile `{name}` names no server")]
    NoServer {
        /// The profile.
        name: String,
    },
}

/// The profile that a pod gets: the one that it names, else the one called `default`; one of its
/// namespace before one of the cluster.
///
/// # Errors
///
/// [`ProfileError`]. Fails closed: a pod that opted in never starts with no profile.
pub fn choose<'p>(
    wanted: Option<&str>,
    namespace: &NamespaceFacts,
    profiles: &'p Profiles,
) -> Result<&'p Profile, ProfileError> {
    let name = wanted.unwrap_or(DEFAULT_NAME);
    let all = || profiles.namespaced.iter().chain(&profiles.cluster);
    let Some(found) = all().find(|profile| profile.name == name) else {
        let known: Vec<&str> = all().map(|profile| profile.name.as_str()).collect();
        return Err(ProfileError::Missing {
            name: name.to_owned(),
            namespace: namespace.name.clone(),
            known: if known.is_empty() {
                "none".to_owned()
            } else {
                known.join(", ")
            },
        });
    };
    if found.scope == Scope::Cluster && !found.spec.namespaces.admits(namespace) {
        return Err(ProfileError::NotForNamespace {
            name: found.name.clone(),
            namespace: namespace.name.clone(),
        });
    }
    found.check()?;
    Ok(found)
}

impl Profile {
    /// What a pod of this namespace that gets it is told: `NAMESPACE/NAME@GENERATION`, without a
    /// namespace for one of the cluster. No name has a slash or an at (RFC 1123).
    #[must_use]
    pub fn record(&self, namespace: &str) -> String {
        let place = match self.scope {
            Scope::Namespace => format!("{namespace}/"),
            Scope::Cluster => String::new(),
        };
        let generation = self.generation.map(|count| format!("@{count}"));
        format!("{place}{}{}", self.name, generation.unwrap_or_default())
    }

    /// Checks what a schema cannot: addresses that are never a secret server.
    ///
    /// # Errors
    ///
    /// [`ProfileError`]; the same text is the condition of the profile's status.
    pub fn check(&self) -> Result<(), ProfileError> {
        let name = || self.name.clone();
        if self.spec.server.addresses.is_empty() {
            return Err(ProfileError::NoServer { name: name() });
        }
        for text in &self.spec.server.addresses {
            address::check(text, Origin::Profile).map_err(|problem| ProfileError::Address {
                name: name(),
                problem,
            })?;
        }
        Ok(())
    }
}

impl NamespaceSpec {
    /// Whether pods of this namespace may use it.
    #[must_use]
    pub fn admits(&self, namespace: &NamespaceFacts) -> bool {
        let has_label = |(key, value): (&String, &String)| namespace.labels.get(key) == Some(value);
        (self.names.is_empty() || self.names.contains(&namespace.name))
            && self.match_labels.iter().all(has_label)
    }
}
