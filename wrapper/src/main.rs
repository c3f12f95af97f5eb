//! The `cloudtaser` binary.

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use cloudtaser_wrapper::cli::copy::CopyArgs;
use cloudtaser_wrapper::{copy, status};

#[derive(Parser)]
#[command(name = "cloudtaser", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Copy(CopyArgs),
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            drop(error.print());
            return ExitCode::from(if error.use_stderr() { status::USAGE } else { 0 });
        }
    };
    match cli.command {
        Command::Copy(args) => match copy::run(&args) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error, error.status()),
        },
    }
}

/// Prints the error with its causes, once.
fn fail(error: &dyn std::error::Error, status: u8) -> ExitCode {
    let mut line = format!("cloudtaser: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        line += &format!(": {error}");
        cause = error.source();
    }
    drop(writeln!(std::io::stderr(), "{line}"));
    ExitCode::from(status)
}
