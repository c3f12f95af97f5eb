//! H1: the policy alone, in the API server, with the webhook's configuration removed: what the
//! engine made is admitted, and what only looks so is refused.

use cloudtaser_tests::kube::installed::{INJECT, Installed, is_wrapped, wanted};
use cloudtaser_tests::kube::{Client, Namespace};
use cloudtaser_tests::process::eventually;
use serde_json::{Value, json};

/// An injected pod, as the webhook made it, ready to be made again.
fn injected(admin: &Client, namespace: &Namespace) -> Value {
    let mut pod = wanted("app");
    let mut other = pod["spec"]["containers"][0].clone();
    other["name"] = json!("other");
    pod["spec"]["containers"]
        .as_array_mut()
        .unwrap()
        .push(other);
    pod["spec"]["automountServiceAccountToken"] = json!(false);
    let made = admin.dry_run(&namespace.pods(), &pod);
    assert_eq!(made.status, 201, "{made:?}");
    assert!(is_wrapped(&made.body));
    let mut made = made.body;
    made["metadata"] = json!({ "name": "app", "annotations": made["metadata"]["annotations"] });
    made
}

/// A change of one thing, and how it is shown.
enum Change {
    Set(&'static str, Value),
    Append(&'static str, Value),
    First(&'static str, Value),
    Merge(&'static str, Value),
}

impl Change {
    fn apply(&self, pod: &mut Value) {
        let list = |pod: &mut Value, pointer: &str| {
            let list = pod.pointer_mut(pointer).unwrap();
            std::mem::take(list.as_array_mut().unwrap())
        };
        match self {
            Self::Set(pointer, value) => *pod.pointer_mut(pointer).unwrap() = value.clone(),
            Self::Merge(pointer, value) => {
                let fields = pod.pointer_mut(pointer).unwrap();
                let fields = fields.as_object_mut().unwrap();
                fields.extend(value.as_object().unwrap().clone());
            }
            Self::Append(pointer, value) | Self::First(pointer, value) => {
                let mut items = list(pod, pointer);
                let place = match self {
                    Self::First(..) => 0,
                    _ => items.len(),
                };
                items.insert(place, value.clone());
                *pod.pointer_mut(pointer).unwrap() = json!(items);
            }
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Set(pointer, value) => format!("{pointer} = {value}"),
            Self::Append(pointer, value) | Self::Merge(pointer, value) => {
                format!("{pointer} + {value}")
            }
            Self::First(pointer, value) => format!("{value} + {pointer}"),
        }
    }
}

fn container(name: &str) -> Value {
    json!({ "name": name, "image": "evil:1", "command": ["/evil"] })
}

fn mount(path: &str) -> Value {
    json!({ "name": "evil", "mountPath": path })
}

const INITS: &str = "/spec/initContainers";
const MOUNTS: &str = "/spec/containers/0/volumeMounts";

const COPY: &str = "/spec/initContainers/0";
const COPY_MOUNTS: &str = "/spec/initContainers/0/volumeMounts";
const CONTEXT: &str = "/spec/initContainers/0/securityContext";

/// The copy step with our command, and something beside that makes it copy another file.
fn copies() -> Vec<Change> {
    use Change::{Append, Merge, Set};
    let reader = |path: &str| {
        let mut mount = mount(path);
        mount["readOnly"] = json!(true);
        mount
    };
    vec![
        Append(COPY_MOUNTS, mount("/bin")),
        Append(COPY_MOUNTS, reader("/bin/cloudtaser")),
        Append(COPY_MOUNTS, mount("/var/run/secrets/x")),
        Append(COPY_MOUNTS, reader("/var/run")),
        Set(
            COPY_MOUNTS,
            json!([{ "name": "cloudtaser-bin", "mountPath": "/cloudtaser/bin", "subPath": "x" }]),
        ),
        Merge(
            CONTEXT,
            json!({ "privileged": true, "allowPrivilegeEscalation": true }),
        ),
        Merge(CONTEXT, json!({ "allowPrivilegeEscalation": true })),
        Merge(CONTEXT, json!({ "readOnlyRootFilesystem": false })),
        Merge(CONTEXT, json!({ "runAsNonRoot": false })),
        Merge(CONTEXT, json!({ "seLinuxOptions": { "type": "spc_t" } })),
        Merge(
            CONTEXT,
            json!({ "seccompProfile": { "type": "Unconfined" } }),
        ),
        Merge(
            CONTEXT,
            json!({ "appArmorProfile": { "type": "Unconfined" } }),
        ),
        Merge(CONTEXT, json!({ "capabilities": { "drop": ["KILL"] } })),
        Merge(
            CONTEXT,
            json!({ "capabilities": { "drop": ["ALL"], "add": ["SYS_ADMIN"] } }),
        ),
        Set(CONTEXT, json!({})),
        Merge(
            COPY,
            json!({ "env": [{ "name": "LD_PRELOAD", "value": "x" }] }),
        ),
        Merge(
            COPY,
            json!({ "envFrom": [{ "configMapRef": { "name": "evil" } }] }),
        ),
        Merge(COPY, json!({ "workingDir": "/evil" })),
        Merge(COPY, json!({ "terminationMessagePath": "/bin/cloudtaser" })),
        Merge(
            COPY,
            json!({ "ports": [{ "containerPort": 1, "hostPort": 1 }] }),
        ),
    ]
}

fn forgeries() -> Vec<Change> {
    use Change::{Append, First, Set};
    let mut sidecar = container("side");
    sidecar["restartPolicy"] = json!("Always");
    let mut writer = container("writer");
    writer["volumeMounts"] = json!([{ "name": "cloudtaser-bin", "mountPath": "/w" }]);
    let mut reader = writer.clone();
    reader["volumeMounts"][0]["readOnly"] = json!(true);
    reader["volumeMounts"][0]["subPath"] = json!("x");
    let wrapper = "/cloudtaser/bin/cloudtaser";
    let options = json!([wrapper, "run", "--addr", "https://evil.example", "--"]);
    vec![
        // Options of the wrapper's own count before its variables.
        Set("/spec/containers/0/command", options),
        Set("/spec/containers/0/command", json!([wrapper, "run"])),
        // The wrapper's path, but nobody copies it there.
        Set(INITS, json!([])),
        Set("/spec/initContainers/0/command", json!(["/evil"])),
        Set("/spec/initContainers/0/command/2", json!("/tmp")),
        Set("/spec/initContainers/0/name", json!("copy")),
        Set("/spec/initContainers/0/volumeMounts", json!([])),
        // A container before ours could put something there; a sidecar beside it too.
        First(INITS, container("first")),
        Append(INITS, sidecar),
        Append(INITS, writer),
        Append(INITS, reader),
        // The command is another again.
        Set("/spec/containers/0/command", json!(["/app", "--serve"])),
        Set("/spec/containers/1/command", json!([])),
        Set(
            "/spec/containers/1/command/0",
            json!("/cloudtaser/bin/../../app"),
        ),
        Set(
            "/spec/containers/1/command/0",
            json!("/cloudtaser/bin//cloudtaser"),
        ),
        Append("/spec/containers", container("more")),
        // Other volumes by our names.
        Set(
            "/spec/volumes/0",
            json!({ "name": "cloudtaser-bin", "configMap": { "name": "evil" } }),
        ),
        Set(
            "/spec/volumes/0",
            json!({ "name": "cloudtaser-bin", "emptyDir": {} }),
        ),
        Set(
            "/spec/volumes/0",
            json!({ "name": "cloudtaser-bin", "hostPath": { "path": "/evil" } }),
        ),
        Set(
            "/spec/volumes/1",
            json!({ "name": "cloudtaser-identity", "emptyDir": {} }),
        ),
        // Other mounts at our places, above them or in them.
        Set(MOUNTS, json!([])),
        Set("/spec/containers/0/volumeMounts/0/name", json!("evil")),
        Set(
            "/spec/containers/0/volumeMounts/0/mountPath",
            json!("/elsewhere"),
        ),
        Set("/spec/containers/0/volumeMounts/0/readOnly", json!(false)),
        Append(MOUNTS, mount("/cloudtaser")),
        Append(MOUNTS, mount("/cloudtaser/bin/cloudtaser")),
        Append(MOUNTS, mount("//cloudtaser/./bin")),
        Append(MOUNTS, mount("/./cloudtaser")),
        Append(MOUNTS, mount("/")),
        Append(MOUNTS, mount("cloudtaser/bin")),
    ]
}

fn harmless() -> Vec<Change> {
    vec![
        Change::Append(INITS, container("init")),
        Change::Append("/spec/containers", container("istio-proxy")),
        // What cloud providers' webhooks and OpenShift's constraints add to every container.
        Change::Append(
            COPY_MOUNTS,
            json!({ "name": "evil", "mountPath": "/var/run/secrets/aws", "readOnly": true }),
        ),
        Change::Merge(
            COPY,
            json!({ "env": [{ "name": "AWS_ROLE_ARN", "value": "x" }] }),
        ),
        Change::Merge(
            CONTEXT,
            json!({
                "runAsUser": 1_000_680_000, "seLinuxOptions": { "level": "s0:c26,c5" },
                "capabilities": { "drop": ["ALL", "KILL"] },
            }),
        ),
        Change::Append(MOUNTS, mount("/cloudtaser-data")),
        Change::Append(MOUNTS, mount("/srv/a..b")),
        Change::Append("/spec/volumes", json!({ "name": "own", "emptyDir": {} })),
    ]
}

#[test]
fn h01_without_the_webhook_only_what_it_would_have_made_is_admitted() {
    let installed = Installed::new();
    let replica = installed.replica();
    let admin = installed.api.admin();
    let namespace = installed.api.namespace("forged");
    let mut original = injected(admin, &namespace);
    let evil = json!({ "name": "evil", "emptyDir": {} });
    original["spec"]["volumes"]
        .as_array_mut()
        .unwrap()
        .push(evil);
    let golden = super::webhook_golden::injected_pods(&installed);
    admin.delete(&installed.configuration());
    drop(replica);
    let tried = |pod: &Value| admin.dry_run(&namespace.pods(), pod);
    // The server learns a moment later: until then it asks a webhook that is gone.
    let by_policy = |pod: &Value| {
        let reply = tried(pod);
        let said = reply.body["message"].as_str().unwrap_or_default();
        reply.status == 422 && said.contains("cloudtaser: ")
    };
    assert!(eventually(|| by_policy(&wanted("plain"))));
    assert_eq!(tried(&original).status, 201, "{:?}", tried(&original));
    for (name, pod) in golden {
        let reply = tried(&pod);
        assert_eq!(reply.status, 201, "{name}: {reply:?}");
    }
    let with = |change: &Change| {
        let mut pod = original.clone();
        change.apply(&mut pod);
        pod
    };
    for change in forgeries().into_iter().chain(copies()) {
        assert!(
            by_policy(&with(&change)),
            "{}: {:?}",
            change.shown(),
            tried(&with(&change))
        );
    }
    for change in harmless() {
        let reply = tried(&with(&change));
        assert_eq!(reply.status, 201, "{}: {reply:?}", change.shown());
    }
    // Controls: who did not opt in, or opted out, is not looked at.
    let mut out = wanted("out");
    out["metadata"]["annotations"][INJECT] = json!("false");
    assert_eq!(tried(&out).status, 201);
    assert_eq!(
        tried(&cloudtaser_tests::kube::namespace::pod("other")).status,
        201
    );
    let stored = admin.list(&namespace.pods());
    assert_eq!(stored, [] as [Value; 0]);
}
