//! `store export`: secrets as JSON or dotenv on standard output.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use zeroize::Zeroizing;

use super::terminal;
use crate::cli::store::{ExportArgs, Format};
use crate::source::{ReadError, SourceConfig, render};
use crate::store::document::Document;
use crate::store::open::{Opened, open};
use crate::store::path::SecretPath;
use crate::store::versions::FieldMap;
use crate::store::{StoreError, dotenv};

pub(super) fn run(args: &ExportArgs, config: &SourceConfig) -> Result<(), StoreError> {
    let usage = |text: &str| Err(StoreError::Usage(text.to_owned()));
    if terminal::is_output() && !args.force {
        return usage(
            "secrets would be shown on the terminal; redirect the output, or say --force",
        );
    }
    if args.format == Format::Dotenv && args.all_versions {
        return usage("a dotenv file has no versions; use --format json");
    }
    if args.format == Format::Dotenv && args.paths.is_empty() {
        return usage("a dotenv file has no paths; name the secrets whose fields it is to have");
    }
    let paths = args.paths.iter().map(|text| super::path(text));
    let paths = paths.collect::<Result<Vec<_>, _>>()?;
    let opened = open(config)?;
    let mut document = opened.document()?;
    if args.all_versions {
        return all_versions(&mut document, &paths);
    }
    let secrets = live(&opened, &document, &paths)?;
    match args.format {
        Format::Json => terminal::write_json(&secrets),
        Format::Dotenv => terminal::write_output(as_dotenv(secrets)?.as_bytes()),
    }
}

/// The part of the document that `paths` name, as it is.
fn all_versions(document: &mut Document<'_>, paths: &[SecretPath]) -> Result<(), StoreError> {
    for path in paths {
        document.entry(path)?;
    }
    let names: BTreeSet<_> = paths.iter().map(SecretPath::canonical).collect();
    if !paths.is_empty() {
        document
            .secrets
            .retain(|canonical, _| names.contains(canonical.as_str()));
    }
    terminal::write_json(&document.secrets)
}

/// The newest versions. Without paths, what was deleted is left out.
fn live(
    opened: &Opened,
    document: &Document<'_>,
    paths: &[SecretPath],
) -> Result<BTreeMap<String, FieldMap>, StoreError> {
    let mut secrets = BTreeMap::new();
    let all = document.secrets.keys().map(|text| super::path(text));
    let all = if paths.is_empty() {
        all.collect::<Result<Vec<_>, _>>()?
    } else {
        Vec::new()
    };
    for path in paths.iter().chain(&all) {
        match document.find(path, None) {
            Ok((_, version)) => {
                let fields = version.fields().map_err(|error| opened.damaged(error))?;
                secrets.insert(path.to_string(), fields);
            }
            Err(ReadError::Deleted { .. } | ReadError::Destroyed { .. }) if paths.is_empty() => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(secrets)
}

/// `NAME=value` lines.
fn as_dotenv(secrets: BTreeMap<String, FieldMap>) -> Result<Zeroizing<String>, StoreError> {
    let usage = |text: String| Err(StoreError::Usage(text));
    let mut text = Zeroizing::new(String::new());
    let mut names = BTreeSet::new();
    for (path, fields) in secrets {
        for (name, value) in fields {
            if !dotenv::is_name(&name) {
                return usage(format!(
                    "the field `{name}` of `{path}` cannot be a variable's name"
                ));
            }
            let quoted = as_text(value)
                .as_deref()
                .and_then(|value| dotenv::quote(value));
            let Some(quoted) = quoted.map(Zeroizing::new) else {
                return usage(format!("the field `{name}` of `{path}` holds a zero byte"));
            };
            text.push_str(&format!("{name}="));
            text.push_str(&quoted);
            text.push('\n');
            if !names.insert(name) {
                return usage(format!("`{path}` has a field that another one has, too"));
            }
        }
    }
    Ok(text)
}

/// A value as a program would receive it.
fn as_text(value: Value) -> Option<Zeroizing<String>> {
    let rendered = render(value);
    Some(Zeroizing::new(
        std::str::from_utf8(rendered.expose()).ok()?.to_owned(),
    ))
}
