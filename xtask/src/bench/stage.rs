//! What all benchmarks stand on: the release binary, a bare program, stores with made-up secrets.

use std::cell::OnceCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};

use super::paired::MARK;
use super::server::Server;
use crate::exec::Cmd;
use crate::{paths, product, setup};

/// Secrets in the small and in the large store.
pub(super) const TEN: usize = 10;
pub(super) const THOUSAND: usize = 1000;
/// Bytes in a value of the small store.
pub(super) const SMALL_VALUE: usize = 32;
/// Bytes in a value of the large store.
pub(super) const LARGE_VALUE: usize = 1024;

/// A program that does nothing: what the wrapper's start is measured over.
pub(super) const BARE: &str = "int main(void) { return 0; }\n";
/// The file that exists in memory only.
pub(super) const SERVED: &str = "/run/cloudtaser-bench/secret";

/// The folder with everything; made anew for each run, below cargo's target folder.
#[derive(Debug)]
pub(super) struct Stage {
    dir: PathBuf,
    /// `cloudtaser`, as released.
    pub(super) cloudtaser: PathBuf,
    /// A static program that ends at once.
    pub(super) bare: PathBuf,
    /// One that first says that it has started.
    pub(super) mark: PathBuf,
    /// Started when the first benchmark wants it.
    server: OnceCell<Server>,
}

/// A store with secrets `secret/bench/0`, `secret/bench/1`, …, each with the field `value`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Secrets {
    pub(super) count: usize,
    pub(super) name: &'static str,
}

impl Stage {
    /// Builds and fills everything.
    pub(super) fn new() -> Result<Self> {
        setup::for_running()?;
        let cloudtaser = match std::env::var_os("CLOUDTASER_BIN") {
            Some(file) => PathBuf::from(file),
            None => product::build(true)?,
        };
        let dir = paths::target()?.join("bench");
        if dir.exists() {
            fs::remove_dir_all(&dir).with_context(|| format!("cannot empty {}", dir.display()))?;
        }
        fs::create_dir_all(&dir)?;
        let stage = Self {
            bare: compiled(&dir, "bare", BARE)?,
            mark: compiled(&dir, "mark", &mark())?,
            dir,
            cloudtaser,
            server: OnceCell::new(),
        };
        stage.fill(SMALL, SMALL_VALUE)?;
        stage.fill(LARGE, LARGE_VALUE)?;
        Ok(stage)
    }

    /// The real secret server, with its secrets.
    pub(super) fn server(&self) -> Result<&Server> {
        if let Some(server) = self.server.get() {
            return Ok(server);
        }
        let server = Server::start()?;
        Ok(self.server.get_or_init(|| server))
    }

    /// A file of the stage.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The identity of a store.
    pub(super) fn identity(&self, secrets: Secrets) -> PathBuf {
        self.file(&format!("{}.identity", secrets.name))
    }

    /// `cloudtaser` with a subcommand and the options that name the store.
    fn on_store(&self, words: &[&str], secrets: Secrets) -> Cmd {
        Cmd::new(&self.cloudtaser)
            .args(words)
            .arg("--store")
            .arg(self.file(&format!("{}.age", secrets.name)))
            .arg("--identity")
            .arg(self.identity(secrets))
    }

    /// `cloudtaser run` with the first `used` secrets of a store as variables.
    pub(super) fn run(&self, secrets: Secrets, used: usize) -> Cmd {
        let variables = (0..used.min(secrets.count)).flat_map(|n| {
            [
                "--env".to_owned(),
                format!("SECRET_{n}=vault:secret/bench/{n}#value"),
            ]
        });
        self.on_store(&["run"], secrets).args(variables).arg("--")
    }

    /// `cloudtaser run` with the preload library, and a secret of 32 bytes as the file [`SERVED`]
    /// and as a variable.
    pub(super) fn serve(&self) -> Cmd {
        let reference = "vault:secret/bench/0#value";
        self.on_store(&["run", "--delivery", "preload"], SMALL)
            .args(["--env".to_owned(), format!("SECRET_0={reference}")])
            .args(["--file".to_owned(), format!("{SERVED}={reference}")])
            .arg("--")
    }

    /// Values of a store, in the order of their paths: distinct, of `length` bytes.
    fn fill(&self, secrets: Secrets, length: usize) -> Result<()> {
        // Both say what they have made, and our own output may be JSON.
        let mut init = self.on_store(&["store", "init"], secrets).into_std();
        let status = init.stdout(Stdio::null()).status()?;
        ensure!(
            status.success(),
            "`cloudtaser store init` ended with {status}"
        );
        let document: serde_json::Map<String, serde_json::Value> = (0..secrets.count)
            .map(|n| {
                (
                    format!("secret/bench/{n}"),
                    serde_json::json!({ "value": value(n, length) }),
                )
            })
            .collect();
        let text = serde_json::Value::from(document).to_string();
        let mut child = self
            .on_store(&["store", "import", "--format", "json", "-"], secrets)
            .into_std()
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .context("cannot run `cloudtaser store import`")?;
        if let Some(mut stdin) = child.stdin.take() {
            std::io::Write::write_all(&mut stdin, text.as_bytes())?;
        }
        let status = child.wait()?;
        ensure!(
            status.success(),
            "`cloudtaser store import` ended with {status}"
        );
        Ok(())
    }
}

/// A program that writes one line, and nothing before it.
fn mark() -> String {
    let length = MARK.len() + 1;
    format!(
        "#include <unistd.h>\n\
         int main(void) {{ return write(1, \"{MARK}\\n\", {length}) != {length}; }}\n"
    )
}

/// A static program of a few lines of C.
fn compiled(dir: &Path, name: &str, source: &str) -> Result<PathBuf> {
    let (file, program) = (dir.join(format!("{name}.c")), dir.join(name));
    fs::write(&file, source)?;
    let cc = Cmd::new("cc").args(["-O2", "-static", "-o"]);
    cc.arg(&program).arg(&file).run()?;
    Ok(program)
}

/// Ten secrets of the size of a password.
pub(super) const SMALL: Secrets = Secrets {
    count: TEN,
    name: "small",
};
/// A thousand of 1 KiB.
pub(super) const LARGE: Secrets = Secrets {
    count: THOUSAND,
    name: "large",
};

/// A made-up value: `n` and then letters that do not repeat with a short period.
pub(super) fn value(n: usize, length: usize) -> String {
    let letter = |i: usize| ('a'..='z').nth((i * i + i / 7 + n) % 26).unwrap_or('a');
    let start = format!("{n}-");
    let rest = (0..length.saturating_sub(start.len())).map(letter);
    start.chars().chain(rest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_their_length_and_differ() {
        assert_eq!(value(7, LARGE_VALUE).len(), LARGE_VALUE);
        assert_ne!(value(1, 32), value(2, 32));
    }
}
