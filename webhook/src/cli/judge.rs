//! Runs the engine over what the files hold.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

use super::CliError;
use super::live::Live;
use super::manifest::{Manifests, Workload};
use crate::decide::{
    Decision, Explanation, Facts, ImageFact, Input, Needs, Operator, explain, needs,
};
use crate::engine::{self, Outcome};
use crate::image::ImageConfig;
use crate::profile::{CloudTaserProfileSpec, NamespaceFacts, Profile, Profiles, Scope};

/// What is known beside the files.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Commands of images, by reference.
    pub images: BTreeMap<String, ImageConfig>,
    /// The image of the copy step where a profile names none.
    pub operator: Operator,
}

/// A workload and what the webhook would do with its pod.
#[derive(Debug)]
pub struct Judgement {
    /// The workload.
    pub workload: Workload,
    /// What comes of it.
    pub outcome: Outcome,
    /// Why.
    pub explanation: Explanation,
    /// Warnings of the file, of the engine, and about what could not be looked up.
    pub warnings: Vec<String>,
    /// The pod afterwards.
    pub after: Value,
    /// What the cluster shows, where it was asked.
    pub live: Option<Live>,
}

impl Judgement {
    /// Whether the pod would be refused.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        matches!(self.outcome.verdict.decision, Decision::Deny(_))
    }

    /// Whether something is to be done: the pod would be refused, or runs without its wrapper.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        let mut pods = self.live.iter().flat_map(|live| &live.pods);
        self.is_refused() || pods.any(|pod| !pod.unprotected.is_empty())
    }

    /// The decision in one word.
    #[must_use]
    pub fn word(&self) -> &'static str {
        self.outcome.decision()
    }

    /// The sentence of a refusal.
    #[must_use]
    pub fn message(&self) -> Option<String> {
        match &self.outcome.verdict.decision {
            Decision::Deny(refusal) => Some(refusal.to_string()),
            _ => None,
        }
    }
}

/// Judges every workload, in the order of the files.
///
/// # Errors
///
/// [`CliError`]: a pod that cannot be read.
pub fn judge(manifests: &Manifests, setting: &Setting) -> Result<Vec<Judgement>, CliError> {
    let each = manifests.workloads.iter();
    each.map(|workload| {
        let place = Place::of_files(manifests, &workload.namespace);
        Subject::read(workload)?.judge(&place, manifests, setting)
    })
    .collect()
}

/// What is known of a namespace.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its labels.
    pub namespace: NamespaceFacts,
    /// The profiles that pods there could get.
    pub profiles: Profiles,
}

impl Place {
    fn of_files(manifests: &Manifests, name: &str) -> Self {
        Self {
            namespace: NamespaceFacts {
                name: name.to_owned(),
                labels: manifests.namespaces.get(name).cloned().unwrap_or_default(),
            },
            profiles: profiles(manifests, name),
        }
    }
}

/// A workload whose pod was read.
#[derive(Debug)]
pub struct Subject<'w> {
    workload: &'w Workload,
    pod: Pod,
}

impl<'w> Subject<'w> {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// [`CliError::Object`].
    pub fn read(workload: &'w Workload) -> Result<Self, CliError> {
        let pod = serde_json::from_value(workload.pod.clone());
        let pod = pod.map_err(|source| CliError::Object {
            file: workload.file.clone(),
            name: workload.name.clone(),
            source,
        })?;
        Ok(Self { workload, pod })
    }

    fn input<'a>(&'a self, place: &'a Place, setting: &'a Setting) -> Input<'a> {
        Input {
            pod: &self.pod,
            namespace: &place.namespace,
            profiles: &place.profiles,
            operator: &setting.operator,
        }
    }

    /// What must be looked up.
    #[must_use]
    pub fn needs(&self, place: &Place, setting: &Setting) -> Needs {
        needs(&self.input(place, setting))
    }

    /// Runs the engine.
    ///
    /// # Errors
    ///
    /// [`CliError`]: a defect of ours.
    pub fn judge(
        &self,
        place: &Place,
        manifests: &Manifests,
        setting: &Setting,
    ) -> Result<Judgement, CliError> {
        let workload = self.workload;
        let input = self.input(place, setting);
        let mut warnings = workload.warnings.clone();
        let needs = needs(&input);
        let known = &place.namespace.name;
        let facts = facts(manifests, setting, known, &needs, &mut warnings);
        let outcome = engine::run(&input, &workload.pod, &facts)?;
        warnings.extend(outcome.verdict.warnings.iter().cloned());
        let mut after = workload.pod.clone();
        json_patch::patch(&mut after, &outcome.patch)?;
        Ok(Judgement {
            workload: workload.clone(),
            explanation: explain(&input, &facts),
            outcome,
            warnings,
            after,
            live: None,
        })
    }
}

/// The profiles of the files. Without any, one that allows what the default allows, so that the
/// rest of a manifest can be checked; [`stands_in`] says so to the user.
fn profiles(manifests: &Manifests, namespace: &str) -> Profiles {
    if stands_in(manifests) {
        let mut spec = CloudTaserProfileSpec::default();
        // RFC 2606: a name that never resolves.
        spec.server
            .addresses
            .push("https://server.invalid:8200".to_owned());
        let stand_in = Profile {
            name: "default".to_owned(),
            scope: Scope::Cluster,
            generation: None,
            spec,
        };
        return Profiles {
            namespaced: Vec::new(),
            cluster: vec![stand_in],
        };
    }
    let of = |wanted: Option<&str>| {
        let all = manifests.profiles.iter();
        let found = all.filter(|(place, _)| place.as_deref() == wanted);
        found.map(|(_, profile)| profile.clone()).collect()
    };
    Profiles {
        namespaced: of(Some(namespace)),
        cluster: of(None),
    }
}

/// Whether no profile was given.
#[must_use]
pub fn stands_in(manifests: &Manifests) -> bool {
    manifests.profiles.is_empty()
}

fn facts(
    manifests: &Manifests,
    setting: &Setting,
    namespace: &str,
    needs: &Needs,
    warnings: &mut Vec<String>,
) -> Facts {
    let mut facts = Facts::default();
    for name in &needs.images {
        let image = setting.images.get(name).cloned().unwrap_or_else(|| {
            warnings.push(format!(
                "the command is the image's, which is asked for at admission: {name} (give it with \
                 --image)"
            ));
            ImageConfig {
                entrypoint: vec![format!("<ENTRYPOINT of {name}>")],
                command: vec![format!("<CMD of {name}>")],
                ..ImageConfig::default()
            }
        });
        facts
            .images
            .insert(name.clone(), ImageFact::Found(Arc::new(image)));
    }
    for key in needs.deciding_sources.iter().chain(&needs.other_sources) {
        // One that is not in the files may be in the cluster: not looked up, not missing.
        if let Some(fact) = manifests.sources.get(&(namespace.to_owned(), key.clone())) {
            facts.sources.insert(key.clone(), fact.clone());
        }
    }
    facts
}
