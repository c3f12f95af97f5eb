//! Identities (private keys) from files; what is wrong with a key of any kind.
//!
//! Recipients are in [`super::recipient`], passphrases in [`super::passphrase`].
//!
//! An identity file holds lines `AGE-SECRET-KEY-1…` (several, and `#` comments, allowed) or one SSH
//! private key. SSH keys with a passphrase of their own are tried last, so that nobody is asked
//! while another key opens the store.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use age::secrecy::SecretString;
use age::{ssh, x25519};
use zeroize::Zeroizing;

use super::passphrase::ask;

/// Largest identity, recipients or passphrase file in bytes. Chosen: 1,000 RSA keys fit.
const MAX_KEY_FILE_BYTES: u64 = 1 << 20;

/// Why a key or a passphrase cannot be used. Never shows the text of one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// A file cannot be read.
    #[error("cannot read the {kind} file `{}`", .file.display())]
    Read {
        /// `identity`, `recipients` or `passphrase`.
        kind: &'static str,
        /// The file.
        file: PathBuf,
        /// What the kernel answered.
        #[source]
        source: std::io::Error,
    },
    /// A file holds something else.
    #[error("the {kind} file `{}` cannot be used: line {line}: {what}", .file.display())]
    Content {
        /// `identity`, `recipients` or `passphrase`.
        kind: &'static str,
        /// The file.
        file: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong and what to do.
        what: &'static str,
    },
    /// A public key cannot be used. It is public, so it is shown.
    #[error("`{text}` is not a recipient: {what}")]
    Recipient {
        /// The recipient as written.
        text: String,
        /// What is wrong, and what a recipient looks like.
        what: &'static str,
    },
    /// A passphrase is needed and cannot be asked for.
    #[error("cannot ask for the passphrase of {what}; without a terminal, {fix}")]
    NoTerminal {
        /// Whose passphrase.
        what: String,
        /// What to do instead.
        fix: &'static str,
        /// What the kernel answered.
        #[source]
        source: std::io::Error,
    },
    /// The passphrase is empty, or its repetition differs.
    #[error("the passphrase cannot be used: {what}")]
    Passphrase {
        /// What is wrong with it.
        what: &'static str,
    },
}

impl KeyError {
    /// Whether the command line is to blame, and not a file.
    pub(super) fn is_usage(&self) -> bool {
        matches!(self, Self::Recipient { .. } | Self::Passphrase { .. })
    }
}

/// The keys of all identity files.
#[derive(Default)]
pub struct Identities {
    /// Keys that can be used at once.
    ready: Vec<Box<dyn age::Identity>>,
    /// SSH keys that ask for their passphrase when they are tried.
    locked: Vec<Box<dyn age::Identity>>,
    /// Their public keys, as recipients.
    pub recipients: Vec<String>,
    /// The files, in the order in which they were read.
    pub files: Vec<PathBuf>,
}

impl std::fmt::Debug for Identities {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identities")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

impl Identities {
    /// Reads every file.
    ///
    /// # Errors
    ///
    /// [`KeyError::Read`] and [`KeyError::Content`].
    pub fn load(files: &[PathBuf]) -> Result<Self, KeyError> {
        let mut identities = Self {
            files: files.to_vec(),
            ..Self::default()
        };
        for file in files {
            let text = read_text("identity", file)?;
            if text.trim_start().starts_with("-----BEGIN ") {
                identities.add_ssh(file, &text)?;
            } else {
                identities.add_native(file, &text)?;
            }
        }
        Ok(identities)
    }

    /// The files in quotes, for errors.
    #[must_use]
    pub fn names(&self) -> String {
        if self.files.is_empty() {
            return "none, because no identity file is known".to_owned();
        }
        let quoted: Vec<_> = self
            .files
            .iter()
            .map(|f| format!("`{}`", f.display()))
            .collect();
        quoted.join(", ")
    }

    fn add_native(&mut self, file: &Path, text: &str) -> Result<(), KeyError> {
        let fail = |line, what| {
            Err(KeyError::Content {
                kind: "identity",
                file: file.to_owned(),
                line,
                what,
            })
        };
        let mut found = false;
        for (line, content) in lines(text) {
            match x25519::Identity::from_str(content) {
                Ok(identity) => {
                    self.recipients.push(identity.to_public().to_string());
                    self.ready.push(Box::new(identity));
                    found = true;
                }
                Err(_) => return fail(line, why_no_identity(content)),
            }
        }
        if found {
            Ok(())
        } else {
            fail(1, "there is no identity in the file")
        }
    }

    fn add_ssh(&mut self, file: &Path, text: &str) -> Result<(), KeyError> {
        let fail = |what| {
            Err(KeyError::Content {
                kind: "identity",
                file: file.to_owned(),
                line: 1,
                what,
            })
        };
        let Ok(identity) = ssh::Identity::from_buffer(text.trim_start().as_bytes(), None) else {
            return fail("it looks like an SSH private key, but is none of type RSA or Ed25519");
        };
        if let Ok(recipient) = ssh::Recipient::try_from(identity.clone()) {
            self.recipients.push(recipient.to_string());
        }
        match identity {
            ssh::Identity::Unencrypted(_) => self.ready.push(Box::new(identity)),
            ssh::Identity::Encrypted(_) => {
                let unlock = Unlock {
                    file: file.to_owned(),
                    answer: Arc::default(),
                };
                self.locked.push(Box::new(identity.with_callbacks(unlock)));
            }
            ssh::Identity::Unsupported(_) => {
                return fail(
                    "this kind of SSH key is not supported; use RSA or Ed25519 in OpenSSH's format \
                     (`ssh-keygen -o -p` converts old ones)",
                );
            }
        }
        Ok(())
    }

    /// All keys, in the order in which they are to be tried.
    pub fn iter(&self) -> impl Iterator<Item = &dyn age::Identity> {
        self.ready.iter().chain(&self.locked).map(AsRef::as_ref)
    }

    /// Whether a key was left out because its passphrase could not be asked for, or is wrong.
    #[must_use]
    pub fn has_locked(&self) -> bool {
        !self.locked.is_empty()
    }
}

/// Asks for an SSH key's passphrase on the terminal, once.
#[derive(Clone)]
struct Unlock {
    file: PathBuf,
    answer: Arc<OnceLock<Option<SecretString>>>,
}

impl age::Callbacks for Unlock {
    fn display_message(&self, _: &str) {}

    fn confirm(&self, _: &str, _: &str, _: Option<&str>) -> Option<bool> {
        None
    }

    fn request_public_string(&self, _: &str) -> Option<String> {
        None
    }

    /// `None` skips the key: without a terminal the error names it as locked.
    fn request_passphrase(&self, _: &str) -> Option<SecretString> {
        let what = format!("the SSH key `{}`", self.file.display());
        self.answer.get_or_init(|| ask(&what, "").ok()).clone()
    }
}

/// Why a line of an identity file is no identity, without showing it.
fn why_no_identity(line: &str) -> &'static str {
    if line.starts_with("AGE-PLUGIN-") {
        "identities of age plugins are not supported; use an X25519 identity or an SSH key"
    } else if line.starts_with("AGE-SECRET-KEY-PQ-") {
        "post-quantum identities are not supported yet; use an X25519 identity or an SSH key"
    } else if line.starts_with("age1") {
        "this is a public recipient; the identity begins with AGE-SECRET-KEY-1"
    } else if line.starts_with("age-encryption.org/") {
        "the identity file is itself encrypted; decrypt it with `age -d` into memory first"
    } else if line.starts_with("AGE-SECRET-KEY-1") {
        "the identity is incomplete or mistyped"
    } else {
        "this is no identity; one begins with AGE-SECRET-KEY-1, comments begin with #"
    }
}

/// Lines that are neither empty nor comments, with their number from 1.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(index, line)| (index.saturating_add(1), line.trim()))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

/// Reads a small text file into memory that wipes itself.
pub(super) fn read_text(kind: &'static str, file: &Path) -> Result<Zeroizing<String>, KeyError> {
    let fail = |source| KeyError::Read {
        kind,
        file: file.to_owned(),
        source,
    };
    let opened = if kind == "passphrase" && file == Path::new("-") {
        use std::os::fd::AsFd;
        File::from(
            std::io::stdin()
                .as_fd()
                .try_clone_to_owned()
                .map_err(fail)?,
        )
    } else {
        File::open(file).map_err(fail)?
    };
    let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
    opened
        .take(MAX_KEY_FILE_BYTES)
        .read_to_end(&mut bytes)
        .map_err(fail)?;
    match String::from_utf8(std::mem::take(&mut *bytes)) {
        Ok(text) => Ok(Zeroizing::new(text)),
        Err(error) => {
            drop(Zeroizing::new(error.into_bytes()));
            let what = "it is not text";
            Err(KeyError::Content {
                kind,
                file: file.to_owned(),
                line: 1,
                what,
            })
        }
    }
}
