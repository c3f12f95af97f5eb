//! Decides about one pod: leave it, refuse it, or what to add to it.
//!
//! Pure, in two steps: [`needs`] says what must be looked up (images, ConfigMaps), [`decide`] takes
//! what was found. Both go through the same survey of the pod, so they cannot disagree.
//! The answer is a [`Decision`]; [`crate::patch`] turns a [`Plan`] into operations.

mod command;
mod copy_step;
mod environment;
mod explain;
pub mod facts;
pub mod plan;
mod platform;
pub mod reason;
mod scope;
mod settings;
mod size;
mod volumes;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, Pod, PodSpec};

use crate::annotation::{self, Parsed};
use crate::profile::{NamespaceFacts, Profile, Profiles, choose};

pub use command::wrapper_command;
pub use explain::{Explanation, Note, explain};
pub use facts::{Facts, ImageFact, Needs, SourceFact, SourceKey};
pub use plan::{ContainerPlan, ExecWrap, List, Plan};
pub use reason::{Refusal, SkipReason};
pub use scope::MESH_PROXIES;
pub use size::MOST_ADDED;

use scope::{Candidate, State};
use settings::{Identity, Settings};
use size::{MOST_IMAGES, Size};

/// Settings of the webhook itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Operator {
    /// The image of the copy step where a profile names none.
    pub image: String,
}

/// What is decided about.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The pod.
    pub pod: &'a Pod,
    /// The namespace that it goes into.
    pub namespace: &'a NamespaceFacts,
    /// The profiles that it could get.
    pub profiles: &'a Profiles,
    /// The webhook's settings.
    pub operator: &'a Operator,
}

/// What happens to a pod.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Nothing.
    Skip(SkipReason),
    /// It is refused.
    Deny(Box<Refusal>),
    /// This is added to it.
    Inject(Box<Plan>),
}

/// A decision, and what the pod's author should know.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The decision.
    pub decision: Decision,
    /// Sentences for the admission response.
    pub warnings: Vec<String>,
}

/// The annotation that the kubelet puts on the API's image of a static pod.
const MIRROR: &str = "kubernetes.io/config.mirror";

/// What must be looked up before [`decide`] can decide. Nothing for a pod that is left or refused
/// whatever is found.
#[must_use]
pub fn needs(input: &Input<'_>) -> Needs {
    let mut needs = Needs::default();
    let Ok(Surveyed::OptedIn(survey)) = survey(input, &mut Vec::new()) else {
        return needs;
    };
    needs.architecture = survey.architecture;
    for candidate in &survey.candidates {
        let named = scope::sources(candidate.container).into_iter();
        match candidate.state {
            // What is optional may be missing, so nothing would be said about it.
            State::Wrap => {
                let required = named.filter(|named| !named.is_optional);
                needs
                    .other_sources
                    .extend(required.map(|named| named.source));
            }
            State::Undecided => {
                needs
                    .deciding_sources
                    .extend(named.map(|named| named.source));
            }
            State::Wrapped | State::Leave => continue,
        }
        if command::needs_image(candidate.container, &survey.parsed.wishes)
            && needs.images.len() < MOST_IMAGES
        {
            needs.images.extend(candidate.container.image.clone());
        }
    }
    needs
        .other_sources
        .retain(|source| !needs.deciding_sources.contains(source));
    needs
}

/// Decides.
#[must_use]
pub fn decide(input: &Input<'_>, facts: &Facts) -> Verdict {
    let mut warnings = Vec::new();
    let decision = match survey(input, &mut warnings) {
        Ok(Surveyed::Skip(reason)) => Ok(Decision::Skip(reason)),
        Ok(Surveyed::OptedIn(survey)) => survey
            .plan(input, facts, &mut warnings)
            .map(|plan| Decision::Inject(Box::new(plan))),
        Err(refusal) => Err(refusal),
    };
    Verdict {
        decision: decision.unwrap_or_else(|refusal| Decision::Deny(Box::new(refusal))),
        warnings,
    }
}

/// A pod, before anything was looked up.
enum Surveyed<'a> {
    Skip(SkipReason),
    OptedIn(Box<Survey<'a>>),
}

struct Survey<'a> {
    parsed: Parsed,
    profile: &'a Profile,
    settings: Settings,
    spec: &'a PodSpec,
    architecture: Option<&'static str>,
    candidates: Vec<Candidate<'a>>,
}

fn survey<'a>(input: &Input<'a>, warnings: &mut Vec<String>) -> Result<Surveyed<'a>, Refusal> {
    let none = BTreeMap::new();
    let annotations = input.pod.metadata.annotations.as_ref().unwrap_or(&none);
    let key = cloudtaser_abi::annotation::INJECT;
    if annotations.contains_key(MIRROR) {
        return Ok(Surveyed::Skip(SkipReason::MirrorPod));
    }
    if !annotation::is_opted_in(annotations)? {
        let reason = match annotations.contains_key(key) {
            true => SkipReason::OptedOut,
            false => SkipReason::NotOptedIn,
        };
        if reason == SkipReason::NotOptedIn {
            warnings.extend(annotation::seems_to_opt_in(&input.pod.metadata));
        }
        return Ok(Surveyed::Skip(reason));
    }
    let mut parsed = annotation::parse(annotations)?;
    warnings.append(&mut parsed.warnings);
    let wishes = &parsed.wishes;
    let profile = choose(wishes.profile.as_deref(), input.namespace, input.profiles)?;
    // A pod without a spec is refused by the API server; to us it has no container.
    let spec = input.pod.spec.as_ref().ok_or(Refusal::NothingInScope)?;
    let account = spec
        .service_account_name
        .as_deref()
        .filter(|name| !name.is_empty());
    let identity = Identity {
        namespace: &input.namespace.name,
        service_account: account.unwrap_or("default"),
    };
    let settings = settings::settings(profile, wishes, identity, warnings)?;
    let architecture = platform::architecture(spec)?;
    let skips = profile.spec.skip_containers.as_deref();
    let candidates = scope::candidates(spec, wishes, skips)?;
    if candidates
        .iter()
        .all(|candidate| candidate.state == State::Leave)
    {
        return Err(Refusal::NothingInScope);
    }
    Ok(Surveyed::OptedIn(Box::new(Survey {
        profile,
        settings,
        spec,
        architecture,
        candidates,
        parsed,
    })))
}

impl Survey<'_> {
    fn plan(
        &self,
        input: &Input<'_>,
        facts: &Facts,
        warnings: &mut Vec<String>,
    ) -> Result<Plan, Refusal> {
        let init = copy_step::copy_step(self.spec, self.profile, input.operator);
        let volumes = volumes::volumes(self.profile, &self.settings);
        volumes::refuse_taken(self.spec, &init, &volumes)?;
        let (mut containers, mut size) = (Vec::new(), Size::default());
        for candidate in &self.candidates {
            let container = candidate.container;
            let is_wrapped = match candidate.state {
                State::Wrap => true,
                // One that has our mounts was wrapped before; what was found then may be gone.
                State::Undecided => {
                    volumes::has_any(container) || scope::holds_any(container, facts)
                }
                State::Wrapped => {
                    self.verify(container)?;
                    false
                }
                State::Leave => false,
            };
            if !is_wrapped && candidate.state != State::Wrapped {
                volumes::refuse_ours(container)?;
            }
            if is_wrapped {
                self.warn(container, facts, warnings);
                let plan = self.container(candidate, facts)?;
                size.add(&plan)?;
                containers.push(plan);
            }
        }
        let is_wrapped = |candidate: &Candidate<'_>| candidate.state == State::Wrapped;
        if containers.is_empty() && !self.candidates.iter().any(is_wrapped) {
            // All hung on a ConfigMap or Secret, and none of these holds a reference.
            return Err(Refusal::NothingInScope);
        }
        let own_grace = self.spec.termination_grace_period_seconds;
        // 30: the API's default, which is in the pod when it comes here from an API server.
        let own_grace = own_grace.unwrap_or(30);
        let grace = self.parsed.wishes.grace_seconds;
        Ok(Plan {
            profile: self.profile.record(&input.namespace.name),
            is_again: scope::has_copy_step(self.spec),
            init,
            volumes,
            containers,
            grace_seconds: grace.filter(|seconds| *seconds > own_grace),
        })
    }

    /// Checks what we added to a container before. Its author can write all of it himself, so it
    /// counts only if it is what we would add now (*fails closed*).
    fn verify(&self, container: &Container) -> Result<(), Refusal> {
        command::verify(container)?;
        let wishes = &self.parsed.wishes;
        environment::verify(container, self.profile, &self.settings, wishes)?;
        volumes::refuse_mounts(container)?;
        volumes::verify(container)
    }

    /// A container that has our mounts and does not start through the wrapper: a webhook after us
    /// has exchanged its command (W13). What we added must be there and right, and only the command
    /// is wrapped again.
    fn container(
        &self,
        candidate: &Candidate<'_>,
        facts: &Facts,
    ) -> Result<ContainerPlan, Refusal> {
        let (container, wishes) = (candidate.container, &self.parsed.wishes);
        command::verify(container)?;
        let mut argv = command::argv(container, wishes, facts)?;
        let (env, mounts) = if volumes::has_any(container) {
            self.verify(container)?;
            command::unwrap(&mut argv);
            (Vec::new(), Vec::new())
        } else {
            volumes::refuse_mounts(container)?;
            let settings = &self.settings;
            let env = environment::variables(container, self.profile, settings, wishes)?;
            (env, volumes::mounts())
        };
        Ok(ContainerPlan {
            list: candidate.list,
            index: candidate.index,
            name: container.name.clone(),
            argv,
            env,
            mounts,
            execs: if wishes.wraps_probes {
                command::execs(container)
            } else {
                Vec::new()
            },
        })
    }

    fn warn(&self, container: &Container, facts: &Facts, warnings: &mut Vec<String>) {
        let name = &container.name;
        scope::missing(container, facts, warnings);
        if self.parsed.wishes.wraps_probes {
            warnings.extend(command::short_probes(container));
        }
        for variable in command::references_in_arguments(container) {
            if size::is_enough(warnings) {
                return;
            }
            warnings.push(format!(
                "container `{name}` has `$({variable})` in its arguments: the program gets the \
                 reference's text there, not the secret"
            ));
        }
        // In one that was injected before, ours would be named, and its own were.
        if volumes::has_any(container) {
            return;
        }
        let withheld = environment::withheld(container);
        if !withheld.is_empty() {
            warnings.push(format!(
                "container `{name}`: {} do not reach the program; name them in CLOUDTASER_PASS if \
                 it needs them",
                withheld.join(", ")
            ));
        }
    }
}
