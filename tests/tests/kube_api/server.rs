//! The server itself: it is ready, it is what it says, it refuses, it ends with us.

use std::process::Command;

use cloudtaser_tests::kube::namespace::pod;
use cloudtaser_tests::kube::{Api, Patch, path};
use cloudtaser_tests::process::{eventually, is_alive};
use serde_json::{Value, json};

#[test]
fn it_is_ready_and_says_its_version() {
    let admin = Api::shared().admin();
    assert_eq!(admin.get("/readyz"), "ok");
    let program = std::env::var_os("CLOUDTASER_TEST_KUBE").unwrap();
    let said = Command::new(program)
        .args(["kube-apiserver", "--version"])
        .output()
        .unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    let version = admin.get("/version");
    let served = version["gitVersion"].as_str().unwrap();
    assert_eq!(said.trim(), format!("Kubernetes {served}"));
    // What a chart's `kubeVersion` is compared with.
    let minor = version["minor"].as_str().unwrap();
    assert!(served.starts_with(&format!("v1.{minor}.")), "{version}");
}

#[test]
fn a_user_may_do_what_a_role_allows_and_nothing_else() {
    let api = Api::shared();
    let (mine, other) = (api.namespace("rbac"), api.namespace("rbac"));
    let user = api.as_user("jane");
    let status = |path: &str| user.ask("GET", path, &Value::Null).status;
    assert_eq!(status(&mine.pods()), 403);
    mine.allow("jane", &["list"], "pods");
    assert_eq!(status(&mine.pods()), 200);
    assert_eq!(status(&other.pods()), 403);
    assert_eq!(status(&mine.path("v1", "secrets")), 403);
    let created = user.ask("POST", &mine.pods(), &pod("app"));
    assert_eq!(created.status, 403, "{created:?}");
    // Control: the same by somebody who may.
    let _object = api.admin().create(&mine.pods(), &pod("app"));
}

#[test]
fn a_stranger_is_refused() {
    let api = Api::shared();
    let path = api.namespace("stranger").pods();
    let reply = api
        .with_token("no.such.token")
        .ask("GET", &path, &Value::Null);
    assert_eq!(reply.status, 401, "{reply:?}");
}

#[test]
fn a_dry_run_stores_nothing() {
    let api = Api::shared();
    let namespace = api.namespace("dry");
    let tried = api.admin().dry_run(&namespace.pods(), &pod("app"));
    assert_eq!(tried.ok("a dry run")["metadata"]["name"], "app");
    assert_eq!(api.admin().list(&namespace.pods()), [] as [Value; 0]);
    let _object = api.admin().create(&namespace.pods(), &pod("app"));
    assert_eq!(api.admin().list(&namespace.pods()).len(), 1);
}

#[test]
fn a_field_has_one_manager() {
    let api = Api::shared();
    let admin = api.admin();
    let maps = api.namespace("apply").path("v1", "configmaps");
    let path = format!("{maps}/settings");
    let map = |value: &str| {
        json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": { "name": "settings" },
            "data": { "a": value },
        })
    };
    let _object = admin.apply(&path, "one", &map("1")).ok(&path);
    let conflict = admin.apply(&path, "two", &map("2"));
    assert_eq!(conflict.status, 409, "{conflict:?}");
    assert_eq!(admin.get(&path)["data"]["a"], "1");
    // Controls: the manager itself may change it, and the other may by force.
    let _object = admin.apply(&path, "one", &map("3")).ok(&path);
    let forced = format!("{path}?fieldManager=two&force=true");
    let object = admin.patch(&forced, Patch::Apply, &map("2")).ok(&forced);
    assert_eq!(object["data"]["a"], "2");
}

#[test]
fn objects_are_patched_replaced_and_deleted() {
    let api = Api::shared();
    let admin = api.admin();
    let namespace = api.namespace("change");
    let path = format!("{}/app", namespace.pods());
    let _object = namespace.pod("app", "default");
    let label = json!({ "metadata": { "labels": { "a": "1" } } });
    let _object = admin.patch(&path, Patch::Merge, &label).ok(&path);
    let label = json!([{ "op": "add", "path": "/metadata/labels/b", "value": "2" }]);
    let _object = admin.patch(&path, Patch::Json, &label).ok(&path);
    let label = json!({ "metadata": { "labels": { "c": "3" } } });
    let mut object = admin.patch(&path, Patch::Strategic, &label).ok(&path);
    let labels = json!({ "a": "1", "b": "2", "c": "3" });
    assert_eq!(object["metadata"]["labels"], labels);
    object["metadata"]["labels"] = json!({});
    let object = admin.replace(&path, &object);
    assert_eq!(object["metadata"]["labels"], Value::Null);
    namespace.delete_pod("app");
    assert_eq!(admin.ask("GET", &path, &Value::Null).status, 404);
}

#[test]
fn it_ends_and_leaves_no_folder() {
    let api = Api::start();
    let (pids, folder) = (api.pids(), api.folder().to_owned());
    assert!(folder.is_dir() && pids.into_iter().all(is_alive));
    let shared = Api::shared();
    assert_ne!(api.url(), shared.url());
    // What one of them stores the other does not have.
    let namespace = api.namespace("own");
    let path = format!("{}/{}", path::cluster("v1", "namespaces"), namespace.name);
    assert_eq!(shared.admin().ask("GET", &path, &Value::Null).status, 404);
    let _object = api.admin().get(&path);
    drop(api);
    assert!(eventually(|| !pids.into_iter().any(is_alive)));
    assert!(!folder.exists(), "{}", folder.display());
}
