//! Why a pod is left alone or refused: one enum each, a word for log and metrics, a sentence for
//! whoever made the pod.

use cloudtaser_abi::injection::INIT_CONTAINER;

use crate::address::AddressError;
use crate::annotation::{AnnotationError, shown};
use crate::profile::ProfileError;

/// Why a pod is left as it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SkipReason {
    /// It has no `cloudtaser.io/inject`.
    NotOptedIn,
    /// It says `false`.
    OptedOut,
    /// It is the API's image of a static pod, which the kubelet started from a file; nothing that
    /// we change would reach it.
    MirrorPod,
    /// It is not made but changed, deleted or connected to; containers cannot change then.
    NotCreated,
}

impl SkipReason {
    /// The word for log and metrics.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NotOptedIn => "not_opted_in",
            Self::OptedOut => "opted_out",
            Self::MirrorPod => "mirror_pod",
            Self::NotCreated => "not_created",
        }
    }
}

/// Why a pod that opted in is refused. The text tells its author what to do; where only the
/// operator can act, it says so.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// An annotation.
    #[error(transparent)]
    Annotation(#[from] AnnotationError),
    /// No profile.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// A container that is not in the pod.
    #[error(
        "annotation `{key}` names the container {}, which the pod does not have; it has: {known}{hint}",
        shown(name)
    )]
    UnknownContainer {
        /// The annotation.
        key: &'static str,
        /// What it names.
        name: String,
        /// Those of the pod.
        known: String,
        /// The nearest, or nothing.
        hint: String,
    },
    /// A choice that the profile does not allow.
    #[error(
        "annotation `{key}` is not allowed by the profile `{profile}`, which allows pods to choose: {allowed}; take it out, or ask the operator to add `{needed}` to the profile's `overrides`"
    )]
    NotAllowed {
        /// The annotation.
        key: String,
        /// The profile.
        profile: String,
        /// What it allows.
        allowed: String,
        /// What it would have to allow.
        needed: &'static str,
    },
    /// Less protection than demanded.
    #[error(
        "annotation `{key}` is `{value}`, which is less than the profile `{profile}` demands (`{demanded}`)"
    )]
    LessProtection {
        /// The annotation.
        key: String,
        /// What it says.
        value: &'static str,
        /// The profile.
        profile: String,
        /// What it demands.
        demanded: &'static str,
    },
    /// An address that is never taken.
    #[error("annotation `{key}` is {}, which is refused: {problem}", shown(value))]
    Address {
        /// The annotation.
        key: String,
        /// What it says.
        value: String,
        /// Why.
        problem: AddressError,
    },
    /// An address that is not in the profile's list.
    #[error(
        "annotation `{key}` is {}, which is not one of the addresses of the profile `{profile}`: {allowed}",
        shown(value)
    )]
    AddressNotListed {
        /// The annotation.
        key: String,
        /// What it says.
        value: String,
        /// The profile.
        profile: String,
        /// Its list.
        allowed: String,
    },
    /// A role that is not in the profile's list.
    #[error(
        "annotation `{key}` is {}, which is not one of the roles of the profile `{profile}`: {allowed}",
        shown(value)
    )]
    RoleNotListed {
        /// The annotation.
        key: String,
        /// What it says.
        value: String,
        /// The profile.
        profile: String,
        /// Its patterns.
        allowed: String,
    },
    /// The method cert without a client certificate. The operator must act.
    #[error(
        "the method cert needs a client certificate, and the profile `{profile}` has no `server.clientCertificateSecret`"
    )]
    NoClientCertificate {
        /// The profile.
        profile: String,
    },
    /// A name that no container can have.
    #[error(
        "the container's name {} is longer than 63 bytes, which Kubernetes does not take; shorten it",
        shown(name)
    )]
    LongName {
        /// The name.
        name: String,
    },
    /// No container is left to wrap.
    #[error(
        "the pod opted in, and no container of it is in scope: `containers`, `skip-containers` and the profile's `skipContainers` leave none"
    )]
    NothingInScope,
    /// Neither pod nor image says what to start.
    #[error(
        "container `{container}` has no `command`, and its image {} has neither ENTRYPOINT nor CMD; set `command`",
        shown(image)
    )]
    NoCommand {
        /// The container.
        container: String,
        /// Its image.
        image: String,
    },
    /// The image could not be asked.
    #[error(
        "container `{container}` has no `command`, and its image {} could not be asked for it: {problem}; set `command`, or the annotation `cloudtaser.io/command`",
        shown(image)
    )]
    ImageUnknown {
        /// The container.
        container: String,
        /// Its image.
        image: String,
        /// Why.
        problem: String,
    },
    /// More would be added than the API server could store.
    #[error(
        "with container `{container}`, the wrapped containers get more than {most} KiB together (command, variables, mounts), and Kubernetes stores no object above 1.5 MiB; wrap fewer containers, or shorten what every one of them gets: the image's command, the pod's annotations, or the profile's `server.ca.inline`"
    )]
    TooLarge {
        /// The first that is too much.
        container: String,
        /// The limit in KiB.
        most: usize,
    },
    /// The image is for another system.
    #[error(
        "the image {} of container `{container}` is for {os}; the wrapper runs on Linux only",
        shown(image)
    )]
    ImageSystem {
        /// The container.
        container: String,
        /// Its image.
        image: String,
        /// What it is for.
        os: String,
    },
    /// The pod goes to nodes that the wrapper does not run on.
    #[error("the pod asks for nodes with {what}; the wrapper runs on Linux, on amd64 and arm64")]
    Platform {
        /// What it asks for.
        what: String,
    },
    /// A variable of the container that would change the profile's settings.
    #[error(
        "container `{container}` sets the variable `{name}`, which would change a setting of the profile `{profile}`; take it out{instead}"
    )]
    Variable {
        /// The container.
        container: String,
        /// The variable.
        name: String,
        /// The profile.
        profile: String,
        /// What to use, or nothing.
        instead: String,
    },
    /// A container that starts through the wrapper already, with other settings than the profile's.
    #[error(
        "container `{container}` was injected already, or looks so, and its variable `{name}` is not as the profile `{profile}` has it; take out what was injected, and let it be injected again"
    )]
    NotAsInjected {
        /// The container.
        container: String,
        /// The variable.
        name: String,
        /// The profile.
        profile: String,
    },
    /// A container that has one of the wrapper's mounts and not the other.
    #[error(
        "container `{container}` has parts of what CloudTaser adds, and does not mount the volume `{volume}` as CloudTaser does; take out what was injected, and let it be injected again"
    )]
    NotMounted {
        /// The container.
        container: String,
        /// The volume.
        volume: String,
    },
    /// The wrapper with options.
    #[error(
        "container `{container}` starts the wrapper with other arguments than `run --`; give the program's own command, and settings as annotations"
    )]
    WrapperOptions {
        /// The container.
        container: String,
    },
    /// A variable that an annotation sets as well.
    #[error(
        "container `{container}` sets the variable `{name}`, and annotations of the pod say the same in another way; use one of both"
    )]
    SetTwice {
        /// The container.
        container: String,
        /// The variable.
        name: &'static str,
    },
    /// A mount where ours goes.
    #[error(
        "container `{container}` mounts the volume `{volume}` at {}, where the wrapper's own are; mount it elsewhere",
        shown(path)
    )]
    MountTaken {
        /// The container.
        container: String,
        /// Its volume.
        volume: String,
        /// Where.
        path: String,
    },
    /// One of our volumes in a container that does not start through the wrapper, or elsewhere.
    #[error(
        "container `{container}` mounts the volume `{volume}`, which is CloudTaser's; only what CloudTaser mounts itself may, take the mount out"
    )]
    OurVolume {
        /// The container.
        container: String,
        /// The volume.
        volume: String,
    },
    /// A mount whose place depends on the image.
    #[error(
        "container `{container}` mounts the volume `{volume}` at {}; where `..` leads depends on the image, so it could be where the wrapper is; write the path without it",
        shown(path)
    )]
    MountPath {
        /// The container.
        container: String,
        /// Its volume.
        volume: String,
        /// Where.
        path: String,
    },
    /// An init container with the copy step's name that is not the copy step.
    #[error(
        "the init container `{INIT_CONTAINER}` is CloudTaser's, and its field `{field}` is not what CloudTaser writes there; take that container out, it is added again, or rename it"
    )]
    CopyStep {
        /// The field of the container.
        field: String,
    },
    /// A container or volume with a name of ours that is not ours.
    #[error(
        "the {what} name `{name}` is CloudTaser's, and what has it is not what CloudTaser adds; rename it, or, if the pod is a copy of an injected one, take out what was injected"
    )]
    NameTaken {
        /// `container` or `volume`.
        what: &'static str,
        /// The name.
        name: &'static str,
    },
}

impl Refusal {
    /// The word for log and metrics.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Annotation(AnnotationError::TooMany { .. }) => "annotations_too_many",
            Self::Annotation(AnnotationError::Never { .. }) => "annotation_never",
            Self::Annotation(_) => "annotation",
            Self::Profile(_) => "profile",
            Self::UnknownContainer { .. } => "unknown_container",
            Self::NotAllowed { .. } => "not_allowed",
            Self::LessProtection { .. } => "less_protection",
            Self::Address { .. } => "address",
            Self::AddressNotListed { .. } => "address_not_listed",
            Self::RoleNotListed { .. } => "role_not_listed",
            Self::NoClientCertificate { .. } => "no_client_certificate",
            Self::LongName { .. } => "long_name",
            Self::NothingInScope => "nothing_in_scope",
            Self::NoCommand { .. } => "no_command",
            Self::ImageUnknown { .. } => "image_unknown",
            Self::ImageSystem { .. } => "image_system",
            Self::TooLarge { .. } => "too_large",
            Self::Platform { .. } => "platform",
            Self::Variable { .. } => "variable",
            Self::NotAsInjected { .. } => "not_as_injected",
            Self::NotMounted { .. } => "not_mounted",
            Self::WrapperOptions { .. } => "wrapper_options",
            Self::SetTwice { .. } => "set_twice",
            Self::MountTaken { .. } => "mount_taken",
            Self::MountPath { .. } => "mount_path",
            Self::OurVolume { .. } => "our_volume",
            Self::CopyStep { .. } => "copy_step",
            Self::NameTaken { .. } => "name_taken",
        }
    }
}
