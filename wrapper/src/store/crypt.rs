//! Encrypts and decrypts the store's file with age (<https://age-encryption.org/v1>).
//!
//! Decryption fills one buffer of the right size and reads the file piece by piece, so a store
//! needs its plaintext's size in memory once, not twice. Encryption serialises straight into the
//! cipher.

use std::io::{self, BufReader, Read};
use std::path::Path;

use age::secrecy::SecretString;
use age::{DecryptError, Decryptor, Encryptor};
use zeroize::Zeroizing;

use super::StoreError;
use super::document::{Document, Recipients};
use super::keys::Identities;
use super::passphrase;
use super::recipient::Recipient;
use crate::source::SourceConfig;

/// Work of a passphrase: 2^18 rounds of scrypt, about 1 s and 256 MiB (default of the `age` tool).
const SCRYPT_LOG_N: u8 = 18;
/// Most work that we accept from a file: 1 GiB. Chosen: four times what we write ourselves; whoever
/// can write the file could otherwise make a small container run out of memory.
const SCRYPT_MAX_LOG_N: u8 = 20;
/// Most that a reader buffers of the encrypted file: one chunk of age (64 KiB, its specification).
const READ_BYTES: usize = 64 * 1024;

/// What opened a store, and closes it again.
#[derive(Debug)]
pub enum Key {
    /// Private keys.
    Identities(Identities),
    /// A passphrase.
    Passphrase(SecretString),
}

/// Decrypts `size` bytes of `file`, whose name is for errors.
///
/// # Errors
///
/// [`StoreError`]: no identity, wrong passphrase, damaged file.
pub fn decrypt(
    file: impl Read,
    size: usize,
    config: &SourceConfig,
) -> Result<(Zeroizing<String>, Key), StoreError> {
    let name = &config.store;
    let decryptor = Decryptor::new_buffered(BufReader::with_capacity(READ_BYTES, file))
        .map_err(|error| head_error(name, error))?;
    let (reader, key) = if decryptor.is_scrypt() {
        let passphrase = passphrase::existing(config.passphrase_file.as_deref(), name)?;
        let mut identity = age::scrypt::Identity::new(passphrase.clone());
        identity.set_max_work_factor(SCRYPT_MAX_LOG_N);
        let reader = decryptor
            .decrypt(std::iter::once(&identity as &dyn age::Identity))
            .map_err(|error| passphrase_error(name, error))?;
        (reader, Key::Passphrase(passphrase))
    } else {
        let identities = Identities::load(&config.identities)?;
        let reader = decryptor
            .decrypt(identities.iter())
            .map_err(|error| identity_error(name, error, &identities))?;
        (reader, Key::Identities(identities))
    };
    Ok((collect(reader, size, name)?, key))
}

/// Reads the plaintext into one buffer; `size` is the encrypted file's, which is always larger.
fn collect(
    mut reader: impl Read,
    size: usize,
    name: &Path,
) -> Result<Zeroizing<String>, StoreError> {
    let mut plain = Zeroizing::new(Vec::with_capacity(size));
    reader
        .read_to_end(&mut plain)
        .map_err(|error| body_error(name, error))?;
    match String::from_utf8(std::mem::take(&mut *plain)) {
        Ok(text) => Ok(Zeroizing::new(text)),
        Err(error) => {
            drop(Zeroizing::new(error.into_bytes()));
            Err(damaged(name, "what is inside is not text"))
        }
    }
}

/// Encrypts `document` to its own recipients.
///
/// # Errors
///
/// [`StoreError::Encrypt`]; [`StoreError::Key`] when a recipient inside cannot be used;
/// [`StoreError::Damaged`] when the document wants a passphrase and `passphrase` is absent.
pub fn encrypt(
    document: &Document<'_>,
    passphrase: Option<&SecretString>,
    name: &Path,
) -> Result<Vec<u8>, StoreError> {
    let fail = |source| StoreError::Encrypt {
        file: name.to_owned(),
        source,
    };
    let encryptor = match (&document.recipients, passphrase) {
        (Recipients::Keys(texts), _) => {
            let keys = texts.iter().map(|text| text.parse());
            let keys: Vec<Recipient> = keys.collect::<Result<_, _>>()?;
            Encryptor::with_recipients(keys.iter().map(Recipient::as_dyn))
                .map_err(|error| fail(io::Error::other(error)))?
        }
        (Recipients::Passphrase(_), Some(passphrase)) => {
            let mut recipient = age::scrypt::Recipient::new(passphrase.clone());
            recipient.set_work_factor(SCRYPT_LOG_N);
            Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient))
                .map_err(|error| fail(io::Error::other(error)))?
        }
        (Recipients::Passphrase(_), None) => {
            return Err(damaged(
                name,
                "it was opened by a key, but says that it has a passphrase",
            ));
        }
    };
    let mut stream = encryptor.wrap_output(Vec::new()).map_err(fail)?;
    serde_json::to_writer(&mut stream, document).map_err(|error| fail(error.into()))?;
    stream.finish().map_err(fail)
}

/// Whether one of `identities` opens an encrypted text.
#[must_use]
pub fn opens(encrypted: &[u8], identities: &Identities) -> bool {
    Decryptor::new_buffered(encrypted)
        .is_ok_and(|decryptor| decryptor.decrypt(identities.iter()).is_ok())
}

/// What reading age's header found.
fn head_error(name: &Path, error: DecryptError) -> StoreError {
    match error {
        DecryptError::UnknownFormat => damaged(
            name,
            "it is encrypted in an age format that is not known here",
        ),
        DecryptError::Io(error) => body_error(name, error),
        _ => damaged(name, "it does not begin with a whole age header"),
    }
}

/// What unwrapping the file's key with identities found.
fn identity_error(name: &Path, error: DecryptError, identities: &Identities) -> StoreError {
    match error {
        DecryptError::NoMatchingKeys | DecryptError::KeyDecryptionFailed => {
            let mut tried = identities.names();
            if identities.has_locked() {
                tried.push_str(" (an SSH key in it is locked by a passphrase that was not given)");
            }
            StoreError::NoIdentity {
                file: name.to_owned(),
                tried,
            }
        }
        error => header_changed(name, error),
    }
}

/// What unwrapping the file's key with a passphrase found.
fn passphrase_error(name: &Path, error: DecryptError) -> StoreError {
    match error {
        DecryptError::DecryptionFailed
        | DecryptError::KeyDecryptionFailed
        | DecryptError::NoMatchingKeys => StoreError::WrongPassphrase {
            file: name.to_owned(),
        },
        DecryptError::ExcessiveWork { .. } => {
            damaged(name, "it asks for more work than a passphrase ever needs")
        }
        error => header_changed(name, error),
    }
}

fn header_changed(name: &Path, error: DecryptError) -> StoreError {
    match error {
        DecryptError::Io(error) => StoreError::read(name, error),
        _ => damaged(name, "its age header was changed"),
    }
}

/// What reading the encrypted content found.
fn body_error(name: &Path, error: io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::InvalidData => damaged(name, "its content was changed"),
        io::ErrorKind::UnexpectedEof => damaged(name, "it was cut off"),
        _ => StoreError::read(name, error),
    }
}

fn damaged(name: &Path, what: &'static str) -> StoreError {
    StoreError::Damaged {
        file: name.to_owned(),
        what,
    }
}
