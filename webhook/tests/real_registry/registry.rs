//! A registry of the test's own: a process on loopback with a folder of its own, killed when
//! dropped.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use cloudtaser_webhook::image::HostSettings;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::json;
use tempfile::TempDir;

/// Who may do what.
pub(crate) enum Access<'a> {
    Everyone,
    /// `u` with the password `right`.
    Htpasswd,
    /// Whoever has a token of this service: its realm, and the certificate of its key in PEM.
    Token {
        realm: &'a str,
        pem: &'a str,
    },
}

/// `htpasswd -B` of `u` and `right`.
const HTPASSWD: &str = "u:$2b$05$abcdefghijklmnopqrstuu8xaCxxL82bnl.UY74PMksDxIJShppPC\n";

pub(crate) struct Registry {
    process: Child,
    address: String,
    authority_pem: Option<String>,
    _folder: TempDir,
}

impl Registry {
    /// Over plain HTTP.
    pub(crate) fn start(access: &Access<'_>) -> Self {
        Self::run(access, None, false)
    }

    /// Over HTTPS, with an authority of its own.
    pub(crate) fn start_tls(access: &Access<'_>) -> Self {
        Self::run(access, None, true)
    }

    /// A pull-through mirror of `url`.
    pub(crate) fn mirror_of(url: &str) -> Self {
        Self::run(&Access::Everyone, Some(url), false)
    }

    fn run(access: &Access<'_>, mirrored: Option<&str>, is_tls: bool) -> Self {
        let folder = TempDir::new().unwrap();
        let put = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let mut http = json!({"addr": "127.0.0.1:0", "secret": "for tests"});
        let authority_pem = is_tls.then(|| {
            let (authority, certificate, key) = certificate();
            http["tls"] = json!({
                "certificate": put("certificate", &certificate), "key": put("key", &key),
            });
            authority
        });
        let mut config = json!({
            "version": 0.1, "log": {"level": "info"}, "http": http,
            "storage": {"filesystem": {"rootdirectory": folder.path().join("data")}},
        });
        match access {
            Access::Everyone => {}
            Access::Htpasswd => {
                let path = put("htpasswd", HTPASSWD);
                config["auth"] = json!({"htpasswd": {"realm": "r", "path": path}});
            }
            Access::Token { realm, pem } => {
                config["auth"] = json!({"token": {
                    "realm": realm, "service": "test", "issuer": "test",
                    "rootcertbundle": put("bundle", pem),
                }});
            }
        }
        if let Some(url) = mirrored {
            config["proxy"] = json!({"remoteurl": url});
        }
        // JSON is YAML.
        let path = put("config.yml", &config.to_string());
        let (process, address) = spawn(&path);
        Self {
            process,
            address,
            authority_pem,
            _folder: folder,
        }
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn host(&self) -> &str {
        &self.address
    }

    pub(crate) fn authority_pem(&self) -> Option<&str> {
        self.authority_pem.as_deref()
    }

    pub(crate) fn url(&self) -> String {
        let scheme = if self.authority_pem.is_some() {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://{}", self.address)
    }

    /// What the operator says about it.
    pub(crate) fn settings(&self) -> HostSettings {
        HostSettings {
            host: self.address.clone(),
            authorities_pem: self.authority_pem.clone(),
            insecure_plain_http: self.authority_pem.is_none(),
            ..HostSettings::default()
        }
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Starts the program and waits until it says where it listens.
fn spawn(config: &Path) -> (Child, String) {
    let program = std::env::var_os("CLOUDTASER_TEST_REGISTRY")
        .expect("CLOUDTASER_TEST_REGISTRY names the registry; `cargo xtask test api` sets it");
    let mut process = Command::new(program)
        .arg("serve")
        .arg(config)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
    for line in lines.by_ref() {
        let line = line.unwrap();
        if let Some((_, rest)) = line.split_once("listening on ") {
            let end = |c: char| c == ',' || c == '"' || c.is_whitespace();
            let address = rest.split(end).next().unwrap().to_owned();
            // It must not block on its log.
            std::thread::spawn(move || lines.for_each(drop));
            return (process, address);
        }
        said.push_str(&line);
        said.push('\n');
    }
    let status = process.wait().unwrap();
    panic!("the registry ended with {status}:\n{said}");
}

/// An authority, and a certificate for 127.0.0.1 with its key; all PEM.
fn certificate() -> (String, String, String) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new([String::from("127.0.0.1")]).unwrap();
    let leaf = params.signed_by(&key, &authority).unwrap();
    (authority.pem(), leaf.pem(), key.serialize_pem())
}
