//! The init container that copies the wrapper, and whether one that is there already is it.
//!
//! A pod's author can write it himself, with our image and command, and have another program
//! mounted over the image's. So it counts as a whole: field for field what we write, but for what
//! API servers and other webhooks are known to add, each named in [`without_additions`].

use std::collections::BTreeMap;

use cloudtaser_abi::injection::{BINARY_DIR, BINARY_VOLUME, IMAGE_BINARY, INIT_CONTAINER};
use k8s_openapi::api::core::v1::{
    Capabilities, Container, EnvVar, PodSpec, ResourceRequirements, SeccompProfile,
    SecurityContext, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde_json::Value;

use super::Operator;
use super::reason::Refusal;
use super::volumes::mount;
use crate::profile::Profile;
use crate::profile::spec::CopyResources;

/// Chosen: the copy takes some 50 ms of a core, once.
const COPY_CPU: &str = "100m";
/// Chosen: what is written to the volume counts as the container's memory, so more than the
/// volume's limit.
const COPY_MEMORY: &str = "64Mi";
/// For a pod that says `runAsUser: 0`: the user that distroless images call nonroot. Else the
/// image's own number, or the one that the pod or the platform gives, counts.
const UNPRIVILEGED: i64 = 65_532;

/// What may be asked for in our container's name: a device would be a way to bring files in.
const RESOURCES: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];
/// Where webhooks of cloud providers mount their tokens, in init containers too. Nothing of the
/// copy step is there.
const TOKENS: &str = "/var/run/secrets/";
/// Variables by which a program's loader or C library finds code, and ours; the copy step reads none.
const LOADER: [&str; 5] = ["LD_", "GLIBC_", "GCONV_", "MALLOC_", "CLOUDTASER_"];

/// The init container that copies the wrapper.
///
/// Requests equal limits, so that a pod whose quality-of-service class is Guaranteed keeps it. A
/// pod with resources of its own as a whole (`spec.resources`) gets none here: ours might exceed
/// them.
pub(super) fn copy_step(spec: &PodSpec, profile: &Profile, operator: &Operator) -> Container {
    let image = profile.spec.image.as_ref();
    let name = image.map_or(&operator.image, |image| &image.name);
    let policy = image.and_then(|image| image.pull_policy);
    let command = [IMAGE_BINARY, "copy", BINARY_DIR].map(String::from);
    let pod_user = spec
        .security_context
        .as_ref()
        .and_then(|context| context.run_as_user);
    Container {
        name: INIT_CONTAINER.to_owned(),
        image: Some(name.clone()),
        image_pull_policy: policy.map(|policy| policy.word().to_owned()),
        command: Some(command.into()),
        resources: match (&profile.spec.resources, &spec.resources) {
            (Some(CopyResources { limits, requests }), _) => Some(ResourceRequirements {
                limits: amounts(limits),
                requests: amounts(requests),
                claims: None,
            }),
            (None, Some(_)) => None,
            (None, None) => Some(copy_resources()),
        },
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            capabilities: Some(Capabilities {
                add: None,
                drop: Some(vec!["ALL".to_owned()]),
            }),
            privileged: Some(false),
            read_only_root_filesystem: Some(true),
            run_as_non_root: Some(true),
            run_as_user: (pod_user == Some(0)).then_some(UNPRIVILEGED),
            seccomp_profile: Some(SeccompProfile {
                type_: "RuntimeDefault".to_owned(),
                localhost_profile: None,
            }),
            ..SecurityContext::default()
        }),
        volume_mounts: Some(vec![mount(BINARY_VOLUME, BINARY_DIR, false)]),
        ..Container::default()
    }
}

fn copy_resources() -> ResourceRequirements {
    let pairs = [("cpu", COPY_CPU), ("memory", COPY_MEMORY)];
    let pairs = pairs.map(|(name, amount)| (name.to_owned(), amount.to_owned()));
    let both = amounts(&pairs.into());
    ResourceRequirements {
        limits: both.clone(),
        requests: both,
        claims: None,
    }
}

fn amounts(texts: &BTreeMap<String, String>) -> Option<BTreeMap<String, Quantity>> {
    let amounts = texts
        .iter()
        .map(|(name, amount)| (name.clone(), Quantity(amount.clone())));
    (!texts.is_empty()).then(|| amounts.collect())
}

/// Checks one that has our name against `ours`, what we would add.
///
/// # Errors
///
/// [`Refusal::CopyStep`] with the first field that differs (*fails closed*).
pub(super) fn verify(found: &Container, ours: &Container) -> Result<(), Refusal> {
    let found = fields(&without_additions(found, ours));
    let ours = fields(ours);
    let mut names = found.keys().chain(ours.keys());
    match names.find(|name| found.get(*name) != ours.get(*name)) {
        None => Ok(()),
        Some(field) => Err(Refusal::CopyStep {
            field: field.clone(),
        }),
    }
}

/// As the API has them; absent, empty and `null` are the same there.
fn fields(container: &Container) -> BTreeMap<String, Value> {
    let value = serde_json::to_value(container).unwrap_or_default();
    let fields = value.as_object().cloned().unwrap_or_default();
    let is_empty = |value: &Value| match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(items) => items.is_empty(),
        _ => false,
    };
    let fields = fields.into_iter();
    fields.filter(|(_, value)| !is_empty(value)).collect()
}

/// A container without what others may add to ours; what they may not is left, and differs.
fn without_additions(found: &Container, ours: &Container) -> Container {
    let mut left = found.clone();
    // The API server's own.
    take(&mut left.termination_message_path, |path| {
        path == "/dev/termination-log"
    });
    take(&mut left.termination_message_policy, |_| true);
    left.resize_policy = None;
    // Its plugin AlwaysPullImages; without a policy of ours, its default.
    let is_unsaid = ours.image_pull_policy.is_none();
    if left
        .image_pull_policy
        .as_deref()
        .is_some_and(|policy| policy == "Always" || (is_unsaid && policy == "IfNotPresent"))
    {
        left.image_pull_policy.clone_from(&ours.image_pull_policy);
    }
    // LimitRanges, and what sizes containers: amounts change nothing of what is started.
    if left.resources.as_ref().is_none_or(is_amounts) {
        left.resources.clone_from(&ours.resources);
    }
    if let (Some(context), Some(our)) = (&mut left.security_context, &ours.security_context) {
        without_identity(context, our);
    }
    if let Some(mounts) = &mut left.volume_mounts {
        mounts.retain(|mount| !is_token(mount));
    }
    if let Some(variables) = &mut left.env {
        variables.retain(is_of_the_loader);
    }
    left
}

fn take(field: &mut Option<String>, may: impl FnOnce(&str) -> bool) {
    if field.as_deref().is_some_and(may) {
        *field = None;
    }
}

fn is_amounts(found: &ResourceRequirements) -> bool {
    let mut amounts = [&found.limits, &found.requests].into_iter().flatten();
    found.claims.iter().flatten().next().is_none()
        && amounts.all(|amounts| {
            amounts
                .keys()
                .all(|name| RESOURCES.contains(&name.as_str()))
        })
}

/// What OpenShift's constraints add: an unprivileged user, a level of SELinux, and capabilities to
/// drop.
fn without_identity(context: &mut SecurityContext, ours: &SecurityContext) {
    if ours.run_as_user.is_none() && context.run_as_user != Some(0) {
        context.run_as_user = None;
    }
    context.run_as_group = None;
    if context.proc_mount.as_deref() == Some("Default") {
        context.proc_mount = None;
    }
    if let Some(options) = &context.se_linux_options
        && options.type_.is_none()
        && options.role.is_none()
        && options.user.is_none()
    {
        context.se_linux_options = None;
    }
    if let Some(capabilities) = &mut context.capabilities {
        let all = "ALL".to_owned();
        if capabilities.drop.iter().flatten().any(|name| *name == all) {
            capabilities.drop = Some(vec![all]);
        }
        if capabilities.add.as_ref().is_some_and(Vec::is_empty) {
            capabilities.add = None;
        }
    }
}

fn is_token(mount: &VolumeMount) -> bool {
    let path = &mount.mount_path;
    mount.name != BINARY_VOLUME
        && mount.read_only == Some(true)
        && path.starts_with(TOKENS)
        && !path.split('/').any(|part| part == "..")
}

fn is_of_the_loader(variable: &EnvVar) -> bool {
    LOADER
        .iter()
        .any(|prefix| variable.name.starts_with(prefix))
}
