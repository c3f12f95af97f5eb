//! A command's help, and the parsing of a command line against the table in [`crate::commands`].
//!
//! Knows nothing of what a command does beyond the function that it calls. A mistyped command
//! or option is a usage error that names the nearest right one.

use std::fmt::Write as _;

use crate::commands::COMMANDS;

/// Exit status of a wrong command line (`EX_USAGE` of `sysexits.h`).
pub(crate) const USAGE: u8 = 64;

/// Largest edit distance at which a suggestion still helps. Chosen: catches two typing errors.
const SUGGEST_WITHIN: usize = 2;

/// What a command answers: `Ok(false)` when it has reported its failures itself.
pub(crate) type Answer = anyhow::Result<bool>;

/// Arguments of a command, checked against its row of [`COMMANDS`].
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Args {
    /// Options that were given, with their dashes.
    pub(crate) flags: Vec<String>,
    /// Everything else, in order.
    pub(crate) words: Vec<String>,
}

impl Args {
    /// Whether the option `flag` (with its dashes) was given.
    pub(crate) fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|given| given == flag)
    }

    /// The `index`th word, if there are so many.
    pub(crate) fn word(&self, index: usize) -> Option<&str> {
        self.words.get(index).map(String::as_str)
    }
}

/// One command.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) name: &'static str,
    /// What may follow the name.
    pub(crate) usage: &'static str,
    /// One line for the overview.
    pub(crate) about: &'static str,
    /// The rest of the command's own help page.
    pub(crate) more: &'static str,
    /// Options that it takes.
    pub(crate) flags: &'static [&'static str],
    /// Most words that it takes.
    pub(crate) words: usize,
    pub(crate) call: fn(&Args) -> Answer,
}

/// A command line that was found right.
#[derive(Debug)]
pub(crate) enum Run {
    Help(String),
    Call(&'static Command, Args),
}

impl Run {
    /// Does it.
    ///
    /// # Errors
    ///
    /// Whatever the command could not do.
    pub(crate) fn call(&self) -> Answer {
        match self {
            Self::Help(text) => {
                println!("{text}");
                Ok(true)
            }
            Self::Call(command, args) => (command.call)(args),
        }
    }
}

/// Checks a command line (without the program's name).
///
/// # Errors
///
/// The text for a wrong one: what was not understood, and the nearest right word.
pub(crate) fn parse(args: &[String]) -> Result<Run, String> {
    let Some((name, rest)) = args.split_first() else {
        return Err(format!("no command given\n\n{}", overview()));
    };
    if matches!(name.as_str(), "help" | "--help" | "-h") {
        return Ok(Run::Help(match rest.first() {
            Some(topic) => page(find(topic)?),
            None => overview(),
        }));
    }
    let command = find(name)?;
    if rest.iter().any(|arg| arg == "--help" || arg == "-h") {
        return Ok(Run::Help(page(command)));
    }
    let (flags, words): (Vec<_>, Vec<_>) =
        rest.iter().cloned().partition(|arg| arg.starts_with('-'));
    if let Some(wrong) = flags
        .iter()
        .find(|flag| !command.flags.contains(&flag.as_str()))
    {
        let hint = nearest(wrong, command.flags.iter().copied());
        return Err(format!(
            "`{name}` has no option `{wrong}`{hint}; try `cargo xtask {name} --help`"
        ));
    }
    if let Some(extra) = words.get(command.words) {
        return Err(format!(
            "`{name}` does not take `{extra}`; try `cargo xtask {name} --help`"
        ));
    }
    Ok(Run::Call(command, Args { flags, words }))
}

fn find(name: &str) -> Result<&'static Command, String> {
    COMMANDS
        .iter()
        .find(|command| command.name == name)
        .ok_or_else(|| {
            let hint = nearest(name, COMMANDS.iter().map(|command| command.name));
            format!("unknown command `{name}`{hint}; `cargo xtask --help` lists them")
        })
}

/// `; did you mean …?`, or nothing when no name is near.
pub(crate) fn nearest<'a>(wrong: &str, names: impl Iterator<Item = &'a str>) -> String {
    names
        .map(|name| (strsim::damerau_levenshtein(wrong, name), name))
        .filter(|(distance, _)| *distance <= SUGGEST_WITHIN)
        .min()
        .map_or_else(String::new, |(_, name)| format!("; did you mean `{name}`?"))
}

fn overview() -> String {
    let mut text = String::from(
        "The one command to build, test and demonstrate CloudTaser.\n\n\
         Usage: cargo xtask <command>\n\nStart with `cargo xtask demo`.\n\n",
    );
    for command in COMMANDS.iter().filter(|command| !command.about.is_empty()) {
        let call = format!("{} {}", command.name, command.usage);
        // Writing into a String cannot fail.
        let _infallible = writeln!(text, "  {call:<24}{}", command.about);
    }
    text.push_str(
        "\n`cargo xtask <command> --help` says more. Every program that is started is printed\n\
         first. NO_COLOR switches colours off.",
    );
    text
}

fn page(command: &Command) -> String {
    let usage = format!("cargo xtask {} {}", command.name, command.usage);
    format!(
        "{}\n\nUsage: {}\n\n{}",
        command.about,
        usage.trim_end(),
        command.more
    )
    .trim_end()
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Result<Run, String> {
        parse(
            &text
                .split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>(),
        )
    }

    #[test]
    fn unknown_command_suggests_the_nearest() {
        let text = line("biuld").unwrap_err();
        assert!(text.contains("did you mean `build`?"), "{text}");
        let text = line("frobnicate").unwrap_err();
        assert!(!text.contains("did you mean"), "{text}");
    }

    #[test]
    fn unknown_option_and_surplus_word_are_refused() {
        let text = line("build --relaese").unwrap_err();
        assert!(text.contains("did you mean `--release`?"), "{text}");
        assert!(line("fmt now").is_err());
        assert!(line("").unwrap_err().contains("Usage: cargo xtask"));
    }

    #[test]
    fn words_and_flags_arrive() {
        match line("test unit reference").unwrap() {
            Run::Call(command, args) => {
                assert_eq!(command.name, "test");
                assert_eq!(
                    (args.word(0), args.word(1)),
                    (Some("unit"), Some("reference"))
                );
            }
            Run::Help(text) => panic!("{text}"),
        }
        match line("build --release").unwrap() {
            Run::Call(_, args) => assert!(args.has("--release")),
            Run::Help(text) => panic!("{text}"),
        }
    }

    #[test]
    fn every_command_has_a_page_and_a_line() {
        let all = overview();
        for command in COMMANDS {
            assert!(all.contains(command.about), "{}", command.name);
            match line(&format!("{} --help", command.name)).unwrap() {
                Run::Help(text) => assert!(text.contains("Usage: cargo xtask"), "{text}"),
                Run::Call(..) => panic!("{} --help runs it", command.name),
            }
        }
    }
}
