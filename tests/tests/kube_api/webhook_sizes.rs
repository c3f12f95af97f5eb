//! Pods as large as the API takes them: admitted with the wrapper, or refused with a reason that
//! says what is too large, within the webhook's time; and the replica is well after.

use cloudtaser_tests::kube::Client;
use cloudtaser_tests::kube::installed::{INJECT, Installed, is_wrapped, wanted};
use serde_json::{Value, json};

/// Bytes of all annotations of an object, at most (the API's validation).
const ANNOTATIONS: usize = 256 << 10;

fn many_containers(count: usize) -> Value {
    let mut pod = wanted("containers");
    let containers = (0..count).map(
        |number| json!({ "name": format!("c{number}"), "image": "app:1", "command": ["/app"] }),
    );
    pod["spec"]["containers"] = containers.collect();
    pod
}

fn many_variables(count: usize) -> Value {
    let mut pod = wanted("variables");
    let variables = (0..count).map(
        |number| json!({ "name": format!("V{number}"), "value": "vault:secret/data/db#password" }),
    );
    pod["spec"]["containers"][0]["env"] = variables.collect();
    pod
}

/// A pod of so many bytes, by one variable.
fn long_variable(bytes: usize) -> Value {
    let mut pod = wanted("long");
    pod["spec"]["containers"][0]["env"] = json!([{ "name": "A", "value": "x".repeat(bytes) }]);
    pod
}

/// A pod whose annotations have so many bytes in all.
fn annotated(bytes: usize) -> Value {
    let mut pod = wanted("annotated");
    let used = INJECT.len() + "true".len() + "example.com/a".len();
    pod["metadata"]["annotations"]["example.com/a"] = json!("x".repeat(bytes - used));
    pod
}

fn create(admin: &Client, pods: &str, pod: &Value) -> (u16, Value) {
    let (reply, warnings) = admin.ask_warned("POST", pods, pod);
    assert_eq!(warnings, [] as [String; 0]);
    (reply.status, reply.body)
}

#[test]
fn large_pods_are_admitted_with_their_wrapper_or_refused_with_a_reason() {
    let (installed, replica) = Installed::shared_with_replica();
    let admin = installed.api.admin();
    let namespace = installed.api.namespace("sizes");
    let pods = namespace.pods();
    let admitted = [
        ("containers", many_containers(100)),
        ("variables", many_variables(5000)),
        ("long", long_variable(1_000_000)),
        // Room for the status and the applied profile, which are annotations of ours.
        ("annotated", annotated(ANNOTATIONS - 128)),
    ];
    for (name, pod) in admitted {
        let (status, stored) = create(admin, &pods, &pod);
        assert_eq!(status, 201, "{name}: {}", stored["message"]);
        assert!(is_wrapped(&stored), "{name}");
        let all = stored["spec"]["containers"].as_array().unwrap();
        let wrapped = all
            .iter()
            .filter(|container| container["command"][0] == "/cloudtaser/bin/cloudtaser");
        assert_eq!(wrapped.count(), all.len(), "{name}");
        namespace.delete_pod(name);
    }
    // Ours does not fit beside what fills an object's annotations; without us they fit.
    let (status, refused) = create(admin, &pods, &annotated(ANNOTATIONS));
    assert_eq!(status, 403, "{}", refused["message"]);
    let said = refused["message"].as_str().unwrap();
    assert!(
        said.contains("annotations of the pod have more than"),
        "{said}"
    );
    let mut plain = annotated(ANNOTATIONS);
    let annotations = plain["metadata"]["annotations"].as_object_mut().unwrap();
    annotations.remove(INJECT);
    let (status, _) = create(admin, &pods, &plain);
    assert_eq!(status, 201);
    // What the API server takes from nobody.
    let (status, refused) = create(admin, &pods, &long_variable(3 << 20));
    assert_eq!(status, 413, "{}", refused["message"]);
    // And it answers as before.
    assert!(replica.is_ready());
    let (status, stored) = create(admin, &pods, &wanted("after"));
    assert_eq!(status, 201);
    assert!(is_wrapped(&stored));
    let late = "cloudtaser_webhook_turned_away_total{reason=\"slow\"}";
    assert!(replica.metric(late) < 0.5);
}
