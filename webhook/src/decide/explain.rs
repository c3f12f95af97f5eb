//! Why a decision is what it is, for people: the same survey of the pod that decides, told.

use super::facts::Facts;
use super::scope::{self, State};
use super::{Input, Surveyed, survey};
use crate::profile::Scope;

/// What can be told about a pod that opted in and whose annotations can be read; empty for others,
/// where the decision's own reason says all.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Explanation {
    /// Which profile, and from where.
    pub profile: Option<String>,
    /// Settings that the wrapper gets: name and value. None of them is secret.
    pub settings: Vec<(&'static str, String)>,
    /// A line for each container.
    pub containers: Vec<Note>,
}

/// What happens to one container, and why.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Note {
    /// Its name.
    pub container: String,
    /// Whether it starts through the wrapper.
    pub is_wrapped: bool,
    /// Why, a sentence without its end.
    pub cause: &'static str,
    /// Where its command is from; nothing for one that is left.
    pub command: &'static str,
}

/// Explains the decision about a pod.
#[must_use]
pub fn explain(input: &Input<'_>, facts: &Facts) -> Explanation {
    let Ok(Surveyed::OptedIn(survey)) = survey(input, &mut Vec::new()) else {
        return Explanation::default();
    };
    let place = match survey.profile.scope {
        Scope::Namespace => "of the namespace",
        Scope::Cluster => "of the cluster",
    };
    let generation = survey.profile.generation;
    let generation = generation.map_or_else(String::new, |count| format!(", generation {count}"));
    let settings = &survey.settings;
    let namespace = settings.namespace.clone().unwrap_or_default();
    let told = vec![
        ("server", settings.address.clone()),
        ("server's namespace", namespace),
        (
            "login",
            format!("{} at auth/{}", settings.method, settings.mount),
        ),
        ("role", settings.role.clone()),
        ("delivery", settings.delivery.to_owned()),
        (
            "least protection",
            settings.min_protection.name().to_owned(),
        ),
        ("enforcer", settings.enforcer.to_owned()),
    ];
    let notes = survey.candidates.iter().map(|candidate| {
        let container = candidate.container;
        let is_wrapped = match candidate.state {
            State::Wrapped | State::Wrap => true,
            State::Undecided => scope::holds_any(container, facts),
            State::Leave => false,
        };
        let has_command = container.command.iter().flatten().next().is_some();
        let wishes = &survey.parsed.wishes;
        Note {
            container: container.name.clone(),
            is_wrapped,
            cause: candidate.cause,
            command: match (is_wrapped, has_command) {
                (false, _) => "",
                (true, true) => "the container's `command`",
                (true, false) if wishes.commands.contains_key(&container.name) => {
                    "the annotation `cloudtaser.io/command`"
                }
                (true, false) => "the image",
            },
        }
    });
    Explanation {
        profile: Some(format!("`{}` {place}{generation}", survey.profile.name)),
        settings: told
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .collect(),
        containers: notes.collect(),
    }
}
