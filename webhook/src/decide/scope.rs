//! Which containers are wrapped.
//!
//! All containers and native sidecars, but for those that the pod or the profile names. A plain
//! init container only where its environment holds a reference, unless the pod says otherwise: most
//! of them prepare files, and a secret that they do not need is one more place to lose it.
//! Ephemeral containers are never looked at: they come later, through a subresource that the
//! webhook does not serve, and get neither volume nor variable of ours (W22).

use std::collections::BTreeSet;

use cloudtaser_abi::annotation as keys;
use cloudtaser_abi::injection::INIT_CONTAINER;
use cloudtaser_abi::reference::holds_reference;
use k8s_openapi::api::core::v1::{Container, PodSpec};

use super::command::is_wrapper;
use super::facts::{Facts, SourceFact, SourceKey};
use super::plan::List;
use super::reason::Refusal;
use super::size::is_enough;
use crate::annotation::{InitScope, Wishes, nearest};

/// Proxies of service meshes, which must not get a pod's secrets because they happen to run in it:
/// Istio, Linkerd, Consul, Kuma.
pub const MESH_PROXIES: [&str; 6] = [
    "istio-proxy",
    "istio-init",
    "linkerd-proxy",
    "linkerd-init",
    "consul-dataplane",
    "kuma-sidecar",
];

/// Longest name of a container, in bytes: a DNS label (RFC 1123). The API server looks at it after
/// us only, and our messages repeat it.
const LONGEST_NAME: usize = 63;

/// A container of the pod, and what is known of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate<'p> {
    pub(super) list: List,
    pub(super) index: usize,
    pub(super) container: &'p Container,
    pub(super) state: State,
    /// Why, in words for people.
    pub(super) cause: &'static str,
}

/// What happens to a container.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum State {
    /// Its command is the wrapper already.
    Wrapped,
    /// It is wrapped.
    Wrap,
    /// It is wrapped if a ConfigMap or Secret that it names holds a reference.
    Undecided,
    /// It is left alone.
    Leave,
}

/// Every container of the pod but the copy step, in the order of the pod.
pub(super) fn candidates<'p>(
    spec: &'p PodSpec,
    wishes: &Wishes,
    profile_skips: Option<&[String]>,
) -> Result<Vec<Candidate<'p>>, Refusal> {
    let init = spec.init_containers.as_deref().unwrap_or_default();
    let lists = [(List::Init, init), (List::App, spec.containers.as_slice())];
    let all = lists.into_iter().flat_map(|(list, containers)| {
        let numbered = containers.iter().enumerate();
        numbered.map(move |(index, container)| (list, index, container))
    });
    let all: Vec<_> = all
        .filter(|(list, _, container)| *list == List::App || container.name != INIT_CONTAINER)
        .collect();
    if let Some((.., container)) = all.iter().find(|(.., c)| c.name.len() > LONGEST_NAME) {
        let name = container.name.clone();
        return Err(Refusal::LongName { name });
    }
    let names: BTreeSet<&str> = all.iter().map(|(_, _, c)| c.name.as_str()).collect();
    let scope = Scope {
        wishes,
        profile_skips,
    };
    scope.check_names(&names)?;
    let found = all.into_iter().map(|(list, index, container)| {
        let (state, cause) = scope.state(list, container);
        Candidate {
            list,
            index,
            container,
            state,
            cause,
        }
    });
    Ok(found.collect())
}

/// Whether the copy step is there.
pub(super) fn has_copy_step(spec: &PodSpec) -> bool {
    let mut init = spec.init_containers.iter().flatten();
    init.any(|container| container.name == INIT_CONTAINER)
}

struct Scope<'w> {
    wishes: &'w Wishes,
    profile_skips: Option<&'w [String]>,
}

impl Scope<'_> {
    /// A name that is not in the pod was meant for something (W21).
    fn check_names(&self, known: &BTreeSet<&str>) -> Result<(), Refusal> {
        let only = self.wishes.containers.iter().flatten();
        let named = only.map(|name| (keys::CONTAINERS, name));
        let skipped = self.wishes.skip_containers.iter();
        let skipped = skipped.map(|name| (keys::SKIP_CONTAINERS, name));
        let commands = self
            .wishes
            .commands
            .keys()
            .map(|name| (keys::COMMAND, name));
        let mut all = named.chain(skipped).chain(commands);
        let unknown = all.find(|(_, name)| !known.contains(name.as_str()));
        let Some((key, name)) = unknown else {
            return Ok(());
        };
        let hint = nearest(name, known.iter().copied());
        Err(Refusal::UnknownContainer {
            key,
            name: name.clone(),
            known: listed(known),
            hint: hint.map_or_else(String::new, |name| format!("; did you mean `{name}`?")),
        })
    }

    fn state(&self, list: List, container: &Container) -> (State, &'static str) {
        if is_wrapper(container) {
            return (State::Wrapped, "it starts through the wrapper already");
        }
        let name = container.name.as_str();
        if self.wishes.skip_containers.contains(name) {
            return (State::Leave, "the pod's `skip-containers` names it");
        }
        match &self.wishes.containers {
            Some(only) if only.contains(name) => {
                return (State::Wrap, "the pod's `containers` names it");
            }
            Some(_) => return (State::Leave, "the pod's `containers` does not name it"),
            None => {}
        }
        match self.profile_skips {
            Some(skips) if skips.iter().any(|skipped| skipped == name) => {
                return (State::Leave, "the profile's `skipContainers` names it");
            }
            None if MESH_PROXIES.contains(&name) => {
                return (State::Leave, "it is a service mesh's proxy");
            }
            _ => {}
        }
        let is_sidecar = container.restart_policy.as_deref() == Some("Always");
        match (list, self.wishes.init_containers) {
            (List::App, _) => (State::Wrap, "it is a container of a pod that opted in"),
            _ if is_sidecar => (State::Wrap, "it is a sidecar of a pod that opted in"),
            (List::Init, InitScope::All) => (State::Wrap, "the pod's `init-containers` is `all`"),
            (List::Init, InitScope::Nobody) => {
                (State::Leave, "the pod's `init-containers` is `none`")
            }
            (List::Init, InitScope::References) => by_references(container),
        }
    }
}

/// The first names of a pod's containers; nobody writes by hand a pod that has more.
fn listed(names: &BTreeSet<&str>) -> String {
    const SHOWN: usize = 20;
    let shown: Vec<&str> = names.iter().copied().take(SHOWN).collect();
    let more = if names.len() > SHOWN { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}

fn by_references(container: &Container) -> (State, &'static str) {
    let mut variables = container.env.iter().flatten();
    if variables.any(|variable| variable.value.as_deref().is_some_and(holds_reference)) {
        let cause = "it is an init container with a reference in its environment";
        return (State::Wrap, cause);
    }
    if sources(container).is_empty() {
        let cause = "it is an init container without a reference in its environment";
        return (State::Leave, cause);
    }
    let cause = "it is an init container whose ConfigMaps and Secrets decide";
    (State::Undecided, cause)
}

/// A ConfigMap or Secret that a container's environment names.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Named {
    pub(super) source: SourceKey,
    /// One key; without it, all of them.
    pub(super) key: Option<String>,
    pub(super) is_optional: bool,
}

/// Those of a container, each once.
pub(super) fn sources(container: &Container) -> BTreeSet<Named> {
    let mut found = BTreeSet::new();
    for variable in container.env.iter().flatten() {
        let Some(from) = &variable.value_from else {
            continue;
        };
        if let Some(at) = &from.config_map_key_ref {
            found.insert(Named {
                source: SourceKey::ConfigMap(at.name.clone()),
                key: Some(at.key.clone()),
                is_optional: at.optional.unwrap_or(false),
            });
        }
        if let Some(at) = &from.secret_key_ref {
            found.insert(Named {
                source: SourceKey::Secret(at.name.clone()),
                key: Some(at.key.clone()),
                is_optional: at.optional.unwrap_or(false),
            });
        }
    }
    for from in container.env_from.iter().flatten() {
        if let Some(at) = &from.config_map_ref {
            found.insert(Named {
                source: SourceKey::ConfigMap(at.name.clone()),
                key: None,
                is_optional: at.optional.unwrap_or(false),
            });
        }
        if let Some(at) = &from.secret_ref {
            found.insert(Named {
                source: SourceKey::Secret(at.name.clone()),
                key: None,
                is_optional: at.optional.unwrap_or(false),
            });
        }
    }
    found
}

/// Whether what a container names holds a reference. What was not looked up counts as holding one:
/// a container that is wrapped for nothing runs as before, one that is not wrapped gets the text of
/// a reference for a secret.
pub(super) fn holds_any(container: &Container, facts: &Facts) -> bool {
    sources(container)
        .iter()
        .any(|named| match facts.sources.get(&named.source) {
            None => true,
            Some(SourceFact::Missing) => false,
            Some(SourceFact::Found { reference_keys, .. }) => match &named.key {
                Some(key) => reference_keys.contains(key),
                None => !reference_keys.is_empty(),
            },
        })
}

/// Warnings about what is required and not there (W15). The pod is admitted all the same: it may be
/// made before its ConfigMap, and the kubelet waits for that.
pub(super) fn missing(container: &Container, facts: &Facts, warnings: &mut Vec<String>) {
    for named in sources(container).iter().filter(|named| !named.is_optional) {
        let what = named.source.describe();
        let what = match (facts.sources.get(&named.source), &named.key) {
            (Some(SourceFact::Missing), _) => what,
            (Some(SourceFact::Found { keys, .. }), Some(key)) if !keys.contains(key) => {
                format!("key {} of the {what}", crate::annotation::shown(key))
            }
            _ => continue,
        };
        if is_enough(warnings) {
            return;
        }
        warnings.push(format!(
            "container `{}` needs the {what}, which does not exist; it cannot start before it does",
            container.name
        ));
    }
}
