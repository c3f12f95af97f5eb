//! The API's answers: status, JSON, and what errors say. Pure.
//!
//! Nothing is derived: derived errors quote what they found, and that may be a secret.

use serde_json::{Map, Value};

use crate::json;
use crate::secret::Secret;

/// Longest text of a server that is repeated, in characters. Chosen: two lines of a terminal.
const SHOWN_CHARS: usize = 160;

/// One answer.
#[derive(Debug)]
pub(super) struct Reply {
    /// The HTTP status: 200, 204 or 4xx; others never come here.
    pub(super) status: u16,
    /// The JSON document; `Null` when the body is empty.
    pub(super) body: Body,
}

/// A JSON document that is never printed.
pub(super) struct Body(pub(super) Value);

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Body(…)")
    }
}

impl Reply {
    /// Reads the bytes of an answer.
    ///
    /// # Errors
    ///
    /// What is wrong, with line and column, for an answer that must be JSON. The body of an error
    /// may be anything: a proxy's page, for instance.
    pub(super) fn parse(status: u16, bytes: &[u8]) -> Result<Self, String> {
        let body = if bytes.iter().all(u8::is_ascii_whitespace) {
            Ok(Value::Null)
        } else {
            json::parse(bytes)
        };
        match body {
            Ok(value) => {
                let body = Body(value);
                Ok(Self { status, body })
            }
            Err(_no_json) if status >= 400 => Ok(Self {
                status,
                body: Body(Value::Null),
            }),
            Err(error) => Err(error.to_string()),
        }
    }

    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The object `data`, taken out; `None` when it is absent or `null`.
    ///
    /// # Errors
    ///
    /// What it is instead.
    pub(super) fn take_data(&mut self) -> Result<Option<Map<String, Value>>, String> {
        take_object(&mut self.body.0, "data")
    }

    /// The object `auth` of a login, taken out.
    ///
    /// # Errors
    ///
    /// What it is instead.
    pub(super) fn take_auth(&mut self) -> Result<Option<Map<String, Value>>, String> {
        take_object(&mut self.body.0, "auth")
    }

    /// A text of the document itself.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.body.0.get(name)?.as_str()
    }

    /// Whether it is the token itself that the server does not know (any more), and not what the
    /// token may do.
    pub(super) fn is_dead_token(&self) -> bool {
        let words = self.words(&[]);
        self.status == 403 && (words.contains("invalid token") || words.contains("bad token"))
    }

    /// What the server says is wrong: `status 403: permission denied`.
    ///
    /// Its words are printable, short, and without any of `ours`: what we sent in secret.
    pub(super) fn complaint(&self, ours: &[&Secret]) -> String {
        match self.words(ours) {
            words if words.is_empty() => format!("status {}", self.status),
            words => format!("status {}: {words}", self.status),
        }
    }

    /// The same behind a colon, without the status; empty when it says nothing.
    pub(super) fn words_behind_colon(&self, ours: &[&Secret]) -> String {
        match self.words(ours) {
            words if words.is_empty() => words,
            words => format!(": {words}"),
        }
    }

    /// The words alone.
    pub(super) fn words(&self, ours: &[&Secret]) -> String {
        let list = |name: &str| self.body.0.get(name).and_then(Value::as_array);
        let texts = |values: &Vec<Value>| {
            let texts = values.iter().filter_map(Value::as_str);
            texts.collect::<Vec<_>>().join("; ")
        };
        let errors = list("errors").map(texts).unwrap_or_default();
        let said = match errors.is_empty() {
            false => errors,
            true => list("warnings").map(texts).unwrap_or_default(),
        };
        cleaned(said, ours)
    }
}

/// Takes `name` out of the object that `from` must be.
///
/// # Errors
///
/// What it is instead of an object; `null` counts as absent.
pub(super) fn take_object(
    from: &mut Value,
    name: &str,
) -> Result<Option<Map<String, Value>>, String> {
    let outer = match from {
        Value::Object(outer) => outer,
        Value::Null => return Ok(None),
        other => return Err(format!("{} instead of an object", kind(other))),
    };
    match outer.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(other) => Err(format!("{} at `{name}` instead of an object", kind(&other))),
    }
}

/// What a value is, in JSON's words.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// A text of the server as it may be shown: one short line without control characters and without
/// any of `ours`.
pub(super) fn cleaned(text: String, ours: &[&Secret]) -> String {
    printable(&without(text, ours))
}

/// Shortest secret that is looked for in a text, in bytes. Chosen: what is shorter occurs by
/// chance, and is none.
const SHORTEST: usize = 4;

/// A malicious server may send back what we sent, so that it ends in a log.
fn without(mut text: String, ours: &[&Secret]) -> String {
    for secret in ours {
        let Ok(secret) = str::from_utf8(secret.expose()) else {
            continue;
        };
        if secret.len() >= SHORTEST && text.contains(secret) {
            text = text.replace(secret, "…");
        }
    }
    text
}

/// Whether a character stands for itself in a line: no control character, and none that turns or
/// hides what stands beside it (Unicode, "Bidirectional Control" and zero-width characters).
fn is_shown(c: char) -> bool {
    let hides = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    !c.is_control() && !hides
}

/// One line without control characters, shortened.
fn printable(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut shown: String = line
        .chars()
        .map(|c| if is_shown(c) { c } else { '\u{fffd}' })
        .take(SHOWN_CHARS)
        .collect();
    if line.chars().count() > SHOWN_CHARS {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reply(status: u16, text: &str) -> Reply {
        Reply::parse(status, text.as_bytes()).expect(text)
    }

    #[test]
    fn an_answer_must_be_json_and_an_error_need_not() {
        assert_eq!(
            Reply::parse(200, b"{\n  hunter2").unwrap_err(),
            "no JSON at line 2, column 3"
        );
        assert_eq!(reply(502, "<html>hunter2").complaint(&[]), "status 502");
        assert!(reply(204, " \n").body.0.is_null());
    }

    #[test]
    fn wrong_types_are_told_without_values() {
        let data = |text| reply(200, text).take_data().map(|data| data.is_some());
        assert_eq!(data(r#"{"data": {}}"#), Ok(true));
        assert_eq!(data(r#"{"data": null}"#), Ok(false));
        assert_eq!(data("null"), Ok(false));
        for (text, problem) in [
            (
                r#"{"data": "hunter2"}"#,
                "a text at `data` instead of an object",
            ),
            (
                r#"{"data": [1]}"#,
                "an array at `data` instead of an object",
            ),
            ("[]", "an array instead of an object"),
            ("\"hunter2\"", "a text instead of an object"),
        ] {
            assert_eq!(data(text), Err(problem.to_owned()));
        }
    }

    #[test]
    fn h8_words_of_the_server_are_short_printable_and_without_our_secrets() {
        let token = Secret::from(String::from("hvs.hunter2"));
        let said = reply(
            403,
            r#"{"errors": ["no\u001b[31m, hvs.hunter2\n no", "2"]}"#,
        );
        assert_eq!(
            said.complaint(&[&token]),
            "status 403: no\u{fffd}[31m, … no; 2"
        );
        let turned = reply(400, r#"{"errors": ["a\u202eb"]}"#);
        assert_eq!(turned.words_behind_colon(&[]), ": a\u{fffd}b");
        let long = reply(400, &format!(r#"{{"errors": ["{}"]}}"#, "x".repeat(10_000)));
        assert!(long.complaint(&[]).chars().count() < 200);
        let warned = reply(404, r#"{"errors": [], "warnings": ["w"]}"#);
        assert_eq!(warned.words_behind_colon(&[]), ": w");
        assert_eq!(reply(404, r#"{"errors": 7}"#).words_behind_colon(&[]), "");
    }

    #[test]
    fn a_token_without_rights_is_not_a_dead_one() {
        let dead =
            r#"{"errors": ["2 errors occurred:\n\t* permission denied\n\t* invalid token"]}"#;
        assert!(reply(403, dead).is_dead_token());
        assert!(!reply(403, r#"{"errors": ["permission denied"]}"#).is_dead_token());
        assert!(!reply(400, dead).is_dead_token());
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_answer_or_an_error(status in 200_u16..600, bytes: Vec<u8>) {
            if let Ok(mut reply) = Reply::parse(status, &bytes) {
                let _words = reply.complaint(&[]);
                let _data = reply.take_data();
            }
        }
    }
}
