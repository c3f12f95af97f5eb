//! Settings of the server, as `config` hands them over: checked where that needs no file and no
//! network. Pure data; [`super::address`] checks addresses, [`super::tls`] reads the files.

use std::path::PathBuf;
use std::time::Duration;

use super::address::Address;
use crate::secret::Secret;

/// Everything that the source `openbao` needs to know.
#[derive(Clone, Debug, Default)]
pub struct ServerConfig {
    /// Where the server is; several are nodes of one cluster, tried in this order. Empty when no
    /// server is configured.
    pub addresses: Vec<Address>,
    /// The namespace, sent as `X-Vault-Namespace`; the root namespace when absent.
    pub namespace: Option<String>,
    /// Certificates and what is checked.
    pub tls: TlsSettings,
    /// A proxy's URL. None is used unless it stands here: `HTTPS_PROXY` and the like are ignored.
    pub proxy: Option<String>,
    /// How to log in.
    pub login: LoginSettings,
    /// KV version (1 or 2) of mounts whose metadata the token may not read.
    pub kv_version: Option<u8>,
    /// Decryption of ciphertexts.
    pub transit: TransitSettings,
    /// Time limits and retries.
    pub limits: Limits,
}

impl ServerConfig {
    /// What keeps the way to the server from being protected; empty when nothing does.
    #[must_use]
    pub fn weaknesses(&self) -> Vec<&'static str> {
        let mut found = Vec::new();
        // What goes to a proxy without TLS leaves the machine, wherever the address points.
        let is_open = |address: &Address| !address.is_tls() && self.proxy.is_some();
        if self.addresses.iter().any(|a| a.is_insecure() || is_open(a)) {
            found.push(
                "the login and every secret travel in the clear (http, --insecure-http): whoever \
                 is on the way reads them; the protection level is `none`",
            );
        }
        let has_tls = self.addresses.iter().any(Address::is_tls);
        if has_tls && self.tls.insecure_skip_verify {
            found.push(
                "the server's certificate is not checked (--insecure-skip-verify): whoever is on \
                 the way can be the server; the protection level is `none`",
            );
        }
        found
    }
}

impl ServerConfig {
    /// What the user must know before the server is asked: [`Self::weaknesses`], and a token where
    /// others can read it.
    #[must_use]
    pub fn warnings(&self) -> Vec<&'static str> {
        let mut found = self.weaknesses();
        if self.login.token.is_some() {
            found.push(
                "a token stands in the environment (VAULT_TOKEN or BAO_TOKEN), where root and \
                 everybody who runs as this user can read it; --token-file is better",
            );
        }
        found
    }
}

/// Certificates, and what is checked of the server's. Files are read at every connection.
#[derive(Clone, Debug, Default)]
pub struct TlsSettings {
    /// The system's authorities count, from their usual places: not those that `SSL_CERT_FILE` and
    /// `SSL_CERT_DIR` name.
    pub system_ca: bool,
    /// PEM files with certification authorities; together with `ca_path` and `ca_pem` instead of
    /// the system's.
    pub ca_certs: Vec<PathBuf>,
    /// A folder of such files.
    pub ca_path: Option<PathBuf>,
    /// Such certificates as text (`VAULT_CACERT_BYTES`).
    pub ca_pem: Option<String>,
    /// The client's certificate and those that lead to its authority, PEM.
    pub client_cert: Option<PemSource>,
    /// Its private key, PEM (PKCS #8, SEC 1 or PKCS #1).
    pub client_key: Option<PemSource>,
    /// A PEM file with revocation lists. Without it, revocation is not checked.
    pub crl: Option<PathBuf>,
    /// The name that the server's certificate must have, instead of the address's host.
    pub server_name: Option<String>,
    /// Take any certificate of any server.
    pub insecure_skip_verify: bool,
}

/// Where PEM text stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PemSource {
    /// In a file.
    File(PathBuf),
    /// In a field of the local store: a reference such as `local:tls/client#key`.
    Reference(String),
}

/// How to log in; which of these a method needs is the method's business.
#[derive(Clone, Debug, Default)]
pub struct LoginSettings {
    /// The method's name, such as `kubernetes`; chosen by what else is set when absent.
    pub method: Option<String>,
    /// Where the method is mounted, without `auth/`; its own name when absent.
    pub mount: Option<String>,
    /// The role to log in as.
    pub role: Option<String>,
    /// File with a signed token (`kubernetes`, `jwt`).
    pub jwt_file: Option<PathBuf>,
    /// The role's id (`approle`).
    pub role_id: Option<String>,
    /// File with the role's id (`approle`).
    pub role_id_file: Option<PathBuf>,
    /// File with the secret id (`approle`).
    pub secret_id_file: Option<PathBuf>,
    /// File with a token (`token`).
    pub token_file: Option<PathBuf>,
    /// A token from the environment (`VAULT_TOKEN`, `BAO_TOKEN`).
    pub token: Option<Secret>,
    /// The secret id or token in the file is response-wrapped.
    pub is_wrapped: bool,
}

/// The transit engine that decrypts ciphertexts.
#[derive(Clone, Debug)]
pub struct TransitSettings {
    /// The key's name; ciphertexts are refused without one.
    pub key: Option<String>,
    /// Where the engine is mounted.
    pub mount: String,
}

impl Default for TransitSettings {
    fn default() -> Self {
        Self {
            key: None,
            mount: String::from("transit"),
        }
    }
}

/// Time limits and retries.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// For one request, from its beginning to the last byte of its answer.
    pub request: Duration,
    /// For everything: log in and fetch, retries and their pauses included.
    pub total: Duration,
    /// How often a request is tried again after 429, 5xx or a broken connection.
    pub retries: u32,
}

impl Default for Limits {
    /// Chosen: a request of this API takes milliseconds; 10 s are a server in trouble, and 30 s
    /// are less than what most supervisors wait for a start. Three retries with growing pauses
    /// outlast the change of a leader (a second or two).
    fn default() -> Self {
        Self {
            request: Duration::from_secs(10),
            total: Duration::from_secs(30),
            retries: 3,
        }
    }
}
