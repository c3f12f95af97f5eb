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

/// Asked after ours, whose configuration has an earlier name: it adds a container to the pod `more`
/// and exchanges the command of the pod `other`.
fn meddler() -> Hook {
    Hook::adding(|pod| match pod["metadata"]["name"].as_str() {
        Some("more") => vec![json!({
            "op": "add", "path": "/spec/containers/-",
            "value": { "name": "late", "image": "late:1", "command": ["/late", "a b"] },
        })],
        Some("other") => vec![json!({
            "op": "replace", "path": "/spec/containers/0/command", "value": ["/exchanged"],
        })],
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
    // A program that would start without the wrapper is refused: its variables are the injected
    // ones, and who set them is not asked.
    let other = admin.ask("POST", &namespace.pods(), &wanted("other"));
    assert_eq!(other.status, 403, "{other:?}");
    let said = other.body["message"].as_str().unwrap();
    let begin = "admission webhook \"pods.cloudtaser.io\" denied the request: cloudtaser: ";
    assert!(
        said.starts_with(&format!("{begin}container `app` ")),
        "{said}"
    );
    assert_eq!(hook.seen("other").len(), 1);
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
