//! The two programs on the loopback interface: `$CLOUDTASER_TEST_ETCD`, and kube-apiserver as
//! `$CLOUDTASER_TEST_KUBE` holds it.
//!
//! Everything that they write is in a folder of their own, and all keys are made at start. etcd
//! speaks plain HTTP to whoever is on the machine: nothing secret may be put there. Both are
//! killed when the value is dropped or the test's process ends, however it ends.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use tempfile::TempDir;

use super::client::Client;
use crate::server::certs::{Authority, Flaw};
use crate::server::jwt::JwtKey;
use crate::server::keep::{Kept, Started, folder, free_port};

/// Issuer of the tokens of service accounts, and their audience where none is asked for.
pub const ISSUER: &str = "https://kubernetes.default.svc";

/// The group that may do everything.
const MASTERS: &str = "system:masters";

/// Addresses of services, which nobody here routes; a cluster's usual ones.
const SERVICES: &str = "10.96.0.0/16";

/// How long the start may take. Chosen: 4 s on a machine of two cores that does nothing else.
const LIMIT: Duration = Duration::from_mins(2);

/// How often the start is tried anew when another process took a port. Chosen: once is rare.
const ATTEMPTS: usize = 5;

/// A running API server.
#[derive(Debug)]
pub struct Api {
    admin: Client,
    authority: Authority,
    accounts: JwtKey,
    url: String,
    // Dropped in this order: the server, what it stores in, the folder of both.
    server: Started,
    etcd: Started,
    folder: TempDir,
}

impl Api {
    /// The server that all tests of a process share. Each test has a namespace of its own, and
    /// keeps what belongs to no namespace from the others by a selector.
    #[must_use]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Api> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// A server of one's own, ready. It ends when the value is dropped.
    ///
    /// # Panics
    ///
    /// With the ends of both logs, when it does not get ready.
    #[must_use]
    pub fn start() -> Self {
        for _ in 0..ATTEMPTS {
            if let Some(api) = Self::try_start() {
                return api;
            }
        }
        panic!("no port stayed free in {ATTEMPTS} attempts")
    }

    /// Nothing when another process took one of the ports.
    fn try_start() -> Option<Self> {
        let place = tempfile::tempdir_in(folder("kube")).expect("a folder");
        let (authority, accounts) = (Authority::new("the tests' cluster"), JwtKey::new());
        write_keys(place.path(), &authority, &accounts);
        let (store, port) = (free_port(), free_port());
        // Together: the server waits for what it stores in.
        let mut etcd = start_etcd(place.path(), store);
        let mut server = start_server(place.path(), store, port);
        let log = |name: &str| std::fs::read_to_string(place.path().join(name)).unwrap_or_default();
        if !etcd.is_ready_within(LIMIT, || log("etcd.log").contains("ready to serve")) {
            return taken(&etcd, &server);
        }
        let url = format!("https://127.0.0.1:{port}");
        let identity = authority.client_of(MASTERS, "admin");
        let admin = Client::new(&url, authority.client_config(Some(&identity)), None);
        // Connecting to a port where nobody listens yet may find ourselves there.
        let is_ready = || {
            log("kube-apiserver.log").contains("Serving securely on")
                && admin
                    .try_ask("GET", "/readyz")
                    .is_ok_and(|reply| reply.status == 200)
        };
        if !server.is_ready_within(LIMIT, is_ready) {
            return taken(&etcd, &server);
        }
        Some(Self {
            admin,
            authority,
            accounts,
            url,
            server,
            etcd,
            folder: place,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The certificate that signed its own, and those of its clients, in PEM.
    #[must_use]
    pub fn ca_pem(&self) -> String {
        self.authority.pem()
    }

    /// The key that signs the tokens of service accounts.
    #[must_use]
    pub fn accounts(&self) -> &JwtKey {
        &self.accounts
    }

    /// An administrator with a certificate of the group `system:masters`.
    #[must_use]
    pub fn admin(&self) -> &Client {
        &self.admin
    }

    /// Whoever has this token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Client {
        Client::new(&self.url, self.authority.client_config(None), Some(token))
    }

    /// Whoever has a certificate with this name and no group.
    #[must_use]
    pub fn as_user(&self, name: &str) -> Client {
        let identity = self.authority.client(name, Flaw::None);
        Client::new(
            &self.url,
            self.authority.client_config(Some(&identity)),
            None,
        )
    }

    /// Process ids of the server and of etcd.
    #[must_use]
    pub fn pids(&self) -> [i32; 2] {
        [self.server.pid(), self.etcd.pid()]
    }

    /// Its folder, which goes with it.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// `ca.crt`, `server.crt`, `server.key`, and the key of the service accounts in two files.
fn write_keys(folder: &Path, authority: &Authority, accounts: &JwtKey) {
    let write = |name: &str, text: &str| {
        std::fs::write(folder.join(name), text).expect("written");
    };
    write("ca.crt", &authority.pem());
    write("accounts.key", accounts.private_pem());
    write("accounts.pub", accounts.public_pem());
    let _files = authority.server(Flaw::None).write(folder, "server");
}

fn start_etcd(folder: &Path, port: u16) -> Started {
    let url = |port: u16| format!("http://127.0.0.1:{port}");
    let program = program("CLOUDTASER_TEST_ETCD");
    let mut kept = Kept::new(&program, libc::SIGKILL, None, folder.join("etcd.log"));
    let command = kept.command().env_clear().current_dir(folder);
    command.arg("--data-dir").arg(folder.join("etcd"));
    command.args(["--listen-client-urls", &url(port)]);
    command.args(["--advertise-client-urls", &url(port)]);
    command.args(["--listen-peer-urls", &url(free_port())]);
    kept.start()
}

fn start_server(folder: &Path, store: u16, port: u16) -> Started {
    let program = program("CLOUDTASER_TEST_KUBE");
    let log = folder.join("kube-apiserver.log");
    let mut kept = Kept::new(&program, libc::SIGKILL, None, log);
    let command = kept.command().env_clear().current_dir(folder);
    command.arg("kube-apiserver");
    let flags = [
        ("etcd-servers", format!("http://127.0.0.1:{store}")),
        ("bind-address", "127.0.0.1".to_owned()),
        ("advertise-address", "127.0.0.1".to_owned()),
        ("secure-port", port.to_string()),
        // It would refuse to write a loopback address into the endpoints of its own service.
        ("endpoint-reconciler-type", "none".to_owned()),
        ("service-account-issuer", ISSUER.to_owned()),
        ("service-cluster-ip-range", SERVICES.to_owned()),
        ("authorization-mode", "RBAC".to_owned()),
        // Pods that ask for it are refused otherwise, whatever a webhook says.
        ("allow-privileged", "true".to_owned()),
    ];
    for (name, value) in flags {
        command.arg(format!("--{name}={value}"));
    }
    let files = [
        ("cert-dir", ""),
        ("tls-cert-file", "server.crt"),
        ("tls-private-key-file", "server.key"),
        ("client-ca-file", "ca.crt"),
        ("service-account-key-file", "accounts.pub"),
        ("service-account-signing-key-file", "accounts.key"),
    ];
    for (name, file) in files {
        command.arg(format!("--{name}={}", folder.join(file).display()));
    }
    kept.start()
}

/// Nothing, if one of the two ended because of a port.
fn taken(etcd: &Started, server: &Started) -> Option<Api> {
    let mut logs = [etcd, server].map(Started::log).into_iter();
    let is_taken = logs.any(|log| log.contains("address already in use"));
    assert!(
        is_taken,
        "ended\n--- etcd\n{}\n--- kube-apiserver\n{}",
        etcd.tail(),
        server.tail()
    );
    None
}

/// Without it a test would prove nothing.
fn program(variable: &str) -> PathBuf {
    let path = std::env::var_os(variable).map(PathBuf::from);
    path.unwrap_or_else(|| panic!("{variable} names no program; run `cargo xtask test api`"))
}
