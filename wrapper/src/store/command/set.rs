//! `store set`: writes fields whose values come from standard input, files or a prompt.

use std::collections::BTreeSet;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use zeroize::Zeroizing;

use super::terminal;
use crate::cli::store::SetArgs;
use crate::json;
use crate::source::SourceConfig;
use crate::store::StoreError;
use crate::store::open::{now, update};
use crate::store::versions::FieldMap;

/// Largest value in bytes: that of the secret region.
const MAX_VALUE_BYTES: u64 = 1 << 20;

/// Where a field's value comes from.
#[derive(Debug, Eq, PartialEq)]
enum Origin {
    /// Standard input, or a prompt when that is a terminal.
    Ask,
    /// Standard input.
    Input,
    /// A file.
    File(PathBuf),
}

impl Origin {
    /// The origin in words.
    fn name(&self) -> String {
        match self {
            Self::Ask | Self::Input => "standard input".to_owned(),
            Self::File(file) => format!("`{}`", file.display()),
        }
    }
}

pub(super) fn run(args: &SetArgs, config: &SourceConfig) -> Result<(), StoreError> {
    let path = super::path(&args.path)?;
    let fields = read(args, config)?;
    let version = update(config, |document| {
        let found = document.current_version(&path);
        if let Some(expected) = args.cas.filter(|expected| *expected != found) {
            return Err(StoreError::Conflict {
                path: path.to_string(),
                found,
                expected,
            });
        }
        let mut all = match args.replace {
            true => FieldMap::new(),
            false => super::newest(document, &path, config)?,
        };
        all.extend(fields);
        let put = document.put(&path, &all, &now());
        put.map_err(|error| StoreError::document(&config.store, error))
    })?;
    terminal::write_output(format!("{path} is at version {version}\n").as_bytes())
}

/// Reads all values, before the store is locked.
fn read(args: &SetArgs, config: &SourceConfig) -> Result<FieldMap, StoreError> {
    let mut names = BTreeSet::new();
    let mut plan = Vec::new();
    for text in &args.fields {
        let (name, origin) = specification(text)?;
        if !names.insert(name) {
            return Err(StoreError::Usage(format!(
                "the field `{name}` is named twice"
            )));
        }
        plan.push((name, origin));
    }
    let from_input = |origin: &Origin| match origin {
        Origin::Ask => !terminal::is_input(),
        Origin::Input => true,
        Origin::File(_) => false,
    };
    let inputs = plan.iter().filter(|(_, origin)| from_input(origin)).count();
    if inputs > 1 {
        return Err(StoreError::Usage(
            "standard input can hold the value of one field only; use FIELD=@FILE or several calls"
                .to_owned(),
        ));
    }
    if inputs == 1 {
        super::refuse_shared_input(config, "a value")?;
    }
    let mut fields = FieldMap::new();
    for (name, origin) in plan {
        fields.insert(name.to_owned(), value(args, name, &origin)?);
    }
    Ok(fields)
}

/// Splits `FIELD`, `FIELD=-` and `FIELD=@FILE`; refuses a literal value without showing it.
fn specification(text: &str) -> Result<(&str, Origin), StoreError> {
    let (name, origin) = match text.split_once('=') {
        None => (text, Origin::Ask),
        Some((name, "-")) => (name, Origin::Input),
        Some((name, origin)) => match origin.strip_prefix('@') {
            Some(file) if !file.is_empty() => (name, Origin::File(file.into())),
            _ => {
                super::field_name(name)?;
                return Err(StoreError::Usage(format!(
                    "the value of `{name}` must not stand on the command line, where everybody on \
                     this machine can read it: use `{name}` with the value on standard input, or \
                     `{name}=@FILE`; if it was a real secret, change it"
                )));
            }
        },
    };
    super::field_name(name)?;
    Ok((name, origin))
}

/// Reads one value.
fn value(args: &SetArgs, name: &str, origin: &Origin) -> Result<Value, StoreError> {
    let mut bytes = match origin {
        Origin::Ask if terminal::is_input() => {
            let mut typed = terminal::ask_value(name)?;
            Zeroizing::new(std::mem::take(&mut *typed).into_bytes())
        }
        Origin::Ask | Origin::Input => terminal::read_input(MAX_VALUE_BYTES)?,
        Origin::File(file) => terminal::read_file(file, MAX_VALUE_BYTES)?,
    };
    if u64::try_from(bytes.len()).map_or(true, |length| length > MAX_VALUE_BYTES) {
        return Err(StoreError::Usage(format!(
            "the value of `{name}` is larger than 1 MiB, the largest that a program can be given"
        )));
    }
    if args.json {
        return json::parse(&bytes).map_err(|error| StoreError::Json {
            origin: format!("the value of `{name}` from {}", origin.name()),
            source: error.into(),
        });
    }
    if args.base64 {
        return Ok(Value::String(STANDARD.encode(&*bytes)));
    }
    if bytes.ends_with(b"\n") {
        if args.strip_newline {
            bytes.pop();
        } else if !matches!(origin, Origin::File(_)) {
            terminal::note(&format!(
                "the value of `{name}` ends in a newline, which is kept; --strip-newline takes it off"
            ));
        }
    }
    text(name, bytes)
}

/// Bytes as a JSON string.
fn text(name: &str, mut bytes: Zeroizing<Vec<u8>>) -> Result<Value, StoreError> {
    match String::from_utf8(std::mem::take(&mut *bytes)) {
        Ok(text) => Ok(Value::String(text)),
        Err(error) => {
            drop(Zeroizing::new(error.into_bytes()));
            Err(StoreError::Usage(format!(
                "the value of `{name}` is not UTF-8 text, and a secret's fields are JSON; use \
                 --base64 to store it as base64 text"
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_name_their_origin() {
        assert_eq!(specification("a").unwrap(), ("a", Origin::Ask));
        assert_eq!(specification("a=-").unwrap(), ("a", Origin::Input));
        assert_eq!(
            specification("a=@b=c").unwrap(),
            ("a", Origin::File("b=c".into()))
        );
    }

    #[test]
    fn a_literal_value_is_refused_and_not_shown() {
        for text in [
            "a=hunter2",
            "a==hunter2",
            "a=-hunter2",
            "=hunter2",
            "a=",
            "a=@",
        ] {
            let error = specification(text).unwrap_err();
            assert!(matches!(error, StoreError::Usage(_)), "{text}: {error:?}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
}
