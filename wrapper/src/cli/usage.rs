//! What is wrong with a command line, told without repeating it.
//!
//! clap's own messages quote what they did not expect, and that may be a secret in the wrong
//! place: a password where a mode belongs, a reference's default that a shell has split. So the
//! text here is made of our own options' names, allowed values and suggestions only.

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// The text for an error of clap's, without its `error:`.
#[must_use]
pub fn explain(error: &clap::Error) -> String {
    let problem = match error.kind() {
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => invalid_value(error),
        ErrorKind::UnknownArgument => unknown_argument(error),
        ErrorKind::InvalidSubcommand => String::from("there is no such command"),
        ErrorKind::MissingSubcommand => String::from("a command is missing"),
        ErrorKind::MissingRequiredArgument => match ours(error, ContextKind::InvalidArg) {
            Some(names) => format!("{names} is missing"),
            None => String::from("an argument is missing"),
        },
        ErrorKind::ArgumentConflict => about(error, "cannot be given twice, or with another one"),
        ErrorKind::TooManyValues | ErrorKind::WrongNumberOfValues => {
            about(error, "takes fewer values")
        }
        ErrorKind::TooFewValues | ErrorKind::NoEquals => about(error, "lacks a value"),
        ErrorKind::InvalidUtf8 => String::from("an option's value is not UTF-8 text"),
        _ => String::from("the command line cannot be read"),
    };
    let suggestion = [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand]
        .into_iter()
        .find_map(|kind| ours(error, kind))
        .map(|name| format!("; did you mean `{name}`?"))
        .unwrap_or_default();
    format!("{problem}{suggestion}; `--help` lists what there is")
}

fn about(error: &clap::Error, what: &str) -> String {
    let name = ours(error, ContextKind::InvalidArg);
    format!("`{}` {what}", name.as_deref().unwrap_or("an option"))
}

fn invalid_value(error: &clap::Error) -> String {
    // Absent, or empty behind `=`; the text itself is never printed.
    let is_empty = |value: String| value.is_empty();
    match ours(error, ContextKind::ValidValue) {
        _ if ours(error, ContextKind::InvalidValue).is_none_or(is_empty) => {
            about(error, "lacks a value")
        }
        Some(allowed) if !allowed.is_empty() => about(error, &format!("must be one of {allowed}")),
        _ => about(error, "has a value that it cannot have"),
    }
}

/// clap quotes the argument itself here. It is printed when it looks like an option's name and
/// like nothing else: a made-up secret has a digit or a capital in it.
fn unknown_argument(error: &clap::Error) -> String {
    let name = ours(error, ContextKind::InvalidArg).unwrap_or_default();
    let letters = name.strip_prefix("--").unwrap_or_default();
    let is_name = |c: char| c.is_ascii_lowercase() || c == '-';
    if !letters.is_empty() && letters.chars().all(is_name) {
        format!("there is no option `{name}`")
    } else {
        String::from("an argument is not expected; a program stands behind `--`")
    }
}

/// What clap knows of one kind, as a list.
fn ours(error: &clap::Error, kind: ContextKind) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) => Some(texts.join(", ")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn text(line: &str) -> String {
        let words = std::iter::once("cloudtaser").chain(line.split(' '));
        let error = crate::cli::Cli::try_parse_from(words).expect_err("a mistake");
        explain(&error)
    }

    #[test]
    fn the_option_is_named_and_what_it_takes() {
        for (line, said) in [
            (
                "run --enforcer x -- p",
                "`--enforcer <MODE>` must be one of require, prefer, off",
            ),
            (
                "run --min-protection x -- p",
                "none, locked, secretmem, enforced",
            ),
            ("run --env", "`--env <NAME=VALUE>` lacks a value"),
            (
                "run --enforcr off -- p",
                "no option `--enforcr`; did you mean `--enforcer`?",
            ),
            (
                "run --config a --config b -- p",
                "`--config <FILE|none>` cannot be given twice",
            ),
            ("run", "<PROGRAM>... is missing"),
            ("rum", "no such command; did you mean `run`?"),
            ("run p", "stands behind `--`"),
        ] {
            assert!(text(line).contains(said), "{line}: {}", text(line));
        }
    }

    #[test]
    fn no_text_repeats_the_command_line() {
        for line in [
            "Hunter2",
            "run Hunter2",
            "run --Hunter2",
            "run --Hunter2=Hunter2",
            "run -Hunter2",
            "run --enforcer Hunter2 -- p",
            "run --min-protection Hunter2 -- p",
            "run --exec=Hunter2 -- p",
            "completion Hunter2",
            "run --env=A=B --config a --config Hunter2 -- p",
        ] {
            assert!(!text(line).contains("Hunter2"), "{line}: {}", text(line));
        }
    }
}
