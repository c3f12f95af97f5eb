//! Finds the configuration file, looks whether it can be trusted, and reads it.

use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::file::{self, FileConfig, FileError};
use crate::cli::source::SourceArgs;

/// The file that is read when `--config` names none.
const DEFAULT_FILE: &str = "cloudtaser.toml";

/// In place of a file's name: none is read, not the default one either. A file of that name is
/// `./none`.
const NO_FILE: &str = "none";

/// The sources' options with what the configuration file says of the store filled in, and the file
/// with its path, for commands other than `run`. It is the one that `run` reads: CLOUDTASER_CONFIG
/// or the default.
///
/// # Errors
///
/// [`FileError`].
pub fn with_file(args: &SourceArgs) -> Result<(SourceArgs, PathBuf, FileConfig), FileError> {
    let named = std::env::var_os("CLOUDTASER_CONFIG").map(PathBuf::from);
    let (path, mut file) = read_file(named.as_deref())?;
    let identity = if args.identity.is_empty() {
        std::mem::take(&mut file.identity)
    } else {
        args.identity.clone()
    };
    let filled = SourceArgs {
        store: args.store.clone().or_else(|| file.store.take()),
        identity,
        passphrase_file: args
            .passphrase_file
            .clone()
            .or_else(|| file.passphrase_file.take()),
        server: args.server.clone(),
    };
    Ok((filled, path, file))
}

/// Reads the configuration file that `path` names, or the default one if there is one; none at all
/// for the word `none`.
///
/// # Errors
///
/// [`FileError`]; a missing file is an error only when it was named.
pub fn read_file(path: Option<&Path>) -> Result<(PathBuf, FileConfig), FileError> {
    let name = path.unwrap_or_else(|| Path::new(DEFAULT_FILE)).to_owned();
    if name.as_os_str() == NO_FILE {
        return Ok((name, FileConfig::default()));
    }
    let unreadable = |source| FileError::Read {
        path: name.clone(),
        source,
    };
    // A file that is not named is found in whatever folder we stand in: a pipe there must not
    // make us wait, and a terminal must not become ours.
    let flags = if path.is_none() {
        libc::O_NONBLOCK | libc::O_NOCTTY
    } else {
        0
    };
    let mut opened = match File::options().read(true).custom_flags(flags).open(&name) {
        Ok(opened) => opened,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && path.is_none() => {
            return Ok((name, FileConfig::default()));
        }
        Err(source) => return Err(unreadable(source)),
    };
    // The descriptor, not the path: what is checked is what is read.
    if let Some(reason) = distrust(&opened.metadata().map_err(unreadable)?, path.is_some()) {
        return Err(FileError::Untrusted { path: name, reason });
    }
    let mut text = String::new();
    opened.read_to_string(&mut text).map_err(unreadable)?;
    let config = file::parse(&name, &text)?;
    Ok((name, config))
}

/// Why a file that decides what runs with our secrets is not trusted: who can write it could set
/// the program's variables, and so run code in it.
fn distrust(metadata: &Metadata, is_named: bool) -> Option<&'static str> {
    let own = rustix::process::geteuid().as_raw();
    if !is_named && !metadata.is_file() {
        return Some("is no regular file (name it with --config if that is meant)");
    }
    if metadata.uid() != own && metadata.uid() != 0 {
        Some("belongs to another user (chown it to yourself or root)")
    } else if metadata.is_file() && metadata.mode() & 0o002 != 0 {
        Some("can be written by everybody (chmod o-w)")
    } else {
        None
    }
}
