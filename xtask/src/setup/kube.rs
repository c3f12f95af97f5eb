//! The Kubernetes API of the tier `api`: etcd, and Kubernetes' own programs as one, `kube-all`.
//!
//! etcd is the distribution's where there is one. `kube-all` is built once from the module in
//! `tests/kube`: all five programs at once, because the four others take a quarter of the time,
//! and a tier with a whole cluster needs them. Test tools that are never shipped.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::server::go_lack;
use crate::exec::Cmd;
use crate::paths;
use crate::versions::{APT_API, ETCD, ETCD_PACKAGE, KUBERNETES};

/// Tell the tests which programs to start.
const ETCD_PROGRAM: &str = "CLOUDTASER_TEST_ETCD";
const KUBE_PROGRAM: &str = "CLOUDTASER_TEST_KUBE";

/// Where Kubernetes' programs keep what they say of their version.
const VERSION: &str = "k8s.io/component-base/version";

/// Words with which Go says that it cannot reach whoever has a module.
const UNREACHABLE: &[&str] = &[
    "connection refused",
    "connection reset",
    "dial tcp",
    "disabled by GOPROXY=off",
    "i/o timeout",
    "network is unreachable",
    "no such host",
    "proxyconnect",
    "TLS handshake timeout",
];

/// Whether there is an API server to test against.
#[derive(Debug)]
pub(crate) enum Availability {
    Here(Kube),
    /// What a developer would have to install.
    Missing(String),
}

/// The two programs.
#[derive(Debug)]
pub(crate) struct Kube {
    etcd: PathBuf,
    kube: PathBuf,
}

/// A program that is built from the module in `tests/NAME`.
struct Module {
    name: &'static str,
    package: &'static str,
    /// What is built, and how long that takes.
    about: String,
    ldflags: String,
}

/// A program, or what it lacks.
type Found = std::result::Result<PathBuf, String>;

impl Kube {
    /// Tells a test which programs to start.
    pub(crate) fn told(&self, cmd: Cmd) -> Cmd {
        cmd.env(ETCD_PROGRAM, &self.etcd)
            .env(KUBE_PROGRAM, &self.kube)
    }
}

/// Finds both programs, or provides them: once, about 8 minutes on two cores.
///
/// # Errors
///
/// When Go cannot build them although it has everything.
pub(crate) fn for_api() -> Result<Availability> {
    let found = |found: Result<Found>, name: &str| {
        found.map(|found| found.map_err(|lack| format!("{name}: {lack}")))
    };
    let etcd = match found(etcd(), "etcd")? {
        Ok(etcd) => etcd,
        Err(lack) => return Ok(Availability::Missing(lack)),
    };
    Ok(match found(kube(), "kube-apiserver")? {
        Ok(kube) => Availability::Here(Kube { etcd, kube }),
        Err(lack) => Availability::Missing(lack),
    })
}

/// What `doctor` shows: the API server that is here, without building any.
///
/// # Errors
///
/// When there is no place for a cache.
pub(crate) fn here() -> Result<Option<PathBuf>> {
    let built = place("kube", KUBERNETES, "kube-all")?;
    Ok(answers(&built).then_some(built))
}

/// The distribution's, else one that was built before, else the distribution's package, else a
/// build.
fn etcd() -> Result<Found> {
    let built = place("etcd", ETCD, "etcd")?;
    if let Some(here) = super::program("etcd") {
        return Ok(Ok(here));
    }
    if built.is_file() {
        return Ok(Ok(built));
    }
    match super::packages(APT_API) {
        Ok(()) => return Ok(super::program("etcd").ok_or_else(|| "not on PATH".to_owned())),
        Err(error) => println!("setup: no package with etcd: {error:#}"),
    }
    let module = Module {
        name: "etcd",
        package: ETCD_PACKAGE,
        about: format!("etcd {ETCD} once: 2 minutes on two cores"),
        ldflags: "-s -w".to_owned(),
    };
    module.build(&built, Some("install etcd"))
}

fn kube() -> Result<Found> {
    let built = place("kube", KUBERNETES, "kube-all")?;
    if answers(&built) {
        return Ok(Ok(built));
    }
    let module = Module {
        name: "kube",
        package: ".",
        about: format!("Kubernetes {KUBERNETES} once: about 8 minutes on two cores"),
        ldflags: ldflags(KUBERNETES),
    };
    let done = module.build(&built, None)?;
    if done.is_ok() && !answers(&built) {
        bail!("{} does not say that it is {KUBERNETES}", built.display());
    }
    Ok(done)
}

fn place(name: &str, version: &str, program: &str) -> Result<PathBuf> {
    Ok(super::tool_dir(name, version)?.join("bin").join(program))
}

/// Whether the program says that it is the version that we want.
fn answers(program: &Path) -> bool {
    let asked = Cmd::new(program)
        .args(["kube-apiserver", "--version"])
        .ask();
    asked.is_ok_and(|output| {
        String::from_utf8_lossy(&output.stdout).trim() == format!("Kubernetes {KUBERNETES}")
    })
}

impl Module {
    /// Builds it and moves it into place when it is finished. The compiled packages (2.8 GiB for
    /// Kubernetes) are thrown away afterwards; the modules are where Go keeps all.
    fn build(&self, finished: &Path, instead: Option<&str>) -> Result<Found> {
        if let Some(lack) = go_lack(instead) {
            return Ok(Err(lack));
        }
        let cache = super::scratch(self.name)?;
        if let Some(lack) = self.fetch(&cache)? {
            return Ok(Err(lack));
        }
        println!("setup: building {}", self.about);
        let bin = finished.parent().context("a program is in a folder")?;
        std::fs::create_dir_all(bin).with_context(|| format!("cannot make {}", bin.display()))?;
        let unfinished = finished.with_extension("unfinished");
        self.go("build", &cache)
            .args(["-trimpath", "-ldflags", &self.ldflags, "-o"])
            .arg(&unfinished)
            .arg(self.package)
            .run()?;
        std::fs::rename(&unfinished, finished)
            .with_context(|| format!("cannot move {} into place", finished.display()))?;
        super::remove(&cache);
        Ok(Ok(finished.to_owned()))
    }

    /// Fetches the modules that it needs; what is lacking if they cannot be reached.
    fn fetch(&self, cache: &Path) -> Result<Option<String>> {
        println!("setup: fetching the modules of tests/{}", self.name);
        let fetched = self.go("list", cache).args(["-deps", self.package]).ask()?;
        if fetched.status.success() {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&fetched.stderr);
        if is_unreachable(&text) {
            let last = text.trim().lines().last().unwrap_or_default();
            return Ok(Some(format!("its Go modules cannot be fetched: {last}")));
        }
        bail!("go list in tests/{} failed: {}", self.name, text.trim());
    }

    fn go(&self, verb: &str, cache: &Path) -> Cmd {
        Cmd::new("go")
            .arg(verb)
            // go.mod and go.sum are what we committed, or the build fails.
            .arg("-mod=readonly")
            .dir(&paths::root().join("tests").join(self.name))
            .env("GOCACHE", cache)
            .env("CGO_ENABLED", "0")
    }
}

/// Whether it is the network that Go complains of. Whatever else fails is our mistake, a checksum
/// that is not the committed one above all: no skip then.
pub(super) fn is_unreachable(text: &str) -> bool {
    !text.contains("checksum mismatch") && UNREACHABLE.iter().any(|words| text.contains(words))
}

/// What a release's own build tells the linker. Without it the server says `v0.0.0-master`, which
/// clients cannot read. Commit and date are made up, and the same in every build.
fn ldflags(version: &str) -> String {
    let mut numbers = version.trim_start_matches('v').split('.');
    let mut number = || numbers.next().unwrap_or_default();
    let facts = [
        ("gitVersion", version),
        ("gitMajor", number()),
        ("gitMinor", number()),
        ("gitTreeState", "clean"),
        ("gitCommit", "0000000000000000000000000000000000000000"),
        ("buildDate", "2026-01-01T00:00:00Z"),
    ];
    let set = facts.map(|(name, value)| format!(" -X {VERSION}.{name}={value}"));
    format!("-s -w{}", set.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(name: &str) -> String {
        let file = paths::root().join("tests").join(name).join("go.mod");
        std::fs::read_to_string(file).unwrap()
    }

    #[test]
    fn pins_are_those_of_the_modules() {
        let kube = module("kube");
        assert!(kube.contains(&format!("\tk8s.io/kubernetes {KUBERNETES}\n")));
        // The modules of Kubernetes' tree are v0 where it is v1.
        let staging = KUBERNETES.replace("v1.", "v0.");
        assert!(kube.contains(&format!("\tk8s.io/api => k8s.io/api {staging}\n")));
        let etcd = module("etcd");
        assert!(etcd.contains(&format!("\t{ETCD_PACKAGE} {ETCD} ")));
    }

    #[test]
    fn the_linker_is_told_the_version() {
        let flags = ldflags("v1.35.4");
        for fact in ["gitVersion=v1.35.4", "gitMajor=1", "gitMinor=35"] {
            let flag = format!(" -X k8s.io/component-base/version.{fact} ");
            assert!(flags.contains(&flag), "{flags}");
        }
    }

    #[test]
    fn only_the_network_makes_a_skip() {
        let lookup = "go: x: Get \"https://p.invalid/x\": dial tcp: lookup p.invalid: no such host";
        assert!(is_unreachable(lookup));
        assert!(is_unreachable("go: module lookup disabled by GOPROXY=off"));
        assert!(!is_unreachable("verifying x: checksum mismatch\ndial tcp"));
        assert!(!is_unreachable("go: updates to go.mod needed"));
    }
}
