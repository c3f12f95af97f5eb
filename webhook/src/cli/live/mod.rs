//! `why` and `profiles` over a cluster. Reads with GET only, runs the engine of the webhook over
//! what it read ([`super::judge`]), and tells what the cluster shows beside ([`observed`]).
//!
//! No registry is asked: pull secrets stay where they are. Values of ConfigMaps and Secrets are
//! reduced to "is it a reference" as the webhook does, and only of those that a decision hangs on.

mod applies;
mod connection;
mod error;
mod namespaces;
mod observed;

use std::collections::BTreeSet;
use std::path::PathBuf;

use cloudtaser_abi::injection::INIT_CONTAINER;
use kube::api::ListParams;
use serde_json::Value;

pub use applies::{Listed, NamespaceView, Use, place_word};
pub use error::LiveError;
pub use namespaces::profiles;
pub use observed::{Live, LivePod, RefusalEvent};

use super::CliError;
use super::args::Connection;
use super::judge::{Judgement, Place, Setting, Subject};
use super::manifest::{self, Manifests, Workload};
use super::target::{JOB, Kind, ObjectName, POD, REPLICA_SET};
use crate::decide::{Decision, List, SourceFact, SourceKey};
use crate::lookup::ProfileStore;
use crate::profile::{NamespaceFacts, Scope};
use connection::{Resource, Server};

const PROFILES: Resource = Resource::new("cloudtaser.io/v1alpha1", "cloudtaserprofiles");
const CLUSTER_PROFILES: Resource =
    Resource::new("cloudtaser.io/v1alpha1", "clustercloudtaserprofiles");
const NAMESPACES: Resource = Resource::new("v1", "namespaces");
const EVENTS: Resource = Resource::new("v1", "events");

/// Explains objects of a cluster.
///
/// # Errors
///
/// [`CliError`]; [`LiveError`] says which right is missing.
pub async fn why(
    connection: &Connection,
    names: &[&ObjectName],
    namespace: Option<&str>,
    setting: &Setting,
) -> Result<Vec<Judgement>, CliError> {
    let server = Server::new(connection).await?;
    let mut judgements = Vec::new();
    for name in names {
        let named = name.namespace.as_deref().or(namespace);
        let place = named.unwrap_or(&server.namespace).to_owned();
        judgements.push(explain(&server, name, &place, setting).await?);
    }
    Ok(judgements)
}

async fn explain(
    server: &Server,
    name: &ObjectName,
    namespace: &str,
    setting: &Setting,
) -> Result<Judgement, CliError> {
    let found = server
        .get(name.kind.into(), Some(namespace), &name.name)
        .await?;
    let object = found.ok_or_else(|| absent(name, namespace))?;
    let mut manifests = Manifests::default();
    let origin = PathBuf::from("in the cluster");
    // Kind and version are there in an answer about one object.
    manifests.take(&origin, object.clone(), namespace)?;
    let Some(workload) = manifests.workloads.pop() else {
        let resource = name.kind.plural.to_owned();
        return Err(LiveError::Unreadable { resource }.into());
    };
    let place = place(server, namespace).await?;
    let setting = &as_injected(&workload.pod, setting);
    let mut judgement = judge(server, &workload, &place, manifests, setting).await?;
    let mut live = live(server, name.kind, &object, namespace).await;
    let mut pods = Vec::new();
    for pod in &live.1 {
        let expected = expected(pod, &place, setting);
        pods.push(observed::pod(pod, &expected));
    }
    live.0.pods = pods;
    judgement.live = Some(live.0);
    Ok(judgement)
}

fn absent(name: &ObjectName, namespace: &str) -> LiveError {
    let (kind, object) = (name.kind.kind, &name.name);
    LiveError::NotFound {
        what: format!("{kind} `{object}` in the namespace `{namespace}`"),
        hint: if *name.kind == POD {
            "; a pod that was refused was never made: ask for what makes it, such as `deploy/NAME` \
             (a file: ./FILE or `-f FILE`)"
        } else {
            ""
        },
    }
}

/// The profiles and the labels that count in a namespace, read as the webhook reads them.
async fn place(server: &Server, namespace: &str) -> Result<Place, LiveError> {
    let store = ProfileStore::default();
    let all = ListParams::default;
    let own = server.list(PROFILES, Some(namespace), all()).await?;
    store.replace(Scope::Namespace, &own);
    let cluster = server.list(CLUSTER_PROFILES, None, all()).await?;
    store.replace(Scope::Cluster, &cluster);
    let snapshot = store.snapshot();
    let mut facts = NamespaceFacts {
        name: namespace.to_owned(),
        ..NamespaceFacts::default()
    };
    if snapshot.needs_labels {
        let found = server.get(NAMESPACES, None, namespace).await?;
        facts.labels = labels(&found.unwrap_or_default());
    }
    Ok(Place {
        namespace: facts,
        profiles: snapshot.of(namespace).clone(),
    })
}

fn labels(object: &Value) -> std::collections::BTreeMap<String, String> {
    let labels = object
        .pointer("/metadata/labels")
        .and_then(Value::as_object);
    let labels = labels.into_iter().flatten();
    labels
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

/// Runs the engine, after looking up what it needs.
async fn judge(
    server: &Server,
    workload: &Workload,
    place: &Place,
    mut manifests: Manifests,
    setting: &Setting,
) -> Result<Judgement, CliError> {
    let subject = Subject::read(workload)?;
    let needs = subject.needs(place, setting);
    let namespace = &place.namespace.name;
    let mut notes = Vec::new();
    for key in &needs.deciding_sources {
        match source(server, namespace, key).await {
            Ok(fact) => {
                manifests
                    .sources
                    .insert((namespace.clone(), key.clone()), fact);
            }
            // As for the webhook: what is not looked up counts as holding a reference.
            Err(error) => notes.push(format!(
                "{} was not read, and counts as holding a reference: {error}",
                key.describe()
            )),
        }
    }
    let mut judgement = subject.judge(place, &manifests, setting)?;
    judgement.warnings.extend(notes);
    Ok(judgement)
}

async fn source(
    server: &Server,
    namespace: &str,
    key: &SourceKey,
) -> Result<SourceFact, LiveError> {
    let (plural, name, is_secret) = match key {
        SourceKey::ConfigMap(name) => ("configmaps", name, false),
        SourceKey::Secret(name) => ("secrets", name, true),
    };
    let found = server
        .get(Resource::new("v1", plural), Some(namespace), name)
        .await?;
    Ok(found.map_or(SourceFact::Missing, |object| {
        manifest::source(&object, is_secret)
    }))
}

/// The setting with the copy step's image that the pod has, if it has one: which the webhook takes
/// where a profile names none is a flag of the webhook's.
fn as_injected(pod: &Value, setting: &Setting) -> Setting {
    let steps = pod
        .pointer("/spec/initContainers")
        .and_then(Value::as_array);
    let mut steps = steps.into_iter().flatten();
    let copy = steps.find(|step| step["name"] == INIT_CONTAINER);
    let image = copy.and_then(|step| step["image"].as_str());
    let mut setting = setting.clone();
    if let Some(image) = image {
        image.clone_into(&mut setting.operator.image);
    }
    setting
}

/// The containers of a pod that the engine would wrap, and that start without a wrapper.
fn expected(pod: &Value, place: &Place, setting: &Setting) -> Vec<String> {
    let mut manifests = Manifests::default();
    let mut object = pod.clone();
    // Items of a list do not say their kind.
    if let Some(fields) = object.as_object_mut() {
        fields.insert("kind".to_owned(), "Pod".into());
    }
    let setting = &as_injected(pod, setting);
    let namespace = &place.namespace.name;
    if manifests.take(&PathBuf::new(), object, namespace).is_err() {
        return Vec::new();
    }
    let judged = manifests.workloads.iter().filter_map(|workload| {
        let subject = Subject::read(workload).ok()?;
        // Without look-ups of ConfigMaps; of init containers that hang on one nothing is said.
        let judgement = subject.judge(place, &manifests, setting).ok()?;
        match judgement.outcome.verdict.decision {
            Decision::Inject(plan) => {
                let needs = subject.needs(place, setting);
                let is_sure = needs.deciding_sources.is_empty();
                let sure = plan
                    .containers
                    .into_iter()
                    .filter(move |container| is_sure || container.list == List::App);
                Some(sure.map(|container| container.name).collect::<Vec<_>>())
            }
            Decision::Skip(_) | Decision::Deny(_) => None,
        }
    });
    judged.flatten().collect()
}

/// The pods below an object, itself if it is one; and what events tell about all of them.
async fn live(server: &Server, kind: &Kind, object: &Value, namespace: &str) -> (Live, Vec<Value>) {
    let mut live = Live::default();
    let mut uids = BTreeSet::from([uid(object)]);
    let mut pods = Vec::new();
    if *kind == POD {
        uids.extend(owners(object));
        pods.push(object.clone());
    } else {
        // Two steps at most: Deployment → ReplicaSet → pods, CronJob → Job → pods.
        let between = match kind.kind {
            "Deployment" => Some(REPLICA_SET),
            "CronJob" => Some(JOB),
            _ => None,
        };
        for kind in between.into_iter().chain([POD]) {
            let all = ListParams::default();
            match server.list((&kind).into(), Some(namespace), all).await {
                Ok(found) => {
                    let mut own = found;
                    own.retain(|one| owners(one).any(|owner| uids.contains(&owner)));
                    uids.extend(own.iter().map(uid));
                    pods = own;
                }
                Err(error) => {
                    live.notes.push(format!("its pods are not shown: {error}"));
                    pods.clear();
                    break;
                }
            }
        }
    }
    let warnings = ListParams::default().fields("type=Warning");
    match server.list(EVENTS, Some(namespace), warnings).await {
        Ok(events) => live.refusals = observed::refusals(&events, &uids),
        Err(error) => live.notes.push(format!("refusals are not shown: {error}")),
    }
    (live, pods)
}

fn uid(object: &Value) -> String {
    let uid = object.pointer("/metadata/uid").and_then(Value::as_str);
    uid.unwrap_or_default().to_owned()
}

fn owners(object: &Value) -> impl Iterator<Item = String> {
    let owners = object
        .pointer("/metadata/ownerReferences")
        .and_then(Value::as_array);
    let uids = owners.into_iter().flatten();
    uids.filter_map(|owner| owner.get("uid")?.as_str().map(str::to_owned))
}
