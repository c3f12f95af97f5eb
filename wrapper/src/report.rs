//! What the wrapper says on standard error. Every line begins with `cloudtaser:`, so that it can
//! be told from the program's own output. No value ever comes here.

use std::error::Error;
use std::fmt::Display;
use std::io::Write;

/// Where the wrapper's own lines go.
#[derive(Clone, Copy, Debug, Default)]
pub struct Report {
    /// Whether [`Report::step`] prints.
    pub is_verbose: bool,
}

impl Report {
    /// Says what was done; only with `--verbose`.
    pub fn step(self, text: impl Display) {
        if self.is_verbose {
            say(&text);
        }
    }

    /// Says what the user should know.
    pub fn warn(self, text: impl Display) {
        say(&format_args!("warning: {text}"));
    }
}

/// Prints an error and its causes in one line.
pub fn print_error(error: &dyn Error) {
    say(&chain(error));
}

/// An error and its causes in one line.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        line.push_str(": ");
        line.push_str(&inner.to_string());
        cause = inner.source();
    }
    line
}

fn say(text: &dyn Display) {
    // One write for the line; a standard error that is closed or full must not stop the program.
    let line = format!("cloudtaser: {text}\n");
    drop(std::io::stderr().write_all(line.as_bytes()));
}
