//! The `cloudtaser` binary: parses, runs, prints the error once, exits.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use cloudtaser_wrapper::cli::source::SourceArgs;
use cloudtaser_wrapper::cli::store::StoreArgs;
use cloudtaser_wrapper::{status, store};

#[derive(Debug, Parser)]
#[command(name = "cloudtaser", version)]
struct Cli {
    #[command(flatten)]
    source: SourceArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    /// The embedded store
    Store(StoreArgs),
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            drop(error.print());
            return ExitCode::from(if error.use_stderr() { status::USAGE } else { 0 });
        }
    };
    let Command::Store(args) = &cli.command;
    match store::command::run(args, &cli.source) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut text = format!("cloudtaser: {error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                text.push_str(&format!(": {error}"));
                cause = error.source();
            }
            text.push('\n');
            drop(std::io::stderr().write_all(text.as_bytes()));
            ExitCode::from(error.status())
        }
    }
}
