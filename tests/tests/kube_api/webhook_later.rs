//! What happens to an injected pod later needs no webhook: it changes while the webhook is up, and
//! in the same way while it is down.

use cloudtaser_tests::kube::installed::{Installed, is_wrapped, wanted};
use cloudtaser_tests::kube::namespace::pod;
use cloudtaser_tests::kube::{Client, Namespace, Patch};
use serde_json::{Value, json};

const OURS: [&str; 2] = ["cloudtaser-bin", "cloudtaser-identity"];

/// Every way in which clients and the parts of a cluster change a pod.
fn live(admin: &Client, namespace: &Namespace, name: &str) {
    let pod = format!("{}/{name}", namespace.pods());
    let spec = admin.get(&pod)["spec"].take();
    let change = |below: &str, patch: Patch, body: &Value| {
        let path = format!("{pod}{below}");
        admin.patch(&path, patch, body).ok(&path)
    };
    let binding = json!({
        "apiVersion": "v1", "kind": "Binding", "metadata": { "name": name },
        "target": { "apiVersion": "v1", "kind": "Node", "name": "node" },
    });
    let _status = admin.create(&format!("{pod}/binding"), &binding);
    let labels = json!({ "metadata": { "labels": { "app": "web" } } });
    let changed = change("", Patch::Merge, &labels);
    assert_eq!(changed["metadata"]["labels"]["app"], "web");
    let image = json!({ "spec": { "containers": [{ "name": "app", "image": "other:2" }] } });
    let changed = change("", Patch::Strategic, &image);
    assert_eq!(changed["spec"]["containers"][0]["image"], "other:2");
    let image = json!({ "spec": { "initContainers": [{ "name": "cloudtaser-copy", "image": "other:2" }] } });
    let refused = admin.patch(&pod, Patch::Strategic, &image);
    assert_eq!(refused.status, 422, "{refused:?}");
    assert!(
        refused.body["message"]
            .to_string()
            .contains("the image of `cloudtaser-copy`"),
        "{refused:?}"
    );
    let more = json!({ "requests": { "cpu": "200m" }, "limits": { "cpu": "200m" } });
    let resize = json!({ "spec": { "containers": [{ "name": "app", "resources": more }] } });
    let changed = change("/resize", Patch::Strategic, &resize);
    let resources = &changed["spec"]["containers"][0]["resources"];
    assert_eq!(resources["limits"]["cpu"], "200m");
    w22(admin, &pod);
    let running = json!({ "status": { "phase": "Running" } });
    let changed = change("/status", Patch::Merge, &running);
    assert_eq!(changed["status"]["phase"], "Running");
    // But for what was asked for, nothing of it is another.
    let mut after = changed["spec"].clone();
    assert_eq!(after["nodeName"], "node");
    after.as_object_mut().unwrap().remove("nodeName");
    after.as_object_mut().unwrap().remove("ephemeralContainers");
    for field in ["image", "resources"] {
        after["containers"][0][field] = spec["containers"][0][field].clone();
    }
    assert_eq!(after, spec);
    let eviction = json!({
        "apiVersion": "policy/v1", "kind": "Eviction", "metadata": { "name": name },
        "deleteOptions": { "gracePeriodSeconds": 0 },
    });
    let evicted = admin.ask("POST", &format!("{pod}/eviction"), &eviction);
    assert_eq!(evicted.status, 201, "{evicted:?}");
    assert_eq!(admin.ask("GET", &pod, &Value::Null).status, 404);
}

/// Ephemeral containers get what their author wrote, and nothing else.
fn w22(admin: &Client, pod: &str) {
    let path = format!("{pod}/ephemeralcontainers");
    let reference = json!([{ "name": "PASSWORD", "value": "vault:secret/data/db#password" }]);
    let container = |name: &str| json!({ "name": name, "image": "debug:1", "command": ["/sh"] });
    let (plain, mut with) = (container("plain"), container("with"));
    with["env"] = reference.clone();
    let both = json!({ "spec": { "ephemeralContainers": [plain, with] } });
    let changed = admin.patch(&path, Patch::Strategic, &both).ok(&path);
    let list = changed["spec"]["ephemeralContainers"].as_array().unwrap();
    let named = |name: &str| list.iter().find(|one| one["name"] == name).unwrap();
    for one in ["plain", "with"] {
        assert_eq!(named(one)["command"], json!(["/sh"]), "{list:?}");
        assert_eq!(named(one)["args"], Value::Null);
    }
    assert_eq!(named("plain")["env"], Value::Null);
    assert_eq!(named("plain")["volumeMounts"], Value::Null);
    // Control: what the author writes is there.
    assert_eq!(named("with")["env"], reference);
    for (index, volume) in OURS.into_iter().enumerate() {
        let mut one = container(&format!("mounts{index}"));
        one["volumeMounts"] = json!([{ "name": volume, "mountPath": "/there" }]);
        let with = json!({ "spec": { "ephemeralContainers": [one] } });
        let refused = admin.patch(&path, Patch::Strategic, &with);
        assert_eq!(refused.status, 422, "{refused:?}");
        assert!(
            refused.body["message"]
                .to_string()
                .contains("an ephemeral container may not mount"),
            "{refused:?}"
        );
    }
}

fn sized(name: &str) -> Value {
    let mut pod = wanted(name);
    pod["spec"]["containers"][0]["resources"] = json!({
        "requests": { "cpu": "100m" }, "limits": { "cpu": "100m" },
    });
    // It would be mounted into the ephemeral containers, by the server.
    pod["spec"]["automountServiceAccountToken"] = json!(false);
    pod
}

#[test]
fn w22_an_injected_pod_is_changed_while_the_webhook_is_up_and_while_it_is_down() {
    let installed = Installed::new();
    let mut replica = installed.replica();
    let admin = installed.api.admin();
    let namespace = installed.api.namespace("later");
    for name in ["up", "down"] {
        let created = admin.create(&namespace.pods(), &sized(name));
        assert!(is_wrapped(&created), "{created}");
    }
    let asked = |begin: &str| replica.metric(begin);
    let begin = "cloudtaser_webhook_decision_seconds_count";
    let before = asked(begin);
    assert!(before > 1.0);
    live(admin, &namespace, "up");
    // Nobody asked it about any of that.
    assert!((asked(begin) - before).abs() < 0.5);
    replica.kill();
    // Control: it is down.
    let refused = admin.ask("POST", &namespace.pods(), &sized("new"));
    assert_eq!(refused.status, 500, "{refused:?}");
    live(admin, &namespace, "down");
}

/// The webhook is not asked about a pod without the annotation; a policy warns, and refuses nothing.
#[test]
fn a_pod_that_seems_to_opt_in_and_does_not_is_warned_of() {
    let installed = Installed::shared();
    let admin = installed.api.admin();
    let namespace = installed.api.namespace("hint");
    for (index, (place, key, is_warned)) in [
        ("annotations", "cloudtaser.io/Inject", true),
        ("annotations", "cloudtaser.io/injct", true),
        ("annotations", "CloudTaser.io/inject", true),
        ("annotations", "cloudtaser.io/secret-paths", true),
        ("labels", "cloudtaser.io/inject", true),
        ("annotations", "example.com/inject", false),
        ("labels", "cloudtaser.io/part-of", false),
    ]
    .into_iter()
    .enumerate()
    {
        let mut pod = pod(&format!("hint{index}"));
        pod["metadata"][place] = json!({ key: "true" });
        let (reply, warnings) = admin.ask_warned("POST", &namespace.pods(), &pod);
        assert_eq!(reply.status, 201, "{key}: {reply:?}");
        assert!(!is_wrapped(&reply.body), "{key}");
        let is_told = warnings
            .iter()
            .any(|text| text.contains("nothing is injected"));
        assert_eq!(is_told, is_warned, "{key}: {warnings:?}");
    }
    // What opted in is not warned of.
    let (reply, warnings) = admin.ask_warned("POST", &namespace.pods(), &wanted("in"));
    assert!(
        is_wrapped(&reply.body) && warnings.is_empty(),
        "{warnings:?}"
    );
}
