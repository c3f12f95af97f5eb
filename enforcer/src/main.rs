//! The node's enforcer: parses, loads the kernel programs, and stays or tests itself.
//!
//! `run` is in [`daemon`], `selftest` in [`selftest`]; both begin with [`load`]. What is not here
//! yet: taking over pins, a canary, policy, an event stream (docs/enforcer.md).
#![expect(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "the first lines of a daemon go to whoever started it"
)]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use cloudtaser_abi::enforce::{ALL, Hook};

mod btf;
mod daemon;
mod load;
mod offsets;
mod pins;
mod selftest;
mod sys;

/// Guards the memory, environment and descriptors of registered processes.
#[derive(Debug, Parser)]
#[command(name = "cloudtaser-enforcer", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Load, attach, say which tier is reached, and stay until a signal ends us.
    Run {
        #[command(flatten)]
        options: Options,
        /// Keep enforcing when this process has ended: pin the hooks in this folder of a bpf file
        /// system (without a value: /sys/fs/bpf/cloudtaser).
        #[arg(long, value_name = "FOLDER", num_args = 0..=1, default_missing_value = pins::DEFAULT)]
        pin: Option<PathBuf>,
    },
    /// Load, attach, and try one attack for each hook on a process of our own.
    Selftest(Options),
    /// The process that `selftest` attacks.
    #[command(hide = true)]
    Dummy {
        /// Start a child that does not register, and be the one that did.
        #[arg(long)]
        with_child: bool,
    },
}

/// What is loaded, and how.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// The kernel programs, as one object file.
    #[arg(long, default_value = "/usr/lib/cloudtaser/enforcer.o")]
    object: PathBuf,
    /// Do not attach this hook: for tests of the tests. Weakens protection.
    #[arg(long = "insecure-without", value_name = "HOOK", value_parser = hook)]
    without: Vec<Hook>,
    /// A control group (version 2) whose processes may load BPF programs, open performance events and
    /// write probes while others are guarded, such as a network agent's; what is below it may too.
    #[arg(long = "trust-cgroup", value_name = "FOLDER")]
    trusted: Vec<PathBuf>,
    /// Refuse nothing, only count. Weakens protection.
    #[arg(long = "observe")]
    is_observing: bool,
}

fn hook(name: &str) -> Result<Hook, String> {
    let found = ALL.into_iter().find(|hook| hook.name() == name);
    found.ok_or_else(|| {
        let names = ALL.map(Hook::name).join(", ");
        format!("the hooks are {names}")
    })
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Run { options, pin } => daemon::run(&options, pin.as_deref()).map(|()| true),
        Command::Selftest(options) => selftest::run(&options),
        Command::Dummy { with_child } => return selftest::dummy(with_child),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprint!("cloudtaser-enforcer: {error}");
            let mut cause = std::error::Error::source(&error);
            while let Some(error) = cause {
                eprint!(": {error}");
                cause = error.source();
            }
            eprintln!();
            ExitCode::FAILURE
        }
    }
}
