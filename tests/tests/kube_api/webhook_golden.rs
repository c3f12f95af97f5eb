//! The golden pods of `webhook/tests/golden` through the real API, as a user without other rights
//! makes them: what the API server stores is what it would store of a pod that has the golden patch
//! in it already, or the refusal is the golden one and there is no pod.
//!
//! The control is a dry run of that patched pod without the annotation, so that no webhook is
//! asked: the server's defaults, token volume and tolerations are in both.

use std::path::{Path, PathBuf};

use cloudtaser_abi::annotation::APPLIED_PROFILE;
use cloudtaser_tests::kube::installed::{COPY_IMAGE, INJECT, Installed};
use cloudtaser_tests::kube::{Client, Namespace, path};
use cloudtaser_tests::process::eventually;
use serde_json::{Value, json};

/// What the real API cannot be made to show, and why.
const NOT_HERE: [(&str, &str); 7] = [
    ("w03_only_args", IMAGE),
    ("w03_only_args_no_entrypoint", IMAGE),
    ("w04_neither", IMAGE),
    ("w05_no_command_anywhere", IMAGE),
    ("w06_image_unreachable", IMAGE),
    ("w32_windows_image", IMAGE),
    (
        "w15_nothing_looked_up",
        "the installed webhook may look up: what is absent counts as absent",
    ),
];
const IMAGE: &str = "the answer of a registry: webhook/tests/real_registry has those cases";

/// One file.
struct Golden {
    name: String,
    case: Value,
    expected: Value,
    namespace: Namespace,
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../webhook/tests/golden");
    let entries = std::fs::read_dir(folder).unwrap();
    let entries = entries.map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries
        .filter(|path| path.extension().is_some_and(|ext| ext == "yaml"))
        .collect();
    files.sort();
    files
}

impl Golden {
    /// Reads a case, and makes what it needs in a namespace of its own.
    fn prepare(installed: &Installed, file: &Path) -> Self {
        let admin = installed.api.admin();
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let namespace = installed.api.namespace("golden");
        let read = |path: &Path| std::fs::read_to_string(path).unwrap();
        let mut case: Value = serde_saphyr::from_str(&read(file)).unwrap();
        let expected = read(&file.with_extension("json"))
            .replace("registry.example/cloudtaser:1", COPY_IMAGE)
            .replace("`shop`", &format!("`{}`", namespace.name))
            .replace("\"shop.", &format!("\"{}.", namespace.name))
            .replace(
                "\"shop/payments\"",
                &format!("\"{}/payments\"", namespace.name),
            );
        if !case["profile"].is_null() {
            let mut spec = json!({ "server": { "addresses": ["https://bao.example:8200"] } });
            json_patch::merge(&mut spec, &case["profile"]);
            profile(admin, &namespace, "default", &spec);
        }
        for (kind, sources) in case["sources"].as_object().into_iter().flatten() {
            let all = namespace.path("v1", &kind.to_lowercase());
            let field = if kind == "secrets" {
                "stringData"
            } else {
                "data"
            };
            for (name, data) in sources.as_object().into_iter().flatten() {
                if !data.is_null() {
                    let object = json!({ "metadata": { "name": name }, field: data });
                    let _object = admin.create(&all, &object);
                }
            }
        }
        if let Some(account) = case["pod"]["spec"]["serviceAccountName"].as_str() {
            let _user = namespace.account(account);
        }
        adapt(&name, &mut case["pod"]);
        Self {
            name,
            case,
            expected: serde_json::from_str(&expected).unwrap(),
            namespace,
        }
    }

    /// The pod with the golden patch, which does not opt in.
    fn patched(&self) -> Value {
        let mut pod = self.case["pod"].clone();
        let patch: json_patch::Patch =
            serde_json::from_value(self.expected["patch"].clone()).unwrap();
        json_patch::patch(&mut pod, &patch).unwrap();
        let annotations = pod["metadata"]["annotations"].as_object_mut().unwrap();
        annotations.remove(INJECT);
        pod
    }

    /// What went otherwise than expected.
    fn judge(&self, user: &Client) -> Result<(), String> {
        let pods = self.namespace.pods();
        let pod = &self.case["pod"];
        // Before the pod is there.
        let control = user.dry_run(&pods, &self.patched());
        let (reply, warnings) = user.ask_warned("POST", &pods, pod);
        if self.expected["decision"] == "deny" {
            let message = format!(
                "admission webhook \"pods.cloudtaser.io\" denied the request: cloudtaser: {}",
                self.expected["message"].as_str().unwrap()
            );
            let is_refused = reply.status == 403 && reply.body["message"] == message;
            let pods = user.list(&pods);
            return if is_refused && pods.is_empty() {
                Ok(())
            } else {
                Err(format!("wanted {message}\nfound {reply:?}\npods {pods:?}"))
            };
        }
        if reply.status != 201 {
            return Err(format!("{reply:?}"));
        }
        let expected = self.expected["warnings"].as_array().unwrap().iter();
        let expected = expected.map(|text| text.as_str().unwrap());
        let expected: Vec<_> = if self.expected["reason"] == "not_opted_in" {
            // The webhook is not asked; a policy warns in its own words.
            expected.map(|_| HINT.to_owned()).collect()
        } else {
            expected.map(|text| format!("cloudtaser: {text}")).collect()
        };
        // Of sources that the golden pod leaves unknown, the server knows that they do not exist.
        let others = self.expected["needs"]["other"].as_array().unwrap();
        let is_of_other = |text: &String| {
            let mut names = others.iter().map(|source| source.as_str().unwrap());
            names.any(|name| text.contains(name))
        };
        let warnings = warnings.into_iter();
        let warnings = warnings.filter(|text| expected.contains(text) || !is_of_other(text));
        let warnings: Vec<_> = warnings.collect();
        if warnings != expected {
            return Err(format!("warnings {warnings:?}, not {expected:?}"));
        }
        if control.status != 201 {
            return Err(format!("control: {control:?}"));
        }
        let (wanted, found) = (comparable(control.body), comparable(reply.body));
        if wanted == found {
            return Ok(());
        }
        Err(format!("{}", json!(json_patch::diff(&wanted, &found))))
    }
}

/// What `manifests/policy-later.yaml` says of a pod that seems to opt in and does not.
const HINT: &str = "Validation failed for ValidatingAdmissionPolicy 'cloudtaser-webhook-hint' with \
    binding 'cloudtaser-webhook-hint': cloudtaser: the pod has annotations or labels of CloudTaser, \
    but not the annotation `cloudtaser.io/inject`: nothing is injected; is it misspelt?";

/// The server demands more of some pods than the golden ones say.
fn adapt(name: &str, pod: &mut Value) {
    match name {
        // The image of a static pod is on a node, and has no token.
        "mirror_pod" => {
            pod["spec"]["nodeName"] = json!("node");
            pod["spec"]["automountServiceAccountToken"] = json!(false);
        }
        // Nobody may create a pod with one; the subresource is another test's.
        "w22_ephemeral_container" => {
            let _list = pod["spec"]
                .as_object_mut()
                .unwrap()
                .remove("ephemeralContainers");
        }
        _ => {}
    }
}

fn profile(admin: &Client, namespace: &Namespace, name: &str, spec: &Value) {
    let object = json!({
        "apiVersion": "cloudtaser.io/v1alpha1", "kind": "CloudTaserProfile",
        "metadata": { "name": name }, "spec": spec,
    });
    let all = namespace.path("cloudtaser.io/v1alpha1", "cloudtaserprofiles");
    let _object = admin.create(&all, &object);
}

/// Without what differs between two pods anyway, and with lists in one order whose order has no
/// meaning: the token volume comes before ours here and behind it there.
fn comparable(mut pod: Value) -> Value {
    let metadata = pod["metadata"].as_object_mut().unwrap();
    for field in [
        "uid",
        "resourceVersion",
        "creationTimestamp",
        "managedFields",
    ] {
        metadata.remove(field);
    }
    if metadata.contains_key("generateName") {
        metadata.remove("name");
    }
    let annotations = metadata
        .get_mut("annotations")
        .and_then(Value::as_object_mut);
    let is_empty = annotations.is_none_or(|annotations| {
        annotations.remove(INJECT);
        // `[NAMESPACE/]NAME[@GENERATION]`: what is golden is neither stored nor in a namespace.
        if let Some(Value::String(applied)) = annotations.get_mut(APPLIED_PROFILE) {
            let name = applied.rsplit('/').next().unwrap();
            *applied = name.split('@').next().unwrap().to_owned();
        }
        annotations.is_empty()
    });
    if is_empty {
        metadata.remove("annotations");
    }
    rename_tokens(&mut pod);
    for list in ["containers", "initContainers"] {
        for container in pod["spec"][list].as_array_mut().into_iter().flatten() {
            sort(&mut container["volumeMounts"]);
        }
    }
    sort(&mut pod["spec"]["volumes"]);
    pod
}

fn sort(list: &mut Value) {
    if let Some(list) = list.as_array_mut() {
        list.sort_by_key(Value::to_string);
    }
}

/// The server's token volume has a random end.
fn rename_tokens(value: &mut Value) {
    match value {
        Value::String(text) if text.starts_with("kube-api-access-") => {
            "kube-api-access".clone_into(text);
        }
        Value::Array(items) => items.iter_mut().for_each(rename_tokens),
        Value::Object(fields) => fields.values_mut().for_each(rename_tokens),
        _ => {}
    }
}

/// Somebody who may work with pods, and nothing else.
fn developer(installed: &Installed) -> Client {
    let (group, admin) = ("rbac.authorization.k8s.io", installed.api.admin());
    let metadata = json!({ "name": "golden-developer" });
    let role = json!({ "metadata": metadata, "rules": [{
        "apiGroups": [""], "resources": ["pods"], "verbs": ["create", "get", "list"],
    }] });
    let version = format!("{group}/v1");
    let _object = admin.create(&path::cluster(&version, "clusterroles"), &role);
    let binding = json!({
        "metadata": metadata,
        "roleRef": { "apiGroup": group, "kind": "ClusterRole", "name": "golden-developer" },
        "subjects": [{ "apiGroup": group, "kind": "User", "name": "golden-developer" }],
    });
    let _object = admin.create(&path::cluster(&version, "clusterrolebindings"), &binding);
    let attributes = json!({ "verb": "create", "resource": "pods", "namespace": "default" });
    assert!(eventually(|| admin.allows("golden-developer", &attributes)));
    installed.api.as_user("golden-developer")
}

/// The golden pods that are injected, as the golden patch says and ready to be made in another
/// namespace; for a test without the webhook.
pub(crate) fn injected_pods(installed: &Installed) -> Vec<(String, Value)> {
    let files = files();
    let cases = files.iter().map(|file| Golden::prepare(installed, file));
    let injected = cases.filter(|case| case.expected["decision"] == "inject");
    let patched = injected.map(|case| {
        let mut pod = case.patched();
        pod["metadata"]["annotations"][INJECT] = json!("true");
        pod["spec"]["serviceAccountName"] = json!("default");
        (case.name, pod)
    });
    patched.collect()
}

#[test]
fn golden_pods_are_stored_as_the_golden_patch_says_or_refused_in_its_words() {
    let installed = Installed::shared();
    let user = developer(installed);
    let is_here = |file: &PathBuf| {
        let name = file.file_stem().unwrap().to_str().unwrap();
        NOT_HERE.iter().all(|(absent, _why)| *absent != name)
    };
    let files = files();
    let count = files.len();
    let files: Vec<_> = files.into_iter().filter(is_here).collect();
    assert!(
        count >= 61 && files.len() + NOT_HERE.len() == count,
        "{count}"
    );
    let cases: Vec<_> = files
        .iter()
        .map(|file| Golden::prepare(installed, file))
        .collect();
    // The webhook hears of profiles in the order in which they were made: of this one last.
    let last = installed.api.namespace("golden");
    let settings = json!({ "server": { "addresses": ["https://bao.example:8200"] } });
    profile(installed.api.admin(), &last, "last", &settings);
    let mut probe = cloudtaser_tests::kube::installed::wanted("probe");
    probe["metadata"]["annotations"]["cloudtaser.io/profile"] = json!("last");
    assert!(eventually(
        || user.dry_run(&last.pods(), &probe).status == 201
    ));
    let wrong: Vec<_> = cases
        .iter()
        .filter_map(|case| Some(format!("{}: {}", case.name, case.judge(&user).err()?)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let denied = cases
        .iter()
        .filter(|case| case.expected["decision"] == "deny");
    assert!(denied.count() >= 15);
}
