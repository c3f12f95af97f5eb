//! What a cluster shows of a pod that was admitted, and what it tells of refusals. Pure: objects of
//! the API in, facts for people out.

use std::collections::BTreeSet;

use cloudtaser_abi::annotation::{APPLIED_PROFILE, STATUS};
use cloudtaser_abi::injection::{INIT_CONTAINER, WRAPPER};
use serde_json::Value;

/// What the cluster shows.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Live {
    /// The pods: the one that was asked for, or those that the workload made.
    pub pods: Vec<LivePod>,
    /// Refusals that were told, the latest last.
    pub refusals: Vec<RefusalEvent>,
    /// What could not be read.
    pub notes: Vec<String>,
}

/// One pod.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LivePod {
    /// Its name.
    pub name: String,
    /// Its phase.
    pub phase: String,
    /// The annotation that the webhook writes.
    pub status: Option<String>,
    /// The profile that counted when it was made, as the webhook wrote it.
    pub profile: Option<String>,
    /// The copy step, in a few words; nothing where there is none.
    pub copy_step: Option<String>,
    /// Containers whose command is the wrapper.
    pub wrapped: Vec<String>,
    /// The others, but for the copy step.
    pub unwrapped: Vec<String>,
    /// Containers that should start through the wrapper and do not.
    pub unprotected: Vec<String>,
}

/// An event about pods that were not made.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RefusalEvent {
    /// Kind and name of whom it is about.
    pub about: String,
    /// The event's own word.
    pub reason: String,
    /// How often.
    pub count: u64,
    /// When last.
    pub last: String,
    /// The text.
    pub message: String,
}

fn text<'v>(object: &'v Value, pointer: &str) -> &'v str {
    let text = object.pointer(pointer).and_then(Value::as_str);
    text.unwrap_or_default()
}

fn items<'v>(object: &'v Value, pointer: &str) -> impl Iterator<Item = &'v Value> {
    let list = object.pointer(pointer).and_then(Value::as_array);
    list.into_iter().flatten()
}

/// A pod as it is; `expected` are the containers that the engine would still wrap in it.
#[must_use]
pub(super) fn pod(object: &Value, expected: &[String]) -> LivePod {
    let mut pod = LivePod {
        name: text(object, "/metadata/name").to_owned(),
        phase: text(object, "/status/phase").to_owned(),
        unprotected: expected.to_vec(),
        ..LivePod::default()
    };
    let annotations = object.pointer("/metadata/annotations");
    let said = |key| annotations.and_then(|all| all.get(key)?.as_str());
    pod.status = said(STATUS).map(str::to_owned);
    pod.profile = said(APPLIED_PROFILE).map(str::to_owned);
    for container in items(object, "/spec/initContainers") {
        if text(container, "/name") == INIT_CONTAINER {
            pod.copy_step = Some(state(object));
        } else {
            pod.sort(container);
        }
    }
    for container in items(object, "/spec/containers") {
        pod.sort(container);
    }
    pod
}

impl LivePod {
    fn sort(&mut self, container: &Value) {
        let name = text(container, "/name").to_owned();
        match text(container, "/command/0") {
            WRAPPER => self.wrapped.push(name),
            _ => self.unwrapped.push(name),
        }
    }
}

/// How the copy step fares.
fn state(pod: &Value) -> String {
    let mut all = items(pod, "/status/initContainerStatuses");
    let found = all.find(|status| text(status, "/name") == INIT_CONTAINER);
    let Some(state) = found.and_then(|status| status.get("state")) else {
        return "not started yet".to_owned();
    };
    if let Some(ended) = state.get("terminated") {
        let code = ended.get("exitCode").and_then(Value::as_i64);
        return format!("ended with status {}", code.unwrap_or_default());
    }
    if state.get("running").is_some() {
        return "running".to_owned();
    }
    match text(state, "/waiting/reason") {
        "" => "waiting".to_owned(),
        reason => format!("waiting ({reason})"),
    }
}

/// The events of ours, and of controllers that our refusal stopped, about these objects.
#[must_use]
pub(super) fn refusals(events: &[Value], uids: &BTreeSet<String>) -> Vec<RefusalEvent> {
    let about = |event: &&Value| uids.contains(text(event, "/involvedObject/uid"));
    let is_ours = |event: &&Value| {
        text(event, "/reason") == "CloudTaserRefused"
            || text(event, "/message").contains("cloudtaser: ")
    };
    let found = events.iter().filter(about).filter(is_ours);
    let mut found: Vec<RefusalEvent> = found.map(refusal).collect();
    found.sort_by(|a, b| a.last.cmp(&b.last));
    found
}

fn refusal(event: &Value) -> RefusalEvent {
    let times = [
        "/lastTimestamp",
        "/eventTime",
        "/metadata/creationTimestamp",
    ];
    let last = times.into_iter().map(|at| text(event, at));
    let count = event.get("count").and_then(Value::as_u64);
    RefusalEvent {
        about: format!(
            "{} {}",
            text(event, "/involvedObject/kind"),
            text(event, "/involvedObject/name")
        ),
        reason: text(event, "/reason").to_owned(),
        count: count.unwrap_or(1),
        last: last
            .into_iter()
            .find(|time| !time.is_empty())
            .unwrap_or_default()
            .to_owned(),
        message: text(event, "/message").to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pod_shows_its_wrapper_and_its_copy_step() {
        let object = json!({
            "metadata": {"name": "web", "annotations": {"cloudtaser.io/status": "injected"}},
            "spec": {
                "initContainers": [{"name": "cloudtaser-copy"}, {"name": "migrate", "command": ["x"]}],
                "containers": [{"name": "app", "command": ["/cloudtaser/bin/cloudtaser", "run"]}],
            },
            "status": {"phase": "Pending", "initContainerStatuses": [
                {"name": "cloudtaser-copy", "state": {"waiting": {"reason": "ErrImagePull"}}},
            ]},
        });
        let shown = pod(&object, &[]);
        assert_eq!(shown.status.as_deref(), Some("injected"));
        assert_eq!(shown.copy_step.as_deref(), Some("waiting (ErrImagePull)"));
        assert_eq!(
            (shown.wrapped, shown.unwrapped),
            (vec!["app".into()], vec!["migrate".into()])
        );
        assert_eq!(pod(&json!({}), &[]), LivePod::default());
    }

    #[test]
    fn states_of_the_copy_step_are_words() {
        for (state, words) in [
            (
                json!({"terminated": {"exitCode": 3}}),
                "ended with status 3",
            ),
            (json!({"running": {}}), "running"),
            (json!({"waiting": {}}), "waiting"),
        ] {
            let status = json!([{"name": INIT_CONTAINER, "state": state}]);
            let object = json!({
                "spec": {"initContainers": [{"name": INIT_CONTAINER}]},
                "status": {"initContainerStatuses": status},
            });
            assert_eq!(pod(&object, &[]).copy_step.as_deref(), Some(words));
        }
    }

    #[test]
    fn only_refusals_about_these_objects_count_the_latest_last() {
        let event = |uid: &str, reason: &str, message: &str, last: &str| {
            json!({"involvedObject": {"kind": "ReplicaSet", "name": "web-1", "uid": uid},
                "reason": reason, "message": message, "lastTimestamp": last, "count": 2})
        };
        let events = [
            event("a", "CloudTaserRefused", "no profile", "2026-01-02"),
            event(
                "a",
                "FailedCreate",
                "admission denied: cloudtaser: no profile",
                "2026-01-01",
            ),
            event("a", "FailedCreate", "quota", "2026-01-03"),
            event("b", "CloudTaserRefused", "no profile", "2026-01-03"),
        ];
        let found = refusals(&events, &BTreeSet::from(["a".to_owned()]));
        let reasons: Vec<&str> = found.iter().map(|one| one.reason.as_str()).collect();
        assert_eq!(reasons, ["FailedCreate", "CloudTaserRefused"]);
        assert_eq!(
            (found[0].count, found[0].about.as_str()),
            (2, "ReplicaSet web-1")
        );
    }
}
