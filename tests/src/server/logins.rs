//! Login methods, set up in one call each: approle, cert, jwt, kubernetes.
//!
//! Each is mounted at a path of the test's choice, with one role that gives `policies`, for an
//! hour unless the test changes the role.

use serde_json::{Value, json};

use super::admin::{Admin, text};
use super::jwt::JwtKey;
use super::token_review::TokenReview;

/// The audience that [`Admin::jwt_login`] asks of a token.
pub const AUDIENCE: &str = "cloudtaser-tests";

impl Admin {
    /// Enables a login method.
    #[track_caller]
    pub fn enable_login(&self, mount: &str, kind: &str) {
        let _answer = self.write(&format!("sys/auth/{mount}"), &json!({ "type": kind }));
    }

    /// Enables approle; answers the role's id. Secret ids come from [`Admin::secret_id`].
    #[track_caller]
    pub fn approle_login(&self, mount: &str, role: &str, policies: &[&str]) -> String {
        self.enable_login(mount, "approle");
        let path = format!("auth/{mount}/role/{role}");
        let _answer = self.write(&path, &role_of(policies, json!({})));
        text(&self.read(&format!("{path}/role-id"))["data"]["role_id"])
    }

    /// A secret id of an approle.
    #[track_caller]
    pub fn secret_id(&self, mount: &str, role: &str) -> String {
        let path = format!("auth/{mount}/role/{role}/secret-id");
        text(&self.write(&path, &json!({}))["data"]["secret_id"])
    }

    /// A secret id of an approle, response-wrapped: the wrapping token.
    #[track_caller]
    pub fn wrapped_secret_id(&self, mount: &str, role: &str) -> String {
        let path = format!("auth/{mount}/role/{role}/secret-id");
        self.wrapped("POST", &path, &json!({}), "60s")
    }

    /// Enables the login by certificate: for every one that this authority has signed.
    #[track_caller]
    pub fn cert_login(&self, mount: &str, role: &str, ca_pem: &str, policies: &[&str]) {
        self.enable_login(mount, "cert");
        let body = role_of(policies, json!({ "certificate": ca_pem }));
        let _answer = self.write(&format!("auth/{mount}/certs/{role}"), &body);
    }

    /// Enables jwt for tokens of this key; [`login_claims`] are what it wants of them.
    #[track_caller]
    pub fn jwt_login(&self, mount: &str, role: &str, key: &JwtKey, policies: &[&str]) {
        self.enable_login(mount, "jwt");
        let keys = json!({ "jwt_validation_pubkeys": [key.public_pem()] });
        let _answer = self.write(&format!("auth/{mount}/config"), &keys);
        let wanted = json!({
            "role_type": "jwt",
            "user_claim": "sub",
            "bound_audiences": [AUDIENCE],
        });
        let path = format!("auth/{mount}/role/{role}");
        let _answer = self.write(&path, &role_of(policies, wanted));
    }

    /// Enables kubernetes, for the service account `account` in `namespace`.
    #[track_caller]
    pub fn kubernetes_login(
        &self,
        mount: &str,
        role: &str,
        (namespace, account): (&str, &str),
        cluster: &TokenReview,
        policies: &[&str],
    ) {
        let config = json!({
            "kubernetes_host": cluster.url(),
            "kubernetes_ca_cert": cluster.ca_pem(),
            "token_reviewer_jwt": cluster.issue("secrets", "reviewer"),
        });
        self.kubernetes_mount(mount, &config);
        let bound = json!({
            "bound_service_account_names": [account],
            "bound_service_account_namespaces": [namespace],
        });
        self.kubernetes_role(mount, role, bound, policies);
    }

    /// Enables kubernetes with this configuration: where tokens are reviewed, and as whom.
    #[track_caller]
    pub fn kubernetes_mount(&self, mount: &str, config: &Value) {
        self.register_plugin("auth", "kubernetes", "vault-plugin-auth-kubernetes");
        self.enable_login(mount, "kubernetes");
        let _answer = self.write(&format!("auth/{mount}/config"), config);
    }

    /// A role of it, for the service accounts that `bound` says.
    #[track_caller]
    pub fn kubernetes_role(&self, mount: &str, role: &str, bound: Value, policies: &[&str]) {
        let path = format!("auth/{mount}/role/{role}");
        let _answer = self.write(&path, &role_of(policies, bound));
    }
}

/// Claims that [`Admin::jwt_login`] accepts, for an hour.
#[must_use]
pub fn login_claims(subject: &str) -> Value {
    json!({
        "sub": subject,
        "aud": AUDIENCE,
        "iat": super::jwt::seconds(std::time::Duration::ZERO),
        "exp": super::jwt::seconds(std::time::Duration::from_hours(1)),
    })
}

fn role_of(policies: &[&str], mut role: Value) -> Value {
    role["token_policies"] = json!(policies);
    role["token_ttl"] = json!("1h");
    role
}
