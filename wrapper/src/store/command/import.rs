//! `store import`: many fields at once, all or nothing.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use zeroize::Zeroizing;

use super::terminal;
use crate::cli::store::{Format, ImportArgs};
use crate::json;
use crate::report::chain;
use crate::source::SourceConfig;
use crate::source::openbao::tree;
use crate::store::document::Document;
use crate::store::open::{now, open, update};
use crate::store::path::SecretPath;
use crate::store::versions::FieldMap;
use crate::store::{StoreError, dotenv};

/// Largest file in bytes. Chosen: as large as the largest store.
const MAX_IMPORT_BYTES: u64 = 256 << 20;

pub(super) fn run(args: &ImportArgs, config: &SourceConfig) -> Result<(), StoreError> {
    let format = format(args)?;
    let path = args.path.as_deref().map(super::path).transpose()?;
    let (origin, text) = read(args, config)?;
    let secrets = match (format, path) {
        (Format::Json, Some(path)) => BTreeMap::from([(path, from_json(&text, &origin)?)]),
        (Format::Json, None) => many(from_json(&text, &origin)?, &origin)?,
        (Format::Dotenv, Some(path)) => {
            let pairs =
                dotenv::parse(&text).map_err(|source| StoreError::Dotenv { origin, source })?;
            let fields = pairs
                .into_iter()
                .map(|(name, value)| (name, Value::String(value)));
            BTreeMap::from([(path, fields.collect())])
        }
        (Format::Dotenv, None) => {
            let text = "a dotenv file has the fields of one secret; name it with --path";
            return Err(StoreError::Usage(text.to_owned()));
        }
    };
    write(args, config, secrets)
}

/// Reads everything before the store is locked.
pub(super) fn run_from_server(args: &ImportArgs, config: &SourceConfig) -> Result<(), StoreError> {
    let read = tree::read(config, &args.from_server)?;
    for text in read.skipped {
        terminal::note(&format!("skipped: {text}"));
    }
    if let Some(error) = read.left_behind {
        terminal::note(&format!(
            "the login token was not revoked: {}",
            chain(&error)
        ));
    }
    let mut secrets = BTreeMap::new();
    for (path, fields) in read.secrets {
        secrets.insert(super::path(&path)?, fields);
    }
    write(args, config, secrets)
}

fn write(
    args: &ImportArgs,
    config: &SourceConfig,
    secrets: BTreeMap<SecretPath, FieldMap>,
) -> Result<(), StoreError> {
    let report = if args.dry_run {
        let opened = open(config)?;
        apply(args, config, &mut opened.document()?, secrets)?
    } else {
        update(config, |document| apply(args, config, document, secrets))?
    };
    terminal::write_output(report.as_bytes())
}

/// The format of the option, or of the file's name.
fn format(args: &ImportArgs) -> Result<Format, StoreError> {
    if let Some(format) = args.format {
        return Ok(format);
    }
    let name = args
        .file
        .as_deref()
        .and_then(Path::file_name)
        .unwrap_or_default();
    let name = name.to_string_lossy();
    if name.ends_with(".json") {
        Ok(Format::Json)
    } else if name.ends_with(".env") || name.starts_with(".env.") {
        Ok(Format::Dotenv)
    } else {
        let text = "the file's name does not tell its format; say `--format json` or \
                    `--format dotenv`";
        Err(StoreError::Usage(text.to_owned()))
    }
}

/// The text, and in words where it is from.
fn read(
    args: &ImportArgs,
    config: &SourceConfig,
) -> Result<(String, Zeroizing<String>), StoreError> {
    let (origin, mut bytes) = match args.file.as_deref().filter(|file| *file != Path::new("-")) {
        Some(file) => (
            format!("`{}`", file.display()),
            terminal::read_file(file, MAX_IMPORT_BYTES)?,
        ),
        None => {
            super::refuse_shared_input(config, "what is imported")?;
            (
                "standard input".to_owned(),
                terminal::read_input(MAX_IMPORT_BYTES)?,
            )
        }
    };
    if u64::try_from(bytes.len()).map_or(true, |length| length > MAX_IMPORT_BYTES) {
        return Err(StoreError::Usage(format!(
            "{origin} is larger than 256 MiB"
        )));
    }
    match String::from_utf8(std::mem::take(&mut *bytes)) {
        Ok(text) => Ok((origin, Zeroizing::new(text))),
        Err(error) => {
            drop(Zeroizing::new(error.into_bytes()));
            Err(StoreError::Usage(format!("{origin} is not UTF-8 text")))
        }
    }
}

fn from_json(text: &str, origin: &str) -> Result<FieldMap, StoreError> {
    json::parse_own_object(text.as_bytes()).map_err(|error| StoreError::Json {
        origin: origin.to_owned(),
        source: error.into(),
    })
}

/// Takes an object of paths apart.
fn many(object: FieldMap, origin: &str) -> Result<BTreeMap<SecretPath, FieldMap>, StoreError> {
    let mut secrets = BTreeMap::new();
    for (text, fields) in object {
        let path = super::path(&text)?;
        let Value::Object(fields) = fields else {
            return Err(StoreError::Usage(format!(
                "{origin}: what stands at `{text}` is no object of fields; with --path, the whole \
                 object is taken as the fields of one secret"
            )));
        };
        if secrets.insert(path, fields).is_some() {
            return Err(StoreError::Usage(format!(
                "{origin}: `{text}` stands there twice"
            )));
        }
    }
    Ok(secrets)
}

/// Puts the fields into the document, and says what changed; names only.
fn apply(
    args: &ImportArgs,
    config: &SourceConfig,
    document: &mut Document<'_>,
    secrets: BTreeMap<SecretPath, FieldMap>,
) -> Result<String, StoreError> {
    let mut report = String::new();
    let would = if args.dry_run { "would be" } else { "is" };
    for (path, fields) in secrets {
        fields.keys().try_for_each(|name| super::field_name(name))?;
        let old = super::newest(document, &path, config)?;
        let names: Vec<_> = fields.keys().cloned().collect();
        let mut all = if args.replace {
            FieldMap::new()
        } else {
            old.clone()
        };
        all.extend(fields);
        if all == old && document.find(&path, None).is_ok() {
            report.push_str(&format!("{path} {would} unchanged\n"));
            continue;
        }
        let version = document
            .put(&path, &all, &now())
            .map_err(|error| StoreError::document(&config.store, error))?;
        let names = names.join(", ");
        report.push_str(&format!("{path} {would} at version {version}: {names}\n"));
    }
    Ok(report)
}
