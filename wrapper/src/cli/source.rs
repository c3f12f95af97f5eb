//! Options that say where secrets come from, shared by `run`, `doctor` and `store`.

use std::path::PathBuf;

/// Options of the secret source. Each is absent when neither flag nor environment variable is
/// given; the configuration file and the defaults are filled in by `config`.
#[derive(Clone, clap::Args, Debug, Default)]
#[command(next_help_heading = "Secret source")]
pub struct SourceArgs {
    /// Encrypted store of the `local` source
    ///
    /// Default: $XDG_DATA_HOME/cloudtaser/store.age, that is
    /// ~/.local/share/cloudtaser/store.age.
    #[arg(
        long,
        value_name = "FILE",
        env = "CLOUDTASER_STORE",
        hide_env_values = true,
        global = true
    )]
    pub store: Option<PathBuf>,

    /// File with an age identity (AGE-SECRET-KEY-1…) or an SSH private key; may be repeated
    ///
    /// Default: $XDG_CONFIG_HOME/cloudtaser/identity.txt, that is
    /// ~/.config/cloudtaser/identity.txt.
    #[arg(
        long,
        value_name = "FILE",
        env = "CLOUDTASER_IDENTITY",
        hide_env_values = true,
        value_delimiter = ':',
        global = true
    )]
    pub identity: Vec<PathBuf>,

    /// File with the passphrase of a store that is encrypted with one, `-` for standard input
    ///
    /// One line; the newline at its end is not part of the passphrase. Without this option and
    /// with a terminal, the passphrase is asked for.
    #[arg(
        long,
        value_name = "FILE",
        env = "CLOUDTASER_PASSPHRASE_FILE",
        hide_env_values = true,
        global = true
    )]
    pub passphrase_file: Option<PathBuf>,

    /// The server's options, of the commands that have them; filled in by `command`.
    #[arg(skip)]
    pub server: super::server::ServerArgs,
}
