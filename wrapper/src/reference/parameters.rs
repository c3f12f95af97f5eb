//! The JSON object of a reference that writes: `>>vault:path#field#{json}`.
//!
//! Where it ends is known to the JSON parser only: strings in it may hold braces, `#`, `?` and
//! quotes. Equal objects become equal text, so that one certificate is issued for all who spell its
//! parameters alike. No error holds any text of it: parameters may be secrets.

use std::fmt;

use serde_json::error::Category;
use serde_json::{Deserializer, Map, Value};

/// Largest object, in bytes as it is written. Chosen: a signing request with a key of 16 Ki bits
/// has 8 KiB, and a variable's value has 128 KiB at most.
pub const MAX_PARAMETER_BYTES: usize = 64 << 10;

/// What JSON allows around a value (RFC 8259, section 2).
pub(super) const JSON_SPACE: &[char] = &[' ', '\t', '\n', '\r'];

/// A JSON object: compact, keys sorted on every level, numbers with their digits.
///
/// Never printed.
#[derive(Clone, Eq, PartialEq)]
pub struct Parameters(String);

impl Parameters {
    /// Reads the object that `text` begins with, and how many bytes it has there.
    ///
    /// # Errors
    ///
    /// The fault and the byte of `text` at which it is.
    pub(super) fn read(text: &str) -> Result<(Self, usize), (ParameterFault, usize)> {
        if !text.starts_with('{') {
            return Err((ParameterFault::NotAnObject, 0));
        }
        // A map and not a `Value`, which takes an object with certain keys for a number.
        let mut objects = Deserializer::from_str(text).into_iter::<Map<String, Value>>();
        let object = match objects.next() {
            Some(Ok(object)) => object,
            Some(Err(error)) => return Err((ParameterFault::of(&error), offset(text, &error))),
            None => return Err((ParameterFault::NotAnObject, 0)),
        };
        let bytes = objects.byte_offset();
        if bytes > MAX_PARAMETER_BYTES {
            return Err((ParameterFault::TooLong, 0));
        }
        let mut object = Value::Object(object);
        object.sort_all_objects();
        Ok((Self(object.to_string()), bytes))
    }

    /// The object as text. Every caller must keep it out of messages, arguments and files.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is none in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0 == "{}"
    }
}

impl Default for Parameters {
    fn default() -> Self {
        Self(String::from("{}"))
    }
}

impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Parameters(…)")
    }
}

/// What keeps a text from being an object of parameters.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ParameterFault {
    /// It does not begin with `{`.
    NotAnObject,
    /// It has more than [`MAX_PARAMETER_BYTES`].
    TooLong,
    /// It ends before its last `}`.
    Cut,
    /// The JSON parser's fixed words for what is wrong, no text of the object.
    Syntax(String),
}

impl ParameterFault {
    fn of(error: &serde_json::Error) -> Self {
        let words = error.to_string();
        let words = words.rsplit_once(" at line ").map(|(words, _)| words);
        match (error.classify(), words) {
            (Category::Eof, _) => Self::Cut,
            // Errors of syntax are constants of the parser; others may quote a value.
            (Category::Syntax, Some(words)) => Self::Syntax(words.into()),
            _ => Self::Syntax("a value in it cannot be read".into()),
        }
    }
}

impl fmt::Display for ParameterFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnObject => f.write_str("they begin with `{`, as in `#{\"ttl\":\"1h\"}`"),
            Self::TooLong => write!(f, "they have more than {MAX_PARAMETER_BYTES} bytes"),
            Self::Cut => f.write_str("they end before their last `}`"),
            Self::Syntax(words) => f.write_str(words),
        }
    }
}

/// The byte of `text` that an error points at: always the beginning of a character, or the end.
fn offset(text: &str, error: &serde_json::Error) -> usize {
    if error.is_eof() {
        return text.len();
    }
    let lines = text.split_inclusive('\n').map(str::len);
    let line: usize = lines.take(error.line().saturating_sub(1)).sum();
    // The parser counts bytes from 1, and the line break as byte 0 of the next line.
    let at = line.saturating_add(error.column().saturating_sub(1));
    text.floor_char_boundary(at.min(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        let (parameters, bytes) = Parameters::read(text).unwrap();
        assert_eq!(bytes, text.len());
        parameters.expose().into()
    }

    fn fault(text: &str) -> (String, usize) {
        let (fault, at) = Parameters::read(text).unwrap_err();
        (fault.to_string(), at)
    }

    #[test]
    fn r7_equal_objects_become_equal_text() {
        let one = r#"{"b":{"d":[1,{"f":2,"e":1}],"c":null},"a":"A"}"#;
        let other = "{ \"a\" : \"\\u0041\",\n\"b\":{\"c\":null, \"d\":[1, {\"e\":1,\"f\":2}]} }";
        assert_eq!(read(one), read(other));
        assert_eq!(
            read(one),
            r#"{"a":"A","b":{"c":null,"d":[1,{"e":1,"f":2}]}}"#
        );
    }

    #[test]
    fn numbers_keep_their_digits() {
        let digits = r#"{"n":[1.50,123456789012345678901234567890,-0,0.1]}"#;
        assert_eq!(read(digits), digits);
    }

    #[test]
    fn r8_the_object_ends_where_json_says() {
        let object = r##"{"a":"}#?:-\"\\{","b":{"c":"}}"}}"##;
        let (_, bytes) = Parameters::read(&format!("{object}}}?:-x")).unwrap();
        assert_eq!(bytes, object.len());
    }

    #[test]
    fn faults_have_their_position_and_no_text() {
        for (text, what, at) in [
            ("", "they begin with `{`", 0),
            ("[1]", "they begin with `{`", 0),
            ("\"hunter2\"", "they begin with `{`", 0),
            ("{", "they end before", 1),
            (r#"{"hunter2":"hunter2"#, "they end before", 19),
            (r#"{"hunter2"}"#, "expected `:`", 10),
            (r#"{"a":hunter2}"#, "expected value", 5),
            (r#"{"a":1,}"#, "trailing comma", 7),
            ("{\n\"a\":\n\u{e4}1}", "expected value", 7),
            (r#"{"a":"hunter2\x"}"#, "invalid escape", 14),
            ("{\"a\":\"hunter2\u{1}\"}", "control character", 13),
        ] {
            let (why, column) = fault(text);
            assert!(why.contains(what), "{text}: {why}");
            assert!(!why.contains("hunter2"), "{text}: {why}");
            assert_eq!(column, at, "{text}: {why}");
        }
    }

    #[test]
    fn what_a_value_quotes_is_not_passed_on() {
        // The parser's own way to hand over numbers: the only thing that is not about syntax.
        let text = r#"{"a":{"$serde_json::private::Number":"hunter2"}}"#;
        assert_eq!(fault(text).0, "a value in it cannot be read");
    }

    #[test]
    fn size_and_depth_are_limited() {
        let sized = |bytes: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(bytes - 8));
        assert_eq!(read(&sized(MAX_PARAMETER_BYTES)).len(), MAX_PARAMETER_BYTES);
        assert_eq!(
            fault(&sized(MAX_PARAMETER_BYTES + 1)).0,
            "they have more than 65536 bytes"
        );
        let deep =
            |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
        assert!(Parameters::read(&deep(126)).is_ok());
        assert!(fault(&deep(128)).0.contains("recursion limit"));
    }
}
