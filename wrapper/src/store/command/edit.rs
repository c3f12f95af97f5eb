//! `store edit`: a secret's fields as JSON in an editor, in memory only.

use zeroize::Zeroizing;

use super::terminal;
use crate::cli::store::EditArgs;
use crate::json::{self, JsonError};
use crate::source::SourceConfig;
use crate::store::StoreError;
use crate::store::editor::Editor;
use crate::store::open::{now, open, update};
use crate::store::path::SecretPath;
use crate::store::versions::FieldMap;

pub(super) fn run(args: &EditArgs, config: &SourceConfig) -> Result<(), StoreError> {
    let path = super::path(&args.path)?;
    let editor = Editor::from_environment()?;
    let (mut base, before) = read(&path, config)?;
    let mut text = terminal::pretty(&before)?;
    loop {
        text = editor.edit(&text)?;
        let error = match save(&path, config, base, &before, &text) {
            Ok(message) => return terminal::write_output(message.as_bytes()),
            Err(error @ (StoreError::Json { .. } | StoreError::Usage(_))) => error,
            Err(error @ StoreError::Conflict { found, .. }) => {
                base = found;
                error
            }
            Err(error) => return Err(error),
        };
        let cause = std::error::Error::source(&error);
        let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
        if !terminal::confirm(&format!("{error}{cause}; edit again?")) {
            return Err(error);
        }
    }
}

/// The newest version's number, 0 if there is none, and its fields.
fn read(path: &SecretPath, config: &SourceConfig) -> Result<(u64, FieldMap), StoreError> {
    let opened = open(config)?;
    let document = opened.document()?;
    let fields = super::newest(&document, path, config)?;
    Ok((document.current_version(path), fields))
}

/// Writes a new version, unless nothing was edited or somebody else wrote one after `base`.
///
/// The store is not locked while the editor runs, so that a forgotten editor blocks nobody.
fn save(
    path: &SecretPath,
    config: &SourceConfig,
    base: u64,
    before: &FieldMap,
    text: &Zeroizing<Vec<u8>>,
) -> Result<String, StoreError> {
    let fields: FieldMap = match json::parse_own_object(text) {
        Ok(fields) => fields,
        Err(JsonError::NoObject) => {
            let text = "the edited text is no JSON object of fields; nothing was changed";
            return Err(StoreError::Usage(text.to_owned()));
        }
        Err(error) => {
            let origin = "the edited text, of which nothing was saved,".to_owned();
            return Err(StoreError::Json {
                origin,
                source: error.into(),
            });
        }
    };
    fields.keys().try_for_each(|name| super::field_name(name))?;
    if fields == *before {
        return Ok(format!("{path} is unchanged\n"));
    }
    let version = update(config, |document| {
        let found = document.current_version(path);
        if found != base {
            let path = path.to_string();
            return Err(StoreError::Conflict {
                path,
                found,
                expected: base,
            });
        }
        let put = document.put(path, &fields, &now());
        put.map_err(|error| StoreError::document(&config.store, error))
    })?;
    Ok(format!("{path} is at version {version}\n"))
}
