//! Manifests: files with Kubernetes objects, and the pods that they would make.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use base64::Engine;
use serde_json::{Value, json};

use super::{CliError, yaml};
use crate::annotation::shown;
use crate::decide::{SourceFact, SourceKey};
use crate::profile::{CloudTaserProfile, ClusterCloudTaserProfile, Profile};

/// Everything that was read from the files.
#[derive(Debug, Default)]
pub struct Manifests {
    /// Pods and pod templates.
    pub workloads: Vec<Workload>,
    /// Profiles, with the namespace of those that have one.
    pub profiles: Vec<(Option<String>, Profile)>,
    /// ConfigMaps and Secrets, by namespace.
    pub sources: BTreeMap<(String, SourceKey), SourceFact>,
    /// Labels of namespaces.
    pub namespaces: BTreeMap<String, BTreeMap<String, String>>,
}

/// A pod, or an object that makes pods.
#[derive(Clone, Debug)]
pub struct Workload {
    /// Where it was read.
    pub file: PathBuf,
    /// Its kind.
    pub kind: String,
    /// Its name, or `generateName` with a star.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The pod that it makes.
    pub pod: Value,
    /// What can be said without the engine.
    pub warnings: Vec<String>,
}

/// Kinds with a pod template, and where it is.
const TEMPLATES: [(&str, &[&str]); 7] = [
    ("CronJob", &["spec", "jobTemplate", "spec", "template"]),
    ("DaemonSet", &["spec", "template"]),
    ("Deployment", &["spec", "template"]),
    ("Job", &["spec", "template"]),
    ("ReplicaSet", &["spec", "template"]),
    ("ReplicationController", &["spec", "template"]),
    ("StatefulSet", &["spec", "template"]),
];

/// Reads files; `-` is standard input.
///
/// # Errors
///
/// [`CliError`]: a file that cannot be read, or is not YAML.
pub fn read(files: &[PathBuf], namespace: &str) -> Result<Manifests, CliError> {
    let mut manifests = Manifests::default();
    for file in files {
        for document in documents(file)? {
            manifests.take(file, document, namespace)?;
        }
    }
    Ok(manifests)
}

fn documents(file: &Path) -> Result<Vec<Value>, CliError> {
    let read = || -> std::io::Result<String> {
        if file.as_os_str() == "-" {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text)?;
            return Ok(text);
        }
        std::fs::read_to_string(file)
    };
    let text = read().map_err(|source| CliError::Read {
        file: file.to_owned(),
        source,
    })?;
    yaml::read(&text).map_err(|source| CliError::Yaml {
        file: file.to_owned(),
        source: Box::new(source),
    })
}

impl Manifests {
    /// Takes an object, or the items of a list.
    ///
    /// # Errors
    ///
    /// [`CliError::Object`]: a profile that cannot be read.
    pub fn take(&mut self, file: &Path, object: Value, namespace: &str) -> Result<(), CliError> {
        let kind = text(&object, "/kind").to_owned();
        if let Some(items) = object.get("items").and_then(Value::as_array) {
            for item in items {
                self.take(file, item.clone(), namespace)?;
            }
            return Ok(());
        }
        let own = text(&object, "/metadata/namespace");
        let namespace = if own.is_empty() { namespace } else { own }.to_owned();
        let name = text(&object, "/metadata/name").to_owned();
        match kind.as_str() {
            "CloudTaserProfile" => {
                let profile: CloudTaserProfile = typed(file, &name, object)?;
                self.profiles.push((Some(namespace), profile.into()));
            }
            "ClusterCloudTaserProfile" => {
                let profile: ClusterCloudTaserProfile = typed(file, &name, object)?;
                self.profiles.push((None, profile.into()));
            }
            "Namespace" => {
                let labels = object
                    .pointer("/metadata/labels")
                    .and_then(Value::as_object);
                let labels = labels.into_iter().flatten();
                let label = |(key, value): (&String, &Value)| {
                    Some((key.clone(), value.as_str()?.to_owned()))
                };
                self.namespaces
                    .insert(name, labels.filter_map(label).collect());
            }
            "ConfigMap" => {
                let key = SourceKey::ConfigMap(name);
                self.sources
                    .insert((namespace, key), source(&object, false));
            }
            "Secret" => {
                let key = SourceKey::Secret(name);
                self.sources.insert((namespace, key), source(&object, true));
            }
            _ => self
                .workloads
                .extend(workload(file, &kind, &object, namespace)),
        }
        Ok(())
    }
}

fn typed<T: serde::de::DeserializeOwned>(
    file: &Path,
    name: &str,
    object: Value,
) -> Result<T, CliError> {
    serde_json::from_value(object).map_err(|source| CliError::Object {
        file: file.to_owned(),
        name: name.to_owned(),
        source,
    })
}

/// The values of a ConfigMap or Secret, reduced to whether they are references.
pub(super) fn source(object: &Value, is_secret: bool) -> SourceFact {
    let fields = |field: &str| {
        object
            .get(field)
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
    };
    let decode = |value: &str| {
        let decoded = base64::engine::general_purpose::STANDARD.decode(value.trim());
        decoded.unwrap_or_default()
    };
    let data = fields("data").filter_map(|(key, value)| {
        let value = value.as_str()?;
        let bytes = if is_secret {
            decode(value)
        } else {
            value.into()
        };
        Some((key.as_str(), bytes))
    });
    let plain = fields("stringData");
    let plain = plain.filter_map(|(key, value)| Some((key.as_str(), value.as_str()?.into())));
    let all: Vec<(&str, Vec<u8>)> = data.chain(plain).collect();
    SourceFact::new(all.iter().map(|(key, bytes)| (*key, bytes.as_slice())))
}

fn workload(file: &Path, kind: &str, object: &Value, namespace: String) -> Option<Workload> {
    let mut warnings = Vec::new();
    let mut pod = if kind == "Pod" {
        object.clone()
    } else {
        let (_, path) = TEMPLATES.iter().find(|(known, _)| *known == kind)?;
        let template = path
            .iter()
            .try_fold(object, |value, field| value.get(field))?;
        misplaced(kind, object, &mut warnings);
        json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": template.get("metadata").cloned().unwrap_or_else(|| json!({})),
            "spec": template.get("spec").cloned().unwrap_or(Value::Null),
        })
    };
    quote(&mut pod, &mut warnings);
    let name = text(object, "/metadata/name");
    let name = match name.is_empty() {
        true => format!("{}*", text(object, "/metadata/generateName")),
        false => name.to_owned(),
    };
    Some(Workload {
        file: file.to_owned(),
        kind: kind.to_owned(),
        name,
        namespace,
        pod,
        warnings,
    })
}

/// Annotations of ours on the object itself do nothing: pods get those of the template.
fn misplaced(kind: &str, object: &Value, warnings: &mut Vec<String>) {
    let annotations = object
        .pointer("/metadata/annotations")
        .and_then(Value::as_object);
    let ours = annotations.into_iter().flatten().map(|(key, _)| key);
    for key in ours.filter(|key| key.starts_with(cloudtaser_abi::annotation::PREFIX)) {
        warnings.push(format!(
            "annotation {} stands on the {kind} itself and does nothing there; it belongs to its \
             pod template (`template.metadata.annotations`)",
            shown(key)
        ));
    }
}

/// An annotation that is no text is refused by the API server before the webhook sees it; here it
/// is read as the text that was meant.
fn quote(pod: &mut Value, warnings: &mut Vec<String>) {
    let annotations = pod
        .pointer_mut("/metadata/annotations")
        .and_then(Value::as_object_mut);
    for (key, value) in annotations.into_iter().flatten() {
        if matches!(value, Value::Bool(_) | Value::Number(_)) {
            let text = value.to_string();
            warnings.push(format!(
                "annotation {} is {text} without quotes, which the API server refuses; write \
                 \"{text}\"",
                shown(key)
            ));
            *value = text.into();
        }
    }
}

fn text<'v>(object: &'v Value, pointer: &str) -> &'v str {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}
