//! The binary's body: parse, run one command, print its error once, return the exit status.

use std::io::Write;
use std::panic;

use clap::Parser;
use clap::error::ErrorKind;

use crate::cli::doctor::DoctorArgs;
use crate::cli::server::ServerArgs;
use crate::cli::source::SourceArgs;
use crate::cli::store::{StoreArgs, StoreCommand};
use crate::cli::usage::explain;
use crate::cli::{Cli, Command, completion, manual};
use crate::copy::{self, CopyError};
use crate::report::print_error;
use crate::source::Registry;
use crate::store::{self, StoreError};
use crate::sys::prctl;
use crate::{config, doctor, start, status};

/// Runs `cloudtaser` with the process's own arguments and these sources; the exit status.
#[must_use]
pub fn main(registry: &Registry) -> u8 {
    silence_panics();
    // Before Linux 6.4 rustix finds it in /proc/self/auxv, which is root's once we are undumpable:
    // it would panic where it is asked later.
    let _kept_by_rustix = rustix::param::page_size();
    // First of all, for every command: what is opened of us before it stays open after it.
    if let Err(error) = prctl::set_dumpable(false) {
        return fail(&error, status::INTERNAL);
    }
    if let Err(error) = crate::sys::stdio::open_missing() {
        print_error(&error);
        return status::INTERNAL;
    }
    let status = match Cli::try_parse() {
        Ok(cli) => run(cli, registry),
        Err(error) => usage(&error),
    };
    // Without the language's own start-up code nobody else flushes what was printed.
    match std::io::stdout().flush() {
        Ok(()) => status,
        Err(_closed) => status.max(status::INTERNAL),
    }
}

fn run(mut cli: Cli, registry: &Registry) -> u8 {
    cli.source.server = server_args(&cli.command);
    match cli.command {
        Command::Run(args) => match start::run(*args, &cli.source, registry) {
            Ok(status) => status,
            Err(error) => fail(&error, error.status()),
        },
        Command::Store(args) => keep_store(&args, &cli.source),
        Command::Copy(args) => end(copy::run(&args), CopyError::status),
        Command::Doctor(args) => examine(&args, &cli.source, registry),
        Command::Completion { shell } => print(&completion(shell)),
        Command::Man { command } => match manual(command.as_deref()) {
            Some(Ok(page)) => print(&page),
            Some(Err(error)) => fail(&error, status::INTERNAL),
            None => fail(&UnknownCommand, status::USAGE),
        },
    }
}

/// The server's options, which only some commands have.
fn server_args(command: &Command) -> ServerArgs {
    match command {
        Command::Run(args) => args.server.clone(),
        Command::Doctor(args) => args.server.clone(),
        Command::Store(StoreArgs {
            command: StoreCommand::Import(args),
        }) => args.server.clone(),
        _ => ServerArgs::default(),
    }
}

fn examine(args: &DoctorArgs, options: &SourceArgs, registry: &Registry) -> u8 {
    let inherited = std::env::vars_os().collect();
    let survey = match config::survey::survey(args, options, inherited, registry) {
        Ok(survey) => survey,
        Err(error) => return fail(&error, status::USAGE),
    };
    match doctor::run(args, &survey) {
        Ok(status) => status,
        Err(error) => fail(&error, error.status()),
    }
}

/// `cloudtaser man` for a command that there is not.
#[derive(Debug, thiserror::Error)]
#[error("there is no such command; `cloudtaser --help` lists them")]
struct UnknownCommand;

/// The store's commands do not refuse a debugger: who may start one holds the identity too.
fn keep_store(args: &StoreArgs, source: &SourceArgs) -> u8 {
    match config::with_file(source) {
        Ok((source, _, file)) => end(
            store::command::run(args, &source, &file),
            StoreError::status,
        ),
        Err(error) => fail(&error, status::USAGE),
    }
}

fn end<E: std::error::Error>(result: Result<(), E>, status: impl Fn(&E) -> u8) -> u8 {
    result.map_or_else(|error| fail(&error, status(&error)), |()| 0)
}

fn fail(error: &dyn std::error::Error, status: u8) -> u8 {
    print_error(error);
    status
}

fn print(bytes: &[u8]) -> u8 {
    match std::io::stdout().write_all(bytes) {
        Ok(()) => 0,
        Err(error) => fail(&error, status::INTERNAL),
    }
}

/// Help and version are printed; of a mistake, what [`explain`] says.
fn usage(error: &clap::Error) -> u8 {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            error.print().map_or(status::INTERNAL, |()| 0)
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            drop(error.print());
            status::USAGE
        }
        _ => fail(&Mistake(explain(error)), status::USAGE),
    }
}

/// A mistake in the command line, in our words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Mistake(String);

/// A panic's own message may quote a value (slicing a text does). Only its place is printed.
fn silence_panics() {
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        drop(writeln!(
            std::io::stderr(),
            "cloudtaser: internal error at {place}; please report this"
        ));
        crate::sys::exec::exit_now(status::INTERNAL);
    }));
}
