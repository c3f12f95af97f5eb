//! Pins: the links in the kernel's file system for them, so that enforcement outlives the daemon.
//!
//! The folder is made before the programs are loaded, for they know it by its inode. Taking over what
//! an earlier daemon left is not here yet: a second `run` says what it found, and ends.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use cloudtaser_abi::enforce::ABOVE;

/// Where pins are looked for.
pub(crate) const DEFAULT: &str = "/sys/fs/bpf/cloudtaser";
/// `BPF_FS_MAGIC` (linux/magic.h).
const BPF_FS_MAGIC: i64 = 0xcafe_4a11;

/// Why nothing can be pinned. All of it is the environment's.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum PinsError {
    /// An earlier daemon's pins are there.
    #[error(
        "{count} hooks are pinned in {folder} and enforce already; to load anew remove them first, \
         from a control group that they trust or by restarting the node"
    )]
    Pinned {
        /// The folder.
        folder: PathBuf,
        /// How many.
        count: usize,
    },
    /// Links can be pinned in bpffs only.
    #[error("{0} is not on a bpf file system")]
    NotBpf(PathBuf),
    /// The folder could not be made or read.
    #[error("cannot use {folder} for pins")]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the kernel answered.
        #[source]
        source: io::Error,
    },
}

/// The folder, as the programs know it.
#[derive(Debug)]
pub(crate) struct Pins {
    /// Its path.
    pub(crate) folder: PathBuf,
    /// Its inode number.
    pub(crate) inode: u64,
    /// Devices of the file systems from its own up to the root, as the kernel keeps them.
    pub(crate) devices: [u64; ABOVE],
    /// Our mount namespace's number.
    pub(crate) namespace: u64,
}

/// Makes the folder.
///
/// # Errors
///
/// When it holds pins already, or is no place for them.
pub(crate) fn prepare(folder: &Path) -> Result<Pins, PinsError> {
    let failed = |source| PinsError::Folder {
        folder: folder.to_path_buf(),
        source,
    };
    let parent = folder.parent().unwrap_or(folder);
    let kind = rustix::fs::statfs(parent).map_err(|error| failed(error.into()))?;
    if kind.f_type != BPF_FS_MAGIC {
        return Err(PinsError::NotBpf(parent.to_path_buf()));
    }
    match fs::read_dir(folder) {
        Ok(entries) => {
            let count = entries.count();
            if count > 0 {
                let folder = folder.to_path_buf();
                return Err(PinsError::Pinned { folder, count });
            }
        }
        Err(_) => DirBuilder::new()
            .mode(0o700)
            .create(folder)
            .map_err(failed)?,
    }
    let mut devices = [0; ABOVE];
    let mut known = BTreeSet::new();
    for path in folder.ancestors() {
        let device = fs::metadata(path).map_err(failed)?.dev();
        if known.insert(device)
            && let Some(place) = devices.get_mut(known.len() - 1)
        {
            *place = kernels(device);
        }
    }
    Ok(Pins {
        folder: folder.to_path_buf(),
        inode: fs::metadata(folder).map_err(failed)?.ino(),
        devices,
        namespace: fs::metadata("/proc/self/ns/mnt").map_err(failed)?.ino(),
    })
}

/// A device number as the kernel keeps it: 20 bits of minor (include/linux/kdev_t.h).
fn kernels(device: u64) -> u64 {
    u64::from(rustix::fs::major(device)) << 20 | u64::from(rustix::fs::minor(device))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_go_on_bpffs_only() {
        let folder = Path::new("/proc/cloudtaser");
        assert!(matches!(prepare(folder), Err(PinsError::NotBpf(_))));
        let folder = Path::new("/nonexistent/cloudtaser");
        assert!(matches!(prepare(folder), Err(PinsError::Folder { .. })));
    }
}
