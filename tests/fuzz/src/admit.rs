//! One review in, one answer out, as the server does it (`serve::admit`), and what must be true of
//! every answer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cloudtaser_abi::annotation::INJECT;
use cloudtaser_abi::injection::{INIT_CONTAINER, WRAPPER};
use json_patch::{Patch, PatchOperation};
use k8s_openapi::api::core::v1::Pod;
use serde::Deserialize as _;
use serde_json::Value;

use crate::check_text;
use crate::decide::{Facts, Input, SkipReason, needs};
use crate::engine::{self, Outcome};
use crate::review::{self, Operation, Request};
use crate::world::World;

/// How a pod opts in.
const YES: [&str; 6] = ["true", "True", "TRUE", "yes", "on", "1"];

/// What came of a review.
#[derive(Debug)]
pub(crate) struct Admitted {
    /// Whether the pod may be made.
    pub(crate) is_allowed: bool,
    /// The pod with the patch in it.
    pub(crate) pod: Value,
    /// Whether there was a patch.
    pub(crate) is_changed: bool,
}

/// Answers a review, checks the answer, and asks again with what became of the pod.
pub(crate) fn admit(body: &[u8], world: &World) -> Option<Admitted> {
    let request = match review::decode(body) {
        Ok(request) => request,
        Err(invalid) => {
            let answer = review::encode_invalid(&invalid);
            let response = checked(&answer, invalid.version.api_version());
            assert_eq!(response["allowed"], false);
            assert_eq!(response["status"]["code"], 400);
            return None;
        }
    };
    let admitted = answer(&request, world);
    check_pod(&request, &admitted);
    if admitted.is_changed {
        let mut again = request;
        again.object = admitted.pod.clone();
        again.pod = Pod::deserialize(&admitted.pod).expect("the changed pod is a pod");
        let second = answer(&again, world);
        assert!(
            second.is_allowed,
            "refused the second time: {}",
            again.object
        );
        assert!(!second.is_changed, "changed twice: {}", second.pod);
    }
    Some(admitted)
}

fn decide(request: &Request, world: &World) -> Outcome {
    if request.operation != Operation::Create {
        return Outcome::skip(SkipReason::NotCreated);
    }
    let input = Input {
        pod: &request.pod,
        namespace: &world.namespace,
        profiles: &world.profiles,
        operator: &world.operator,
    };
    let needs = needs(&input);
    let facts = if needs.is_empty() {
        Facts::default()
    } else {
        world.facts(&needs)
    };
    engine::run(&input, &request.object, &facts).expect("plan and pod belong together")
}

fn answer(request: &Request, world: &World) -> Admitted {
    let answer = decide(request, world).into_answer();
    let answer = review::encode(request.version, &request.uid, &answer).expect("it is JSON");
    let response = checked(&answer, request.version.api_version());
    assert_eq!(response["uid"], request.uid);
    let is_allowed = response["allowed"].as_bool().expect("yes or no");
    let mut pod = request.object.clone();
    let is_changed = response.get("patch").is_some();
    if is_changed {
        assert!(is_allowed);
        assert_eq!(response["patchType"], "JSONPatch");
        let text = response["patch"].as_str().expect("base64");
        let patch = STANDARD.decode(text).expect("base64");
        let patch: Patch = serde_json::from_slice(&patch).expect("a JSON patch");
        for operation in &patch.0 {
            check_operation(operation);
        }
        json_patch::patch(&mut pod, &patch).expect("the patch fits the pod");
    }
    Admitted {
        is_allowed,
        pod,
        is_changed,
    }
}

/// The answer's bytes, read again as the API server does.
fn checked(answer: &Value, version: &str) -> Value {
    let bytes = serde_json::to_vec(answer).expect("the answer is JSON");
    let mut read: Value = serde_json::from_slice(&bytes).expect("the answer is JSON");
    assert_eq!(read["apiVersion"], version);
    assert_eq!(read["kind"], "AdmissionReview");
    let response = read["response"].take();
    let warnings = response["warnings"].as_array();
    assert!(warnings.is_none_or(|warnings| warnings.len() <= 16));
    for warning in warnings.into_iter().flatten() {
        check_text(warning.as_str().expect("a text"), 256);
    }
    if response["allowed"] == false {
        let message = response["status"]["message"].as_str();
        check_text(message.expect("a reason"), 4096);
        assert!(response.get("patch").is_none());
    } else {
        assert!(response.get("status").is_none());
    }
    response
}

/// Nothing is taken out of a pod, and nothing is put where it is not ours to put something.
fn check_operation(operation: &PatchOperation) {
    let path = operation.path().to_string();
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    let is_ours = match parts.as_slice() {
        ["metadata"]
        | ["metadata", "annotations"]
        | [
            "metadata",
            "annotations",
            "cloudtaser.io~1status" | "cloudtaser.io~1applied-profile",
        ]
        | ["spec", "volumes"]
        | ["spec", "volumes", "-"]
        | ["spec", "initContainers"]
        | ["spec", "initContainers", "0"]
        | ["spec", "terminationGracePeriodSeconds"] => true,
        [
            "spec",
            "containers" | "initContainers",
            _,
            field,
            below @ ..,
        ] => match *field {
            "command" | "args" => below.is_empty(),
            "env" | "volumeMounts" => matches!(below, [] | ["-"]),
            "livenessProbe" | "readinessProbe" | "startupProbe" => below == ["exec", "command"],
            "lifecycle" => matches!(below, ["postStart" | "preStop", "exec", "command"]),
            _ => false,
        },
        _ => false,
    };
    let is_kind = matches!(
        operation,
        PatchOperation::Add(_) | PatchOperation::Replace(_) | PatchOperation::Move(_)
    );
    assert!(is_ours && is_kind, "{operation:?}");
}

/// What a pod's own words about injection lead to.
fn check_pod(request: &Request, admitted: &Admitted) {
    let annotations = &request.object["metadata"]["annotations"];
    let is_mirror = annotations.get("kubernetes.io/config.mirror").is_some();
    let word = annotations.get(INJECT).and_then(Value::as_str);
    if request.operation != Operation::Create || word.is_none() {
        assert!(admitted.is_allowed, "a stranger is refused");
    }
    let says_yes = word.is_some_and(|word| YES.contains(&word.trim()));
    if request.operation != Operation::Create || !says_yes || is_mirror {
        assert!(!admitted.is_changed, "a stranger is changed");
        return;
    }
    if admitted.is_allowed {
        let spec = &admitted.pod["spec"];
        assert_eq!(spec["initContainers"][0]["name"], INIT_CONTAINER);
        assert!(
            containers(&admitted.pod).any(is_wrapped),
            "nothing is wrapped"
        );
        let account = |pod: &Value| pod["spec"]["serviceAccountName"].clone();
        assert_eq!(account(&admitted.pod), account(&request.object));
    }
}

/// All containers of a pod, the copy step left out.
pub(crate) fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    let lists = ["initContainers", "containers"].into_iter();
    lists
        .flat_map(|list| pod["spec"][list].as_array().into_iter().flatten())
        .filter(|container| container["name"] != INIT_CONTAINER)
}

/// Whether a container starts through the wrapper.
pub(crate) fn is_wrapped(container: &Value) -> bool {
    container["command"][0] == WRAPPER
}

/// What a container's process gets for a variable: the kubelet takes the last one of a name.
pub(crate) fn variable<'c>(container: &'c Value, name: &str) -> Option<&'c str> {
    let mut variables = container["env"].as_array().into_iter().flatten();
    let last = variables.rfind(|one| one["name"] == name)?;
    Some(last["value"].as_str().unwrap_or_default())
}

/// A review of a pod that is made.
pub(crate) fn review_of(pod: &Value) -> Vec<u8> {
    let review = serde_json::json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
            "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "operation": "CREATE",
            "namespace": crate::world::NAMESPACE,
            "object": pod,
        },
    });
    serde_json::to_vec(&review).expect("a review is JSON")
}
