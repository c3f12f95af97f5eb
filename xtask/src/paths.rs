//! Where things are: the checkout, cargo's target folder, the cache outside the tree.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The checkout's top folder.
pub(crate) fn root() -> &'static Path {
    // This package lies directly below it.
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}

/// Cargo's target folder: what the caller chose, else where this program was built.
///
/// # Errors
///
/// When our own path cannot be had from the kernel.
pub(crate) fn target() -> Result<PathBuf> {
    if let Some(dir) = chosen("CARGO_TARGET_DIR") {
        return Ok(root().join(dir));
    }
    // TARGET/debug/xtask
    let program = env::current_exe().context("cannot find our own program file")?;
    let target = program.parent().and_then(Path::parent);
    Ok(target.map_or_else(|| root().join("target"), Path::to_path_buf))
}

/// The folder for what is downloaded or built once, keyed by version by those who use it.
///
/// # Errors
///
/// When neither a variable nor a home folder says where.
pub(crate) fn cache() -> Result<PathBuf> {
    if let Some(dir) = chosen("CLOUDTASER_CACHE") {
        return Ok(dir);
    }
    if let Some(dir) = chosen("XDG_CACHE_HOME") {
        return Ok(dir.join("cloudtaser"));
    }
    let home = chosen("HOME").context("set CLOUDTASER_CACHE to a folder: there is no HOME")?;
    Ok(home.join(".cache/cloudtaser"))
}

fn chosen(name: &str) -> Option<PathBuf> {
    env::var_os(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

/// The release target: glibc of the host's own architecture, linked statically.
pub(crate) const TRIPLE: &str = if cfg!(target_arch = "aarch64") {
    "aarch64-unknown-linux-gnu"
} else {
    "x86_64-unknown-linux-gnu"
};

/// Whether we run as root.
pub(crate) fn is_root() -> bool {
    // The owner of our own /proc entry is our effective user.
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|meta| meta.uid() == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_the_workspace() {
        assert!(root().join("Cargo.lock").is_file());
        assert!(root().join("abi/Cargo.toml").is_file());
    }
}
