//! Options of `cloudtaser run`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{BoolishValueParser, PossibleValuesParser, TypedValueParser};
use clap::{Args, FromArgMatches};
use cloudtaser_abi::protection::Protection;

const EXAMPLES: &str = "\
Examples:
  cloudtaser run --env 'PGPASSWORD=vault:secret/db#password' -- psql -h db.example
  cloudtaser run --env 'URL=postgres://app:${vault:secret/db#password}@db/app' -- ./server
  cloudtaser run --env-from 'DB_=vault:secret/db' -- env
  cloudtaser run --file '/run/secrets/key,mode=0440=vault:secret/tls#key' -- ./server
  cloudtaser run --file /home/app/.pgpass=@pgpass.template -- psql
  PGPASSWORD='vault:secret/db#password' cloudtaser run --min-protection secretmem -- psql
  cloudtaser run --addr https://bao.example:8200 --role app --env 'A=vault:secret/db#a' -- ./server
      In a pod: logs in with its service-account token.

References:
  vault:PATH#FIELD            a field of a secret (bao: means the same)
  vault:PATH#FIELD#VERSION    a pinned version
  vault:PATH#FIELD?           optional: without the secret the variable or file is left out
  vault:PATH#FIELD:-TEXT      TEXT when there is no such secret or field
  ${vault:PATH#FIELD}         inside a longer value
  >>vault:PATH#FIELD#{JSON}   written to PATH, a field of the answer
  vault:v1:…                  a ciphertext, decrypted with --transit-key

Exit status:
  the program's own, or 128 + n when it died of signal n
  64 usage or configuration    66 no such secret, field or version
  69 secret source unreachable    70 our own failure
  75 server does not serve now    76 server's certificate or answer not acceptable
  77 protection or privilege missing, login refused, or path forbidden
  126 program not executable   127 program not found";

/// Fetch secrets into memory and run a program with them
///
/// References such as `vault:secret/db#password` in the inherited environment, in --env and in
/// the configuration file are replaced by the secrets that they name. Every option can be given
/// as a flag, as an environment variable or in cloudtaser.toml; the first of these wins. None of
/// our own variables, and no VAULT_* or BAO_* variable, reaches the program unless --pass names it.
#[derive(Clone, clap::Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub struct RunArgs {
    /// Variable for the program: a reference, text with references in it, or plain text
    ///
    /// May be repeated. Without it, the lines of the environment variable CLOUDTASER_ENV. Arguments
    /// are readable by every user of the machine: write references here, not secrets.
    #[arg(long = "env", short = 'e', value_name = "NAME=VALUE")]
    pub variables: Vec<String>,

    /// All fields of a path as variables, each name with PREFIX before it
    ///
    /// May be repeated; a later path wins over an earlier one, and no variable that is set in
    /// another way is replaced. Without it, the lines of CLOUDTASER_ENV_FROM.
    #[arg(long, value_name = "[PREFIX=]REFERENCE")]
    pub env_from: Vec<String>,

    /// File for the program, in memory only: a reference, text with references in it, or plain text
    ///
    /// May be repeated. Without it, the lines of the environment variable CLOUDTASER_FILE. PATH is
    /// absolute and need not exist. `@FILE` as TEXT reads the text from FILE (and `@@` begins a
    /// text with `@`). Mode is octal [default: 0400], the owner two numbers [default: whoever
    /// looks], and after N times the file cannot be opened any more.
    #[arg(
        long = "file",
        value_name = "PATH[,mode=MODE][,owner=UID:GID][,opens=N]=TEXT"
    )]
    pub file_texts: Vec<String>,

    /// Directory of templates: each file in it becomes one of the same name below TARGET
    ///
    /// May be repeated. Without it, the lines of CLOUDTASER_FILES. Without TARGET the files appear
    /// in the place of the templates.
    #[arg(long, value_name = "DIR[=TARGET]")]
    pub files: Vec<String>,

    /// How secrets get into the program [default: auto]
    #[arg(
        long,
        value_name = "MODE",
        env = "CLOUDTASER_DELIVERY",
        hide_env_values = true
    )]
    pub delivery: Option<DeliveryMode>,

    /// The preload library [default: libcloudtaser_preload.so beside this program's own file]
    #[arg(
        long,
        value_name = "FILE",
        env = "CLOUDTASER_PRELOAD_LIBRARY",
        hide_env_values = true
    )]
    pub preload_library: Option<PathBuf>,

    /// Whether programs that the program starts get the secrets too, even where it cleans their
    /// environment [default: true]
    #[arg(
        long,
        env = "CLOUDTASER_FOLLOW_CHILDREN",
        value_name = "true|false",
        value_parser = BoolishValueParser::new(),
        hide_env_values = true
    )]
    pub follow_children: Option<bool>,

    /// What a program that the preload library cannot reach gets of the secret variables when our
    /// program starts it [default: omit]
    #[arg(
        long,
        value_name = "MODE",
        env = "CLOUDTASER_ENV_STATIC",
        hide_env_values = true
    )]
    pub env_static: Option<EnvStatic>,

    /// Inherited variable that is not looked at for references
    #[arg(
        long,
        value_name = "NAME",
        env = "CLOUDTASER_LITERAL",
        hide_env_values = true,
        value_delimiter = ','
    )]
    pub literal: Vec<String>,

    /// Which inherited variables the program gets: all, none, or a list of names [default: all]
    #[arg(
        long,
        value_name = "all|none|NAME,…",
        env = "CLOUDTASER_INHERIT",
        hide_env_values = true
    )]
    pub inherit: Option<String>,

    /// Variable of ours or of the secret server's client that the program gets all the same
    #[arg(
        long,
        value_name = "NAME",
        env = "CLOUDTASER_PASS",
        hide_env_values = true,
        value_delimiter = ','
    )]
    pub pass: Vec<String>,

    /// Secret source that `vault:` and `bao:` mean: openbao or local [default: openbao with an
    /// address, else local]
    #[arg(
        long,
        value_name = "NAME",
        env = "CLOUDTASER_SOURCE",
        hide_env_values = true
    )]
    pub source: Option<String>,

    /// Refuse to start with less protection of the secrets in memory:
    /// none, locked, secretmem or enforced [default: none]
    #[arg(long, value_name = "LEVEL", env = "CLOUDTASER_MIN_PROTECTION", hide_env_values = true, hide_possible_values = true, value_parser = level())]
    pub min_protection: Option<Protection>,

    /// What to do about the node's enforcer [default: prefer]
    #[arg(
        long,
        value_name = "MODE",
        env = "CLOUDTASER_ENFORCER",
        hide_env_values = true
    )]
    pub enforcer: Option<Enforcer>,

    /// Replace the wrapper by the program: no supervision, no extra process
    #[arg(
        long,
        env = "CLOUDTASER_EXEC",
        value_name = "true|false",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_parser = BoolishValueParser::new(),
        hide_env_values = true
    )]
    pub exec: Option<bool>,

    /// Configuration file, or the word none [default: cloudtaser.toml in the current directory, if
    /// there is one]
    #[arg(
        long,
        value_name = "FILE|none",
        env = "CLOUDTASER_CONFIG",
        hide_env_values = true
    )]
    pub config: Option<PathBuf>,

    /// Say on standard error what is done
    #[arg(long, short, env = "CLOUDTASER_VERBOSE", value_parser = BoolishValueParser::new(), hide_env_values = true)]
    pub verbose: bool,

    /// The server.
    #[command(flatten)]
    pub server: super::server::ServerArgs,

    /// The program and its arguments, untouched
    #[arg(last = true, required = true, value_name = "PROGRAM")]
    pub program: Vec<OsString>,
}

impl RunArgs {
    /// What the variables of the environment say, for a command that looks at a start without
    /// making one. No program is named.
    ///
    /// # Errors
    ///
    /// clap's, for a variable that cannot be read.
    pub fn from_environment() -> Result<Self, clap::Error> {
        let command = Self::augment_args(clap::Command::new("run"));
        Self::from_arg_matches(&command.try_get_matches_from(["run", "--", "program"])?)
    }
}

/// A parser that knows the levels' names, so that a mistake can be told with them.
fn level() -> impl TypedValueParser<Value = Protection> {
    PossibleValuesParser::new(Protection::ALL.map(Protection::name))
        .try_map(|name| name.parse::<Protection>())
}

/// How secrets get into the program.
#[derive(Clone, Copy, clap::ValueEnum, Debug, Default, Eq, PartialEq)]
pub enum DeliveryMode {
    /// By the preload library where it can, or the Go SDK where the program has it; else in plain
    /// variables, with a warning
    #[default]
    Auto,
    /// By the preload library; refuse to start a program that it cannot reach
    Preload,
    /// The program reads the region itself, by the Go SDK or code of its own; nothing else is done
    Sdk,
    /// In plain variables: /proc/PID/environ shows them, and there are no files
    Environ,
}

/// What a program that the preload library cannot reach gets of the secret variables.
#[derive(Clone, Copy, clap::ValueEnum, Debug, Default, Eq, PartialEq)]
pub enum EnvStatic {
    /// None of them
    #[default]
    Omit,
    /// All of them, as plain variables
    Plain,
}

/// What to do about the node's enforcer.
#[derive(Clone, Copy, clap::ValueEnum, Debug, Default, Eq, PartialEq)]
pub enum Enforcer {
    /// Refuse to start without one
    Require,
    /// Register if there is one
    #[default]
    Prefer,
    /// Do not register
    Off,
}
