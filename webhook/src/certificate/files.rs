//! The serving pair from files, for cert-manager: read at the start, and again by polling.
//!
//! The kubelet exchanges a mounted Secret by renaming a symbolic link to a folder. Both files are
//! opened anew each time and compared by content, so neither links nor times matter; a pair of
//! which only one half is new does not fit together, and the old one stays until the next look.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::content::Serving;
use super::reload::{ReloadError, ReloadingCertificate};

/// Two files, and who shows what they hold.
#[derive(Debug)]
pub struct FilePair {
    certificate: PathBuf,
    key: PathBuf,
    shown: Arc<ReloadingCertificate>,
}

impl FilePair {
    /// The files of `--cert-file` and `--key-file`.
    #[must_use]
    pub fn new(certificate: PathBuf, key: PathBuf, shown: Arc<ReloadingCertificate>) -> Self {
        Self {
            certificate,
            key,
            shown,
        }
    }

    /// Reads the files, and shows them if they are a pair. Call it at the start and every
    /// [`super::INTERVAL`]. Reads of a few kilobytes from memory: it does not wait.
    ///
    /// # Errors
    ///
    /// [`ReloadError`]; what was shown before stays, and the error is noted for metrics.
    pub fn sync(&self) -> Result<(), ReloadError> {
        let done = self.read().and_then(|serving| self.shown.show(&serving));
        self.shown
            .note(done.as_ref().err().map(ReloadError::reason));
        done
    }

    fn read(&self) -> Result<Serving, ReloadError> {
        let certificate = read(&self.certificate)?;
        let key = Zeroizing::new(read(&self.key)?);
        Serving::read(&certificate, &key).ok_or(ReloadError::Pair)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, ReloadError> {
    std::fs::read(path).map_err(|source| ReloadError::File {
        path: path.to_owned(),
        source,
    })
}
