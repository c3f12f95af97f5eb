//! `secret-paths`, `env-map` and `files`: from the annotation's text to the lines that the wrapper
//! reads from `CLOUDTASER_ENV`, `CLOUDTASER_ENV_FROM` and `CLOUDTASER_FILE`.
//!
//! Paths and field names are data: whatever the wrapper's grammar means something by gets its
//! backslash, and a line break is refused, because it would begin another line. References inside
//! `files` are the wrapper's to read.

use cloudtaser_abi::annotation::{ENV_MAP, SECRET_PATHS};
use cloudtaser_abi::reference::is_syntax;

use super::AnnotationError;
use super::error::shown;

/// What the annotations ask for, for every container in scope.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Secrets {
    /// `NAME=vault:PATH#FIELD`.
    pub env: Vec<String>,
    /// `vault:PATH[#VERSION][?]`.
    pub env_from: Vec<String>,
    /// `PATH[,attributes]=TEXT`.
    pub files: Vec<String>,
}

impl Secrets {
    /// Whether nothing is asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.env.is_empty() && self.env_from.is_empty() && self.files.is_empty()
    }
}

/// A secret's path, with what may stand behind it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct SecretPath {
    path: String,
    version: Option<u64>,
    is_optional: bool,
}

impl SecretPath {
    fn all_fields(&self) -> String {
        let version = self.version.map(|version| format!("#{version}"));
        let version = version.unwrap_or_default();
        format!("vault:{}{version}{}", escape(&self.path), self.mark())
    }

    fn field(&self, field: &str) -> String {
        let version = self.version.map(|version| format!("#{version}"));
        let version = version.unwrap_or_default();
        let (path, field) = (escape(&self.path), escape(field));
        format!("vault:{path}#{field}{version}{}", self.mark())
    }

    fn mark(&self) -> &'static str {
        if self.is_optional { "?" } else { "" }
    }
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if is_syntax(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// Reads `PATH[#VERSION][?]`, with commas between. Empty ones are left out.
pub(super) fn paths(key: &str, value: &str) -> Result<Vec<SecretPath>, AnnotationError> {
    let mut paths = Vec::new();
    for (index, text) in value.split(',').map(str::trim).enumerate() {
        if !text.is_empty() {
            let place = format!("path {}", index.saturating_add(1));
            paths.push(path(text).map_err(|problem| AnnotationError::part(key, place, problem))?);
        }
    }
    Ok(paths)
}

fn path(text: &str) -> Result<SecretPath, String> {
    if text.chars().any(char::is_control) {
        return Err(format!("{} holds a control character", shown(text)));
    }
    if let Some(scheme) = ["vault:", "bao:"].iter().find(|s| text.starts_with(**s)) {
        return Err(format!("write the path without `{scheme}`"));
    }
    let (text, is_optional) = match text.strip_suffix('?') {
        Some(path) => (path, true),
        None => (text, false),
    };
    let (path, version) = match text.split_once('#') {
        None => (text, None),
        Some((path, version)) => {
            let is_digits = version.bytes().all(|byte| byte.is_ascii_digit());
            let number = version.parse().ok().filter(|n| is_digits && *n > 0);
            let problem = "what stands behind `#` is a version, a number from 1 on; for one field \
                           of a secret use `env-map`";
            (path, Some(number.ok_or(problem)?))
        }
    };
    if path.trim_matches('/').is_empty() {
        return Err("a path is missing".to_owned());
    }
    Ok(SecretPath {
        path: path.to_owned(),
        version,
        is_optional,
    })
}

/// Puts `secret-paths` and `env-map` together.
pub(super) fn variables(
    secrets: &mut Secrets,
    paths: &[SecretPath],
    map: Option<&str>,
) -> Result<(), AnnotationError> {
    let groups: Vec<&str> = map.map_or_else(Vec::new, |map| map.split(';').collect());
    let used = groups.iter().rposition(|group| !group.trim().is_empty());
    if used.is_some_and(|last| last >= paths.len()) {
        if paths.is_empty() {
            let key = ENV_MAP.to_owned();
            return Err(AnnotationError::Alone {
                key,
                other: SECRET_PATHS,
            });
        }
        let place = format!("group {}", paths.len().saturating_add(1));
        let problem = format!("`secret-paths` has {} path(s) only", paths.len());
        return Err(AnnotationError::part(ENV_MAP, place, problem));
    }
    for (index, path) in paths.iter().enumerate() {
        let group = groups.get(index).map_or("", |group| group.trim());
        if group.is_empty() {
            secrets.env_from.push(path.all_fields());
            continue;
        }
        for (pair_index, pair) in group.split(',').map(str::trim).enumerate() {
            if pair.is_empty() {
                continue;
            }
            let (field, name) = mapping(pair).map_err(|problem| {
                let (group, pair) = (index.saturating_add(1), pair_index.saturating_add(1));
                AnnotationError::part(ENV_MAP, format!("group {group}, pair {pair}"), problem)
            })?;
            secrets.env.push(format!("{name}={}", path.field(field)));
        }
    }
    Ok(())
}

/// Reads `FIELD=NAME`. The name stands behind the last `=`, because a field may hold one.
fn mapping(pair: &str) -> Result<(&str, &str), String> {
    let Some((field, name)) = pair.rsplit_once('=') else {
        return Err(format!("{} is not FIELD=NAME", shown(pair)));
    };
    let (field, name) = (field.trim(), name.trim());
    if field.is_empty() || field.chars().any(char::is_control) {
        return Err(format!("{} names no field", shown(pair)));
    }
    let is_inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !begins || !name.chars().all(is_inside) {
        let allowed = "a letter or `_`, then letters, digits, `_`, `-`, `.`";
        return Err(format!("{} is no variable's name: {allowed}", shown(name)));
    }
    Ok((field, name))
}

/// Reads the lines of `files`; the wrapper reads what stands in them.
pub(super) fn files(key: &str, value: &str) -> Result<Vec<String>, AnnotationError> {
    let mut files = Vec::new();
    for (index, line) in value.lines().map(str::trim).enumerate() {
        if line.is_empty() {
            continue;
        }
        let place = format!("line {}", index.saturating_add(1));
        let problem = if !line.starts_with('/') {
            "a path begins with `/`; the form is PATH[,mode=0440][,owner=UID:GID][,opens=N]=TEXT"
        } else if !line.contains('=') {
            "no `=TEXT` stands behind the path"
        } else if line.chars().any(char::is_control) {
            "it holds a control character"
        } else {
            files.push(line.to_owned());
            continue;
        };
        return Err(AnnotationError::part(key, place, problem));
    }
    Ok(files)
}

#[cfg(test)]
#[path = "secrets_tests.rs"]
mod tests;
