//! What a container starts: its own `command`, else the annotation's, else the image's.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Container, ExecAction, LifecycleHandler, Probe};

use cloudtaser_abi::injection::WRAPPER;

use super::facts::{Facts, ImageFact};
use super::plan::ExecWrap;
use super::reason::Refusal;
use super::size::MOST_IMAGES;
use crate::annotation::Wishes;

/// What stands before a program that the wrapper starts.
#[must_use]
pub fn wrapper_command() -> Vec<String> {
    [WRAPPER, "run", "--"].map(String::from).into()
}

/// Whether a container starts the wrapper, with whatever options.
pub(super) fn is_wrapper(container: &Container) -> bool {
    let mut command = container.command.iter().flatten();
    command.next().is_some_and(|program| program == WRAPPER)
}

/// Refuses the wrapper with options of its own, which count before its variables: they could name
/// another server, or ask for less protection than the profile does (H1). In probes and hooks too.
pub(super) fn verify(container: &Container) -> Result<(), Refusal> {
    let wrapper = wrapper_command();
    let has_options = |command: &[String]| {
        command.first().is_some_and(|program| program == WRAPPER) && !command.starts_with(&wrapper)
    };
    let own = container.command.as_deref().unwrap_or_default();
    let mut execs = all_execs(container).into_iter();
    if has_options(own) || execs.any(|(_, command)| has_options(&command)) {
        return Err(Refusal::WrapperOptions {
            container: container.name.clone(),
        });
    }
    Ok(())
}

/// Takes out the wrapper where another webhook has put a program before it: once is enough.
pub(super) fn unwrap(argv: &mut Vec<String>) {
    let wrapper = wrapper_command();
    let mut places = argv.windows(wrapper.len());
    if let Some(place) = places.position(|part| *part == wrapper) {
        drop(argv.drain(place..place.saturating_add(wrapper.len())));
    }
}

/// Whether only the image can say what the container starts, and its registry may be asked.
pub(super) fn needs_image(container: &Container, wishes: &Wishes) -> bool {
    is_unset(&container.command)
        && !wishes.commands.contains_key(&container.name)
        && !is_of_node(container)
}

/// Whether the container's image is the node's own, whatever a registry has under the name.
fn is_of_node(container: &Container) -> bool {
    container.image_pull_policy.as_deref() == Some("Never")
}

/// An empty list is an absent one to Kubernetes.
fn is_unset(list: &Option<Vec<String>>) -> bool {
    list.as_ref().is_none_or(Vec::is_empty)
}

/// Program and arguments.
///
/// The kubelet expands `$(NAME)` in `command` and `args` alike, so a container's own may move from
/// one to the other unchanged; in what an image says it expands nothing, so that gets its dollar
/// signs doubled.
pub(super) fn argv(
    container: &Container,
    wishes: &Wishes,
    facts: &Facts,
) -> Result<Vec<String>, Refusal> {
    let arguments = container.args.iter().flatten().cloned();
    if let Some(command) = container.command.as_ref().filter(|list| !list.is_empty()) {
        return Ok(command.iter().cloned().chain(arguments).collect());
    }
    if let Some(command) = wishes.commands.get(&container.name) {
        return Ok(literal(command).chain(arguments).collect());
    }
    let name = container.image.clone().unwrap_or_default();
    let unknown = |problem: &str| Refusal::ImageUnknown {
        container: container.name.clone(),
        image: name.clone(),
        problem: problem.to_owned(),
    };
    if is_of_node(container) {
        return Err(unknown(
            "its `imagePullPolicy` is Never, so only nodes have it, and no registry is asked",
        ));
    }
    let image = match facts.images.get(&name) {
        Some(ImageFact::Found(image)) => image,
        Some(ImageFact::Failed(problem)) => return Err(unknown(problem)),
        None if facts.images.len() >= MOST_IMAGES => {
            let most = format!("{MOST_IMAGES} other images of the pod are asked for already");
            return Err(unknown(&most));
        }
        None => return Err(unknown("nobody asked its registry")),
    };
    if !image.os.is_empty() && image.os != "linux" {
        return Err(Refusal::ImageSystem {
            container: container.name.clone(),
            image: name,
            os: image.os.clone(),
        });
    }
    let argv: Vec<String> = if is_unset(&container.args) {
        literal(&image.entrypoint)
            .chain(literal(&image.command))
            .collect()
    } else {
        literal(&image.entrypoint).chain(arguments).collect()
    };
    if argv.is_empty() {
        return Err(Refusal::NoCommand {
            container: container.name.clone(),
            image: name,
        });
    }
    Ok(argv)
}

/// Texts that the kubelet must not expand.
fn literal(texts: &[String]) -> impl Iterator<Item = String> {
    texts.iter().map(|text| escape(text))
}

/// A text that the kubelet gives back as it was: `$$` stands for `$`.
#[must_use]
pub(super) fn escape(text: &str) -> String {
    text.replace('$', "$$")
}

/// The exec probes and hooks of a container, through the wrapper.
///
/// The kubelet starts them beside the program, not below it, so they do not find the wrapper's
/// region; each run is a wrapper of its own, which logs in and fetches by itself.
pub(super) fn execs(container: &Container) -> Vec<ExecWrap> {
    let all = all_execs(container).into_iter();
    let others = all.filter(|(_, command)| command.first().is_some_and(|first| first != WRAPPER));
    let wrapped = others.map(|(fields, command)| ExecWrap {
        fields,
        command: wrapper_command().into_iter().chain(command).collect(),
    });
    wrapped.collect()
}

/// Those of a container that run a command: fields, and the command.
fn all_execs(container: &Container) -> Vec<(&'static [&'static str], Vec<String>)> {
    let probe = |probe: &Option<Probe>| probe.as_ref().and_then(|probe| probe.exec.clone());
    let hook = |handler: Option<&LifecycleHandler>| handler.and_then(|hook| hook.exec.clone());
    let lifecycle = container.lifecycle.as_ref();
    let all: [(&'static [&'static str], Option<ExecAction>); 5] = [
        (&["livenessProbe"], probe(&container.liveness_probe)),
        (&["readinessProbe"], probe(&container.readiness_probe)),
        (&["startupProbe"], probe(&container.startup_probe)),
        (
            &["lifecycle", "postStart"],
            hook(lifecycle.and_then(|l| l.post_start.as_ref())),
        ),
        (
            &["lifecycle", "preStop"],
            hook(lifecycle.and_then(|l| l.pre_stop.as_ref())),
        ),
    ];
    let found = all
        .into_iter()
        .filter_map(|(fields, exec)| Some((fields, exec?.command.unwrap_or_default())));
    found.collect()
}

/// Warnings about wrapped exec probes that have no more than the API's default time, 1 s, in which
/// the wrapper must log in and fetch as well.
pub(super) fn short_probes(container: &Container) -> Vec<String> {
    let probes = [
        ("livenessProbe", &container.liveness_probe),
        ("readinessProbe", &container.readiness_probe),
        ("startupProbe", &container.startup_probe),
    ];
    let short = probes.into_iter().filter(|(_, probe)| {
        let exec = probe.as_ref().filter(|probe| probe.exec.is_some());
        exec.is_some_and(|probe| probe.timeout_seconds.unwrap_or(1) <= 1)
    });
    let warn = |(field, _)| {
        format!(
            "container `{}`: the {field} has 1 s, in which the wrapper logs in and fetches too; \
             raise its `timeoutSeconds`",
            container.name
        )
    };
    short.map(warn).collect()
}

/// Names of variables that stand in the container's arguments as `$(NAME)` and hold a reference:
/// the kubelet puts the reference's text there before the wrapper runs.
pub(super) fn references_in_arguments(container: &Container) -> Vec<&str> {
    let command = container.command.iter().flatten();
    let texts = command.chain(container.args.iter().flatten());
    let used: BTreeSet<&str> = texts.flat_map(|text| expansions(text)).collect();
    let variables = container.env.iter().flatten();
    let holding = variables.filter(|variable| {
        let value = variable.value.as_deref();
        value.is_some_and(cloudtaser_abi::reference::holds_reference)
    });
    let names = holding.map(|variable| variable.name.as_str());
    names.filter(|name| used.contains(name)).collect()
}

/// What stands in `$(…)`.
fn expansions(text: &str) -> impl Iterator<Item = &str> {
    let pieces = text.split("$(").skip(1);
    pieces
        .filter_map(|piece| piece.split_once(')'))
        .map(|(name, _)| name)
}
