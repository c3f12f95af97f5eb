//! A root folder with an older glibc and a few programs of its release, for the preload library:
//! the oldest that Debian's archive still has beside the running release.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::exec::{self, Cmd};
use crate::versions::OLD_GLIBC;

/// Tells the tests where it is.
const ROOT: &str = "CLOUDTASER_OLD_GLIBC";

/// The root folder, or why there is none.
#[derive(Debug)]
pub(crate) struct OldGlibc(PathBuf);

impl OldGlibc {
    /// Tells a test where it is.
    pub(crate) fn told(&self, cmd: Cmd) -> Cmd {
        cmd.env(ROOT, &self.0)
    }
}

/// Unpacks what is missing into the cache.
///
/// # Errors
///
/// Without apt-get, or when the archive does not have the packages any more.
pub(crate) fn for_runtimes() -> Result<OldGlibc> {
    let folder = super::tool_dir("glibc", OLD_GLIBC.suite)?;
    let root = folder.join("root");
    if root.is_dir() {
        return Ok(OldGlibc(root));
    }
    if exec::which("apt-get").is_none() || exec::which("dpkg-deb").is_none() {
        bail!("an older glibc comes as Debian packages, and there is no apt-get");
    }
    println!("setup: unpacking glibc of Debian {} once", OLD_GLIBC.suite);
    let work = folder.join("unfinished");
    if work.exists() {
        super::remove(&work);
    }
    for name in ["lists/partial", "root", "packages"] {
        std::fs::create_dir_all(work.join(name)).context("cannot make a folder in the cache")?;
    }
    fetch(&work)?;
    let packages = std::fs::read_dir(work.join("packages")).context("cannot list packages")?;
    for package in packages {
        Cmd::new("dpkg-deb")
            .arg("--extract")
            .arg(package.context("cannot list packages")?.path())
            .arg(work.join("root"))
            .run()?;
    }
    std::fs::rename(work.join("root"), &root).context("cannot write into the cache")?;
    super::remove(&work);
    Ok(OldGlibc(root))
}

/// Downloads the packages; the system's own lists stay as they are.
fn fetch(work: &Path) -> Result<()> {
    let list = work.join("sources.list");
    let line = format!(
        "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] \
         http://deb.debian.org/debian {} main\n",
        OLD_GLIBC.suite
    );
    std::fs::write(&list, line).context("cannot write into the cache")?;
    let apt = || {
        super::apt_from(&list, &work.join("lists"))
            // What is installed here says nothing about that release.
            .args(["-o", "Dir::State::status=/dev/null"])
            .dir(&work.join("packages"))
    };
    apt().arg("update").run()?;
    apt().arg("download").args(OLD_GLIBC.packages).run()
}
