//! Who somebody is, and what they may do, by the server's own word.

use serde_json::{Value, json};

use super::client::Client;
use super::path;
use crate::process::eventually;
use crate::server::unique;

const RBAC: &str = "rbac.authorization.k8s.io";

/// The answer of a TokenReview.
#[derive(Clone, Debug)]
pub struct Review {
    /// Whether the token is good for one of the audiences.
    pub is_authenticated: bool,
    /// The whole status.
    pub status: Value,
}

impl Client {
    /// Has a token reviewed for these audiences; for the server's own if there are none.
    #[track_caller]
    pub fn review(&self, token: &str, audiences: &[&str]) -> Review {
        let path = path::cluster("authentication.k8s.io/v1", "tokenreviews");
        let spec = json!({ "spec": { "token": token, "audiences": audiences } });
        let status = self.create(&path, &spec)["status"].take();
        Review {
            is_authenticated: status["authenticated"] == true,
            status,
        }
    }

    /// Whether a user may do what `attributes` say (`ResourceAttributes` of the API).
    #[track_caller]
    pub fn allows(&self, user: &str, attributes: &Value) -> bool {
        let path = path::cluster("authorization.k8s.io/v1", "subjectaccessreviews");
        let spec = json!({ "spec": { "user": user, "resourceAttributes": attributes } });
        self.create(&path, &spec)["status"]["allowed"] == true
    }

    /// Lets a user have tokens reviewed, as the role `system:auth-delegator` does, and waits until
    /// that holds.
    ///
    /// # Panics
    ///
    /// When it does not come to that.
    #[track_caller]
    pub fn let_review(&self, user: &str) {
        let binding = json!({
            "metadata": { "name": unique("reviewer") },
            "roleRef": { "apiGroup": RBAC, "kind": "ClusterRole", "name": "system:auth-delegator" },
            "subjects": [{ "apiGroup": RBAC, "kind": "User", "name": user }],
        });
        let path = path::cluster(&format!("{RBAC}/v1"), "clusterrolebindings");
        let _object = self.create(&path, &binding);
        let attributes = json!({
            "group": "authentication.k8s.io", "resource": "tokenreviews", "verb": "create",
        });
        assert!(eventually(|| self.allows(user, &attributes)), "{user}");
    }
}
