//! The command line: what `cloudtaser --help` shows. Parsing only; decisions are `config`'s.

pub mod copy;
pub mod doctor;
pub mod run;
pub mod server;
pub mod source;
pub mod store;
pub mod usage;

use clap::{CommandFactory, Parser, Subcommand};

/// Deliver secrets to programs through memory
///
/// Fetches secrets from an encrypted store or a secret server, keeps them in memory that other
/// processes cannot read, and starts a program with them. Nothing secret is written to disk, put
/// into arguments, or logged.
#[derive(Debug, Parser)]
#[command(name = "cloudtaser", version, max_term_width = 100)]
pub struct Cli {
    /// Where secrets come from
    #[command(flatten)]
    pub source: source::SourceArgs,

    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What `cloudtaser` can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Fetch secrets into memory and run a program with them
    ///
    /// References such as `vault:secret/db#password` in the inherited environment, in --env and in
    /// the configuration file are replaced by the secrets that they name. Every option can be given
    /// as a flag, as an environment variable or in cloudtaser.toml; the first of these wins. None
    /// of our own variables, and no VAULT_* or BAO_* variable, reaches the program unless --pass
    /// names it.
    Run(Box<run::RunArgs>),
    /// Keep secrets in an encrypted file, the `local` source
    Store(store::StoreArgs),
    /// Copy this program into a directory, so that another container can start it
    ///
    /// The job of an init container: its image needs nothing but this one file and /proc, no shell,
    /// no /tmp, no user database; its root may be read-only and its user any. The file
    /// DIR/cloudtaser appears whole or not at all (written beside it, synced, compared by SHA-256,
    /// renamed), is executable and writable by nobody (mode 0555), and may be replaced while it
    /// runs. When it is there already, unchanged, nothing is written. The preload library, if it
    /// lies beside this program, is copied in the same way, before it.
    Copy(copy::CopyArgs),
    /// Try what this place can give, and say what to do about what is missing
    ///
    /// A line for each check: OK, WARN or FAIL, what was found, and the fix. Nothing is guessed
    /// from version numbers where it can be tried: secret memory is made, filled and attacked. Then
    /// the protection level that secrets would have here, and what is missing for the next one.
    /// Where a server is configured: address, TLS, certificates, login, policies for each
    /// reference, clock.
    Doctor(Box<doctor::DoctorArgs>),
    /// Print a completion script for a shell
    ///
    /// Example: cloudtaser completion bash > /etc/bash_completion.d/cloudtaser
    Completion {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    ///
    /// Example: cloudtaser man run | man -l -
    Man {
        /// A command of cloudtaser, such as run; without it, the page of cloudtaser itself
        command: Option<String>,
    },
}

/// The completion script for `shell`.
#[must_use]
pub fn completion(shell: clap_complete::Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "cloudtaser", &mut script);
    script
}

/// The manual page, in roff, of cloudtaser or of one of its commands; `None` for an unknown one.
///
/// # Errors
///
/// None in practice: it is written to memory.
pub fn manual(command: Option<&str>) -> Option<std::io::Result<Vec<u8>>> {
    let mut all = Cli::command();
    all.build();
    let page = match command {
        None => all,
        Some(name) => all.find_subcommand(name)?.clone(),
    };
    let mut text = Vec::new();
    Some(clap_mangen::Man::new(page).render(&mut text).map(|()| text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_a_manual_page() {
        for command in Cli::command().get_subcommands() {
            assert!(
                manual(Some(command.get_name())).is_some(),
                "{}",
                command.get_name()
            );
        }
        assert!(manual(Some("nothing")).is_none());
    }
}
