//! What is wrong with an annotation, in words that its author can act on: key, value, position,
//! allowed values. Values come from whoever writes the pod, so they are shortened and quoted.

/// Most characters of a value that a message shows. Chosen: an admission message is read on one
/// screen, and no annotation of ours needs more to be recognised.
const SHOWN: usize = 64;

/// A value as messages show it: quoted, control characters escaped, the rest cut off.
#[must_use]
pub fn shown(value: &str) -> String {
    let mut text: String = value.chars().take(SHOWN).collect();
    if text.len() < value.len() {
        text.push('…');
    }
    format!("{text:?}")
}

/// A text that a terminal, a log or a list of events may show: whatever is not meant to be seen
/// (control characters, those that turn the direction of text) is escaped, and so takes one line.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for character in text.chars() {
        let is_seen = matches!(character, '"' | '\'' | '\\') || character.escape_debug().len() == 1;
        if is_seen {
            printable.push(character);
        } else {
            printable.extend(character.escape_debug());
        }
    }
    printable
}

/// An annotation that cannot be read. The author of the pod must act.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AnnotationError {
    /// Another value than the allowed ones.
    #[error("annotation `{key}` is {value}; allowed: {allowed}{hint}")]
    Value {
        /// The key.
        key: String,
        /// The value, as [`shown`].
        value: String,
        /// What is allowed.
        allowed: String,
        /// The nearest allowed value, or nothing.
        hint: String,
    },
    /// A part of a value.
    #[error("annotation `{key}`, {place}: {problem}")]
    Part {
        /// The key.
        key: String,
        /// Where: counted from 1.
        place: String,
        /// What is wrong there, and what is right.
        problem: String,
    },
    /// A setting that is the operator's alone.
    #[error("annotation `{key}` is not allowed: {why}; take it out")]
    Never {
        /// The key.
        key: String,
        /// Whose it is.
        why: &'static str,
    },
    /// More than any object may have.
    #[error("the annotations of the pod have more than {limit} bytes together")]
    TooMany {
        /// The limit, in bytes.
        limit: usize,
    },
    /// One annotation that needs another.
    #[error("annotation `{key}` needs `{other}` beside it")]
    Alone {
        /// The key.
        key: String,
        /// What is missing.
        other: &'static str,
    },
}

impl AnnotationError {
    /// An error about a whole value.
    pub(crate) fn value(key: &str, value: &str, allowed: impl Into<String>) -> Self {
        Self::Value {
            key: key.to_owned(),
            value: shown(value),
            allowed: allowed.into(),
            hint: String::new(),
        }
    }

    /// An error about a part of a value.
    pub(crate) fn part(key: &str, place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Part {
            key: key.to_owned(),
            place: place.into(),
            problem: problem.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h4_values_are_quoted_and_cut() {
        assert_eq!(shown("a\n\"b"), r#""a\n\"b""#);
        let long = "ä".repeat(SHOWN + 1);
        assert_eq!(shown(&long).chars().count(), SHOWN + 3);
    }
}
