//! A namespace for one test, with the service account that a controller would make, and what
//! tests put into it.

use serde_json::{Value, json};

use super::api::Api;
use super::client::Client;
use super::path;
use crate::process::eventually;
use crate::server::unique;

/// A namespace of a test's own. It stays until the server ends: nobody here removes it.
#[derive(Clone, Debug)]
pub struct Namespace {
    /// Its name, which is its label `kubernetes.io/metadata.name` too.
    pub name: String,
    admin: Client,
}

impl Api {
    /// A namespace whose name begins so, with the service account `default`.
    #[track_caller]
    #[must_use]
    pub fn namespace(&self, name: &str) -> Namespace {
        self.namespace_with(name, &json!({}))
    }

    /// The same with labels.
    #[track_caller]
    #[must_use]
    pub fn namespace_with(&self, name: &str, labels: &Value) -> Namespace {
        let name = unique(name);
        let object = json!({ "metadata": { "name": name, "labels": labels } });
        let _object = self
            .admin()
            .create(&path::cluster("v1", "namespaces"), &object);
        let namespace = Namespace {
            name,
            admin: self.admin().clone(),
        };
        let _account = namespace.account("default");
        namespace
    }
}

impl Namespace {
    /// The path of a resource in it.
    #[must_use]
    pub fn path(&self, group: &str, resource: &str) -> String {
        path::within(group, &self.name, resource)
    }

    /// The path of its pods.
    #[must_use]
    pub fn pods(&self) -> String {
        self.path("v1", "pods")
    }

    /// A selector that only this namespace fits.
    #[must_use]
    pub fn selector(&self) -> Value {
        json!({ "matchLabels": { "kubernetes.io/metadata.name": self.name } })
    }

    /// Creates a service account; its name as a user.
    #[track_caller]
    pub fn account(&self, name: &str) -> String {
        let object = json!({ "metadata": { "name": name } });
        let accounts = self.path("v1", "serviceaccounts");
        let _object = self.admin.create(&accounts, &object);
        self.user(name)
    }

    /// A service account's name as a user.
    #[must_use]
    pub fn user(&self, account: &str) -> String {
        format!("system:serviceaccount:{}:{account}", self.name)
    }

    /// Creates a pod that is nowhere run: as the server stored it.
    #[track_caller]
    pub fn pod(&self, name: &str, account: &str) -> Value {
        let mut object = pod(name);
        object["spec"]["serviceAccountName"] = json!(account);
        self.admin.create(&self.pods(), &object)
    }

    /// Deletes a pod at once.
    #[track_caller]
    pub fn delete_pod(&self, name: &str) {
        self.admin.delete(&format!("{}/{name}", self.pods()));
    }

    /// A service account's token, as a kubelet asks for it: for an audience, for ten minutes (the
    /// least that the server gives), bound to a pod if there is one.
    #[track_caller]
    #[must_use]
    pub fn token(&self, account: &str, audience: &str, pod: Option<&Value>) -> String {
        let bound = pod.map(|pod| {
            json!({
                "kind": "Pod",
                "apiVersion": "v1",
                "name": pod["metadata"]["name"],
                "uid": pod["metadata"]["uid"],
            })
        });
        let request = json!({ "spec": {
            "audiences": [audience],
            "expirationSeconds": 600,
            "boundObjectRef": bound,
        } });
        let path = format!("{}/{account}/token", self.path("v1", "serviceaccounts"));
        let answer = self.admin.create(&path, &request);
        answer["status"]["token"]
            .as_str()
            .expect("a token")
            .to_owned()
    }

    /// Allows a user these verbs on a resource of the core group here, and waits until that holds.
    ///
    /// # Panics
    ///
    /// When it does not come to that.
    #[track_caller]
    pub fn allow(&self, user: &str, verbs: &[&str], resource: &str) {
        let (name, group) = (unique("allow"), "rbac.authorization.k8s.io/v1");
        let role = json!({
            "metadata": { "name": name },
            "rules": [{ "apiGroups": [""], "resources": [resource], "verbs": verbs }],
        });
        let _object = self.admin.create(&self.path(group, "roles"), &role);
        let binding = json!({
            "metadata": { "name": name },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name },
            "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user }],
        });
        let _object = self
            .admin
            .create(&self.path(group, "rolebindings"), &binding);
        for verb in verbs {
            let attributes = json!({
                "namespace": self.name, "verb": verb, "resource": resource,
            });
            let is_allowed = || self.admin.allows(user, &attributes);
            assert!(eventually(is_allowed), "{user} may not {verb} {resource}");
        }
    }
}

/// A pod of one container, which would run a program that we do not have.
#[must_use]
pub fn pod(name: &str) -> Value {
    json!({
        "metadata": { "name": name },
        "spec": { "containers": [{
            "name": "app",
            "image": "registry.invalid/app:1",
            "command": ["/app", "--serve"],
        }] },
    })
}
