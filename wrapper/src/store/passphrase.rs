//! Passphrases, of stores and of SSH keys, from files and terminals.

use std::path::Path;

use age::secrecy::{ExposeSecret, SecretString};

use super::keys::{KeyError, read_text};
use super::terminal;

/// The store's passphrase, from a file (`-` is standard input) or the terminal.
///
/// # Errors
///
/// [`KeyError::Read`], [`KeyError::Content`], [`KeyError::NoTerminal`], [`KeyError::Passphrase`].
pub fn existing(file: Option<&Path>, store: &Path) -> Result<SecretString, KeyError> {
    match file {
        Some(file) => passphrase_from(file),
        None => ask(
            &format!("the store `{}`", store.display()),
            "use `--passphrase-file`",
        ),
    }
}

/// A passphrase for a store to come, asked for twice on a terminal.
///
/// # Errors
///
/// As [`existing`].
pub fn new(file: Option<&Path>, store: &Path) -> Result<SecretString, KeyError> {
    let first = existing(file, store)?;
    if file.is_none() {
        let again = ask("the store once more", "use `--passphrase-file`")?;
        if first.expose_secret() != again.expose_secret() {
            return Err(KeyError::Passphrase {
                what: "the two that were typed differ",
            });
        }
    }
    Ok(first)
}

/// The first line of a file.
fn passphrase_from(file: &Path) -> Result<SecretString, KeyError> {
    let text = read_text("passphrase", file)?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.contains('\n') {
        let what = "a passphrase is a single line";
        return Err(KeyError::Content {
            kind: "passphrase",
            file: file.to_owned(),
            line: 2,
            what,
        });
    }
    checked(line.to_owned())
}

/// Asks on the terminal, without showing what is typed.
pub(super) fn ask(what: &str, fix: &'static str) -> Result<SecretString, KeyError> {
    match terminal::hidden(&format!("Passphrase of {what}: ")) {
        Ok(mut text) => checked(std::mem::take(&mut *text)),
        Err(source) => Err(KeyError::NoTerminal {
            what: what.to_owned(),
            fix,
            source,
        }),
    }
}

fn checked(text: String) -> Result<SecretString, KeyError> {
    if text.is_empty() {
        return Err(KeyError::Passphrase {
            what: "it is empty",
        });
    }
    Ok(SecretString::from(text))
}
