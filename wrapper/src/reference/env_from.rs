//! Reads "all keys of a path": `[PREFIX=]scheme:path[#version][?]`.

use std::fmt;

use super::ciphertext::is_ciphertext;
use super::parser::Parser;
use super::{
    Part, Place, ReferenceError, SYNTAX, Schemes, Unsupported, WRITES, begins_reference, escape,
};

/// Every field of a secret as a variable of its own, named prefix + field.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EnvFrom {
    /// What stands before every field's name; may be empty.
    pub prefix: String,
    /// `vault`, `bao` or a source's name.
    pub scheme: String,
    /// The path without escapes.
    pub path: String,
    /// A pinned version, 1 or more.
    pub version: Option<u64>,
    /// Whether a missing secret gives no variable instead of an error.
    pub is_optional: bool,
}

impl fmt::Display for EnvFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.prefix.is_empty() {
            write!(f, "{}=", self.prefix)?;
        }
        write!(f, "{}:{}", self.scheme, escape(&self.path, SYNTAX))?;
        if let Some(version) = self.version {
            write!(f, "#{version}")?;
        }
        f.write_str(if self.is_optional { "?" } else { "" })
    }
}

/// Reads one entry of "all keys".
///
/// # Errors
///
/// [`ReferenceError`] with the position and the fix.
pub fn parse_env_from(text: &str, schemes: &Schemes) -> Result<EnvFrom, ReferenceError> {
    let (prefix, body) = match text.split_once('=') {
        Some(split) if schemes.strip(text).is_none() => split,
        _ => ("", text),
    };
    let mut parser = Parser::new(text, schemes);
    if let Some((offset, c)) = prefix.char_indices().find(|(_, c)| c.is_control()) {
        let place = Place::new(offset, text.get(..offset).unwrap_or_default());
        return Err(ReferenceError::Control(place, Part::Prefix, c));
    }
    if parser.take("=") {
        return Err(ReferenceError::Empty(parser.here(), Part::Prefix));
    }
    if body.len() < text.len() {
        parser.take(prefix);
        parser.take("=");
    }
    if body.starts_with(WRITES) && begins_reference(body, schemes) {
        let what = Unsupported::KeysOfWrite;
        return Err(ReferenceError::Unsupported(parser.here(), what));
    }
    let Some(scheme) = parser.scheme() else {
        return Err(ReferenceError::NoScheme(parser.here()));
    };
    if is_ciphertext(parser.rest()) {
        let what = Unsupported::Ciphertext;
        return Err(ReferenceError::Unsupported(parser.here(), what));
    }
    let path = parser.segment(Part::Path, &[])?;
    let version = match parser.take("#") {
        true => Some(parser.version()?),
        false => None,
    };
    if parser.rest().starts_with(":-") {
        return Err(ReferenceError::DefaultOfAllKeys(parser.here()));
    }
    let is_optional = parser.optional()?;
    Ok(EnvFrom {
        prefix: prefix.into(),
        scheme: scheme.into(),
        path,
        version,
        is_optional,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<EnvFrom, ReferenceError> {
        parse_env_from(text, &Schemes::new(["local"]))
    }

    #[test]
    fn r10_prefix_version_and_optional_are_read_and_printed() {
        let entry = read("DB_=vault:secret/db#3?").unwrap();
        assert_eq!(entry.prefix, "DB_");
        assert_eq!(entry.path, "secret/db");
        assert_eq!((entry.version, entry.is_optional), (Some(3), true));
        for text in [
            "DB_=vault:secret/db#3?",
            "local:a",
            "bao:a=b",
            "P=bao:a\\#b?",
        ] {
            assert_eq!(read(text).unwrap().to_string(), text);
        }
        assert_eq!(read("bao:a=b").unwrap().path, "a=b");
    }

    #[test]
    fn faults_have_their_position() {
        let column = |text: &str| read(text).unwrap_err().place().column;
        assert!(matches!(
            read("=vault:a"),
            Err(ReferenceError::Empty(_, Part::Prefix))
        ));
        assert!(matches!(read("P=a"), Err(ReferenceError::NoScheme(_))));
        assert_eq!(column("P=a"), 3);
        assert!(matches!(
            read("P=vault:a#b"),
            Err(ReferenceError::BadVersion(_))
        ));
        assert_eq!(column("P=vault:a#b"), 11);
        assert!(matches!(
            read("vault:a#1#2"),
            Err(ReferenceError::TooManyParts(_))
        ));
        assert!(matches!(
            read("vault:a:-x"),
            Err(ReferenceError::DefaultOfAllKeys(_))
        ));
        assert!(matches!(
            read("vault:a?b"),
            Err(ReferenceError::AfterOptional(_))
        ));
        assert!(matches!(
            read("P\n=vault:a"),
            Err(ReferenceError::Control(..))
        ));
        for (text, what, at) in [
            ("P=>>vault:a", Unsupported::KeysOfWrite, 3),
            (">>bao:a#b#{}", Unsupported::KeysOfWrite, 1),
            ("P=vault:v1:aBcD", Unsupported::Ciphertext, 9),
        ] {
            let error = read(text).unwrap_err();
            assert!(matches!(error, ReferenceError::Unsupported(_, found) if found == what));
            assert_eq!(column(text), at);
        }
        assert!(matches!(
            read("vault:"),
            Err(ReferenceError::Empty(_, Part::Path))
        ));
    }
}
