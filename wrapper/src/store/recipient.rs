//! Recipients: public keys that a store is encrypted to.

use std::path::Path;
use std::str::FromStr;

use age::{ssh, x25519};

use super::keys::{KeyError, lines, read_text};

/// A public key that a store is encrypted to.
pub enum Recipient {
    /// `age1…`
    Native(x25519::Recipient),
    /// `ssh-ed25519 …` or `ssh-rsa …`
    Ssh(Box<ssh::Recipient>),
}

impl Recipient {
    /// The key as age wants it.
    #[must_use]
    pub fn as_dyn(&self) -> &dyn age::Recipient {
        match self {
            Self::Native(key) => key,
            Self::Ssh(key) => key.as_ref(),
        }
    }
}

impl std::fmt::Debug for Recipient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Recipient({self})")
    }
}

/// The text that is kept in the store: without a comment.
impl std::fmt::Display for Recipient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Native(key) => key.fmt(f),
            Self::Ssh(key) => key.fmt(f),
        }
    }
}

impl FromStr for Recipient {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        // What does not look like a public key may be a secret in the wrong place.
        let is_public = text.starts_with("age1") || text.starts_with("ssh-");
        let fail = |text: &str, what| {
            Err(KeyError::Recipient {
                text: if is_public { text } else { "…" }.to_owned(),
                what,
            })
        };
        if text.contains("SECRET-KEY") || text.contains("PRIVATE KEY") {
            return fail(
                "…",
                "this is a private key; a recipient begins with age1 or ssh-",
            );
        }
        if text.starts_with("age1") {
            return match text.parse() {
                Ok(key) => Ok(Self::Native(key)),
                Err(_) => fail(text, "it is mistyped, or of a kind that is not supported"),
            };
        }
        match text.parse() {
            Ok(key) => Ok(Self::Ssh(Box::new(key))),
            Err(ssh::ParseRecipientKeyError::RsaModulusTooSmall) => {
                fail(text, "an RSA key needs 2,048 bits or more")
            }
            Err(ssh::ParseRecipientKeyError::RsaModulusTooLarge) => {
                fail(text, "an RSA key may have at most 4,096 bits")
            }
            Err(_) => fail(
                text,
                "one looks like `age1…`, `ssh-ed25519 …` or `ssh-rsa …`",
            ),
        }
    }
}

/// Reads recipients from a file, one a line.
///
/// # Errors
///
/// [`KeyError::Read`], [`KeyError::Recipient`].
pub fn load_recipients(file: &Path) -> Result<Vec<Recipient>, KeyError> {
    let text = read_text("recipients", file)?;
    lines(&text).map(|(_, line)| line.parse()).collect()
}
