//! `kubectl cloudtaser` against a real API server with the real webhook (X5).

use std::path::PathBuf;
use std::process::{Command, Output};

use cloudtaser_tests::kube::api::ISSUER;
use cloudtaser_tests::kube::installed::wanted;
use cloudtaser_tests::kube::namespace::pod;
use cloudtaser_tests::kube::{Api, Installed, Namespace, path};
use cloudtaser_tests::process::eventually;
use cloudtaser_tests::server::unique;
use serde_json::{Value, json};
use tempfile::TempDir;

const OURS: &str = "cloudtaser.io/v1alpha1";
const RBAC: &str = "rbac.authorization.k8s.io";

/// A kubeconfig of a service account.
struct Person {
    folder: TempDir,
    user: String,
}

impl Person {
    fn new(api: &Api, namespace: &Namespace) -> Self {
        let account = unique("person");
        let user = namespace.account(&account);
        let person = Self {
            folder: tempfile::tempdir().unwrap(),
            user,
        };
        person.write(api, namespace, &namespace.token(&account, ISSUER, None));
        person
    }

    /// Somebody who may read all.
    fn reader(api: &Api, namespace: &Namespace) -> Self {
        let person = Self::new(api, namespace);
        let binding = json!({
            "metadata": { "name": unique("reader") },
            "roleRef": { "apiGroup": RBAC, "kind": "ClusterRole", "name": "cluster-admin" },
            "subjects": [{ "apiGroup": RBAC, "kind": "User", "name": person.user }],
        });
        let all = path::cluster(&format!("{RBAC}/v1"), "clusterrolebindings");
        let _object = api.admin().create(&all, &binding);
        let attributes = json!({ "verb": "list", "group": "cloudtaser.io",
            "resource": "clustercloudtaserprofiles" });
        assert!(eventually(|| api.admin().allows(&person.user, &attributes)));
        person
    }

    fn write(&self, api: &Api, namespace: &Namespace, token: &str) {
        std::fs::write(self.folder.path().join("ca.crt"), api.ca_pem()).unwrap();
        let text = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{ "name": "c", "cluster": {
                "server": api.url(), "certificate-authority": "ca.crt",
            } }],
            "contexts": [{ "name": "test", "context": {
                "cluster": "c", "user": "u", "namespace": namespace.name,
            } }],
            "users": [{ "name": "u", "user": { "token": token } }],
        });
        std::fs::write(self.folder.path().join("kubeconfig"), text.to_string()).unwrap();
    }

    fn run(&self, args: &[&str]) -> Output {
        let webhook = std::env::var_os("CLOUDTASER_WEBHOOK_BIN").map(PathBuf::from);
        let program = webhook.unwrap().with_file_name("kubectl-cloudtaser");
        let mut command = Command::new(program);
        let file = self.folder.path().join("kubeconfig");
        command
            .args(args)
            .arg("--kubeconfig")
            .arg(file)
            .output()
            .unwrap()
    }

    /// Both outputs, after this status.
    #[track_caller]
    fn says(&self, args: &[&str], status: i32, parts: &[&str]) -> String {
        let output = self.run(args);
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert_eq!(output.status.code(), Some(status), "{args:?}: {said}");
        for part in parts {
            assert!(said.contains(part), "{args:?}: no `{part}` in {said}");
        }
        said
    }
}

#[test]
fn x5_why_tells_what_a_live_pod_shows() {
    let installed = Installed::shared();
    let (api, admin) = (&installed.api, installed.api.admin());
    let namespace = api.namespace("why");
    let person = Person::reader(api, &namespace);
    let _pod = admin.create(&namespace.pods(), &wanted("in"));
    let _pod = admin.create(&namespace.pods(), &pod("out"));
    let name = format!("{}/in", namespace.name);
    let shown = [
        "decision: unchanged (already_injected)",
        "profile: `default` of the cluster",
        "status annotation injected",
        "profile when it was made: \"default@1\"",
        "app: starts through the wrapper",
    ];
    let said = person.says(&["why", &name], 0, &shown);
    assert!(!said.contains("error:"), "{said}");
    let shown = [
        "decision: skip (not_opted_in)",
        "app: starts without the wrapper",
    ];
    let _said = person.says(&["why", "out"], 0, &shown);
    let json = person.says(&["why", "in", "-o", "json"], 0, &[]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json[0]["live"]["pods"][0]["wrapped"], json!(["app"]));
    // One that opted in where no webhook is asked.
    let name = unique("unasked");
    let accounts = path::within("v1", "kube-system", "serviceaccounts");
    let _there = admin.ask(
        "POST",
        &accounts,
        &json!({ "metadata": { "name": "default" } }),
    );
    let _pod = admin.create(&path::within("v1", "kube-system", "pods"), &wanted(&name));
    let shown = [
        "error: app should start through the wrapper",
        "status annotation none",
    ];
    let _said = person.says(&["why", &format!("kube-system/{name}")], 1, &shown);
}

#[test]
fn x5_why_names_the_right_that_is_missing() {
    let installed = Installed::shared();
    let (api, admin) = (&installed.api, installed.api.admin());
    let namespace = api.namespace("why");
    let _pod = admin.create(&namespace.pods(), &wanted("in"));
    let person = Person::new(api, &namespace);
    let place = format!("in the namespace `{}` is missing", namespace.name);
    let _said = person.says(&["why", "in"], 77, &["the right `get` on `pods`", &place]);
    namespace.allow(&person.user, &["get"], "pods");
    let right = "the right `list` on `cloudtaserprofiles.cloudtaser.io`";
    let _said = person.says(&["why", "in"], 77, &[right, &place]);
    let right = "`clustercloudtaserprofiles.cloudtaser.io` in the whole cluster is missing";
    let _said = person.says(&["profiles"], 77, &[right]);
    person.write(api, &namespace, "no.such.token");
    let _said = person.says(&["why", "in"], 77, &["401"]);
    // Control: somebody who may.
    let reader = Person::reader(api, &namespace);
    let _said = reader.says(&["why", "in"], 0, &[]);
    let absent = ["there is no Pod `absent`", "ask for what makes it"];
    let _said = reader.says(&["why", "absent"], 66, &absent);
}

#[test]
fn x5_why_tells_of_refusals_at_the_owner() {
    let installed = Installed::shared();
    let (api, admin) = (&installed.api, installed.api.admin());
    let namespace = api.namespace("refused");
    let mut template = wanted("x");
    template["metadata"]["annotations"]["cloudtaser.io/vault-address"] =
        json!("https://evil.example");
    let labels = json!({ "app": "web" });
    template["metadata"]["labels"] = labels.clone();
    let spec = json!({ "selector": { "matchLabels": labels }, "template": template });
    let object = json!({ "metadata": { "name": "web" }, "spec": spec });
    let made = admin.create(&namespace.path("apps/v1", "deployments"), &object);
    // What the controllers of a cluster would do.
    let owner = |made: &Value, kind: &str| {
        json!([{ "apiVersion": "apps/v1", "kind": kind, "controller": true,
            "name": made["metadata"]["name"], "uid": made["metadata"]["uid"] }])
    };
    let object = json!({ "spec": spec, "metadata": {
        "name": "web-1", "ownerReferences": owner(&made, "Deployment"),
    } });
    let made = admin.create(&namespace.path("apps/v1", "replicasets"), &object);
    let mut object = template.clone();
    object["metadata"]["name"] = json!("web-1-a");
    object["metadata"]["ownerReferences"] = owner(&made, "ReplicaSet");
    let refused = admin.ask("POST", &namespace.pods(), &object);
    assert_ne!(refused.status, 201, "{refused:?}");
    let events = namespace.path("v1", "events");
    assert!(eventually(|| !admin.list(&events).is_empty()));
    let shown = [
        "decision: deny (not_allowed)",
        "refused: ReplicaSet web-1, 1 times",
        "(CloudTaserRefused): ",
    ];
    let person = Person::reader(api, &namespace);
    let _said = person.says(&["why", "deploy/web"], 1, &shown);
}

#[test]
fn x5_profiles_tells_which_applies_and_why() {
    let installed = Installed::shared();
    let (api, admin) = (&installed.api, installed.api.admin());
    let namespace = api.namespace("profiles");
    let person = Person::reader(api, &namespace);
    let why = "default of the cluster: it is called `default`, and the namespace has none";
    let _said = person.says(&["profiles"], 0, &[why]);
    let profile = |name: &str, address: &str| {
        json!({ "apiVersion": OURS, "kind": "CloudTaserProfile", "metadata": { "name": name },
            "spec": { "server": { "addresses": [address] } } })
    };
    let own = namespace.path(OURS, "cloudtaserprofiles");
    let _object = admin.create(&own, &profile("default", "https://own.example"));
    let shown = ["default of the cluster: the namespace has one of the same name"];
    let _said = person.says(&["profiles", "-n", &namespace.name], 0, &shown);
    let json = person.says(&["profiles", "-o", "json"], 0, &[]);
    let json: Value = serde_json::from_str(&json).unwrap();
    let applies = json!({ "name": "default", "scope": "namespace" });
    assert_eq!(json[0]["applies"], applies, "{json}");
    // The status speaks of all namespaces, in which other tests have bad ones.
    let all = person.run(&["profiles", "-A"]).stdout;
    let all = String::from_utf8_lossy(&all).into_owned();
    let is_shown = |line: &str| line.starts_with(&namespace.name) && line.contains("own.example");
    assert!(all.lines().any(is_shown), "{all}");
    // The schema cannot know that this is never a secret server.
    let _object = admin.create(&own, &profile("bad", "https://169.254.169.254"));
    let shown = ["unusable", "address that cannot be used"];
    let _said = person.says(&["profiles"], 1, &shown);
    let _said = person.says(
        &["profiles", "-n", "absent"],
        66,
        &["no namespace `absent`"],
    );
    admin.delete(&format!("{own}/bad"));
    let _said = person.says(&["profiles"], 0, &[]);
}
