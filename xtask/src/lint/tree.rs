//! The files of the tree that the checks read.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::exec::Cmd;
use crate::paths;

/// Every file of the tree that is or could be committed, relative to its root.
pub(super) fn files() -> Result<Vec<PathBuf>> {
    let output = Cmd::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .dir(paths::root())
        .ask()?;
    if !output.status.success() {
        bail!(
            "git ls-files failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    let text = String::from_utf8(output.stdout).context("a file name is not UTF-8")?;
    let names = text
        .split('\0')
        .filter(|name| !name.is_empty())
        .map(PathBuf::from);
    Ok(names
        .filter(|name| paths::root().join(name).is_file())
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_listed_without_build_results() {
        let files = files().unwrap();
        assert!(files.iter().any(|file| file.ends_with("xtask/src/main.rs")));
        assert!(!files.iter().any(|file| file.starts_with("target")));
    }
}
