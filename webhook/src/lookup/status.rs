//! Conditions of profiles: what [`Profile::check`](crate::profile::Profile::check) says, written
//! by server-side apply, and only where it differs from what stands there.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kube::Client;
use kube::api::{Patch, PatchParams};
use kube::core::Request;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::store;
use crate::profile::Scope;

/// Who owns the fields.
pub const MANAGER: &str = "cloudtaser-webhook";
/// As much of a check's text as a condition shows, in characters: the API's limit is 32,768 bytes;
/// chosen far below.
const MESSAGE: usize = 1024;

/// The status that an object must get, if it is another than it has. Pure.
#[must_use]
pub fn wanted(scope: Scope, object: &Value, now: &Value) -> Option<Value> {
    let (is_ready, reason, message) = match store::checked(scope, object) {
        Ok(()) => ("True", "Usable", "the profile can be used".to_owned()),
        Err(text) => ("False", "Unusable", text.chars().take(MESSAGE).collect()),
    };
    let generation = object.pointer("/metadata/generation");
    let generation = generation.and_then(Value::as_i64).unwrap_or_default();
    let conditions = object
        .pointer("/status/conditions")
        .and_then(Value::as_array);
    let old = conditions.into_iter().flatten();
    let old = old
        .clone()
        .find(|one| one.get("type") == Some(&"Ready".into()));
    let field = |name: &str| old.and_then(|old| old.get(name)).and_then(Value::as_str);
    let seen = object
        .pointer("/status/observedGeneration")
        .and_then(Value::as_i64);
    let is_same = field("status") == Some(is_ready)
        && field("reason") == Some(reason)
        && field("message") == Some(&message)
        && seen == Some(generation);
    if is_same {
        return None;
    }
    let since = match (
        field("status") == Some(is_ready),
        field("lastTransitionTime"),
    ) {
        (true, Some(time)) => time.into(),
        _ => now.clone(),
    };
    Some(json!({
        "observedGeneration": generation,
        "conditions": [{
            "type": "Ready",
            "status": is_ready,
            "reason": reason,
            "message": message,
            "observedGeneration": generation,
            "lastTransitionTime": since,
        }],
    }))
}

/// Writes for as long as it runs. What fails is told in the log and tried again when the object is
/// next seen.
pub async fn keep(client: Client, mut seen: mpsc::Receiver<(Scope, Value)>) {
    while let Some((scope, object)) = seen.recv().await {
        let now = json!(Time(Timestamp::now()));
        let Some(status) = wanted(scope, &object, &now) else {
            continue;
        };
        if let Err(error) = write(&client, scope, &object, &status).await {
            tracing::warn!(%error, "cannot write the condition of a profile");
        }
    }
}

async fn write(
    client: &Client,
    scope: Scope,
    object: &Value,
    status: &Value,
) -> Result<(), kube::Error> {
    let text = |pointer| object.pointer(pointer).and_then(Value::as_str);
    let name = text("/metadata/name").unwrap_or_default();
    let (kind, path) = match scope {
        Scope::Namespace => {
            let namespace = text("/metadata/namespace").unwrap_or_default();
            let path =
                format!("/apis/cloudtaser.io/v1alpha1/namespaces/{namespace}/cloudtaserprofiles");
            ("CloudTaserProfile", path)
        }
        Scope::Cluster => {
            let path = super::watch::path(scope).to_owned();
            ("ClusterCloudTaserProfile", path)
        }
    };
    let apply = json!({
        "apiVersion": "cloudtaser.io/v1alpha1",
        "kind": kind,
        "metadata": {"name": name},
        "status": status,
    });
    let params = PatchParams::apply(MANAGER).force();
    let request =
        Request::new(path).patch_subresource("status", name, &params, &Patch::Apply(apply));
    let request = request.map_err(kube::Error::BuildRequest)?;
    client.request::<Value>(request).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_written_once_and_keeps_its_time() {
        let mut object = json!({
            "apiVersion": "cloudtaser.io/v1alpha1",
            "kind": "ClusterCloudTaserProfile",
            "metadata": {"name": "default", "generation": 2},
            "spec": {"server": {"addresses": ["https://bao.example:8200"]}},
        });
        let first = wanted(Scope::Cluster, &object, &json!("t1")).unwrap();
        assert_eq!(first["conditions"][0]["status"], "True");
        object["status"] = first;
        assert_eq!(wanted(Scope::Cluster, &object, &json!("t2")), None);
        object["metadata"]["generation"] = json!(3);
        let again = wanted(Scope::Cluster, &object, &json!("t2")).unwrap();
        assert_eq!(again["conditions"][0]["lastTransitionTime"], "t1");
        object["spec"]["server"]["addresses"] = json!(["https://169.254.169.254"]);
        let bad = wanted(Scope::Cluster, &object, &json!("t3")).unwrap();
        assert_eq!(bad["conditions"][0]["status"], "False");
        assert_eq!(bad["conditions"][0]["lastTransitionTime"], "t3");
        let message = bad["conditions"][0]["message"].as_str().unwrap();
        assert!(message.contains("address that cannot be used"), "{message}");
        object["spec"] = json!(1);
        let unreadable = wanted(Scope::Cluster, &object, &json!("t4")).unwrap();
        assert_eq!(unreadable["conditions"][0]["status"], "False");
    }
}
