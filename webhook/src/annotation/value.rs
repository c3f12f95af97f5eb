//! Reads single values: booleans, words, names, times, commands. Each error names the annotation.

use std::collections::{BTreeMap, BTreeSet};

use super::AnnotationError;

/// The form of a Kubernetes object's or container's name is not checked here: an unknown name is
/// refused where the pod is known.
pub(super) fn boolean(key: &str, value: &str) -> Result<bool, AnnotationError> {
    match value.trim() {
        "true" | "True" | "TRUE" | "yes" | "on" | "1" => Ok(true),
        "false" | "False" | "FALSE" | "no" | "off" | "0" => Ok(false),
        _ => Err(AnnotationError::value(key, value, "true, false")),
    }
}

/// The allowed word that `value` is.
pub(super) fn word(
    key: &str,
    value: &str,
    words: &'static [&'static str],
) -> Result<&'static str, AnnotationError> {
    let given = value.trim();
    if let Some(word) = words.iter().find(|word| **word == given) {
        return Ok(word);
    }
    let hint = super::nearest(given, words.iter().copied());
    Err(AnnotationError::Value {
        key: key.to_owned(),
        value: super::error::shown(value),
        allowed: words.join(", "),
        hint: hint.map_or_else(String::new, |word| format!("; did you mean `{word}`?")),
    })
}

/// One line of text, taken as it is.
pub(super) fn text(key: &str, value: &str) -> Result<String, AnnotationError> {
    let text = value.trim();
    if text.is_empty() || text.chars().any(char::is_control) {
        let allowed = "one line of text that is not empty";
        return Err(AnnotationError::value(key, value, allowed));
    }
    Ok(text.to_owned())
}

/// Names with commas between them; empty ones are left out, so that a trailing comma is no error.
pub(super) fn names(key: &str, value: &str) -> Result<BTreeSet<String>, AnnotationError> {
    let mut names = BTreeSet::new();
    for (index, name) in value.split(',').map(str::trim).enumerate() {
        let is_name =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
        if !name.chars().all(is_name) {
            let place = format!("name {} of the list", index.saturating_add(1));
            let problem = format!("{} is no container's name", super::error::shown(name));
            return Err(AnnotationError::part(key, place, problem));
        }
        if !name.is_empty() {
            names.insert(name.to_owned());
        }
    }
    Ok(names)
}

/// Longest time, in seconds: a day. Chosen: no cluster drains a node that slowly, and the field
/// takes no more than 63 bits.
const LONGEST: i64 = 86_400;

/// A time in whole seconds: `45s`, `2m`, `1h`, or a bare number of seconds.
pub(super) fn seconds(key: &str, value: &str) -> Result<i64, AnnotationError> {
    let given = value.trim();
    let (number, unit) = match given.char_indices().next_back() {
        Some((at, 's')) => (given.get(..at), 1),
        Some((at, 'm')) => (given.get(..at), 60),
        Some((at, 'h')) => (given.get(..at), 3_600),
        _ => (Some(given), 1),
    };
    let number =
        number.filter(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()));
    let seconds = number
        .and_then(|text| text.parse::<i64>().ok())
        .and_then(|number| number.checked_mul(unit));
    seconds
        .filter(|seconds| (0..=LONGEST).contains(seconds))
        .ok_or_else(|| AnnotationError::value(key, value, "a time up to 24h, such as 45s or 2m"))
}

/// `{"CONTAINER": ["PROGRAM", "ARGUMENT"]}`.
pub(super) fn commands(
    key: &str,
    value: &str,
) -> Result<BTreeMap<String, Vec<String>>, AnnotationError> {
    let allowed = "a JSON object such as {\"app\": [\"/srv/app\", \"--verbose\"]}";
    let commands: BTreeMap<String, Vec<String>> =
        serde_json::from_str(value).map_err(|_json| AnnotationError::value(key, value, allowed))?;
    if let Some((name, _)) = commands.iter().find(|(_, argv)| is_no_program(argv)) {
        let place = format!("container {}", super::error::shown(name));
        return Err(AnnotationError::part(
            key,
            place,
            "the program's name is missing",
        ));
    }
    Ok(commands)
}

fn is_no_program(argv: &[String]) -> bool {
    argv.first().is_none_or(String::is_empty) || argv.iter().any(|text| text.contains('\0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w12_values_that_are_none_name_what_is_allowed() {
        let error = boolean("k", "maybe").unwrap_err().to_string();
        assert_eq!(error, "annotation `k` is \"maybe\"; allowed: true, false");
        let error = word("k", "preloda", &["auto", "preload"])
            .unwrap_err()
            .to_string();
        assert!(error.ends_with("did you mean `preload`?"), "{error}");
        assert_eq!(word("k", " auto\n", &["auto"]), Ok("auto"));
        let error = names("k", "app, b\"d").unwrap_err().to_string();
        assert!(error.contains("name 2 of the list"), "{error}");
        let both = ["a", "b"].map(String::from).into();
        assert_eq!(names("k", "b, a,,b"), Ok(both));
    }

    #[test]
    fn times_have_units_and_a_limit() {
        assert_eq!(seconds("k", "45s"), Ok(45));
        assert_eq!(seconds("k", "2m"), Ok(120));
        assert_eq!(seconds("k", "24h"), Ok(86_400));
        assert_eq!(seconds("k", "30"), Ok(30));
        for text in [
            "",
            "s",
            "-1s",
            "25h",
            "1.5s",
            "99999999999999999999",
            "1d",
            "ü",
        ] {
            assert!(seconds("k", text).is_err(), "{text}");
        }
    }

    #[test]
    fn commands_need_a_program() {
        assert!(commands("k", r#"{"a": []}"#).is_err());
        assert!(commands("k", r#"{"a": [""]}"#).is_err());
        assert!(commands("k", "[]").is_err());
        assert_eq!(
            commands("k", r#"{"a": ["x", ""]}"#).unwrap()["a"],
            ["x", ""]
        );
    }
}
