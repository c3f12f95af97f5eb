//! The real server: `$CLOUDTASER_TEST_SERVER`, an OpenBao or a Vault, on the loopback interface.
//!
//! It keeps everything in memory, is initialised with one key share and unsealed. Four listeners:
//! TLS that demands a client certificate (the one that tests use), TLS that does not ask for one,
//! plain HTTP, and a Unix socket.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use serde_json::{Value, json};

use super::admin::Admin;
use super::certs::{Authority, Flaw, Identity};
use super::keep::{Kept, Started, folder, free_port};

/// How often a server is started anew when another process took its port. Chosen: once is rare.
const ATTEMPTS: usize = 5;

/// The certificates that a server and its clients have.
#[derive(Debug)]
pub struct Pki {
    /// Signs both sides.
    pub authority: Authority,
    /// The server's.
    pub server: Identity,
    /// A client's that the server lets in.
    pub client: Identity,
}

/// Where a server listens on 127.0.0.1.
#[derive(Debug)]
pub(super) struct Ports {
    mutual: u16,
    without: u16,
    http: u16,
    /// For the other nodes of a cluster.
    pub(super) cluster: u16,
}

impl Ports {
    fn free() -> Self {
        Self {
            mutual: free_port(),
            without: free_port(),
            http: free_port(),
            cluster: free_port(),
        }
    }
}

/// How far a server is brought.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Stage {
    /// Started only: it has no keys and no data.
    Uninitialised,
    /// Initialised: it answers 503.
    Sealed,
    /// Ready.
    Unsealed,
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    /// Its certificates.
    pub pki: Arc<Pki>,
    pub(super) process: Started,
    folder: PathBuf,
    ports: Ports,
    pub(super) root_token: String,
    pub(super) key: String,
}

impl Server {
    /// The server that all tests of a process share. Each test uses mounts, policies and roles of
    /// its own.
    #[must_use]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Server> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(Stage::Unsealed))
    }

    /// A server of one's own. It ends when the value is dropped.
    #[must_use]
    pub fn start(stage: Stage) -> Self {
        let mut server = Self::launch(Arc::new(Pki::new()), &|_, _, _| {});
        server.bring_to(stage);
        server
    }

    /// A server of one's own that speaks TLS 1.2 only where it demands a client certificate. It
    /// is not initialised: no connection may get that far.
    #[must_use]
    pub fn of_tls12() -> Self {
        Self::launch(Arc::new(Pki::new()), &|config, _, _| {
            config["listener"][0]["tcp"]["tls_max_version"] = json!("tls12");
        })
    }

    /// Starts the program, with what `change` makes of the configuration, given folder and ports.
    pub(super) fn launch(pki: Arc<Pki>, change: &dyn Fn(&mut Value, &Path, &Ports)) -> Self {
        let folder = folder("server");
        pki.write(&folder);
        for _ in 0..ATTEMPTS {
            let ports = Ports::free();
            let mut config = config(&folder, &ports);
            change(&mut config, &folder, &ports);
            if let Some(process) = start(&folder, &config) {
                return Self {
                    pki,
                    process,
                    folder,
                    ports,
                    root_token: String::new(),
                    key: String::new(),
                };
            }
        }
        panic!("no port stayed free in {ATTEMPTS} attempts")
    }

    fn bring_to(&mut self, stage: Stage) {
        if stage >= Stage::Sealed {
            (self.root_token, self.key) = self.admin().initialise();
        }
        if stage >= Stage::Unsealed {
            self.admin().unseal(&self.key);
        }
    }

    /// Where it demands a client certificate.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.ports.mutual)
    }

    /// Where it asks for no client certificate.
    #[must_use]
    pub fn url_without_client_certificate(&self) -> String {
        format!("https://127.0.0.1:{}", self.ports.without)
    }

    /// Where it speaks plain HTTP.
    #[must_use]
    pub fn url_http(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.http)
    }

    /// Its Unix socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.join("socket")
    }

    /// The client certificate's file, and its key's.
    #[must_use]
    pub fn client_files(&self) -> (PathBuf, PathBuf) {
        (
            self.folder.join("client.crt"),
            self.folder.join("client.key"),
        )
    }

    /// The authority's file.
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        self.folder.join("ca.crt")
    }

    /// An administrator with the root token, over mutual TLS.
    #[must_use]
    pub fn admin(&self) -> Admin {
        let tls = self.pki.authority.client_config(Some(&self.pki.client));
        Admin::new(&self.url(), tls, &self.root_token)
    }

    /// Where it demands a client certificate, for faults below TLS.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.ports.mutual))
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.process.pid()
    }

    /// What it has printed.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }
}

impl Pki {
    /// A new authority, and one certificate for each side.
    #[must_use]
    pub fn new() -> Self {
        let authority = Authority::new("CloudTaser's tests");
        Self {
            server: authority.server(Flaw::None),
            client: authority.client("client", Flaw::None),
            authority,
        }
    }

    /// `ca.crt`, `server.crt`, `server.key`, `client.crt`, `client.key`.
    pub(super) fn write(&self, folder: &Path) {
        std::fs::write(folder.join("ca.crt"), self.authority.pem()).expect("written");
        let _files = self.server.write(folder, "server");
        let _files = self.client.write(folder, "client");
    }
}

impl Default for Pki {
    fn default() -> Self {
        Self::new()
    }
}

/// The program; without it a test would prove nothing.
fn program() -> PathBuf {
    let path = std::env::var_os("CLOUDTASER_TEST_SERVER").map(PathBuf::from);
    path.expect("CLOUDTASER_TEST_SERVER names no server; run `cargo xtask test openbao`")
}

/// Where the plugins are that the program does not hold itself.
pub(super) fn plugins() -> Option<PathBuf> {
    std::env::var_os("CLOUDTASER_TEST_PLUGINS").map(PathBuf::from)
}

/// Starts the program with this configuration; nothing if it ended because of a port.
fn start(folder: &Path, config: &Value) -> Option<Started> {
    let file = folder.join("config.json");
    std::fs::write(&file, config.to_string()).expect("written");
    // It ends its plugins when it is told to terminate; killed, it leaves them behind.
    let mut kept = Kept::new(&program(), libc::SIGTERM, None, folder.join("log"));
    kept.command()
        .arg("server")
        .arg(format!("-config={}", file.display()))
        .current_dir(folder)
        .env_clear()
        .env("TMPDIR", folder);
    let mut process = kept.start();
    // Both servers say so when their listeners answer. Trying to connect is no way to find out: a
    // port that nobody listens on may connect to itself.
    let log = folder.join("log");
    let text = || std::fs::read_to_string(&log).unwrap_or_default();
    if process.is_ready(|| text().contains("server started!")) {
        return Some(process);
    }
    let log = text();
    assert!(log.contains("address already in use"), "{log}");
    None
}

fn config(folder: &Path, ports: &Ports) -> Value {
    let mut config = json!({
        "storage": { "inmem": {} },
        "listener": [
            tcp(folder, ports.mutual, "tls_require_and_verify_client_cert"),
            tcp(folder, ports.without, "tls_disable_client_certs"),
            tcp(folder, ports.http, "tls_disable"),
            { "unix": { "address": folder.join("socket") } },
        ],
        "api_addr": format!("https://127.0.0.1:{}", ports.mutual),
        // Needs a privilege, and the tests' secrets are none.
        "disable_mlock": true,
    });
    if let Some(plugins) = plugins() {
        config["plugin_directory"] = json!(plugins);
    }
    config
}

/// A listener with one switch set. TLS 1.2 is the least, as the server's default is.
fn tcp(folder: &Path, port: u16, switch: &str) -> Value {
    json!({ "tcp": {
        "address": format!("127.0.0.1:{port}"),
        "tls_cert_file": folder.join("server.crt"),
        "tls_key_file": folder.join("server.key"),
        "tls_client_ca_file": folder.join("ca.crt"),
        switch: true,
    } })
}
