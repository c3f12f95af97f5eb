//! `cloudtaser store …`: each command is a file; this one chooses it and holds what they share.

mod edit;
mod export;
mod get;
mod import;
mod init;
mod list;
mod rekey;
mod rm;
mod set;

use std::path::Path;

use super::document::Document;
use super::path::SecretPath;
use super::terminal;
use super::versions::FieldMap;
use super::{StoreError, location};
use crate::cli::source::SourceArgs;
use crate::cli::store::{StoreArgs, StoreCommand};
use crate::config::file::FileConfig;
use crate::config::server_config;
use crate::source::{ReadError, SourceConfig};

/// Runs the command.
///
/// # Errors
///
/// [`StoreError`], with the exit status in [`StoreError::status`].
pub fn run(args: &StoreArgs, source: &SourceArgs, file: &FileConfig) -> Result<(), StoreError> {
    let config = location::resolve(source)?;
    match &args.command {
        StoreCommand::Init(args) => init::run(args, &config, !source.identity.is_empty()),
        StoreCommand::Set(args) => set::run(args, &config),
        StoreCommand::Get(args) => get::run(args, &config),
        StoreCommand::List(args) => list::run(args, &config),
        StoreCommand::Rm(args) => rm::remove(args, &config),
        StoreCommand::Undelete(args) => rm::restore(args, &config),
        StoreCommand::Edit(args) => edit::run(args, &config),
        StoreCommand::Rekey(args) => rekey::run(args, &config),
        StoreCommand::Import(args) if !args.from_server.is_empty() => {
            let server = server_config(source, file, &|name| std::env::var_os(name))?;
            for warning in server.warnings() {
                terminal::note(&format!("warning: {warning}"));
            }
            import::run_from_server(args, &SourceConfig { server, ..config })
        }
        StoreCommand::Import(args) => import::run(args, &config),
        StoreCommand::Export(args) => export::run(args, &config),
    }
}

/// Checks a path of the command line.
fn path(text: &str) -> Result<SecretPath, StoreError> {
    SecretPath::parse(text).map_err(|reason| StoreError::BadPath {
        path: text.to_owned(),
        reason,
    })
}

/// Checks a field's name: it must be writable as a reference, and be shown without harm.
fn field_name(name: &str) -> Result<(), StoreError> {
    let reason = if name.is_empty() {
        "a field's name is empty"
    } else if name.chars().any(char::is_control) {
        "a field's name holds a control character"
    } else if name.contains('#') {
        "a field's name holds a `#`, which stands between a field and a version"
    } else {
        return Ok(());
    };
    Err(StoreError::Usage(reason.to_owned()))
}

/// The fields of the newest version; none when there is no secret, or when it was deleted.
///
/// Says so on standard error when a deleted version is passed over.
fn newest(
    document: &Document<'_>,
    path: &SecretPath,
    config: &SourceConfig,
) -> Result<FieldMap, StoreError> {
    match document.find(path, None) {
        Ok((_, version)) => version
            .fields()
            .map_err(|error| StoreError::document(&config.store, error)),
        Err(ReadError::NoSecret { .. }) => Ok(FieldMap::new()),
        Err(gone) => {
            terminal::note(&format!("{gone}; its fields are not carried over"));
            Ok(FieldMap::new())
        }
    }
}

/// Standard input cannot hold the passphrase and something else.
fn refuse_shared_input(config: &SourceConfig, what: &str) -> Result<(), StoreError> {
    if config.passphrase_file.as_deref() == Some(Path::new("-")) {
        return Err(StoreError::Usage(format!(
            "standard input cannot hold the passphrase and {what}; put one of them into a file"
        )));
    }
    Ok(())
}
