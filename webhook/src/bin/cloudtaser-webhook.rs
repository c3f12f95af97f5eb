//! The binary `cloudtaser-webhook`.
#![forbid(unsafe_code)]

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use cloudtaser_webhook::serve::args::Cli;
use cloudtaser_webhook::serve::run::run;

/// Bad usage (`EX_USAGE` of `sysexits.h`), also for what clap finds.
const USAGE: u8 = 64;
/// Our own failure (`EX_SOFTWARE`).
const SOFTWARE: u8 = 70;

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
    if let Err(error) = cli.log.log().start() {
        return failed(&error, USAGE);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error, SOFTWARE),
    };
    match runtime.block_on(run(&cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error, error.status()),
    }
}

fn failed(error: &dyn Error, status: u8) -> ExitCode {
    let mut text = format!("cloudtaser-webhook: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    let _closed = writeln!(io::stderr(), "{text}");
    ExitCode::from(status)
}
