//! Opens a store, and rewrites it: [`super::file`], [`super::crypt`] and [`super::document`] put
//! together.

use std::path::PathBuf;
use std::time::SystemTime;

use age::secrecy::SecretString;
use zeroize::Zeroizing;

use super::crypt::{self, Key};
use super::document::{self, Document, DocumentError};
use super::{StoreError, file};
use crate::source::SourceConfig;

/// A decrypted store.
pub struct Opened {
    text: Zeroizing<String>,
    key: Key,
    file: PathBuf,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

/// Reads and decrypts the store; nothing is locked and nothing is changed.
///
/// # Errors
///
/// [`StoreError`]: missing, unreadable, damaged, no identity.
pub fn open(config: &SourceConfig) -> Result<Opened, StoreError> {
    let (opened, size) = file::open(&config.store)?;
    let (text, key) = crypt::decrypt(opened, size, config)?;
    Ok(Opened {
        text,
        key,
        file: config.store.clone(),
    })
}

impl Opened {
    /// The document, borrowing from the decrypted text.
    ///
    /// # Errors
    ///
    /// [`StoreError::Document`], [`StoreError::Newer`].
    pub fn document(&self) -> Result<Document<'_>, StoreError> {
        document::parse(&self.text).map_err(|source| StoreError::document(&self.file, source))
    }

    /// An error about the text inside this store.
    #[must_use]
    pub fn damaged(&self, source: DocumentError) -> StoreError {
        StoreError::document(&self.file, source)
    }

    /// What opened the store.
    #[must_use]
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The passphrase that opened the store, if one did.
    #[must_use]
    pub fn passphrase(&self) -> Option<&SecretString> {
        match &self.key {
            Key::Passphrase(passphrase) => Some(passphrase),
            Key::Identities(_) => None,
        }
    }
}

/// Reads the store, lets `change` work on the document, and replaces the file, all under the lock.
///
/// # Errors
///
/// [`StoreError`]; whatever it is, except for [`StoreError::Sync`], the file is unchanged.
pub fn update<T>(
    config: &SourceConfig,
    change: impl FnOnce(&mut Document<'_>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    // Without a store there is nothing to lock, and no lock file is to be left behind.
    drop(file::open(&config.store)?);
    let lock = file::Lock::acquire(&config.store)?;
    let opened = open(config)?;
    let mut document = opened.document()?;
    let result = change(&mut document)?;
    lock.replace(&crypt::encrypt(
        &document,
        opened.passphrase(),
        &config.store,
    )?)?;
    Ok(result)
}

/// The time of day as it stands in the store: RFC 3339 in UTC with nanoseconds.
#[must_use]
pub fn now() -> String {
    humantime::format_rfc3339_nanos(SystemTime::now()).to_string()
}
