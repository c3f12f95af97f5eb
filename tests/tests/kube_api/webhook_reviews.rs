//! Reviews as the API server sends them: another webhook between, owners, the same review again.

use std::io::{Read, Write};
use std::net::TcpStream;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use cloudtaser_tests::kube::installed::{Installed, Replica, is_wrapped, wanted};
use cloudtaser_tests::kube::{Hook, Mutating};
use cloudtaser_tests::server::unique;
use rustls::StreamOwned;
use serde_json::{Value, json};

const WRAPPER: [&str; 3] = ["/cloudtaser/bin/cloudtaser", "run", "--"];

fn exchange() -> Value {
    json!({ "op": "replace", "path": "/spec/containers/0/command", "value": ["/exchanged"] })
}

/// Asked after ours, whose configuration has an earlier name: it adds a container to the pod
/// `more`, exchanges the command of the pods `other` and `again` each time that it is asked, and
/// in `worse` the server too.
fn meddler() -> Hook {
    Hook::adding(|pod| match pod["metadata"]["name"].as_str() {
        Some("more") => vec![json!({
            "op": "add", "path": "/spec/containers/-",
            "value": { "name": "late", "image": "late:1", "command": ["/late", "a b"] },
        })],
        Some("other" | "again") => vec![exchange()],
        Some("worse") => vec![
            exchange(),
            json!({ "op": "add", "path": "/spec/containers/0/env/-",
                "value": { "name": "CLOUDTASER_ADDR", "value": "https://evil.example" } }),
        ],
        _ => Vec::new(),
    })
}

#[test]
fn w13_what_another_webhook_adds_is_wrapped_and_nothing_twice() {
    let installed = Installed::shared();
    let admin = installed.api.admin();
    let namespace = installed.api.namespace("again");
    let hook = meddler();
    let probe = wanted("probe");
    let _name = hook.register(&installed.api, &namespace, &Mutating::all(), &probe);
    let more = admin.create(&namespace.pods(), &wanted("more"));
    // A program that would start without the wrapper starts through it, with the arguments that
    // were there.
    let other = admin.create(&namespace.pods(), &wanted("other"));
    assert_eq!(hook.seen("other").len(), 1);
    let seen = &hook.seen("other")[0]["object"];
    assert!(is_wrapped(seen), "it was asked before us: {seen}");
    let worse = admin.ask("POST", &namespace.pods(), &wanted("worse"));
    assert_eq!(worse.status, 403, "{worse:?}");
    let said = worse.body["message"].as_str().unwrap();
    let begin = "admission webhook \"pods.cloudtaser.io\" denied the request: cloudtaser: ";
    let what = "container `app` was injected already, or looks so, and its variable \
                `CLOUDTASER_ADDR` is not as the profile";
    assert!(said.starts_with(&format!("{begin}{what}")), "{said}");
    let seen = &hook.seen("more")[0]["object"];
    assert!(is_wrapped(seen), "it was asked before us: {seen}");
    let program = |pod: &Value, index: usize| {
        let container = &pod["spec"]["containers"][index];
        assert_eq!(container["command"], json!(WRAPPER), "{container}");
        let names = container["env"].as_array().unwrap().iter();
        let mut names: Vec<_> = names.map(|variable| variable["name"].to_string()).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count, "{container}");
        container["args"].clone()
    };
    assert_eq!(program(&more, 0), json!(["/app", "--serve"]));
    assert_eq!(program(&more, 1), json!(["/late", "a b"]));
    assert_eq!(program(&other, 0), json!(["/exchanged", "/app", "--serve"]));
    // The name of the volume with the usual token is drawn by lot.
    let named = |pod: &Value, list: &str, field: &str| {
        let items = pod["spec"]["containers"][0][list].as_array().unwrap();
        let named = items.iter().map(|item| item[field].clone());
        named.collect::<Vec<_>>()
    };
    for (list, field) in [("env", "name"), ("volumeMounts", "mountPath")] {
        assert_eq!(named(&other, list, field), named(&more, list, field));
    }
    let count = |list: &Value, name: &str| {
        let items = list.as_array().unwrap().iter();
        items.filter(|item| item["name"] == name).count()
    };
    assert_eq!(count(&more["spec"]["initContainers"], "cloudtaser-copy"), 1);
    assert_eq!(count(&more["spec"]["volumes"], "cloudtaser-bin"), 1);
    // An injected pod that is made again, as an exported one is.
    let mut copy = more.clone();
    copy["metadata"] = json!({
        "name": "copy", "annotations": more["metadata"]["annotations"],
    });
    let copied = admin.create(&namespace.pods(), &copy);
    assert_eq!(copied["spec"]["containers"], more["spec"]["containers"]);
    assert_eq!(
        copied["spec"]["initContainers"],
        more["spec"]["initContainers"]
    );
}

/// The server asks each webhook twice at most: what is exchanged after that we never see.
#[test]
fn w13_what_is_exchanged_after_we_were_asked_again_is_refused_by_the_policy() {
    let installed = Installed::shared();
    let admin = installed.api.admin();
    let namespace = installed.api.namespace("last");
    let hook = meddler();
    let again = Mutating::with(json!({ "reinvocationPolicy": "IfNeeded" }));
    let probe = wanted("probe");
    let _name = hook.register(&installed.api, &namespace, &again, &probe);
    let refused = admin.ask("POST", &namespace.pods(), &wanted("again"));
    assert!(matches!(refused.status, 403 | 422), "{refused:?}");
    let said = refused.body["message"].as_str().unwrap();
    assert!(
        said.contains("ValidatingAdmissionPolicy 'cloudtaser-webhook'"),
        "{said}"
    );
    assert!(
        said.contains("a container does not start through the wrapper"),
        "{said}"
    );
    let seen = hook.seen("again");
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|request| is_wrapped(&request["object"])));
    // Control: the same webhook, and nothing that it exchanges.
    let taken = admin.create(&namespace.pods(), &wanted("calm"));
    assert!(is_wrapped(&taken));
    assert!(!hook.seen("calm").is_empty());
}

/// W15: what a pod requires and the cluster does not have is a warning, though no decision hangs on
/// it; what is optional is not asked for.
#[test]
fn w15_a_missing_secret_that_no_decision_hangs_on_is_a_warning() {
    let installed = Installed::shared();
    let admin = installed.api.admin();
    let namespace = installed.api.namespace("sources");
    let there = json!({ "metadata": { "name": "there" }, "data": { "key": "x" } });
    let _map = admin.create(&namespace.path("v1", "configmaps"), &there);
    let from = |kind: &str, name: &str, key: &str, optional: bool| {
        let at = json!({ "name": name, "key": key, "optional": optional });
        json!({ "name": format!("{name}_{key}").to_uppercase(), "valueFrom": { kind: at } })
    };
    let mut pod = wanted("app");
    let container = &mut pod["spec"]["containers"][0];
    container["env"] = json!([
        from("secretKeyRef", "missing", "key", false),
        from("secretKeyRef", "spare", "key", true),
        from("configMapKeyRef", "there", "key", false),
        from("configMapKeyRef", "there", "absent", false),
    ]);
    container["envFrom"] = json!([{ "configMapRef": { "name": "nowhere", "optional": true } }]);
    let (reply, mut warnings) = admin.ask_warned("POST", &namespace.pods(), &pod);
    assert_eq!(reply.status, 201, "{reply:?}");
    assert!(is_wrapped(&reply.body));
    let begin = "container `app` needs the";
    let end = "which does not exist; it cannot start before it does";
    // The server asks twice where a plugin of its own changes the pod after us.
    warnings.sort();
    warnings.dedup();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(
        warnings
            .iter()
            .any(|said| said.contains("Secret `missing`")),
        "{warnings:?}"
    );
    assert!(
        warnings.iter().any(|said| said.contains("absent")),
        "{warnings:?}"
    );
    assert!(
        warnings
            .iter()
            .all(|said| said.contains(begin) && said.contains(end))
    );
    // Control: made, and nothing is said.
    let secret = json!({ "metadata": { "name": "missing" }, "stringData": { "key": "x" } });
    let _secret = admin.create(&namespace.path("v1", "secrets"), &secret);
    pod["metadata"]["name"] = json!("later");
    let absent = &mut pod["spec"]["containers"][0]["env"][3];
    *absent = json!({ "name": "PLAIN", "value": "1" });
    let (reply, warnings) = admin.ask_warned("POST", &namespace.pods(), &pod);
    assert_eq!((reply.status, warnings), (201, Vec::new()));
}

#[test]
fn w29_pods_without_a_name_and_pods_of_an_owner_are_injected() {
    let (installed, replica) = Installed::shared_with_replica();
    let admin = installed.api.admin();
    let namespace = installed.api.namespace("owner");
    let begin = format!("{}-", unique("web"));
    let mut pod = wanted("web");
    pod["metadata"].as_object_mut().unwrap().remove("name");
    pod["metadata"]["generateName"] = json!(begin);
    let created = admin.create(&namespace.pods(), &pod);
    assert!(is_wrapped(&created), "{created}");
    assert!(
        created["metadata"]["name"]
            .as_str()
            .unwrap()
            .starts_with(&begin)
    );
    let set = json!({
        "metadata": { "name": "web" },
        "spec": {
            "selector": { "matchLabels": { "app": "web" } },
            "template": { "metadata": { "labels": { "app": "web" } }, "spec": pod["spec"] },
        },
    });
    let set = admin.create(&namespace.path("apps/v1", "replicasets"), &set);
    pod["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web",
        "uid": set["metadata"]["uid"], "controller": true, "blockOwnerDeletion": true,
    }]);
    let owned = admin.create(&namespace.pods(), &pod);
    assert!(is_wrapped(&owned), "{owned}");
    let owners = &owned["metadata"]["ownerReferences"];
    assert_eq!(*owners, pod["metadata"]["ownerReferences"]);
    // The template is not ours to change.
    assert_eq!(
        set["spec"]["template"]["spec"]["initContainers"],
        Value::Null
    );
    let log = replica.log();
    let lines = log
        .iter()
        .filter(|line| line["generate_name"] == begin.as_str());
    let reasons: Vec<_> = lines.map(|line| line["reason"].clone()).collect();
    // The server asks again where one of its own plugins changed something after us.
    let count = |word: &str| reasons.iter().filter(|reason| **reason == word).count();
    assert_eq!(count("injected"), 2, "{reasons:?}");
    assert_eq!(count("injected") + count("already_injected"), reasons.len());
    // Counted once a pod: what is asked again is another decision.
    let lines = log
        .iter()
        .filter(|line| line["generate_name"] == begin.as_str());
    for line in lines {
        let decision = match line["reason"].as_str() {
            Some("injected") => "inject",
            _ => "unchanged",
        };
        assert_eq!(line["decision"], decision, "{line}");
    }
}

/// Posts a review to a replica as an API server would, and reads the answer: status and review.
fn post(installed: &Installed, replica: &Replica, review: &Value) -> (String, Value) {
    let body = review.to_string();
    let stream = TcpStream::connect(replica.reviews).unwrap();
    let mut stream = StreamOwned::new(installed.connection(), stream);
    let head = format!(
        "POST /mutate?timeout=10s HTTP/1.1\r\nhost: cloudtaser-webhook.cloudtaser.svc\r\n\
         content-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    let mut answer = String::new();
    let _bytes = stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().to_owned();
    (status, serde_json::from_str(body).unwrap())
}

#[test]
fn w28_a_review_of_the_api_server_gives_the_same_patch_again_in_both_versions() {
    let (installed, replica) = Installed::shared_with_replica();
    let admin = installed.api.admin();
    let namespace = installed.api.namespace("replay");
    // Asked before us: it records what the server sends.
    let recorder = Hook::start();
    let name = unique("a-recorder");
    let mutating = Mutating::with(json!({ "reinvocationPolicy": "Never" }));
    let probe = wanted("probe");
    let _name = recorder.register_as(&name, &installed.api, &namespace, &mutating, &probe);
    let created = admin.create(&namespace.pods(), &wanted("app"));
    assert!(is_wrapped(&created));
    let request = recorder.seen("app").remove(0);
    assert!(!is_wrapped(&request["object"]), "it was asked after us");
    let mut patches = Vec::new();
    for version in ["admission.k8s.io/v1", "admission.k8s.io/v1beta1"] {
        let review = json!({
            "apiVersion": version, "kind": "AdmissionReview", "request": request,
        });
        let (status, answer) = post(installed, replica, &review);
        assert_eq!(status, "200", "{answer}");
        assert_eq!(answer["apiVersion"], version);
        assert_eq!(answer["kind"], "AdmissionReview");
        let response = &answer["response"];
        assert_eq!(response["uid"], request["uid"]);
        assert_eq!(response["allowed"], true);
        assert_eq!(response["patchType"], "JSONPatch");
        let patch = BASE64_STANDARD
            .decode(response["patch"].as_str().unwrap())
            .unwrap();
        patches.push(patch);
    }
    assert_eq!(patches[0], patches[1]);
    // What the server made of it is what this patch makes of it.
    let mut patched = request["object"].clone();
    let patch: json_patch::Patch = serde_json::from_slice(&patches[0]).unwrap();
    json_patch::patch(&mut patched, &patch).unwrap();
    for list in ["containers", "volumes"] {
        assert_eq!(patched["spec"][list], created["spec"][list], "{list}");
    }
    let copy = |pod: &Value| pod["spec"]["initContainers"][0]["command"].clone();
    assert_eq!(copy(&patched), copy(&created));
    // Control: another pod, another patch.
    let mut other = json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request,
    });
    other["request"]["object"]["spec"]["containers"][0]["command"] = json!(["/other"]);
    let (_, answer) = post(installed, replica, &other);
    let patch = BASE64_STANDARD
        .decode(answer["response"]["patch"].as_str().unwrap())
        .unwrap();
    assert_ne!(patch, patches[0]);
}
