//! The demo's temporary folder, and the cleaning up of everything in it, come what may.
//!
//! Cleaning is done by a second process of ours, the *sweeper*, which waits for the end of a pipe
//! that only the demo holds open. The kernel closes the pipe however the demo ends: normally, by
//! an error, by Ctrl-C, by SIGKILL. So nothing here needs a signal handler.

use std::fs::{self, DirBuilder, Permissions};
use std::io::Read;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::{needle::Needle, server};
use crate::command::Answer;

/// How the folder's name begins; the sweeper removes no other.
const PREFIX: &str = "cloudtaser-demo-";

/// An empty file whose time says when the demo began.
const BEGAN: &str = "began";

/// The folder.
#[derive(Debug)]
pub(crate) struct Place {
    dir: PathBuf,
    sweeper: Child,
}

impl Place {
    /// Makes the folder and starts the sweeper.
    pub(crate) fn new() -> Result<Self> {
        let name: String = Needle::random()?.text().chars().take(12).collect();
        let dir = std::env::temp_dir().join(format!("{PREFIX}{name}"));
        DirBuilder::new()
            .mode(0o700)
            .create(&dir)
            .with_context(|| format!("cannot make {}", dir.display()))?;
        let sweeper = Command::new(std::env::current_exe()?)
            .arg("__sweep")
            .arg(&dir)
            .stdin(Stdio::piped())
            // A group of its own, so that Ctrl-C does not reach it.
            .process_group(0)
            .spawn()
            .context("cannot start the process that cleans up")?;
        let place = Self { dir, sweeper };
        // Others may pass through (the server runs as another user) but not look.
        fs::set_permissions(&place.dir, Permissions::from_mode(0o711))?;
        DirBuilder::new()
            .mode(0o700)
            .create(place.dir.join("private"))?;
        fs::write(place.private(BEGAN), "")?;
        Ok(place)
    }

    /// When the demo began, by the file system's own clock, in seconds of the Unix clock.
    ///
    /// # Errors
    ///
    /// When the folder was taken away.
    pub(super) fn began(&self) -> Result<i64> {
        Ok(fs::metadata(self.private(BEGAN))
            .context("the demo's folder is gone")?
            .mtime())
    }

    /// A file that only we may read.
    pub(crate) fn private(&self, name: &str) -> PathBuf {
        self.dir.join("private").join(name)
    }

    /// A place that the server's user may reach.
    pub(crate) fn shared(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // The end of the pipe is the sign to begin.
        drop(self.sweeper.stdin.take());
        if let Err(error) = self.sweeper.wait() {
            eprintln!(
                "cannot wait for the cleaning up of {}: {error}",
                self.dir.display()
            );
        }
    }
}

/// The sweeper: waits, stops the server, removes the folder.
pub(crate) fn sweep(dir: &str) -> Answer {
    let dir = Path::new(dir);
    let name = dir
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let ours = fs::metadata("/proc/self")?.uid() == fs::symlink_metadata(dir)?.uid();
    ensure!(
        name.starts_with(PREFIX) && ours,
        "{} is not a demo's folder",
        dir.display()
    );
    // Whatever arrives, only the end counts.
    let _bytes = std::io::stdin().read_to_end(&mut Vec::new())?;
    server::stop(dir)?;
    fs::remove_dir_all(dir).with_context(|| format!("cannot remove {}", dir.display()))?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_folder_is_not_swept() {
        let error = sweep(env!("CARGO_MANIFEST_DIR")).unwrap_err();
        assert!(
            format!("{error}").contains("is not a demo's folder"),
            "{error}"
        );
    }
}
