//! A real API server asks the real program over TLS, by the manifests as they are.

use cloudtaser_tests::kube::installed::{COPY_IMAGE, INJECT, is_wrapped, wanted};
use cloudtaser_tests::kube::namespace::pod;
use cloudtaser_tests::kube::{Installed, Patch, path};
use cloudtaser_tests::process::eventually;
use cloudtaser_tests::server::unique;
use serde_json::{Value, json};

#[test]
fn an_opted_in_pod_is_wrapped_and_another_is_left_alone() {
    let installed = Installed::shared();
    let admin = installed.api.admin();
    let namespace = installed.api.namespace("path");
    let created = admin.create(&namespace.pods(), &wanted("in"));
    assert!(is_wrapped(&created), "{created}");
    let copy = &created["spec"]["initContainers"][0];
    assert_eq!(copy["image"], COPY_IMAGE);
    let command = &created["spec"]["containers"][0]["command"];
    let args = &created["spec"]["containers"][0]["args"];
    let words = [command, args].map(|list| list.as_array().cloned().unwrap_or_default());
    let words = words.concat();
    assert!(
        words.ends_with(&[json!("/app"), json!("--serve")]),
        "{words:?}"
    );
    // Controls: nothing was asked for, and it was refused by word.
    let mut no = wanted("no");
    no["metadata"]["annotations"][INJECT] = json!("false");
    for (name, object) in [("out", pod("out")), ("no", no)] {
        let created = admin.create(&namespace.pods(), &object);
        assert!(!is_wrapped(&created), "{name}: {created}");
        assert_eq!(created["spec"]["initContainers"], Value::Null, "{name}");
    }
}

/// W27
#[test]
fn a_dry_run_gets_the_same_patch_and_leaves_nothing() {
    let installed = Installed::shared();
    let admin = installed.api.admin();
    let namespace = installed.api.namespace("dry");
    let mut object = wanted("app");
    // The name of the volume with the usual token is drawn by lot.
    object["spec"]["automountServiceAccountToken"] = json!(false);
    let tried = admin.dry_run(&namespace.pods(), &object).ok("a dry run");
    assert_eq!(admin.list(&namespace.pods()), [] as [Value; 0]);
    let created = admin.create(&namespace.pods(), &object);
    assert!(is_wrapped(&tried), "{tried}");
    assert_eq!(tried["spec"], created["spec"]);
    let annotations = |pod: &Value| pod["metadata"]["annotations"].clone();
    assert_eq!(annotations(&tried), annotations(&created));
}

/// W26
#[test]
fn system_namespaces_are_not_asked_about_and_not_refused() {
    let installed = Installed::shared();
    let admin = installed.api.admin();
    for namespace in ["kube-system", "kube-public", "cloudtaser"] {
        let accounts = path::within("v1", namespace, "serviceaccounts");
        let account = json!({ "metadata": { "name": "default" } });
        let _there_or_not = admin.ask("POST", &accounts, &account);
        let pods = path::within("v1", namespace, "pods");
        let created = admin.create(&pods, &wanted(&unique("app")));
        assert!(!is_wrapped(&created), "{namespace}: {created}");
    }
    // Control: the same elsewhere.
    let namespace = installed.api.namespace("user");
    let created = admin.create(&namespace.pods(), &wanted("app"));
    assert!(is_wrapped(&created), "{created}");
}

#[test]
fn a_value_that_nobody_can_read_and_a_wish_that_is_not_allowed_are_refused() {
    let installed = Installed::shared();
    let admin = installed.api.admin();
    let namespace = installed.api.namespace("refused");
    let refused = |key: &str, value: &str, status: u16, word: &str| {
        let mut object = wanted("app");
        object["metadata"]["annotations"][key] = json!(value);
        let reply = admin.ask("POST", &namespace.pods(), &object);
        assert_eq!(reply.status, status, "{reply:?}");
        let said = reply.body["message"].as_str().unwrap();
        assert!(said.contains(word), "{said}");
    };
    refused(INJECT, "maybe", 403, "cloudtaser.io/inject");
    let address = "https://169.254.169.254:8200";
    refused("cloudtaser.io/vault-address", address, 403, "cloudtaser:");
    refused("cloudtaser.io/profile", "no-such", 403, "no-such");
    assert_eq!(admin.list(&namespace.pods()), [] as [Value; 0]);
}

#[test]
fn a_refusal_is_an_event_at_the_owner_and_a_dry_run_is_none() {
    let installed = Installed::shared();
    let admin = installed.api.admin();
    let namespace = installed.api.namespace("events");
    let events = namespace.path("v1", "events");
    let owned = |owner: &str| {
        let mut object = wanted("app");
        object["metadata"]["annotations"]["cloudtaser.io/profile"] = json!("no-such");
        object["metadata"]["ownerReferences"] = json!([{
            "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": owner,
            "uid": format!("uid-of-{owner}"), "controller": true,
        }]);
        object
    };
    let tried = admin.dry_run(&namespace.pods(), &owned("tried"));
    assert_eq!(tried.status, 403, "{tried:?}");
    let refused = admin.ask("POST", &namespace.pods(), &owned("web-5d"));
    assert_eq!(refused.status, 403, "{refused:?}");
    assert!(eventually(|| !admin.list(&events).is_empty()));
    let told = admin.list(&events);
    assert_eq!(told.len(), 1, "{told:?}");
    let event = &told[0];
    assert_eq!(event["involvedObject"]["kind"], "ReplicaSet");
    assert_eq!(event["involvedObject"]["name"], "web-5d");
    assert_eq!(event["reason"], "CloudTaserRefused");
    let note = event["message"].as_str().unwrap();
    assert!(note.contains("no-such"), "{note}");
}

#[test]
fn server_side_apply_makes_a_wrapped_pod_that_others_may_label_but_not_apply_anew() {
    let installed = Installed::shared();
    let admin = installed.api.admin();
    let namespace = installed.api.namespace("apply");
    let mut object = wanted("app");
    object["apiVersion"] = json!("v1");
    object["kind"] = json!("Pod");
    let path = format!("{}/app", namespace.pods());
    let first = admin.apply(&path, "deployer", &object).ok("the first");
    assert!(is_wrapped(&first), "{first}");
    // The same again would set the command back, which no pod may: docs/webhook.md, limits. Those
    // whose pods a controller makes apply the controller's object, which is not ours.
    let again = admin.apply(&path, "deployer", &object);
    let label = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": {
        "name": "app", "labels": { "a": "1" },
    } });
    let labelled = admin.apply(&path, "labeller", &label).ok("a label");
    assert!(is_wrapped(&labelled), "{labelled}");
    assert_eq!(labelled["metadata"]["labels"]["a"], "1");
    let said = again.body["message"].as_str().unwrap_or_default();
    assert!(
        again.status == 422 && said.contains("pod updates"),
        "{again:?}"
    );
}

#[test]
fn an_injected_pod_that_is_made_again_is_not_wrapped_twice() {
    let installed = Installed::shared();
    let admin = installed.api.admin();
    let namespace = installed.api.namespace("again");
    let created = admin.create(&namespace.pods(), &wanted("app"));
    let mut copy = created.clone();
    for field in [
        "resourceVersion",
        "uid",
        "creationTimestamp",
        "managedFields",
    ] {
        copy["metadata"].as_object_mut().unwrap().remove(field);
    }
    copy["metadata"]["name"] = json!("copy");
    let again = admin.create(&namespace.pods(), &copy);
    assert_eq!(again["spec"], created["spec"]);
}

/// W24
#[test]
fn the_restricted_standard_takes_an_injected_pod() {
    let installed = Installed::shared();
    let admin = installed.api.admin();
    let namespace = installed.api.namespace_with(
        "restricted",
        &json!({ "pod-security.kubernetes.io/enforce": "restricted" }),
    );
    let mut object = wanted("app");
    object["spec"]["securityContext"] = json!({
        "runAsNonRoot": true, "runAsUser": 1000, "fsGroup": 2000,
        "seccompProfile": { "type": "RuntimeDefault" },
    });
    object["spec"]["containers"][0]["securityContext"] = json!({
        "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
        "capabilities": { "drop": ["ALL"] },
    });
    let created = admin.create(&namespace.pods(), &object);
    assert!(is_wrapped(&created), "{created}");
    // Control: the standard is enforced.
    let refused = admin.ask("POST", &namespace.pods(), &pod("plain"));
    assert_eq!(refused.status, 403, "{refused:?}");
}

/// W22
#[test]
fn an_ephemeral_container_gets_nothing() {
    let installed = Installed::shared();
    let admin = installed.api.admin();
    let namespace = installed.api.namespace("debug");
    let _created = admin.create(&namespace.pods(), &wanted("app"));
    let path = format!("{}/app/ephemeralcontainers", namespace.pods());
    let more = json!({ "spec": { "ephemeralContainers": [{
        "name": "shell", "image": "registry.invalid/busybox:1", "command": ["sh"],
        "env": [{ "name": "A", "value": "vault:secret/db#password" }],
    }] } });
    let changed = admin
        .patch(&path, Patch::Strategic, &more)
        .ok("a debug container");
    let shell = &changed["spec"]["ephemeralContainers"][0];
    assert_eq!(shell["command"], json!(["sh"]));
    assert_eq!(shell["volumeMounts"], Value::Null, "{shell}");
    assert_eq!(shell["env"], more["spec"]["ephemeralContainers"][0]["env"]);
}

#[test]
fn a_profile_gets_its_condition_and_counts_at_once() {
    let installed = Installed::shared();
    let admin = installed.api.admin();
    let namespace = installed.api.namespace("profiles");
    let all = namespace.path("cloudtaser.io/v1alpha1", "cloudtaserprofiles");
    let object = |address: &str| {
        json!({
            "apiVersion": "cloudtaser.io/v1alpha1", "kind": "CloudTaserProfile",
            "metadata": { "name": "default" },
            "spec": { "server": { "addresses": [address] } },
        })
    };
    let ready = |profile: &Value| profile["status"]["conditions"][0]["status"].clone();
    let _made = admin.create(&all, &object("https://bao.profiles.example:8200"));
    let path = format!("{all}/default");
    let _profile = admin.wait_until(&path, |profile| ready(profile) == "True");
    let created = admin.create(&namespace.pods(), &wanted("app"));
    let environment = created["spec"]["containers"][0]["env"].to_string();
    assert!(
        environment.contains("bao.profiles.example"),
        "{environment}"
    );
    let change = json!({ "spec": { "server": { "addresses": ["https://169.254.169.254"] } } });
    let changed = admin.patch(&path, Patch::Merge, &change);
    let _profile = changed.ok("another address");
    let _profile = admin.wait_until(&path, |profile| ready(profile) == "False");
    let refused = admin.ask("POST", &namespace.pods(), &wanted("other"));
    assert_eq!(refused.status, 403, "{refused:?}");
}
