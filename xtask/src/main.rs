//! `cargo xtask`: the one command for people and CI.
//!
//! This file parses, runs, prints the error once and exits. The table of commands is in
//! [`commands`]; each command has a module of its own name. No shell is ever used: programs are
//! started by [`exec`], which prints every command line first.
#![forbid(unsafe_code)]
#![expect(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a program for people at a terminal: printing is what it does"
)]

use std::process::ExitCode;

mod bench;
mod command;
mod commands;
mod demo;
mod doctor;
mod exec;
mod lint;
mod paths;
mod preload;
mod process;
mod product;
mod setup;
mod table;
mod term;
mod test;
mod versions;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let run = match command::parse(&args) {
        Ok(run) => run,
        Err(usage) => {
            eprintln!("xtask: {usage}");
            return ExitCode::from(command::USAGE);
        }
    };
    match run.call() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{} {error:#}", term::stderr().red("xtask: error:"));
            ExitCode::FAILURE
        }
    }
}
