//! CloudTaser's own webhook, installed: an API server with the manifests of `webhook/manifests` and
//! `webhook/crds` applied, and replicas of the built program behind its Service.
//!
//! ```text
//! let installed = Installed::shared();              // one replica, ready; shared by a process's tests
//! let namespace = installed.api.namespace("shop");  // one for each test
//! installed.api.admin().create(&namespace.pods(), &wanted("app"));
//!
//! let installed = Installed::new();                 // an API server of one's own, no replica yet
//! let mut replica = installed.replica();            // a program that is ready
//! replica.terminate();                              // SIGTERM; its Service forgets it at once
//! assert_eq!(replica.ended(), Some(0));
//! ```
//!
//! The Service is the manifest's but for its type: `ExternalName` to a balancer on loopback, which
//! gives each connection to the next replica, as kube-proxy would. Each replica has the service
//! account's token and no other right. Nothing else differs from a cluster.

use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::api::{Api, ISSUER};
use super::client::{Client, Patch};
use super::namespace::pod;
use super::path;
use crate::process::eventually;
use crate::server::admin::client;
use crate::server::certs::{Authority, provider};
use crate::server::fault::tcp::{TcpFault, join};
use crate::server::front::Front;
use crate::server::keep::{Kept, Started, folder};

/// The namespace, and the name of everything in the manifests.
pub const NAMESPACE: &str = "cloudtaser";
/// See [`NAMESPACE`].
pub const NAME: &str = "cloudtaser-webhook";
/// The annotation that opts a pod in.
pub const INJECT: &str = "cloudtaser.io/inject";
/// The image of the copy step in tests.
pub const COPY_IMAGE: &str = "registry.invalid/cloudtaser:1";

const ADMISSION: &str = "admissionregistration.k8s.io/v1";
const RBAC: &str = "rbac.authorization.k8s.io/v1";
const EXTENSIONS: &str = "apiextensions.k8s.io/v1";
const OURS: &str = "cloudtaser.io/v1alpha1";

/// How long a replica may take to get ready or to end. Chosen: seconds on an idle machine.
const LIMIT: Duration = Duration::from_mins(1);

type Behind = Arc<Mutex<Vec<SocketAddr>>>;

/// Everything but the replicas.
#[derive(Debug)]
pub struct Installed {
    /// The API server.
    pub api: Api,
    front: Front,
    behind: Behind,
    kubeconfig: PathBuf,
    _folder: TempDir,
}

impl Installed {
    /// One that all tests of a process share, with a replica. Tests use namespaces of their own
    /// there, and change neither manifests nor replica.
    #[must_use]
    pub fn shared() -> &'static Self {
        &Self::shared_with_replica().0
    }

    /// The same, and its replica, whose log and metrics all tests fill.
    #[must_use]
    pub fn shared_with_replica() -> &'static (Self, Replica) {
        static SHARED: OnceLock<(Installed, Replica)> = OnceLock::new();
        SHARED.get_or_init(|| {
            let installed = Self::new();
            let replica = installed.replica();
            (installed, replica)
        })
    }

    /// One of one's own, without a replica.
    ///
    /// # Panics
    ///
    /// When it does not come to that.
    #[must_use]
    pub fn new() -> Self {
        let (api, behind) = (Api::start(), Behind::default());
        let place = tempfile::tempdir_in(folder("webhook")).expect("a folder");
        let front = balancer(&behind);
        let admin = api.admin();
        let namespace = json!({ "metadata": { "name": NAMESPACE } });
        let _object = admin.create(&path::cluster("v1", "namespaces"), &namespace);
        let manifests = ["rbac", "rbac-lookup", "service", "policy", "policy-later"];
        for manifest in manifests {
            apply(admin, &format!("manifests/{manifest}.yaml"), |_| {});
        }
        let service = path::within("v1", NAMESPACE, "services");
        let to_us = json!({ "spec": {
            "type": "ExternalName", "externalName": "localhost", "selector": null,
        } });
        let service = format!("{service}/{NAME}");
        let _object = admin.patch(&service, Patch::Merge, &to_us).ok(&service);
        for kind in ["cloudtaserprofiles", "clustercloudtaserprofiles"] {
            apply(admin, &format!("crds/{kind}.yaml"), |_| {});
            let served = path::cluster(OURS, kind);
            let is_served = eventually(|| admin.ask("GET", &served, &Value::Null).status == 200);
            assert!(is_served, "{kind}");
        }
        let installed = Self {
            kubeconfig: place.path().join("kubeconfig"),
            api,
            front,
            behind,
            _folder: place,
        };
        installed.configure();
        installed.profile(
            "default",
            &json!({
                "server": { "addresses": ["https://bao.example:8200"] },
            }),
        );
        let text = installed.kubeconfig_text();
        std::fs::write(&installed.kubeconfig, text).expect("written");
        installed
    }

    /// Applies the webhook's configuration, which a test may have deleted.
    pub fn configure(&self) {
        let port = self.front.address.port();
        apply(self.api.admin(), "manifests/webhook.yaml", |object| {
            object["webhooks"][0]["clientConfig"]["service"]["port"] = json!(port);
        });
    }

    /// The path of the webhook's configuration.
    #[must_use]
    pub fn configuration(&self) -> String {
        let all = path::cluster(ADMISSION, "mutatingwebhookconfigurations");
        format!("{all}/{NAME}")
    }

    /// The path of the Secret with the certificate.
    #[must_use]
    pub fn secret(&self) -> String {
        let all = path::within("v1", NAMESPACE, "secrets");
        format!("{all}/cloudtaser-webhook-certificate")
    }

    /// The beginning of a TLS connection as an API server makes it: it trusts the configuration's
    /// `caBundle` and wants the Service's name.
    ///
    /// # Panics
    ///
    /// When there is no bundle.
    #[must_use]
    pub fn connection(&self) -> ClientConnection {
        let configuration = self.api.admin().get(&self.configuration());
        let bundle = configuration["webhooks"][0]["clientConfig"]["caBundle"].as_str();
        let bundle = BASE64_STANDARD.decode(bundle.unwrap_or_default());
        let mut roots = RootCertStore::empty();
        for authority in CertificateDer::pem_slice_iter(&bundle.expect("base64")) {
            roots.add(authority.expect("PEM")).expect("an authority");
        }
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("the provider's versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from(format!("{NAME}.{NAMESPACE}.svc")).expect("a name");
        ClientConnection::new(Arc::new(config), name).expect("a connection")
    }

    /// Makes a profile of the cluster.
    pub fn profile(&self, name: &str, spec: &Value) {
        let object = json!({
            "apiVersion": OURS, "kind": "ClusterCloudTaserProfile",
            "metadata": { "name": name }, "spec": spec,
        });
        let all = path::cluster(OURS, "clustercloudtaserprofiles");
        let _object = self.api.admin().create(&all, &object);
    }

    /// A replica that is ready, behind the Service.
    #[must_use]
    pub fn replica(&self) -> Replica {
        self.replica_with(&[])
    }

    /// The same with more flags.
    ///
    /// # Panics
    ///
    /// With the end of its log, when it does not get ready.
    #[must_use]
    pub fn replica_with(&self, flags: &[&str]) -> Replica {
        let mut replica = self.replica_unready(flags);
        replica.wait_ready();
        self.behind.lock().expect("lock").push(replica.reviews);
        replica
    }

    /// A replica that listens, ready or not, which no API server is sent to.
    ///
    /// # Panics
    ///
    /// With the end of its log, when it does not listen.
    #[must_use]
    pub fn replica_unready(&self, flags: &[&str]) -> Replica {
        let log = folder("replica").join("log");
        let mut kept = Kept::new(&program(), libc::SIGKILL, None, log);
        let command = kept.command().env_clear();
        command.args(["--listen", "127.0.0.1:0", "--probes", "127.0.0.1:0"]);
        command.args(["--copy-image", COPY_IMAGE, "--drain", "1s"]);
        command.arg("--kubeconfig").arg(&self.kubeconfig);
        command.args(flags);
        let mut started = kept.start();
        let listens = |log: &str| log.contains("\"listening\"");
        let log = started.log_file().to_owned();
        let read = || std::fs::read_to_string(&log).unwrap_or_default();
        let is_up = started.is_ready_within(LIMIT, || listens(&read()));
        assert!(is_up, "ended:\n{}", started.tail());
        let log = started.log();
        let line = log.lines().find(|line| listens(line)).expect("the line");
        let line: Value = serde_json::from_str(line).expect("JSON");
        let address = |name: &str| line[name].as_str().expect(name).parse().expect(name);
        Replica {
            reviews: address("reviews"),
            probes: address("probes"),
            started,
            http: client(Authority::new("nobody").client_config(None)),
            behind: Arc::clone(&self.behind),
        }
    }

    /// The service account's token in a kubeconfig.
    fn kubeconfig_text(&self) -> String {
        let request = json!({ "spec": { "audiences": [ISSUER], "expirationSeconds": 7200 } });
        let accounts = path::within("v1", NAMESPACE, "serviceaccounts");
        let answer = self
            .api
            .admin()
            .create(&format!("{accounts}/{NAME}/token"), &request);
        let token = answer["status"]["token"].as_str().expect("a token");
        let authority = BASE64_STANDARD.encode(self.api.ca_pem());
        json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "contexts": [{ "name": "test", "context": { "cluster": "test", "user": "test" } }],
            "clusters": [{ "name": "test", "cluster": {
                "server": self.api.url(), "certificate-authority-data": authority,
            } }],
            "users": [{ "name": "test", "user": { "token": token } }],
        })
        .to_string()
    }
}

impl Default for Installed {
    fn default() -> Self {
        Self::new()
    }
}

/// A program that runs.
#[derive(Debug)]
pub struct Replica {
    started: Started,
    http: reqwest::blocking::Client,
    /// Where it takes reviews.
    pub reviews: SocketAddr,
    /// Where it answers probes.
    pub probes: SocketAddr,
    behind: Behind,
}

impl Replica {
    /// A page of the port for probes: status and text.
    ///
    /// # Errors
    ///
    /// When nobody answers.
    pub fn page(&self, path: &str) -> Result<(u16, String), String> {
        let url = format!("http://{}{path}", self.probes);
        let answer = self
            .http
            .get(url)
            .send()
            .map_err(|error| error.to_string())?;
        let status = answer.status().as_u16();
        Ok((status, answer.text().map_err(|error| error.to_string())?))
    }

    /// The value of a metric, by the beginning of its line; 0 if there is no such line.
    #[must_use]
    pub fn metric(&self, begin: &str) -> f64 {
        let (_, text) = self.page("/metrics").expect("metrics");
        let mut lines = text.lines();
        let value = lines.find_map(|line| line.strip_prefix(begin)?.trim().parse().ok());
        value.unwrap_or_default()
    }

    /// Whether it says that it is ready.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.page("/readyz").is_ok_and(|(status, _)| status == 200)
    }

    /// Waits until it is ready.
    ///
    /// # Panics
    ///
    /// With the end of its log.
    pub fn wait_ready(&mut self) {
        let probes = format!("http://{}/readyz", self.probes);
        let http = self.http.clone();
        let is_ready = || {
            http.get(&probes)
                .send()
                .is_ok_and(|page| page.status() == 200)
        };
        let is_up = self.started.is_ready_within(LIMIT, is_ready);
        assert!(is_up, "ended:\n{}", self.started.tail());
    }

    /// SIGTERM, and no new connections from the Service, as when its pod is deleted.
    ///
    /// # Panics
    ///
    /// When the kernel does not let us.
    pub fn terminate(&self) {
        self.forget();
        let pid = self.started.pid();
        cloudtaser_wrapper::sys::signal::kill(pid, libc::SIGTERM).expect("signalled");
    }

    /// The exit status, when it has ended within a minute.
    pub fn ended(&mut self) -> Option<i32> {
        self.started.ended_within(LIMIT)
    }

    /// SIGKILL, as when its node is lost.
    pub fn kill(&mut self) {
        self.forget();
        self.started.kill();
    }

    /// What it has logged, an object a line.
    #[must_use]
    pub fn log(&self) -> Vec<Value> {
        let log = self.started.log();
        let lines = log.lines();
        lines
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.started.pid()
    }

    fn forget(&self) {
        let mut behind = self.behind.lock().expect("lock");
        behind.retain(|address| *address != self.reviews);
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.forget();
    }
}

/// A pod that opted in, with a command of its own.
#[must_use]
pub fn wanted(name: &str) -> Value {
    let mut object = pod(name);
    object["metadata"]["annotations"] = json!({ INJECT: "true" });
    object
}

/// Whether a pod's first container starts through the wrapper.
#[must_use]
pub fn is_wrapped(pod: &Value) -> bool {
    pod["spec"]["containers"][0]["command"][0] == "/cloudtaser/bin/cloudtaser"
        && pod["spec"]["initContainers"][0]["name"] == "cloudtaser-copy"
}

/// Gives each connection to the next replica; closes it where there is none.
fn balancer(behind: &Behind) -> Front {
    let (behind, turn) = (Arc::clone(behind), Mutex::new(0_usize));
    Front::new(move |client: TcpStream, shared| {
        let replica = {
            let (behind, mut turn) = (behind.lock().expect("lock"), turn.lock().expect("lock"));
            *turn = turn.wrapping_add(1);
            behind.get(*turn % behind.len().max(1)).copied()
        };
        if let Some(replica) = replica {
            join(client, replica, TcpFault::None, shared);
        }
    })
}

/// Creates the objects of a file of the webhook's folder, each changed by `change`.
fn apply(admin: &Client, file: &str, change: impl Fn(&mut Value)) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../webhook")
        .join(file);
    let text = std::fs::read_to_string(&file).expect("a manifest");
    let objects: Vec<Value> = serde_saphyr::from_multiple(&text).expect("YAML");
    for mut object in objects {
        change(&mut object);
        let _object = admin.create(&collection(&object), &object);
    }
}

/// Where the objects of a kind are.
fn collection(object: &Value) -> String {
    let kind = object["kind"].as_str().expect("a kind");
    match kind {
        "ServiceAccount" => path::within("v1", NAMESPACE, "serviceaccounts"),
        "Service" => path::within("v1", NAMESPACE, "services"),
        "Secret" => path::within("v1", NAMESPACE, "secrets"),
        "Role" => path::within(RBAC, NAMESPACE, "roles"),
        "RoleBinding" => path::within(RBAC, NAMESPACE, "rolebindings"),
        "ClusterRole" => path::cluster(RBAC, "clusterroles"),
        "ClusterRoleBinding" => path::cluster(RBAC, "clusterrolebindings"),
        "CustomResourceDefinition" => path::cluster(EXTENSIONS, "customresourcedefinitions"),
        "MutatingWebhookConfiguration" => path::cluster(ADMISSION, "mutatingwebhookconfigurations"),
        "ValidatingAdmissionPolicy" => path::cluster(ADMISSION, "validatingadmissionpolicies"),
        "ValidatingAdmissionPolicyBinding" => {
            path::cluster(ADMISSION, "validatingadmissionpolicybindings")
        }
        other => panic!("no path for {other}"),
    }
}

/// Without it a test would prove nothing.
fn program() -> PathBuf {
    let path = std::env::var_os("CLOUDTASER_WEBHOOK_BIN").map(PathBuf::from);
    path.expect("CLOUDTASER_WEBHOOK_BIN names no program; run `cargo xtask test api`")
}
