//! Policies, tokens and leases: made for a test, and looked for after it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::admin::{Admin, text};

/// A token, and its accessor, by which it can be asked about without being known.
#[derive(Clone, Debug)]
pub struct Token {
    /// The token.
    pub token: String,
    /// Its accessor.
    pub accessor: String,
}

impl Admin {
    /// Writes a policy; the rules are HCL.
    #[track_caller]
    pub fn policy(&self, name: &str, rules: &str) {
        let _answer = self.write(
            &format!("sys/policies/acl/{name}"),
            &json!({ "policy": rules }),
        );
    }

    /// A policy that allows everything at and below `path`.
    #[track_caller]
    pub fn allow(&self, name: &str, path: &str) {
        let all = r#"["create", "read", "update", "delete", "list"]"#;
        let rule = |path: &str| format!("path \"{path}\" {{ capabilities = {all} }}\n");
        self.policy(name, &(rule(path) + &rule(&format!("{path}/*"))));
    }

    /// A token with these policies, for an hour.
    #[track_caller]
    pub fn create_token(&self, policies: &[&str]) -> Token {
        self.create_token_with(&json!({ "policies": policies, "ttl": "1h" }))
    }

    /// A token by the API's own parameters.
    #[track_caller]
    pub fn create_token_with(&self, parameters: &Value) -> Token {
        let answer = self.write("auth/token/create", parameters);
        Token {
            token: text(&answer["auth"]["client_token"]),
            accessor: text(&answer["auth"]["accessor"]),
        }
    }

    /// Whether the token of this accessor is still good.
    pub fn is_alive(&self, accessor: &str) -> bool {
        self.look_up(accessor).is_some()
    }

    /// The accessors of all living tokens that have this policy: if each test has a policy of its
    /// own, the tokens that were left in it.
    #[track_caller]
    pub fn accessors_with(&self, policy: &str) -> BTreeSet<String> {
        let all = self.list("auth/token/accessors");
        let has_it = |accessor: &String| {
            let about = self.look_up(accessor).unwrap_or_default();
            let policies = about["data"]["policies"].as_array();
            policies.is_some_and(|policies| policies.iter().any(|name| name == policy))
        };
        all.into_iter().filter(has_it).collect()
    }

    /// What the server says of a token; nothing if it is gone.
    fn look_up(&self, accessor: &str) -> Option<Value> {
        let path = "auth/token/lookup-accessor";
        let reply = self.ask("POST", path, &json!({ "accessor": accessor }));
        (reply.status == 200).then_some(reply.body)
    }

    /// The leases under `prefix`, such as `database/creds/app`.
    #[track_caller]
    pub fn leases(&self, prefix: &str) -> Vec<String> {
        self.list(&format!("sys/leases/lookup/{prefix}"))
    }
}
