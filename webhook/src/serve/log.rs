//! The log, on standard error: text for people, JSON for collectors.
//!
//! A line for each decision names the review's uid, namespace, name, kind, decision and reason;
//! never the object, never a value.

use std::error::Error;
use std::io::{self, IsTerminal};
use std::panic::PanicHookInfo;

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::SubscriberBuilder;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

/// How lines look.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum Format {
    /// Text on a terminal, else JSON
    #[default]
    Auto,
    /// An object a line
    Json,
    /// For people
    Text,
}

/// Whether lines have colours.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Which lines, and how.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// As `RUST_LOG` has it: `info`, or `warn,cloudtaser_webhook=debug`.
    pub levels: String,
    /// The format.
    pub format: Format,
    /// The colours.
    pub color: Color,
}

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The operator must act.
    #[error("cannot read the levels `{levels}`")]
    Levels {
        /// As they were given.
        levels: String,
        /// Where.
        #[source]
        source: ParseError,
    },
    /// A bug.
    #[error("cannot start the log")]
    Start(#[source] TryInitError),
}

impl Log {
    /// Begins.
    ///
    /// # Errors
    ///
    /// [`LogError`].
    pub fn start(&self) -> Result<(), LogError> {
        let filter = EnvFilter::builder().parse(&self.levels);
        let filter = filter.map_err(|source| LogError::Levels {
            levels: self.levels.clone(),
            source,
        })?;
        let is_terminal = io::stderr().is_terminal();
        let has_colors = match self.color {
            // https://no-color.org: set and not empty.
            Color::Auto => {
                is_terminal && std::env::var_os("NO_COLOR").is_none_or(|no| no.is_empty())
            }
            Color::Always => true,
            Color::Never => false,
        };
        let builder = SubscriberBuilder::default()
            .with_writer(io::stderr)
            .with_env_filter(filter)
            .with_ansi(has_colors);
        let is_json = match self.format {
            Format::Auto => !is_terminal,
            Format::Json => true,
            Format::Text => false,
        };
        let started = match is_json {
            true => builder.json().flatten_event(true).finish().try_init(),
            false => builder.finish().try_init(),
        };
        started.map_err(LogError::Start)?;
        std::panic::set_hook(Box::new(panicked));
        Ok(())
    }
}

/// The error and its causes, in one line: the JSON format writes only an error's own words.
#[must_use]
pub fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// Only where: a panic's own words may repeat what it stumbled over.
fn panicked(info: &PanicHookInfo<'_>) {
    let place = info.location();
    let file = place.map(std::panic::Location::file);
    let line = place.map(std::panic::Location::line);
    tracing::error!(file, line, "panic; this is a bug, please report it");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_with_its_causes() {
        let levels = EnvFilter::builder().parse("=").unwrap_err();
        let own = levels.to_string();
        let error = LogError::Levels {
            levels: "=".to_owned(),
            source: levels,
        };
        assert!(causes(&error).starts_with(&format!("cannot read the levels `=`: {own}")));
    }
}
