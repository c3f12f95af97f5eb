//! Secret engines, set up in one call each: KV 1 and 2, database, PKI, transit.
//!
//! Mounts are shared by all tests of a process: [`unique`] gives a name that no other test has.

use serde_json::{Value, json};

use super::admin::{Admin, text};
use super::postgres::Postgres;
use super::vault::plugins;
use crate::process::eventually;

/// The plugin for PostgreSQL; the server's own where it is built in.
const POSTGRES_PLUGIN: &str = "postgresql-database-plugin";

/// A name that begins so and that nobody else has.
#[must_use]
pub fn unique(name: &str) -> String {
    let marker = crate::marker();
    format!("{name}-{}", &marker[..8])
}

/// A key-value engine.
#[derive(Debug)]
pub struct Kv {
    /// Where it is mounted, such as `team/kv`.
    pub mount: String,
    /// 1 or 2.
    pub version: u8,
    admin: Admin,
}

impl Admin {
    /// Mounts an engine.
    #[track_caller]
    pub fn mount(&self, path: &str, kind: &str, options: &Value) {
        let body = json!({ "type": kind, "options": options });
        let _answer = self.write(&format!("sys/mounts/{path}"), &body);
    }

    /// Mounts a key-value engine of this version.
    ///
    /// # Panics
    ///
    /// When it does not come up.
    #[track_caller]
    #[must_use]
    pub fn kv(&self, mount: &str, version: u8) -> Kv {
        self.mount(mount, "kv", &json!({ "version": version.to_string() }));
        // Version 2 refuses requests for a moment, while it sets itself up.
        let probe = format!("{mount}/config");
        let is_ready = || version == 1 || self.ask("GET", &probe, &Value::Null).status == 200;
        assert!(eventually(is_ready), "{mount} is not ready");
        Kv {
            mount: mount.to_owned(),
            version,
            admin: self.clone(),
        }
    }

    /// Registers a plugin that the program does not hold itself; the server checks its digest.
    #[track_caller]
    pub(super) fn register_plugin(&self, kind: &str, name: &str, command: &str) {
        let Some(folder) = plugins() else {
            return;
        };
        let program = std::fs::read(folder.join(command)).expect("the plugin");
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &program);
        let digest: String = digest
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let body = json!({ "sha256": digest, "command": command });
        let _answer = self.write(&format!("sys/plugins/catalog/{kind}/{name}"), &body);
    }

    /// Mounts a database engine with one role that may read: `MOUNT/creds/ROLE` answers
    /// `username` and `password`, for `ttl`.
    #[track_caller]
    pub fn database(&self, mount: &str, role: &str, postgres: &Postgres, ttl: &str) {
        self.register_plugin("database", POSTGRES_PLUGIN, POSTGRES_PLUGIN);
        self.mount(mount, "database", &json!({}));
        let _answer = self.write(
            &format!("{mount}/config/postgres"),
            &json!({
                "plugin_name": POSTGRES_PLUGIN,
                "connection_url": postgres.connection_url(),
                "username": postgres.owner(),
                "password": postgres.password,
                "allowed_roles": "*",
            }),
        );
        let create = "create role \"{{name}}\" with login password '{{password}}' \
                      valid until '{{expiration}}'";
        let _answer = self.write(
            &format!("{mount}/roles/{role}"),
            &json!({
                "db_name": "postgres",
                "creation_statements": [create],
                "default_ttl": ttl,
                "max_ttl": "1h",
            }),
        );
    }

    /// Mounts a PKI with an authority of its own and a role that signs every name:
    /// `MOUNT/issue/ROLE` takes `{"common_name": …}`.
    #[track_caller]
    pub fn pki(&self, mount: &str, role: &str) {
        self.mount(mount, "pki", &json!({}));
        let root = json!({ "common_name": "an authority", "key_type": "ec", "ttl": "720h" });
        let _answer = self.write(&format!("{mount}/root/generate/internal"), &root);
        let _answer = self.write(
            &format!("{mount}/roles/{role}"),
            &json!({ "allow_any_name": true, "key_type": "ec", "key_bits": 256, "ttl": "1h" }),
        );
    }

    /// Mounts a transit engine with a key.
    #[track_caller]
    pub fn transit(&self, mount: &str, key: &str) {
        self.mount(mount, "transit", &json!({}));
        let _answer = self.write(&format!("{mount}/keys/{key}"), &json!({}));
    }

    /// Has a value encrypted: `vault:v1:…`.
    #[track_caller]
    #[must_use]
    pub fn encrypt(&self, mount: &str, key: &str, value: &[u8]) -> String {
        let plaintext = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, value);
        let path = format!("{mount}/encrypt/{key}");
        let answer = self.write(&path, &json!({ "plaintext": plaintext }));
        text(&answer["data"]["ciphertext"])
    }
}

impl Kv {
    /// The API's path of a secret.
    #[must_use]
    pub fn path(&self, name: &str) -> String {
        self.path_of("data", name)
    }

    fn path_of(&self, part: &str, name: &str) -> String {
        match self.version {
            1 => format!("{}/{name}", self.mount),
            _ => format!("{}/{part}/{name}", self.mount),
        }
    }

    /// Writes a secret; in version 2, as its next version.
    #[track_caller]
    pub fn put(&self, name: &str, fields: &Value) {
        let body = match self.version {
            1 => fields.clone(),
            _ => json!({ "data": fields }),
        };
        let _answer = self.admin.write(&self.path(name), &body);
    }

    /// Deletes the latest version; in version 1, the secret.
    #[track_caller]
    pub fn delete(&self, name: &str) {
        self.admin.delete(&self.path(name));
    }

    /// Deletes these versions, which can be undone. Version 2 only.
    #[track_caller]
    pub fn delete_versions(&self, name: &str, versions: &[u64]) {
        let path = self.path_of("delete", name);
        let _answer = self.admin.write(&path, &json!({ "versions": versions }));
    }

    /// Destroys these versions. Version 2 only.
    #[track_caller]
    pub fn destroy(&self, name: &str, versions: &[u64]) {
        let path = self.path_of("destroy", name);
        let _answer = self.admin.write(&path, &json!({ "versions": versions }));
    }
}
