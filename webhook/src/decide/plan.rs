//! What is added to a pod, as Kubernetes' own types. Made by [`super::decide`], turned into a patch
//! by [`crate::patch`].

use k8s_openapi::api::core::v1::{Container, EnvVar, Volume, VolumeMount};

/// Which of the pod's lists a container is in.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum List {
    /// `initContainers`; sidecars too.
    Init,
    /// `containers`.
    App,
}

impl List {
    /// The field of the pod's spec.
    #[must_use]
    pub const fn field(self) -> &'static str {
        match self {
            Self::Init => "initContainers",
            Self::App => "containers",
        }
    }
}

/// An exec action that starts through the wrapper.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ExecWrap {
    /// Fields below the container, down to the action: `livenessProbe`, or `lifecycle`, `preStop`.
    pub fields: &'static [&'static str],
    /// Its command now.
    pub command: Vec<String>,
}

/// What happens to one container.
#[derive(Clone, Debug, PartialEq)]
pub struct ContainerPlan {
    /// Its list.
    pub list: List,
    /// Its place in it, before anything was changed.
    pub index: usize,
    /// Its name.
    pub name: String,
    /// Program and arguments as the wrapper starts them.
    pub argv: Vec<String>,
    /// Variables that are added behind its own.
    pub env: Vec<EnvVar>,
    /// Mounts that are added behind its own.
    pub mounts: Vec<VolumeMount>,
    /// Probes and hooks.
    pub execs: Vec<ExecWrap>,
}

/// Everything that happens to a pod.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The profile that was used, and its generation, for the annotation ([`Profile::record`]).
    ///
    /// [`Profile::record`]: crate::profile::Profile::record
    pub profile: String,
    /// Whether the copy step is there already: the pod was injected before.
    pub is_again: bool,
    /// The copy step.
    pub init: Container,
    /// The volumes.
    pub volumes: Vec<Volume>,
    /// Containers that are wrapped now; those that were wrapped before are not here.
    pub containers: Vec<ContainerPlan>,
    /// The least `terminationGracePeriodSeconds`.
    pub grace_seconds: Option<i64>,
}
