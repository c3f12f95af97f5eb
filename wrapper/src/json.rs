//! JSON of strangers to a [`Value`], within bounds, every key as plain data.
//!
//! `serde_json` gives two keys a meaning of its own (`$serde_json::private::Number` and
//! `…::RawValue`, by which its number and raw types travel): whoever may write a secret could have
//! text parsed a second time, with a fresh limit of recursion, until the stack ends. So the library
//! only takes texts apart here, one level at a time, and this module puts the values together. It
//! never sees those keys as anything but names.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value};

/// Levels of arrays and objects. Chosen: deeper than any secret, and each level is scanned anew.
const MAX_DEPTH: usize = 64;
/// Values of all kinds in one document. Chosen: a secret of some thousand fields, or the list of
/// ten thousand mounts; they take 30 MiB at most.
const MAX_VALUES: usize = 250_000;

/// Why a text is not taken. It says nothing of the text but a place.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// No JSON, by line and column of the text, or of the value within it that is looked at.
    #[error("no JSON at line {line}, column {column}")]
    Syntax {
        /// From 1.
        line: usize,
        /// In bytes, from 1; 0 at the very beginning.
        column: usize,
    },
    /// Something else than an object.
    #[error("JSON that is no object")]
    NoObject,
    /// Too deep.
    #[error("JSON of more than {MAX_DEPTH} levels")]
    TooDeep,
    /// Too many.
    #[error("JSON of more than {MAX_VALUES} values")]
    TooMany,
}

/// Reads one document.
///
/// Of a key that stands in an object twice, the last value counts, as with `serde_json`. Numbers
/// keep their digits.
///
/// # Errors
///
/// [`JsonError`].
pub fn parse(text: &[u8]) -> Result<Value, JsonError> {
    let raw: &RawValue = serde_json::from_slice(text).map_err(|error| syntax(&error))?;
    let mut left = MAX_VALUES;
    build(raw, MAX_DEPTH, &mut left)
}

/// Reads one document of the user's own, which may hold any number of values, and must be an
/// object.
///
/// # Errors
///
/// [`JsonError`].
pub fn parse_own_object(text: &[u8]) -> Result<Map<String, Value>, JsonError> {
    let raw: &RawValue = serde_json::from_slice(text).map_err(|error| syntax(&error))?;
    match build(raw, MAX_DEPTH, &mut usize::MAX.clone())? {
        Value::Object(object) => Ok(object),
        _ => Err(JsonError::NoObject),
    }
}

fn syntax(error: &serde_json::Error) -> JsonError {
    JsonError::Syntax {
        line: error.line(),
        column: error.column(),
    }
}

fn build(raw: &RawValue, depth: usize, left: &mut usize) -> Result<Value, JsonError> {
    *left = left.checked_sub(1).ok_or(JsonError::TooMany)?;
    let text = raw.get();
    let failed = |error: serde_json::Error| syntax(&error);
    match text.as_bytes().first() {
        Some(b'{') => {
            let below = depth.checked_sub(1).ok_or(JsonError::TooDeep)?;
            let Members(members) = serde_json::from_str(text).map_err(failed)?;
            let mut object = Map::with_capacity(members.len().min(*left));
            for (name, value) in members {
                object.insert(name, build(value, below, left)?);
            }
            Ok(Value::Object(object))
        }
        Some(b'[') => {
            let below = depth.checked_sub(1).ok_or(JsonError::TooDeep)?;
            let items: Vec<&RawValue> = serde_json::from_str(text).map_err(failed)?;
            let items = items.into_iter().map(|item| build(item, below, left));
            Ok(Value::Array(items.collect::<Result<_, _>>()?))
        }
        Some(b'"') => serde_json::from_str(text)
            .map(Value::String)
            .map_err(failed),
        Some(b't') => Ok(Value::Bool(true)),
        Some(b'f') => Ok(Value::Bool(false)),
        Some(b'n') => Ok(Value::Null),
        _ => text.parse::<Number>().map(Value::Number).map_err(failed),
    }
}

/// The members of an object in their order, not looked into.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<Value, JsonError> {
        parse(text.as_bytes())
    }

    /// What the value is written as.
    fn written(text: &str) -> String {
        read(text).expect(text).to_string()
    }

    #[test]
    fn every_kind_of_value_is_read() {
        let text = r#" {"a": [1, -2.50e+7, "x\u00e4\n", true, false, null], "b": {}, "": []} "#;
        assert_eq!(
            written(text),
            r#"{"a":[1,-2.50e+7,"xä\n",true,false,null],"b":{},"":[]}"#
        );
        assert_eq!(written(r#"{"a":1,"b":2,"a":3}"#), r#"{"a":3,"b":2}"#);
    }

    #[test]
    fn keys_with_a_meaning_to_the_library_are_names() {
        for name in ["Number", "RawValue"] {
            for value in [r#""\"EVIL\"""#, r#""7""#, r#""x""#, "{}"] {
                let text = format!(r#"{{"$serde_json::private::{name}":{value}}}"#);
                assert_eq!(written(&text), text);
            }
        }
    }

    #[test]
    fn nested_raw_texts_do_not_end_the_stack() {
        // Each level would be parsed anew by the library, with a new limit of recursion.
        let mut text = String::from("1");
        for _level in 0..16 {
            let inner = serde_json::to_string(&format!("[[[[[[{text}]]]]]]")).expect("a text");
            text = format!(r#"{{"$serde_json::private::RawValue":{inner}}}"#);
            if text.len() > 1 << 20 {
                break;
            }
        }
        assert_eq!(written(&text), text);
    }

    #[test]
    fn depth_and_number_are_bounded() {
        let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(read(&deep(64)).is_ok());
        assert_eq!(read(&deep(65)), Err(JsonError::TooDeep));
        let objects = |levels: usize| r#"{"a":"#.repeat(levels) + "1" + &"}".repeat(levels);
        assert!(read(&objects(64)).is_ok());
        assert_eq!(read(&objects(65)), Err(JsonError::TooDeep));
        let many = |count: usize| format!("[{}0]", "0,".repeat(count - 1));
        assert!(read(&many(249_999)).is_ok());
        assert_eq!(read(&many(250_000)), Err(JsonError::TooMany));
    }

    #[test]
    fn what_is_no_json_is_told_by_its_place() {
        for text in [
            "",
            "{",
            "[1,]",
            "nul",
            "\"\u{1}\"",
            "{\"a\":1 \"hunter2\"}",
            "1 2",
            "\"\\x\"",
        ] {
            let error = read(text).expect_err(text);
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
        assert_eq!(
            read("{\n  hunter2"),
            Err(JsonError::Syntax { line: 2, column: 3 })
        );
    }

    proptest! {
        #[test]
        fn what_the_library_writes_is_read_as_it_was(text in "[\\[\\]{}\",:0-9a-z\\\\ .eE+-]{0,60}") {
            let own = read(&text);
            match serde_json::from_str::<Value>(&text) {
                Ok(value) => prop_assert_eq!(own, Ok(value)),
                Err(_) => prop_assert!(own.is_err(), "{}", text),
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _either = parse(&bytes);
        }
    }
}
