//! Where the store and the identity lie when no option says so.

use std::path::{Path, PathBuf};

use super::StoreError;
use crate::cli::source::SourceArgs;
use crate::source::SourceConfig;

/// Fills in the defaults of what the options leave out.
///
/// # Errors
///
/// [`StoreError::NoHome`] when a default is needed and the environment has no home folder.
pub fn resolve(args: &SourceArgs) -> Result<SourceConfig, StoreError> {
    let store = match &args.store {
        Some(file) => file.clone(),
        None => default_store().ok_or(StoreError::NoHome)?,
    };
    let identities = if args.identity.is_empty() {
        default_identity().into_iter().collect()
    } else {
        args.identity.clone()
    };
    Ok(SourceConfig {
        store,
        identities,
        passphrase_file: args.passphrase_file.clone(),
        ..SourceConfig::default()
    })
}

/// `$XDG_DATA_HOME/cloudtaser/store.age` (XDG Base Directory Specification).
#[must_use]
pub fn default_store() -> Option<PathBuf> {
    folder("XDG_DATA_HOME", ".local/share").map(|folder| folder.join("store.age"))
}

/// `$XDG_CONFIG_HOME/cloudtaser/identity.txt` (XDG Base Directory Specification).
#[must_use]
pub fn default_identity() -> Option<PathBuf> {
    folder("XDG_CONFIG_HOME", ".config").map(|folder| folder.join("identity.txt"))
}

/// Our folder below an XDG base folder; relative values are ignored, as the specification demands.
fn folder(variable: &str, below_home: &str) -> Option<PathBuf> {
    let absolute = |name: &str| {
        let path = PathBuf::from(std::env::var_os(name)?);
        path.is_absolute().then_some(path)
    };
    let base = absolute(variable).or_else(|| Some(absolute("HOME")?.join(below_home)))?;
    Some(base.join(Path::new("cloudtaser")))
}
