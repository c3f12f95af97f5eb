//! Events about refusals, on the pod's owner: who sees only a ReplicaSet that makes no pods finds
//! the reason there. Never in the way of an answer: a full queue drops the event and counts it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kube::Client;
use kube::api::{Patch, PatchParams, PostParams};
use kube::core::Request;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::status::MANAGER;
use crate::annotation::printable;
use crate::serve::metrics::Metrics;

/// Refusals that wait to be written.
const QUEUE: usize = 256;
/// The least time between two writes: 5 a second at most. Chosen.
const PACE: Duration = Duration::from_millis(200);
/// Refusals of one owner for one reason within this are one event with a count, as client-go's
/// correlator does it.
const TOGETHER: Duration = Duration::from_secs(600);
/// A count is written no more often than this. Chosen: a ReplicaSet tries some times a second
/// first.
const AGAIN: Duration = Duration::from_secs(10);
/// How long one write may take. Chosen: the next refusals wait behind it.
const WRITE: Duration = Duration::from_secs(10);
/// Events that are remembered; of more, the oldest is forgotten, and told anew. Chosen.
const REMEMBERED: usize = 1024;
/// Bytes of a note: the API's limit for an event (events.k8s.io/v1, `note`).
const NOTE: usize = 1024;

/// A refusal to tell.
#[derive(Clone, Debug)]
pub struct Refused {
    namespace: String,
    owner: Value,
    reason: &'static str,
    note: String,
}

/// Takes refusals.
#[derive(Clone, Debug)]
pub struct Events {
    queue: mpsc::Sender<Refused>,
    metrics: Arc<Metrics>,
}

impl Events {
    /// And where they come out again, for [`keep`].
    #[must_use]
    pub fn new(metrics: Arc<Metrics>) -> (Self, mpsc::Receiver<Refused>) {
        let (queue, out) = mpsc::channel(QUEUE);
        (Self { queue, metrics }, out)
    }

    /// Tells of a refusal, if the pod has an owner.
    pub fn refused(&self, pod: &Pod, namespace: &str, reason: &'static str, message: &str) {
        let owners = pod.metadata.owner_references.iter().flatten();
        let mut owners = owners.filter(|owner| owner.controller == Some(true));
        let Some(owner) = owners.next() else { return };
        let message = printable(message);
        let end = message.floor_char_boundary(NOTE);
        let refused = Refused {
            namespace: namespace.to_owned(),
            owner: json!({
                "apiVersion": owner.api_version,
                "kind": owner.kind,
                "name": owner.name,
                "namespace": namespace,
                "uid": owner.uid,
            }),
            reason,
            note: message.get(..end).unwrap_or_default().to_owned(),
        };
        if self.queue.try_send(refused).is_err() {
            self.metrics.events_dropped.inc();
        }
    }
}

struct Told {
    name: String,
    count: u64,
    began: Instant,
    written: Instant,
}

/// What is one event: the namespace, the owner's uid and the reason. The uid alone would not do, for
/// the pod's author claims it, of whatever owner.
type Key = (String, String, &'static str);

fn key(refused: &Refused) -> Key {
    let uid = refused.owner.get("uid").and_then(Value::as_str);
    let uid = uid.unwrap_or_default().to_owned();
    (refused.namespace.clone(), uid, refused.reason)
}

/// Writes events for as long as it runs.
pub async fn keep(client: Client, mut queue: mpsc::Receiver<Refused>, metrics: Arc<Metrics>) {
    let mut told: HashMap<Key, Told> = HashMap::new();
    let mut number: u64 = 0;
    while let Some(refused) = queue.recv().await {
        let now = Instant::now();
        told.retain(|_, one| now - one.began < TOGETHER);
        let key = key(&refused);
        let written = if let Some(one) = told.get_mut(&key) {
            one.count = one.count.saturating_add(1);
            if now - one.written < AGAIN {
                continue;
            }
            one.written = now;
            timeout(WRITE, count(&client, &refused.namespace, one)).await
        } else {
            if told.len() >= REMEMBERED {
                let oldest = told.iter().min_by_key(|(_, one)| one.began);
                let oldest = oldest.map(|(key, _)| key.clone());
                oldest.and_then(|key| told.remove(&key));
            }
            number = number.wrapping_add(1);
            let owner = refused.owner.get("name").and_then(Value::as_str);
            let name = format!(
                "{}.{:x}{number:x}",
                owner.unwrap_or_default(),
                Timestamp::now().as_microsecond()
            );
            let made = timeout(WRITE, make(&client, &refused, &name)).await;
            // One that was not made is made with the next refusal: there is nothing to count in.
            if matches!(made, Ok(Ok(()))) {
                let one = Told {
                    name,
                    count: 1,
                    began: now,
                    written: now,
                };
                told.insert(key, one);
            }
            made
        };
        if !matches!(written, Ok(Ok(()))) {
            metrics.events_dropped.inc();
        }
        tokio::time::sleep(PACE).await;
    }
}

fn path(namespace: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/events")
}

async fn make(client: &Client, refused: &Refused, name: &str) -> Result<(), kube::Error> {
    let now = json!(Time(Timestamp::now()));
    let event = json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": refused.namespace},
        "involvedObject": refused.owner,
        "type": "Warning",
        "reason": "CloudTaserRefused",
        "message": refused.note,
        "source": {"component": MANAGER},
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    });
    let body = serde_json::to_vec(&event).map_err(kube::Error::SerdeError)?;
    let request = Request::new(path(&refused.namespace)).create(&PostParams::default(), body);
    let request = request.map_err(kube::Error::BuildRequest)?;
    client.request::<Value>(request).await.map(drop)
}

async fn count(client: &Client, namespace: &str, one: &Told) -> Result<(), kube::Error> {
    let now = json!(Time(Timestamp::now()));
    let change = json!({"count": one.count, "lastTimestamp": now});
    let params = PatchParams::default();
    let request = Request::new(path(namespace)).patch(&one.name, &params, &Patch::Merge(change));
    let request = request.map_err(kube::Error::BuildRequest)?;
    client.request::<Value>(request).await.map(drop)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

    use super::*;

    fn pod() -> Pod {
        let owner = OwnerReference {
            controller: Some(true),
            uid: "claimed".to_owned(),
            ..OwnerReference::default()
        };
        let metadata = ObjectMeta {
            owner_references: Some(vec![owner]),
            ..ObjectMeta::default()
        };
        Pod {
            metadata,
            ..Pod::default()
        }
    }

    #[test]
    fn an_owner_is_known_by_its_namespace_too_and_a_note_takes_one_line() {
        let (events, mut out) = Events::new(Arc::default());
        for namespace in ["attacker", "victim", "victim"] {
            events.refused(&pod(), namespace, "image", "a\nb\u{1b}[0m");
        }
        let told: Vec<Refused> = std::iter::from_fn(|| out.try_recv().ok()).collect();
        let keys: Vec<Key> = told.iter().map(key).collect();
        assert_eq!(keys.len(), 3);
        assert!(keys[0] != keys[1] && keys[1] == keys[2]);
        assert_eq!(told[0].note, r"a\nb\u{1b}[0m");
    }
}
