//! What the tier `vm` needs: QEMU, distribution kernels, and the compiler and linker of the kernel
//! programs.
//!
//! Kernels are unpacked into the cache and never installed. The kernel programs need a compiler
//! with the sources of its core library, which Debian has and our pinned toolchain has not.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::exec::{self, Cmd};
use crate::paths;
use crate::versions::{APT_VM, BPF_LINKER, BPF_PACKAGES, KERNEL_SERIES, LLVM};

/// Debian's compiler, beside whichever one runs us.
pub(crate) const RUSTC: &str = "/usr/bin/rustc";
/// Its sources: `-Zbuild-std` looks for them there.
const RUST_SOURCES: &str = "/usr/lib/rustlib/src/rust/library/core/Cargo.toml";

/// A kernel to test on.
#[derive(Debug)]
pub(crate) struct Kernel {
    /// `6.12`.
    pub(crate) series: &'static str,
    /// The package's name, which holds the version.
    pub(crate) package: String,
    /// Its image.
    pub(crate) image: PathBuf,
}

/// What is here, and which kernels are not, with the reason.
#[derive(Debug)]
pub(crate) struct Bed {
    pub(crate) kernels: Vec<Kernel>,
    pub(crate) lacking: Vec<(&'static str, String)>,
    /// The folder of `bpf-linker`.
    pub(crate) linker: PathBuf,
}

/// Whether the tier can run at all.
#[derive(Debug)]
pub(crate) enum Availability {
    Here(Bed),
    /// What is missing.
    Missing(String),
}

/// Installs, builds and unpacks what is missing: about 4 minutes on two cores.
///
/// # Errors
///
/// When `bpf-linker` cannot be built, or there is no place for a cache.
pub(crate) fn for_vm() -> Result<Availability> {
    if std::env::consts::ARCH != "x86_64" {
        return Ok(Availability::Missing("the machines are x86-64".to_owned()));
    }
    if let Err(error) = super::packages(APT_VM) {
        return Ok(Availability::Missing(format!("{error:#}")));
    }
    if !llvm_header().is_file() || !Path::new(RUST_SOURCES).is_file() {
        println!("setup: installing the compiler of the kernel programs");
        if let Err(error) = super::packages_of(BPF_PACKAGES) {
            return Ok(Availability::Missing(format!("{error:#}")));
        }
    }
    let mut bed = Bed {
        kernels: Vec::new(),
        lacking: Vec::new(),
        linker: linker()?,
    };
    for series in KERNEL_SERIES {
        match kernel(series) {
            Ok(kernel) => bed.kernels.push(kernel),
            Err(error) => bed.lacking.push((series, format!("{error:#}"))),
        }
    }
    Ok(Availability::Here(bed))
}

fn llvm_header() -> PathBuf {
    Path::new(LLVM).join("include/llvm-c/Core.h")
}

/// Builds `bpf-linker` into the cache unless it is there; answers its folder.
fn linker() -> Result<PathBuf> {
    let folder = super::tool_dir(BPF_LINKER.name, BPF_LINKER.version)?;
    let bin = folder.join("bin");
    if !bin.join(BPF_LINKER.name).is_file() {
        println!(
            "setup: building {} once: {}",
            BPF_LINKER.name, BPF_LINKER.why
        );
        let scratch = super::scratch(BPF_LINKER.name)?;
        Cmd::new("cargo")
            .args(["install", "--locked", "--version", BPF_LINKER.version])
            .args(["--no-default-features", "--features", "llvm-22", "--root"])
            .arg(&folder)
            .arg(BPF_LINKER.name)
            .env("LLVM_PREFIX", LLVM)
            .env("CARGO_TARGET_DIR", &scratch)
            .run()?;
        super::remove(&scratch);
    }
    Ok(bin)
}

/// The newest cloud kernel of a series: one that was unpacked before, else from the archive.
fn kernel(series: &'static str) -> Result<Kernel> {
    let cache = paths::cache()?.join("kernels");
    std::fs::create_dir_all(&cache).context("cannot make a folder in the cache")?;
    let unpacked = std::fs::read_dir(&cache).context("cannot list the cache")?;
    let names = unpacked.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let package = match newest(series, names) {
        Some(package) => package,
        None => fetch(series, &cache)?,
    };
    let boot = cache.join(&package).join("boot");
    let files = std::fs::read_dir(&boot).with_context(|| format!("no {}", boot.display()))?;
    let mut files = files.filter_map(|entry| Some(entry.ok()?.path()));
    let is_image = |file: &PathBuf| {
        let name = file.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with("vmlinuz-"))
    };
    let image = files
        .find(is_image)
        .context("the package has no kernel image")?;
    Ok(Kernel {
        series,
        package,
        image,
    })
}

/// Downloads a package and unpacks it beside its place, then moves it there.
fn fetch(series: &str, cache: &Path) -> Result<String> {
    if exec::which("apt-get").is_none() || exec::which("dpkg-deb").is_none() {
        bail!("kernels come as Debian packages, and there is no apt-get");
    }
    let pattern = format!(
        "^linux-image-{}\\..*-cloud-amd64$",
        series.replace('.', "\\.")
    );
    let found = Cmd::new("apt-cache")
        .args(["search", "--names-only", &pattern])
        .ask()?;
    let text = String::from_utf8_lossy(&found.stdout).into_owned();
    let names = text
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    let package = newest(series, names.map(str::to_owned));
    let package = package.with_context(|| format!("apt knows no cloud kernel of {series}"))?;
    println!("setup: unpacking {package} once");
    let work = cache.join("unfinished");
    if work.exists() {
        super::remove(&work);
    }
    std::fs::create_dir_all(work.join("root")).context("cannot make a folder in the cache")?;
    Cmd::new("apt-get")
        .args([
            "--quiet",
            "-o",
            "APT::Sandbox::User=root",
            "download",
            &package,
        ])
        .dir(&work)
        .run()?;
    let files = std::fs::read_dir(&work).context("cannot list the cache")?;
    let mut files = files.filter_map(|entry| Some(entry.ok()?.path()));
    let file = files.find(|file| file.extension().is_some_and(|ext| ext == "deb"));
    Cmd::new("dpkg-deb")
        .arg("--extract")
        .arg(file.context("apt-get downloaded no package")?)
        .arg(work.join("root"))
        .run()?;
    // Its modules are not used: what we need is built in.
    super::remove(&work.join("root/lib"));
    std::fs::rename(work.join("root"), cache.join(&package)).context("cannot write the cache")?;
    super::remove(&work);
    Ok(package)
}

/// The highest version of a series among package names.
fn newest(series: &str, names: impl Iterator<Item = String>) -> Option<String> {
    let version = |name: &String| -> Option<Vec<u32>> {
        let rest = name
            .strip_prefix("linux-image-")?
            .strip_suffix("-cloud-amd64")?;
        rest.strip_prefix(series)?.strip_prefix('.')?;
        let numbers = rest.split(|c: char| !c.is_ascii_digit());
        Some(numbers.filter_map(|number| number.parse().ok()).collect())
    };
    let known = names.filter(|name| version(name).is_some());
    known.max_by_key(|name| version(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_of_a_series_is_taken() {
        let names = [
            "linux-image-6.1.0-9-cloud-amd64",
            "linux-image-6.1.0-56-cloud-amd64",
            "linux-image-6.1.0-99-cloud-amd64-unsigned",
            "linux-image-6.12.9+deb12-cloud-amd64",
            "linux-image-6.12.115+deb12-cloud-amd64",
        ];
        let newest = |series| newest(series, names.map(str::to_owned).into_iter());
        assert_eq!(newest("6.1").as_deref(), Some(names[1]));
        assert_eq!(newest("6.12").as_deref(), Some(names[4]));
        assert_eq!(newest("5.10"), None);
    }
}
