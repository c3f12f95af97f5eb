//! The binary `kubectl-cloudtaser`, which kubectl finds as `kubectl cloudtaser`.
#![forbid(unsafe_code)]

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use cloudtaser_webhook::cli::args::Cli;
use cloudtaser_webhook::cli::{Printed, run};

/// Bad usage (`EX_USAGE` of `sysexits.h`), also for what clap finds.
const USAGE: u8 = 64;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let is_failure = error.use_stderr();
            // Nobody is left to be told when the terminal is gone.
            let _closed = error.print();
            return ExitCode::from(if is_failure { USAGE } else { 0 });
        }
    };
    match run(&cli) {
        Ok(printed) => print(&printed),
        Err(error) => {
            let mut text = format!("kubectl cloudtaser: {error}");
            let mut source = error.source();
            while let Some(cause) = source {
                text.push_str(": ");
                text.push_str(&cause.to_string());
                source = cause.source();
            }
            let _closed = writeln!(io::stderr(), "{text}");
            ExitCode::from(error.status())
        }
    }
}

fn print(printed: &Printed) -> ExitCode {
    if let Some(note) = printed.note {
        let _closed = writeln!(io::stderr(), "kubectl cloudtaser: {note}");
    }
    // `| head` closes the pipe; that is no failure of the check.
    let _closed = io::stdout().write_all(printed.text.as_bytes());
    ExitCode::from(printed.status)
}
