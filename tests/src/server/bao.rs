//! `cloudtaser run` with the source `openbao`: addresses, certificates and logins as flags.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::certs::{Authority, Identity};
use super::vault::{Server, Stage};
use crate::{Planted, Wrapper};

/// The mount that [`planted`] makes.
const MOUNT: &str = "secret";

impl Wrapper {
    /// The product, on its way to this server over mutual TLS. It still needs a login.
    #[must_use]
    pub fn openbao(server: &Server) -> Self {
        Self::openbao_at(
            &server.url(),
            &server.pki.authority,
            Some(&server.pki.client),
        )
    }

    /// The product, on its way to `url`, which has a certificate of `authority`: a proxy, or
    /// another listener.
    #[must_use]
    pub fn openbao_at(url: &str, authority: &Authority, client: Option<&Identity>) -> Self {
        let wrapper = Self::product().env("CLOUDTASER_SOURCE", "openbao");
        let ca = wrapper.write("ca.crt", authority.pem());
        let files = client.map(|client| client.write(wrapper.folder(), "client"));
        let wrapper = wrapper.flag("--addr", url).flag("--ca-cert", ca);
        match files {
            None => wrapper,
            Some((certificate, key)) => wrapper
                .flag("--client-cert", certificate)
                .flag("--client-key", key),
        }
    }

    /// One option and its value.
    #[must_use]
    pub fn flag(self, name: &str, value: impl Into<std::ffi::OsString>) -> Self {
        self.flags(&[name.into(), value.into()])
    }

    /// Writes `content` into a file of its folder and names that by an option.
    #[must_use]
    pub fn flag_file(self, name: &str, content: &str) -> Self {
        let file = self.write(name.trim_start_matches('-'), content);
        self.flag(name, file)
    }

    /// Uses this token.
    #[must_use]
    pub fn token(self, token: &str) -> Self {
        self.flag("--auth", "token")
            .flag_file("--token-file", token)
    }

    /// Logs in by this method, mounted there, as this role. `jwt` and `kubernetes` want
    /// `--jwt-file` too, `approle` wants `--role-id` and `--secret-id-file` in the role's place.
    #[must_use]
    pub fn login(self, method: &str, mount: &str, role: &str) -> Self {
        let wrapper = self.flag("--auth", method).flag("--auth-mount", mount);
        if role.is_empty() {
            return wrapper;
        }
        wrapper.flag("--role", role)
    }
}

/// The product with a server of its own, in which these secrets stand, which must be text: a
/// source for the memory search. Their paths begin with `secret/`.
///
/// # Panics
///
/// When they do not.
#[must_use]
pub fn planted(secrets: &[Planted]) -> Wrapper {
    let server = Server::start(Stage::Unsealed);
    let admin = server.admin();
    let kv = admin.kv(MOUNT, 2);
    let mut paths = BTreeMap::<&str, Map<String, Value>>::new();
    for secret in secrets {
        let text = str::from_utf8(&secret.value).expect("text");
        let fields = paths.entry(&secret.path).or_default();
        fields.insert(secret.field.clone(), text.into());
    }
    for (path, fields) in paths {
        let name = path
            .strip_prefix(MOUNT)
            .and_then(|rest| rest.strip_prefix('/'));
        kv.put(name.expect("below `secret/`"), &Value::Object(fields));
    }
    admin.allow("reader", MOUNT);
    let token = admin.create_token(&["reader"]);
    Wrapper::openbao(&server)
        .token(&token.token)
        .keeping(server)
}
