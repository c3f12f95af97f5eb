//! `cargo xtask setup`: installs what is missing, pinned, and says what it does.
//!
//! Idempotent: what is there is left alone. In groups, so that a fresh machine pays for the
//! linters' tools only when it lints and for the benchmark's peer only when it measures.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::command::Answer;
use crate::exec::{self, Cmd};
use crate::paths;
use crate::versions::{APT_RUN, AptPackage, CargoTool, GoTool};

pub(crate) mod kube;
pub(crate) mod old_glibc;
pub(crate) mod registry;
pub(crate) mod runtimes;
pub(crate) mod server;
pub(crate) mod vm;

/// Where Debian keeps PostgreSQL's server programs, outside `PATH`, a folder for each version.
const POSTGRESQL: &str = "/usr/lib/postgresql";

/// The command itself: the group that `build`, `test` and `demo` need; or what a tier needs.
pub(crate) fn run(tier: Option<&str>) -> Answer {
    match tier {
        None => {}
        Some("api") => return for_api(),
        Some("vm") => return for_vm(),
        Some(other) => {
            bail!("only the tiers `api` and `vm` can be set up by themselves, not `{other}`")
        }
    }
    for_running()?;
    println!("setup: everything for build, test and demo is here");
    println!(
        "setup: `lint`, `bench` and the tiers `openbao`, `api` and `vm` install their own tools on first use"
    );
    Ok(true)
}

/// The servers of the tier `api`, all that can be had; an answer of no if one is missing.
fn for_api() -> Answer {
    for_running()?;
    let lacks = [
        match registry::for_api()? {
            registry::Availability::Here(_) => None,
            registry::Availability::Missing(lack) => Some(("the image registry", lack)),
        },
        match kube::for_api()? {
            kube::Availability::Here(_) => None,
            kube::Availability::Missing(lack) => Some(("the Kubernetes API", lack)),
        },
        match server::for_server()? {
            server::Availability::Here(_) => None,
            server::Availability::Missing(lack) => Some(("the secret server", lack)),
        },
    ];
    for (name, lack) in lacks.iter().flatten() {
        println!("setup: {name} is missing: {lack}");
    }
    Ok(lacks.iter().all(Option::is_none))
}

/// What the tier `vm` needs; an answer of no if something is missing.
fn for_vm() -> Answer {
    match vm::for_vm()? {
        vm::Availability::Here(bed) => {
            for (series, lack) in &bed.lacking {
                println!("setup: no kernel {series}: {lack}");
            }
            Ok(bed.lacking.is_empty())
        }
        vm::Availability::Missing(lack) => {
            println!("setup: the tier `vm` cannot run: {lack}");
            Ok(false)
        }
    }
}

/// What `demo` and the process tests need.
///
/// # Errors
///
/// When something is missing and cannot be installed; names it and the command to type.
pub(crate) fn for_running() -> Result<()> {
    packages(APT_RUN)
}

/// Installs the packages of which a program is missing.
///
/// # Errors
///
/// Without root, without apt-get, or when apt-get fails.
pub(crate) fn packages(wanted: &[AptPackage]) -> Result<()> {
    let missing = missing(wanted);
    if missing.is_empty() {
        return Ok(());
    }
    for package in &missing {
        println!("setup: missing {}: {}", package.name, package.why);
    }
    let names: Vec<&str> = missing.iter().map(|package| package.name).collect();
    if !paths::is_root() || exec::which("apt-get").is_none() {
        bail!(
            "missing programs; as root: apt-get update && apt-get install {} (or what provides {})",
            names.join(" "),
            missing
                .iter()
                .flat_map(|package| package.programs)
                .copied()
                .collect::<Vec<_>>()
                .join(", "),
        );
    }
    apt("update", &[])?;
    apt("install", &names)?;
    match self::missing(wanted).first() {
        None => Ok(()),
        Some(package) => bail!(
            "{} was installed but {:?} are not found",
            package.name,
            package.programs
        ),
    }
}

/// Installs packages that have no program to be looked for.
///
/// # Errors
///
/// Without root, without apt-get, or when apt-get fails.
pub(crate) fn packages_of(names: &[&str]) -> Result<()> {
    if !paths::is_root() || exec::which("apt-get").is_none() {
        bail!(
            "missing packages; as root: apt-get install {}",
            names.join(" ")
        );
    }
    apt("update", &[])?;
    apt("install", names)
}

/// `apt-get` with sources and lists of its own: the system's stay as they are.
fn apt_from(list: &Path, lists: &Path) -> Cmd {
    let option = |name: &str, path: &Path| format!("{name}={}", path.display());
    Cmd::new("apt-get")
        .arg("--quiet")
        .arg("-o")
        .arg(option("Dir::Etc::SourceList", list))
        .args(["-o", "Dir::Etc::SourceParts=/dev/null"])
        .arg("-o")
        .arg(option("Dir::State::Lists", lists))
        .args(["-o", "APT::Sandbox::User=root"])
}

fn apt(verb: &str, names: &[&str]) -> Result<()> {
    Cmd::new("apt-get")
        .args(["--quiet", "--yes", "--no-install-recommends", verb])
        .args(names)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .run()
}

/// The packages of which a program is missing.
pub(crate) fn missing(wanted: &[AptPackage]) -> Vec<AptPackage> {
    let lacks = |package: &&AptPackage| package.programs.iter().any(|name| program(name).is_none());
    wanted.iter().filter(lacks).copied().collect()
}

/// A program on `PATH`, among the administrator's, or among PostgreSQL's server programs, newest
/// version first.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    exec::which(name).or_else(|| sbin(name)).or_else(|| {
        let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir(POSTGRESQL)
            .ok()?
            .filter_map(|entry| {
                let entry = entry.ok()?;
                Some((entry.file_name().to_str()?.parse().ok()?, entry.path()))
            })
            .collect();
        versions.sort();
        let files = versions
            .into_iter()
            .rev()
            .map(|(_, dir)| dir.join("bin").join(name));
        files.into_iter().find(|file| exec::is_executable(file))
    })
}

/// In `/usr/sbin`, which is not on every user's `PATH`; a version may follow the name
/// (`php-fpm8.2`).
fn sbin(name: &str) -> Option<PathBuf> {
    let entries = std::fs::read_dir("/usr/sbin").ok()?;
    let mut files = entries.filter_map(|entry| Some(entry.ok()?.path()));
    files.find(|file| {
        let rest = file
            .file_name()
            .and_then(|file| file.to_str()?.strip_prefix(name));
        let is_version = |rest: &str| rest.chars().all(|c| c.is_ascii_digit() || c == '.');
        rest.is_some_and(is_version) && exec::is_executable(file)
    })
}

/// Where a pinned cargo tool is, or will be, in the cache.
///
/// # Errors
///
/// When there is no place for a cache.
pub(crate) fn cargo_tool_path(tool: CargoTool) -> Result<PathBuf> {
    Ok(tool_dir(tool.name, tool.version)?
        .join("bin")
        .join(tool.name))
}

/// Builds a pinned cargo tool into the cache unless it is there; answers its path.
///
/// # Errors
///
/// When cargo cannot build it.
pub(crate) fn cargo_tool(tool: CargoTool) -> Result<PathBuf> {
    let program = cargo_tool_path(tool)?;
    if !program.is_file() {
        println!(
            "setup: building {} {} once: {}",
            tool.name, tool.version, tool.why
        );
        Cmd::new("cargo")
            .args(["install", "--locked", "--version", tool.version, "--root"])
            .arg(tool_dir(tool.name, tool.version)?)
            .arg(tool.name)
            .env("CARGO_TARGET_DIR", scratch(tool.name)?)
            .run()?;
        remove(&scratch(tool.name)?);
    }
    Ok(program)
}

/// Builds a pinned Go program into the cache unless it is there; answers its path.
///
/// # Errors
///
/// When there is no Go toolchain, or it cannot build the program.
pub(crate) fn go_tool(tool: GoTool) -> Result<PathBuf> {
    let dir = tool_dir(tool.name, tool.version)?.join("bin");
    let program = dir.join(tool.name);
    if !program.is_file() {
        if exec::which("go").is_none() {
            bail!(
                "{} is built with Go, which is not here: see go.dev/doc/install",
                tool.name
            );
        }
        println!(
            "setup: building {} {} once, some minutes",
            tool.name, tool.version
        );
        let mut last = String::new();
        let install = Cmd::new("go")
            .arg("install")
            .arg(format!("{}@{}", tool.package, tool.version))
            .env("GOBIN", &dir);
        let status = install.lines(|line| line.clone_into(&mut last))?;
        if !status.success() {
            bail!("go install of {} ended with {status}: {last}", tool.name);
        }
    }
    Ok(program)
}

fn tool_dir(name: &str, version: &str) -> Result<PathBuf> {
    let dir = paths::cache()?
        .join("tools")
        .join(format!("{name}-{version}"));
    std::fs::create_dir_all(&dir)
        .with_context(|| format!("cannot make the cache folder {}", dir.display()))?;
    Ok(dir)
}

/// A target folder that is thrown away: a tool's objects are of no use later.
fn scratch(name: &str) -> Result<PathBuf> {
    Ok(paths::cache()?.join("build").join(name))
}

fn remove(dir: &Path) {
    if let Err(error) = std::fs::remove_dir_all(dir) {
        eprintln!("setup: cannot remove {}: {error}", dir.display());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_missing_when_one_program_is() {
        let here = AptPackage {
            name: "here",
            programs: &["sh"],
            why: "",
        };
        let gone = AptPackage {
            name: "gone",
            programs: &["sh", "no-such-program"],
            why: "",
        };
        let names: Vec<_> = missing(&[here, gone])
            .iter()
            .map(|package| package.name)
            .collect();
        assert_eq!(names, ["gone"]);
    }
}
