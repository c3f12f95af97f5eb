//! The real secret server of the tier `openbao`: one that is here, else Vault, built once.
//!
//! A test tool that is never shipped. What is found on the machine comes first, so that a
//! developer can test against an OpenBao of theirs.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::exec::{self, Cmd};
use crate::paths;
use crate::versions::{GO_OLDEST, GO_WANTED, SERVER, SERVER_PACKAGES};

/// Names the server's program, instead of what is on `PATH`.
const PROGRAM: &str = "CLOUDTASER_TEST_SERVER";
/// Names the folder of its plugins, if it needs any.
const PLUGINS: &str = "CLOUDTASER_TEST_PLUGINS";

/// A server's program.
#[derive(Debug)]
pub(crate) struct SecretServer {
    program: PathBuf,
    /// Where the plugins are that are not part of the program: the kubernetes login and
    /// PostgreSQL's database engine.
    plugins: Option<PathBuf>,
}

impl SecretServer {
    /// The program, which is a client as well.
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// Tells a test which server to start.
    pub(crate) fn told(&self, cmd: Cmd) -> Cmd {
        let cmd = cmd.env(PROGRAM, &self.program);
        match &self.plugins {
            Some(plugins) => cmd.env(PLUGINS, plugins),
            None => cmd,
        }
    }
}

/// Whether there is a server to test against.
#[derive(Debug)]
pub(crate) enum Availability {
    Here(SecretServer),
    /// What a developer would have to install.
    Missing(String),
}

/// Finds a server, or builds one into the cache: once, about 5 minutes on two cores.
///
/// # Errors
///
/// When the variable names no program, or Go cannot build the server.
pub(crate) fn for_server() -> Result<Availability> {
    if let Some(server) = found()? {
        return Ok(Availability::Here(server));
    }
    let bin = folder()?.join("bin");
    let missing: Vec<_> = SERVER_PACKAGES
        .iter()
        .filter(|package| !bin.join(program_name(package)).is_file())
        .collect();
    if !missing.is_empty() {
        if let Some(lack) = go_lack(Some("put `bao` or `vault` on PATH")) {
            return Ok(Availability::Missing(lack));
        }
        println!("setup: building the secret server {SERVER} once: about 5 minutes on two cores");
    }
    for (number, package) in missing.iter().enumerate() {
        println!("setup: {} of {}: {package}", number + 1, missing.len());
        build(package, &bin)?;
    }
    Ok(Availability::Here(SecretServer {
        program: bin.join("vault"),
        plugins: Some(bin),
    }))
}

/// What `doctor` shows: the server that is here, without building any.
///
/// # Errors
///
/// When the variable names no program, or there is no place for a cache.
pub(crate) fn here() -> Result<Option<PathBuf>> {
    if let Some(server) = found()? {
        return Ok(Some(server.program));
    }
    let built = folder()?.join("bin/vault");
    Ok(built.is_file().then_some(built))
}

/// By the variable, else on `PATH`: OpenBao before Vault.
fn found() -> Result<Option<SecretServer>> {
    let plugins = std::env::var_os(PLUGINS).map(PathBuf::from);
    let named = std::env::var_os(PROGRAM).filter(|value| !value.is_empty());
    let program = match named.map(PathBuf::from) {
        Some(named) if exec::is_executable(&named) => Some(named),
        Some(named) => bail!("{PROGRAM} names no program: {}", named.display()),
        None => exec::which("bao").or_else(|| exec::which("vault")),
    };
    Ok(program.map(|program| SecretServer { program, plugins }))
}

fn folder() -> Result<PathBuf> {
    super::tool_dir("vault", SERVER)
}

/// The last part of a package's path, as `go build` names the program.
fn program_name(package: &str) -> &str {
    package.rsplit('/').next().unwrap_or(package)
}

/// Builds one program beside its place and moves it there, so that an interrupted build leaves
/// nothing that looks finished.
fn build(package: &str, bin: &Path) -> Result<()> {
    std::fs::create_dir_all(bin).with_context(|| format!("cannot make {}", bin.display()))?;
    let name = program_name(package);
    let unfinished = bin.join(format!("{name}.unfinished"));
    Cmd::new("go")
        // go.mod and go.sum are what we committed, or the build fails.
        .args(["build", "-mod=readonly", "-tags", "minimal", "-trimpath"])
        .args(["-ldflags", "-s -w", "-o"])
        .arg(&unfinished)
        .arg(package)
        .dir(&paths::root().join("tests/servers"))
        .run()?;
    let finished = bin.join(name);
    std::fs::rename(&unfinished, &finished)
        .with_context(|| format!("cannot move {} into place", finished.display()))
}

/// Why Go cannot build a server, and what else would do, if anything; nothing when it can.
pub(crate) fn go_lack(instead: Option<&str>) -> Option<String> {
    let mut wanted = format!(
        "it is built with Go {GO_WANTED}, or one from {}.{} on, which fetches that: see \
         go.dev/doc/install",
        GO_OLDEST.0, GO_OLDEST.1
    );
    if let Some(instead) = instead {
        wanted += &format!(", or {instead}");
    }
    if exec::which("go").is_none() {
        return Some(wanted);
    }
    // Outside the module: there it would fetch what go.mod wants before it answers.
    let answer = Cmd::new("go").arg("version").dir(Path::new("/")).ask().ok();
    let text = answer.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let text = text.unwrap_or_default();
    let is_enough = go_version(&text).is_some_and(|version| version >= GO_OLDEST);
    (!is_enough).then(|| format!("{wanted}; here is `{}`", text.trim()))
}

/// `go version go1.26.8 linux/amd64`: (1, 26).
fn go_version(text: &str) -> Option<(u32, u32)> {
    let version = text.split_whitespace().nth(2)?.strip_prefix("go")?;
    let mut numbers = version.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_version_is_read() {
        for (text, version) in [
            ("go version go1.26.8 linux/amd64\n", Some((1, 26))),
            ("go version go1.9 linux/amd64", Some((1, 9))),
            ("go version go1.27rc1 linux/amd64", Some((1, 27))),
            ("go version devel linux/amd64", None),
            ("", None),
        ] {
            assert_eq!(go_version(text), version, "{text}");
        }
    }

    #[test]
    fn pins_are_those_of_the_module() {
        let file = paths::root().join("tests/servers/go.mod");
        let text = std::fs::read_to_string(file).unwrap();
        assert!(text.contains(&format!("require github.com/hashicorp/vault {SERVER}\n")));
        assert!(text.contains(&format!("\ngo {GO_WANTED}\n")));
    }

    #[test]
    fn programs_have_the_names_that_the_server_asks_for() {
        let names: Vec<_> = SERVER_PACKAGES
            .iter()
            .map(|path| program_name(path))
            .collect();
        assert_eq!(
            names,
            [
                "vault",
                "postgresql-database-plugin",
                "vault-plugin-auth-kubernetes"
            ]
        );
    }
}
