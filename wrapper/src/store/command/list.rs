//! `store list`: paths, and with `--long` or `--json` what stands at them; never a value.

use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::terminal;
use crate::cli::store::ListArgs;
use crate::source::SourceConfig;
use crate::store::StoreError;
use crate::store::document::{DocumentError, Entry, Version};
use crate::store::open::open;
use crate::store::path::SecretPath;

pub(super) fn run(args: &ListArgs, config: &SourceConfig) -> Result<(), StoreError> {
    let opened = open(config)?;
    let document = opened.document()?;
    let mut rows = Vec::new();
    for (canonical, entry) in &document.secrets {
        let path = super::path(canonical)?;
        if args
            .prefix
            .as_deref()
            .is_none_or(|prefix| is_below(&path, prefix))
        {
            rows.push((path, entry));
        }
    }
    if args.json {
        let list = rows.iter().map(|(path, entry)| as_json(path, entry));
        let list = list
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| opened.damaged(e))?;
        return terminal::write_json(&list);
    }
    let mut text = String::new();
    for (path, entry) in &rows {
        text.push_str(&path.to_string());
        if args.long {
            let details = details(entry).map_err(|error| opened.damaged(error))?;
            text.push_str(&details);
        }
        text.push('\n');
    }
    terminal::write_output(text.as_bytes())
}

/// Whether `path` is `prefix` or stands below it, in either spelling.
fn is_below(path: &SecretPath, prefix: &str) -> bool {
    let prefix = prefix.trim_end_matches('/');
    [path.canonical(), &path.to_string()].iter().any(|text| {
        text.strip_prefix(prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// `version 3  2026-…  user, password`
fn details(entry: &Entry<'_>) -> Result<String, DocumentError> {
    let mut text = format!(
        "  version {}  {}",
        entry.current_version, entry.updated_time
    );
    if let Some(version) = entry.versions.get(&entry.current_version) {
        let state = match state(version) {
            "live" => names(version)?.join(", "),
            state => state.to_owned(),
        };
        text.push_str("  ");
        text.push_str(&state);
    }
    Ok(text)
}

fn as_json(path: &SecretPath, entry: &Entry<'_>) -> Result<Value, DocumentError> {
    let mut versions = Vec::new();
    for (number, version) in &entry.versions {
        versions.push(json!({
            "version": number,
            "created_time": version.created_time,
            "deletion_time": version.deletion_time,
            "state": state(version),
            "fields": names(version)?,
        }));
    }
    Ok(json!({
        "path": path.to_string(),
        "created_time": entry.created_time,
        "updated_time": entry.updated_time,
        "current_version": entry.current_version,
        "versions": versions,
    }))
}

fn state(version: &Version<'_>) -> &'static str {
    match (version.destroyed, &version.deletion_time) {
        (true, _) => "destroyed",
        (false, Some(_)) => "deleted",
        (false, None) => "live",
    }
}

/// The names of the fields; their values are passed over, not read.
fn names(version: &Version<'_>) -> Result<Vec<String>, DocumentError> {
    let Some(data) = &version.data else {
        return Ok(Vec::new());
    };
    let fields: std::collections::BTreeMap<String, IgnoredAny> = serde_json::from_str(data.get())?;
    Ok(fields.into_keys().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_at_a_slash() {
        let path = SecretPath::parse("secret/app/db").unwrap();
        for prefix in [
            "secret",
            "secret/",
            "secret/app",
            "secret/data/app/",
            "secret/app/db",
        ] {
            assert!(is_below(&path, prefix), "{prefix}");
        }
        for prefix in ["sec", "secret/ap", "secret/app/d", "other"] {
            assert!(!is_below(&path, prefix), "{prefix}");
        }
    }
}
