//! What is said about a wrong command line.
//!
//! clap's own messages repeat what was typed, and a secret may have been typed in the wrong
//! place. Here the option is named, what it takes and what it may have been meant to be; what
//! was typed never is, except for the name of an unknown long option, without its value.

use std::io::Write;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::status;

/// Prints help, version or what is wrong, and returns the exit status.
#[must_use]
pub fn explain(error: &clap::Error) -> u8 {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            error.print().map_or(status::INTERNAL, |()| 0)
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            error.print().map_or(status::INTERNAL, |()| status::USAGE)
        }
        _ => {
            let text = format!("cloudtaser: {}; see `cloudtaser --help`\n", problem(error));
            drop(std::io::stderr().write_all(text.as_bytes()));
            status::USAGE
        }
    }
}

fn problem(error: &clap::Error) -> String {
    let known = |kind| texts(error.get(kind)).join(", ");
    // For these kinds clap's name of the argument is ours, not the user's.
    let argument = || known(ContextKind::InvalidArg);
    match error.kind() {
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            let mut text = format!("`{}` does not take the value that it was given", argument());
            let allowed = known(ContextKind::ValidValue);
            if !allowed.is_empty() {
                text.push_str(&format!("; it takes one of {allowed}"));
            }
            text
        }
        ErrorKind::UnknownArgument => {
            let meant = known(ContextKind::SuggestedArg);
            let hint = if meant.is_empty() {
                String::from("arguments of the program stand behind `--`")
            } else {
                format!("did you mean `{meant}`?")
            };
            match option_name(&argument()) {
                Some(name) => format!("there is no option `{name}` here; {hint}"),
                None => format!("there is an argument that is no option of this command; {hint}"),
            }
        }
        ErrorKind::InvalidSubcommand => {
            let meant = known(ContextKind::SuggestedSubcommand);
            let hint = if meant.is_empty() {
                meant
            } else {
                format!("; did you mean `{meant}`?")
            };
            format!("there is no such command{hint}")
        }
        ErrorKind::MissingRequiredArgument => format!("missing: {}", argument()),
        ErrorKind::ArgumentConflict => format!("`{}` cannot be used here", argument()),
        ErrorKind::TooManyValues | ErrorKind::WrongNumberOfValues | ErrorKind::TooFewValues => {
            format!("`{}` has the wrong number of values", argument())
        }
        kind => kind
            .as_str()
            .unwrap_or("the command line cannot be read")
            .to_owned(),
    }
}

/// The name of a long option, without the value that may stand behind `=`. A short option may have
/// its value glued to it, and what does not begin with a dash is no name at all.
fn option_name(argument: &str) -> Option<&str> {
    argument
        .starts_with("--")
        .then(|| argument.split('=').next())?
}

fn texts(value: Option<&ContextValue>) -> Vec<String> {
    match value {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::Parser;

    fn explained(arguments: &[&str]) -> String {
        problem(&Cli::try_parse_from(arguments).expect_err("wrong"))
    }

    #[test]
    fn what_was_typed_is_never_repeated() {
        for arguments in [
            &["cloudtaser", "run", "--enforcer", "hunter2", "--", "x"][..],
            &["cloudtaser", "run", "--min-protection=hunter2", "--", "x"],
            &["cloudtaser", "run", "--passwort=hunter2", "--", "x"],
            &["cloudtaser", "run", "-phunter2"],
            &["cloudtaser", "run", "hunter2"],
            &["cloudtaser", "hunter2"],
            &["cloudtaser", "completion", "hunter2"],
            &["cloudtaser", "run", "--exec=hunter2", "--", "x"],
        ] {
            let text = explained(arguments);
            assert!(!text.contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn mistakes_are_explained_with_the_fix() {
        let text = explained(&["cloudtaser", "run", "--enforcer", "x", "--", "y"]);
        assert!(
            text.contains("--enforcer") && text.contains("require, prefer, off"),
            "{text}"
        );
        let text = explained(&["cloudtaser", "run", "--enforcr", "off", "--", "y"]);
        assert!(text.contains("did you mean `--enforcer`"), "{text}");
        let text = explained(&["cloudtaser", "run", "--passwort=x", "--", "y"]);
        assert!(
            text.starts_with("there is no option `--passwort` here"),
            "{text}"
        );
        assert!(explained(&["cloudtaser", "run"]).contains("PROGRAM"));
        assert!(explained(&["cloudtaser", "completio"]).contains("did you mean `completion`"));
    }
}
