//! `store get`: one field byte for byte, or all fields as JSON.

use super::terminal;
use crate::cli::store::GetArgs;
use crate::source::{SourceConfig, render};
use crate::store::StoreError;
use crate::store::open::open;

pub(super) fn run(args: &GetArgs, config: &SourceConfig) -> Result<(), StoreError> {
    let (path, field, version) = target(args)?;
    let path = super::path(path)?;
    let opened = open(config)?;
    let document = opened.document()?;
    let (_, found) = document.find(&path, version)?;
    let mut fields = found.fields().map_err(|error| opened.damaged(error))?;
    let Some(field) = field else {
        return terminal::write_json(&fields);
    };
    let value = fields.remove(field).ok_or_else(|| StoreError::NoField {
        path: path.to_string(),
        field: field.to_owned(),
    })?;
    terminal::write_output(render(value).expose())?;
    if terminal::is_output() {
        terminal::write_output(b"\n")
    } else {
        Ok(())
    }
}

/// Takes `PATH#FIELD#VERSION` apart and puts the options in.
fn target(args: &GetArgs) -> Result<(&str, Option<&str>, Option<u64>), StoreError> {
    let usage = |text: &str| Err(StoreError::Usage(text.to_owned()));
    let mut parts = args.path.splitn(3, '#');
    let path = parts.next().unwrap_or_default();
    let field = parts.next().filter(|field| !field.is_empty());
    let version = match parts.next() {
        None => None,
        Some(text) => match text.parse::<u64>() {
            Ok(number) if number > 0 => Some(number),
            _ => return usage("a version is a number from 1, as in `secret/db#password#2`"),
        },
    };
    if field.is_some() && args.field.is_some() || version.is_some() && args.version.is_some() {
        return usage("the field or the version is given twice");
    }
    Ok((
        path,
        field.or(args.field.as_deref()),
        version.or(args.version),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(path: &str) -> Option<(String, Option<String>, Option<u64>)> {
        let args = GetArgs {
            path: path.to_owned(),
            field: None,
            version: None,
        };
        let (path, field, version) = target(&args).ok()?;
        Some((path.to_owned(), field.map(str::to_owned), version))
    }

    #[test]
    fn a_target_is_taken_apart() {
        let some = |field: &str| Some(field.to_owned());
        assert_eq!(parse("s/a"), Some(("s/a".into(), None, None)));
        assert_eq!(parse("s/a#f"), Some(("s/a".into(), some("f"), None)));
        assert_eq!(parse("s/a#f#2"), Some(("s/a".into(), some("f"), Some(2))));
        assert_eq!(parse("s/a##2"), Some(("s/a".into(), None, Some(2))));
        for bad in ["s/a#f#0", "s/a#f#x", "s/a#f#1#2", "s/a#f#"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
