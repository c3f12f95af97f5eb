//! The real secret server of the benchmarks: TLS with client certificates on the loopback
//! interface, secrets in KV version 2, the login `cert`.
//!
//! A program of the tests' package starts and fills it, so that xtask does not depend on that
//! package; it ends when our end of its standard input closes.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::exec::Cmd;
use crate::setup::server::{Availability, for_server};
use crate::{paths, setup};

/// `paths` secrets with `fields` fields each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Planted {
    name: &'static str,
    paths: usize,
    fields: usize,
}

/// Ten secrets in five paths.
pub(super) const FEW: Planted = Planted {
    name: "few",
    paths: 5,
    fields: 2,
};
/// A thousand in a thousand.
pub(super) const MANY: Planted = Planted {
    name: "many",
    paths: 1000,
    fields: 1,
};

/// One secret as a variable: its name, the path below the mount, the field.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) path: String,
    pub(super) field: String,
}

/// What a client must know; the names are `serve_secrets`'.
#[derive(Debug)]
pub(super) struct Access {
    /// `https://127.0.0.1:PORT`.
    pub(super) addr: String,
    pub(super) ca_cert: PathBuf,
    pub(super) client_cert: PathBuf,
    pub(super) client_key: PathBuf,
    /// Of the login `cert`, without `auth/`.
    pub(super) auth_mount: String,
    pub(super) role: String,
    /// For clients that cannot log in by certificate.
    pub(super) token_file: PathBuf,
    /// Of the secrets.
    pub(super) mount: String,
}

/// A server that runs.
#[derive(Debug)]
pub(super) struct Server {
    keeper: Child,
    /// The server's program, whose `agent` is a peer.
    pub(super) program: PathBuf,
    pub(super) access: Access,
}

impl Planted {
    /// As `serve_secrets` wants it.
    fn word(self) -> String {
        format!("{}={}x{}", self.name, self.paths, self.fields)
    }

    /// All of them as `SECRET_0`, `SECRET_1`, …
    pub(super) fn variables(self) -> impl Iterator<Item = Variable> {
        (0..self.paths * self.fields).map(move |n| Variable {
            name: format!("SECRET_{n}"),
            path: format!("{}/{}", self.name, n / self.fields),
            field: format!("f{}", n % self.fields),
        })
    }
}

impl Server {
    /// Builds the program that keeps the server, and starts it.
    pub(super) fn start() -> Result<Self> {
        let server = match for_server()? {
            Availability::Here(server) => server,
            Availability::Missing(what) => bail!("no secret server: {what}"),
        };
        setup::for_running()?;
        Cmd::new("cargo")
            .args(["build", "--locked", "--package", "cloudtaser-tests"])
            .args(["--bin", "serve_secrets", "--bin", "start_with"])
            .dir(paths::root())
            .run()?;
        let keeper = paths::target()?.join("debug/serve_secrets");
        let mut keeper = server
            .told(Cmd::new(keeper).args([FEW.word(), MANY.word()]))
            .into_std()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start `serve_secrets`")?;
        let mut line = String::new();
        let output = keeper.stdout.take().context("no pipe")?;
        BufReader::new(output).read_line(&mut line)?;
        let access = Access::read(&line).with_context(|| match keeper.try_wait() {
            Ok(Some(status)) => format!("`serve_secrets` ended with {status}"),
            _ => "`serve_secrets` does not say where the server is".to_owned(),
        })?;
        Ok(Self {
            keeper,
            program: server.program().to_owned(),
            access,
        })
    }

    /// `cloudtaser run` with these secrets as variables, logged in by certificate.
    pub(super) fn run(&self, cloudtaser: &Path, secrets: Planted) -> Cmd {
        let login = Cmd::new(cloudtaser)
            .args(["run", "--auth", "cert"])
            .args(["--auth-mount", &self.access.auth_mount])
            .args(["--role", &self.access.role]);
        self.with_secrets(login, secrets)
    }

    /// The same with a token that is there already, as some peers need it.
    pub(super) fn run_with_token(&self, cloudtaser: &Path, secrets: Planted) -> Cmd {
        let token = Cmd::new(cloudtaser)
            .args(["run", "--auth", "token", "--token-file"])
            .arg(&self.access.token_file);
        self.with_secrets(token, secrets)
    }

    fn with_secrets(&self, run: Cmd, secrets: Planted) -> Cmd {
        let access = &self.access;
        let variables = secrets.variables().flat_map(|variable| {
            let Variable { name, path, field } = variable;
            let mount = &access.mount;
            [
                "--env".into(),
                format!("{name}=vault:{mount}/{path}#{field}"),
            ]
        });
        run.args(["--addr", &access.addr])
            .arg("--ca-cert")
            .arg(&access.ca_cert)
            .arg("--client-cert")
            .arg(&access.client_cert)
            .arg("--client-key")
            .arg(&access.client_key)
            .args(variables)
            .arg("--")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The end of its input ends it, and the server.
        drop(self.keeper.stdin.take());
        if let Err(error) = self.keeper.wait() {
            eprintln!("bench: cannot wait for `serve_secrets`: {error}");
        }
    }
}

impl Access {
    /// Reads the line that `serve_secrets` prints.
    fn read(line: &str) -> Result<Self> {
        let told: Value = serde_json::from_str(line).context("no JSON")?;
        let word = |name: &str| {
            let word = told.get(name).and_then(Value::as_str);
            word.map(str::to_owned)
                .with_context(|| format!("no `{name}`"))
        };
        Ok(Self {
            addr: word("addr")?,
            ca_cert: word("ca_cert")?.into(),
            client_cert: word("client_cert")?.into(),
            client_key: word("client_key")?.into(),
            auth_mount: word("auth_mount")?,
            role: word("role")?,
            token_file: word("token_file")?.into(),
            mount: word("mount")?,
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// As if a server had said it.
    pub(in crate::bench) fn access() -> Access {
        let line = r#"{"addr":"https://127.0.0.1:1","ca_cert":"ca","client_cert":"crt",
            "client_key":"key","auth_mount":"cert","role":"bench","token_file":"token",
            "mount":"secret"}"#;
        Access::read(line).unwrap()
    }

    #[test]
    fn variables_share_paths() {
        assert_eq!(FEW.word(), "few=5x2");
        let variables: Vec<_> = FEW.variables().collect();
        assert_eq!(variables.len(), 10);
        let last = Variable {
            name: "SECRET_9".into(),
            path: "few/4".into(),
            field: "f1".into(),
        };
        assert_eq!(variables.last(), Some(&last));
        assert_eq!(MANY.variables().count(), 1000);
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(access().mount, "secret");
        let error = Access::read(r#"{"addr":"x"}"#).unwrap_err();
        assert_eq!(error.to_string(), "no `ca_cert`");
        assert!(Access::read("").is_err());
    }
}
