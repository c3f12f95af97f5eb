//! From flags, environment and `cloudtaser.toml` to one checked [`Config`].
//!
//! A flag wins over the environment variable of the same meaning, that over the file, that over
//! the default. clap settles the first two; this module adds the others. After it, no module asks
//! for a setting again.

pub mod delivery;
pub mod file;
pub mod files;
pub mod folder;
mod planned;
mod read;
pub mod server;
pub mod survey;

use std::ffi::OsString;
use std::path::PathBuf;

use cloudtaser_abi::protection::Protection;
use delivery::DeliveryConfig;
use file::{FileConfig, FileError};
use files::TemplateError;
use folder::FolderError;
use planned::plan;
pub use read::{read_file, with_file};
use server::{Lookup, ServerSettingError};

use crate::cli::run::{Enforcer, RunArgs};
use crate::cli::source::SourceArgs;
use crate::plan::{Plan, PlanErrors};
use crate::report::Report;
use crate::source::openbao::settings::ServerConfig;
use crate::source::{Registry, SourceConfig, local, openbao};
use crate::status;
use crate::store::location;

/// What `cloudtaser run` will do, checked.
#[derive(Debug)]
pub struct Config {
    /// Program and arguments.
    pub program: Vec<OsString>,
    /// Which secrets are read, and which variable gets them.
    pub plan: Plan,
    /// How the program gets them.
    pub delivery: DeliveryConfig,
    /// Inherited variables that the program gets unchanged, in their order.
    pub kept: Vec<(OsString, OsString)>,
    /// Settings of the sources.
    pub source: SourceConfig,
    /// The least protection of secret memory.
    pub min_protection: Protection,
    /// The way to the server is not protected: whatever the memory gives, the level is `none`.
    pub is_insecure: bool,
    /// What the user must know before anything happens.
    pub warnings: Vec<&'static str>,
    /// What to do about the enforcer.
    pub enforcer: Enforcer,
    /// Replace the wrapper by the program.
    pub is_exec: bool,
    /// Say what is done.
    pub is_verbose: bool,
}

/// Why a configuration is refused. Exit status 64 unless a plan's fault says otherwise.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The configuration file.
    #[error(transparent)]
    File(#[from] FileError),
    /// References and variables.
    #[error(transparent)]
    Plan(#[from] PlanErrors),
    /// `--env` without `=`.
    #[error(
        "`--env` takes NAME=VALUE, and its value number {number} has no `=`; for the value of a secret write NAME=vault:PATH#FIELD"
    )]
    NoAssignment {
        /// Counted from 1.
        number: usize,
    },
    /// `--file` in a form that it does not have.
    #[error(
        "value number {number} of `--file` cannot be read: {problem}; the form is PATH[,mode=0440][,owner=UID:GID][,opens=N]=TEXT"
    )]
    FileOption {
        /// Counted from 1.
        number: usize,
        /// What is wrong; never the text.
        problem: &'static str,
    },
    /// A template that is named with `@`.
    #[error("cannot read the template of the file {path:?}")]
    Template {
        /// Path of the file for the program.
        path: String,
        /// Why.
        #[source]
        source: TemplateError,
    },
    /// A directory of templates.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A variable of ours is not UTF-8.
    #[error("the variable {name} is not UTF-8 text")]
    NotText {
        /// Its name.
        name: &'static str,
    },
    /// A variable of ours that is read as an option.
    #[error("a variable that begins with CLOUDTASER_ cannot be used: {0}")]
    Variable(String),
    /// An argument of `doctor` that is none.
    #[error("argument number {number} behind `--` is no reference; write vault:PATH#FIELD")]
    NoReference {
        /// Counted from 1.
        number: usize,
    },
    /// A setting of the server.
    #[error(transparent)]
    Server(#[from] ServerSettingError),
    /// The way to the server gives less protection than demanded. Exit status 77.
    #[error(
        "an option that begins with --insecure lowers the protection to `none`, and `{minimum}` is \
         demanded (--min-protection)"
    )]
    Insecure {
        /// What was demanded.
        minimum: Protection,
    },
    /// An unknown source.
    #[error("there is no secret source of that name; the sources are {known}")]
    UnknownSource {
        /// The names that there are.
        known: String,
    },
    /// A word of the file that is not one of the option's.
    #[error("`{key}` in {} must be one of {allowed}", path.display())]
    BadWord {
        /// The key.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// The allowed words.
        allowed: &'static str,
    },
}

impl ConfigError {
    /// The wrapper's exit status for this error.
    #[must_use]
    pub fn status(&self) -> u8 {
        match self {
            Self::Plan(errors) => errors.status(),
            Self::Insecure { .. } => status::PRIVILEGE,
            _ => status::USAGE,
        }
    }
}

impl Config {
    /// Puts together what `args`, the file and `inherited` (the environment) say.
    ///
    /// # Errors
    ///
    /// [`ConfigError`]; nothing has been done yet.
    pub fn new(
        args: RunArgs,
        source: &SourceArgs,
        inherited: Vec<(OsString, OsString)>,
        registry: &Registry,
    ) -> Result<Self, ConfigError> {
        let (path, file) = read_file(args.config.as_deref())?;
        let find = |name: &str| {
            let mut variables = inherited.iter();
            let (_, value) = variables.find(|(found, _)| found == name)?;
            Some(value.clone())
        };
        let server = server_config(source, &file, &find);
        let configured = args.source.clone().or_else(|| file.source.clone());
        let configured =
            configured.unwrap_or_else(|| default_source(source, &file, &server).into());
        if registry.find(&configured).is_none() {
            let known = registry.names().collect::<Vec<_>>().join(", ");
            return Err(ConfigError::UnknownSource { known });
        }
        let bad_word = |key, allowed| ConfigError::BadWord {
            key,
            path: path.clone(),
            allowed,
        };
        let min_protection = match (args.min_protection, &file.min_protection) {
            (Some(level), _) => level,
            (None, Some(word)) => word.parse().map_err(|_unknown| {
                bad_word("min_protection", "none, locked, secretmem, enforced")
            })?,
            (None, None) => Protection::None,
        };
        let enforcer = match (args.enforcer, &file.enforcer) {
            (Some(mode), _) => mode,
            (None, Some(word)) => clap::ValueEnum::from_str(word, false)
                .map_err(|_unknown| bad_word("enforcer", "require, prefer, off"))?,
            (None, None) => Enforcer::default(),
        };
        let delivery = DeliveryConfig::new(&args, &file, &bad_word)?;
        let (plan, kept) = plan(&args, &file, &path, inherited, &configured, registry)?;
        let asks_server = plan.sources().contains(openbao::KIND.name);
        let source_config = SourceConfig {
            min_protection,
            report: Report {
                is_verbose: args.verbose,
            },
            // Variables of other tools may hold anything, as long as nobody asks the server.
            server: if asks_server {
                server?
            } else {
                ServerConfig::default()
            },
            ..source_config(source, &file)
        };
        let weaknesses = source_config.server.weaknesses();
        if !weaknesses.is_empty() && min_protection > Protection::None {
            let minimum = min_protection;
            return Err(ConfigError::Insecure { minimum });
        }
        let warnings = source_config.server.warnings();
        Ok(Self {
            warnings,
            is_insecure: !weaknesses.is_empty(),
            plan,
            delivery,
            kept,
            source: source_config,
            // "Enforced" memory needs an enforcer: without one the start must fail.
            enforcer: if min_protection == Protection::Enforced {
                Enforcer::Require
            } else {
                enforcer
            },
            min_protection,
            is_exec: args.exec.or(file.exec).unwrap_or(false),
            is_verbose: args.verbose,
            program: args.program,
        })
    }
}

/// The store's settings from flags and `file`, with the defaults filled in; nothing about a server.
#[must_use]
pub fn source_config(args: &SourceArgs, file: &FileConfig) -> SourceConfig {
    let identities = if args.identity.is_empty() {
        &file.identity
    } else {
        &args.identity
    };
    // Without a home folder there is no default; the source says so when it is used.
    let store = args
        .store
        .clone()
        .or_else(|| file.store.clone())
        .or_else(location::default_store);
    SourceConfig {
        store: store.unwrap_or_default(),
        identities: if identities.is_empty() {
            location::default_identity().into_iter().collect()
        } else {
            identities.clone()
        },
        passphrase_file: args
            .passphrase_file
            .clone()
            .or_else(|| file.passphrase_file.clone()),
        ..SourceConfig::default()
    }
}

/// The server's settings from flags, `variable` (the environment) and `file`.
///
/// # Errors
///
/// [`ServerSettingError`].
pub fn server_config(
    args: &SourceArgs,
    file: &FileConfig,
    variable: &dyn Fn(&str) -> Option<OsString>,
) -> Result<ServerConfig, ServerSettingError> {
    let lookup = Lookup {
        file: &file.server,
        variable,
    };
    server::server_config(&args.server, &lookup)
}

/// The source that `vault:` means when nobody says: the server when its address is given, unless
/// that comes from the environment of another tool and the store is named in one of our ways.
#[must_use]
pub fn default_source(
    args: &SourceArgs,
    file: &FileConfig,
    server: &Result<ServerConfig, ServerSettingError>,
) -> &'static str {
    let is_ours = args.server.addr.is_some() || file.server.contains_key("addr");
    let is_store_named = args.store.is_some() || file.store.is_some();
    // One that cannot be read was meant as one, too.
    let is_given = server
        .as_ref()
        .map_or(true, |server| !server.addresses.is_empty());
    if is_ours || (is_given && !is_store_named) {
        openbao::KIND.name
    } else {
        local::KIND.name
    }
}

#[cfg(test)]
mod tests;
