//! The policy and the match condition of `webhook/manifests`, evaluated on the golden pods (by
//! another implementation of CEL than the API server's): what opted in and was not injected is
//! refused, what the engine made is admitted, and all other pods are not looked at.

use std::collections::HashMap;
use std::path::Path;

use crate::golden::files;
use crate::support::Case;
use cloudtaser_webhook::decide::{Decision, MESH_PROXIES};
use kube_cel::cel::{self, Context, Program};
use serde_json::{Value, json};

fn manifests(name: &str) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests");
    let text = std::fs::read_to_string(folder.join(name)).unwrap();
    cloudtaser_webhook::cli::yaml::read(&text).unwrap()
}

/// The messages of the expressions that are not true. The evaluator that `kube-cel` has for
/// policies escapes the keys of annotations as if they were fields, so its functions are used
/// without it.
fn evaluate(pod: &Value, expressions: &[Value], variables: &[Value]) -> Vec<String> {
    let mut context = Context::default();
    kube_cel::KubeCelExt::register_all(&mut context);
    context.add_variable("object", pod).unwrap();
    let mut known = HashMap::new();
    context.add_variable_from_value("variables", known.clone());
    let run = |context: &Context<'_>, one: &Value| {
        let text = one["expression"].as_str().unwrap();
        let program = Program::compile(text).unwrap();
        program
            .execute(context)
            .map_err(|error| format!("{text}: {error}"))
    };
    for variable in variables {
        let name = variable["name"].as_str().unwrap().to_owned();
        known.insert(name, run(&context, variable).unwrap());
        context.add_variable_from_value("variables", known.clone());
    }
    let mut failed = Vec::new();
    for one in expressions {
        match run(&context, one) {
            Ok(cel::Value::Bool(true)) => {}
            Ok(cel::Value::Bool(false)) => {
                failed.push(one["message"].as_str().unwrap_or("false").to_owned());
            }
            other => panic!("an error is no answer: {other:?}"),
        }
    }
    failed
}

#[derive(Debug, PartialEq)]
pub(crate) enum Outcome {
    NotMatched,
    Admitted,
    Refused(Vec<String>),
}

/// What the policy does with a pod.
pub(crate) fn policy(pod: &Value) -> Outcome {
    let policy = &manifests("policy.yaml")[0]["spec"];
    let list = |field: &str| policy[field].as_array().unwrap().clone();
    let unmatched = evaluate(pod, &list("matchConditions"), &[]);
    if !unmatched.is_empty() {
        return Outcome::NotMatched;
    }
    let refused = evaluate(pod, &list("validations"), &list("variables"));
    match refused.is_empty() {
        true => Outcome::Admitted,
        false => {
            let is_ours = |text: &String| text.starts_with("cloudtaser: ");
            assert!(refused.iter().all(is_ours), "{refused:?}");
            Outcome::Refused(refused)
        }
    }
}

/// Whether the webhook is asked about a pod.
fn is_asked(pod: &Value) -> bool {
    let webhook = &manifests("webhook.yaml")[0]["webhooks"][0];
    let conditions = webhook["matchConditions"].as_array().unwrap();
    evaluate(pod, conditions, &[]).is_empty()
}

#[test]
fn w33_golden_pods_are_refused_without_and_admitted_with_the_webhook() {
    let (mut refused, mut admitted, mut left) = (0, 0, 0);
    for file in files() {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let mut case = Case::read(&std::fs::read_to_string(&file).unwrap());
        let outcome = case.run();
        let before = policy(&case.pod);
        let has_annotation = case.pod["metadata"]["annotations"]
            .get("cloudtaser.io/inject")
            .is_some();
        assert_eq!(is_asked(&case.pod), has_annotation, "{name}");
        match outcome.verdict.decision {
            Decision::Skip(_) => {
                assert_eq!(before, Outcome::NotMatched, "{name}");
                left += 1;
            }
            Decision::Deny(_) => {
                assert!(matches!(before, Outcome::Refused(_)), "{name}: {before:?}");
                refused += 1;
            }
            Decision::Inject(_) => {
                assert!(matches!(before, Outcome::Refused(_)), "{name}: {before:?}");
                json_patch::patch(&mut case.pod, &outcome.patch).unwrap();
                assert_eq!(policy(&case.pod), Outcome::Admitted, "{name}");
                admitted += 1;
            }
        }
    }
    assert!(
        refused >= 15 && admitted >= 20 && left >= 3,
        "{refused} {admitted} {left}"
    );
}

fn injected() -> Value {
    let pod = json!({
        "metadata": {"name": "web", "annotations": {"cloudtaser.io/inject": "true"}},
        "spec": {"containers": [
            {"name": "app", "image": "shop/web:1", "command": ["/srv/web"]},
            {"name": "other", "image": "shop/web:1", "command": ["/srv/web"]},
        ]},
    });
    let mut case = Case::new(pod, &Value::Null);
    let patch = case.run().patch;
    json_patch::patch(&mut case.pod, &patch).unwrap();
    case.pod
}

/// Each is an injected pod with one thing changed, as an author would who wants to look injected.
#[test]
fn h01_a_pod_that_only_looks_injected_is_refused() {
    assert_eq!(policy(&injected()), Outcome::Admitted);
    let evil_mount = |path: &str| json!({"name": "evil", "mountPath": path});
    type Change = Box<dyn Fn(&mut Value)>;
    let change = |pointer: &'static str, value: Value| -> (String, Change) {
        let shown = format!("{pointer} {value}");
        let change = move |pod: &mut Value| *pod.pointer_mut(pointer).unwrap() = value.clone();
        (shown, Box::new(change))
    };
    let append = |pointer: &'static str, value: Value| -> (String, Change) {
        let shown = format!("{pointer} + {value}");
        let change = move |pod: &mut Value| {
            let list = pod.pointer_mut(pointer).unwrap();
            list.as_array_mut().unwrap().push(value.clone());
        };
        (shown, Box::new(change))
    };
    let mounts = "/spec/containers/0/volumeMounts";
    let cases = [
        change("/spec/containers/1/command", json!(["/srv/web"])),
        change("/spec/containers/1/command", json!([])),
        change(
            "/spec/containers/1/command/0",
            json!("/cloudtaser/bin/../../srv/web"),
        ),
        change("/spec/initContainers", json!([])),
        change("/spec/initContainers/0/name", json!("copy")),
        change("/spec/initContainers/0/command", json!(["/bin/sh"])),
        change("/spec/initContainers/0/command/2", json!("/tmp")),
        change("/spec/initContainers/0/volumeMounts", json!([])),
        change(
            "/spec/volumes/0",
            json!({"name": "cloudtaser-bin", "hostPath": {"path": "/x"}}),
        ),
        change("/spec/volumes/0/emptyDir/medium", json!("")),
        change(
            "/spec/volumes/0",
            json!({"name": "cloudtaser-bin", "emptyDir": {}}),
        ),
        change(
            "/spec/volumes/1",
            json!({"name": "cloudtaser-identity", "emptyDir": {}}),
        ),
        change("/spec/containers/0/volumeMounts", json!([])),
        change("/spec/containers/0/volumeMounts/0/name", json!("evil")),
        change("/spec/containers/0/volumeMounts/0/readOnly", json!(false)),
        change(
            "/spec/containers/0/volumeMounts/0/mountPath",
            json!("/elsewhere"),
        ),
        append(mounts, evil_mount("/cloudtaser/bin/cloudtaser")),
        append(mounts, evil_mount("//cloudtaser/./bin")),
        append(mounts, evil_mount("/./cloudtaser")),
        append(mounts, evil_mount("cloudtaser/bin")),
        append(mounts, evil_mount("/x/../cloudtaser/bin")),
        append(mounts, evil_mount("/")),
        append("/spec/containers", json!({"name": "more", "image": "x"})),
        append(
            "/spec/containers",
            json!({"name": "cloudtaser-copy", "image": "x"}),
        ),
        append(
            "/spec/initContainers",
            json!({"name": "side", "image": "x", "restartPolicy": "Always"}),
        ),
        append(
            "/spec/initContainers",
            json!({"name": "evil", "volumeMounts": [{"name": "cloudtaser-bin", "mountPath": "/w"}]}),
        ),
    ];
    for (shown, change) in cases {
        let mut pod = injected();
        change(&mut pod);
        assert!(matches!(policy(&pod), Outcome::Refused(_)), "{shown}");
    }
    // Controls: changes that do no harm.
    for (shown, change) in [
        append(
            "/spec/initContainers",
            json!({"name": "init", "image": "x"}),
        ),
        append(
            "/spec/containers",
            json!({"name": "istio-proxy", "image": "x"}),
        ),
        append(mounts, evil_mount("/cloudtaser-data")),
        append(mounts, evil_mount("/srv/a..b")),
    ] {
        let mut pod = injected();
        change(&mut pod);
        assert_eq!(policy(&pod), Outcome::Admitted, "{shown}");
    }
}

#[test]
fn w19_init_containers_are_demanded_where_the_pod_says_all() {
    let mut pod = injected();
    let init = json!({"name": "init", "image": "x"});
    pod["spec"]["initContainers"]
        .as_array_mut()
        .unwrap()
        .push(init);
    assert_eq!(policy(&pod), Outcome::Admitted);
    pod["metadata"]["annotations"]["cloudtaser.io/init-containers"] = " all ".into();
    assert!(matches!(policy(&pod), Outcome::Refused(_)));
}

#[test]
fn w12_every_spelling_means_the_same_to_engine_and_policy() {
    let spelt = |value: &str| {
        json!({
            "metadata": {"name": "web", "annotations": {"cloudtaser.io/inject": value}},
            "spec": {"containers": [{"name": "app", "image": "x", "command": ["/srv/web"]}]},
        })
    };
    let words = [
        "true",
        "True",
        "TRUE",
        "yes",
        "on",
        "1",
        " true\n",
        "false",
        "False",
        "FALSE",
        "no",
        "off",
        "0",
        "\tfalse ",
        "",
        " ",
        "tRUE",
        "fALSE",
        "Yes",
        "NO",
        "ON",
        "2",
        "true,",
        "t",
        "false true",
        "true\nfalse",
        "false\nx",
        "n",
        "disabled",
        "\"false\"",
    ];
    for word in words {
        let pod = spelt(word);
        assert!(is_asked(&pod), "{word:?}");
        let mut case = Case::new(pod, &Value::Null);
        let outcome = case.run();
        let before = policy(&case.pod);
        let neither = matches!(&before, Outcome::Refused(texts) if texts[0].contains("neither"));
        match outcome.verdict.decision {
            Decision::Skip(_) => assert_eq!(before, Outcome::NotMatched, "{word:?}"),
            Decision::Deny(_) => assert!(neither, "{word:?}: {before:?}"),
            Decision::Inject(_) => {
                assert!(
                    matches!(before, Outcome::Refused(_)) && !neither,
                    "{word:?}: {before:?}"
                );
                json_patch::patch(&mut case.pod, &outcome.patch).unwrap();
                assert_eq!(policy(&case.pod), Outcome::Admitted, "{word:?}");
            }
        }
    }
}

#[test]
fn policy_and_engine_name_the_same_things() {
    let policy = serde_json::to_string(&manifests("policy.yaml")).unwrap();
    use cloudtaser_abi::injection as names;
    let quoted = [
        names::WRAPPER,
        names::BINARY_DIR,
        names::IDENTITY_DIR,
        names::INIT_CONTAINER,
        names::IMAGE_BINARY,
        names::BINARY_VOLUME,
        names::IDENTITY_VOLUME,
        cloudtaser_abi::annotation::INJECT,
        cloudtaser_abi::annotation::CONTAINERS,
        cloudtaser_abi::annotation::SKIP_CONTAINERS,
        cloudtaser_abi::annotation::INIT_CONTAINERS,
    ];
    for name in quoted.into_iter().chain(MESH_PROXIES) {
        assert!(policy.contains(&format!("'{name}'")), "{name}");
    }
}

#[test]
fn w26_namespaces_of_the_system_and_ours_are_left_by_selector() {
    let expected = json!({"matchExpressions": [{
        "key": "kubernetes.io/metadata.name",
        "operator": "NotIn",
        "values": ["kube-system", "kube-public", "kube-node-lease", "cloudtaser"],
    }]});
    let webhook = &manifests("webhook.yaml")[0]["webhooks"][0];
    let policy = &manifests("policy.yaml")[0]["spec"]["matchConstraints"];
    assert_eq!(webhook["namespaceSelector"], expected);
    assert_eq!(policy["namespaceSelector"], expected);
    let rules = json!([{
        "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"],
        "scope": "Namespaced",
    }]);
    assert_eq!(
        (&webhook["rules"], &policy["resourceRules"]),
        (&rules, &rules)
    );
    assert_eq!(webhook["failurePolicy"], "Fail");
    assert_eq!(manifests("policy.yaml")[0]["spec"]["failurePolicy"], "Fail");
    assert_eq!(
        manifests("policy.yaml")[1]["spec"]["validationActions"],
        json!(["Deny"])
    );
}
