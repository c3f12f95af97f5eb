//! Options of `cloudtaser doctor`.

use cloudtaser_abi::protection::Protection;

const AFTER_HELP: &str = "\
Examples:
  cloudtaser doctor
  cloudtaser doctor --min-protection secretmem && echo good enough
  cloudtaser doctor --json | jq -r .protection.level
  cloudtaser doctor --addr https://bao.example:8200 -- vault:secret/db#password

Exit status, the highest of those that apply:
  0  everything that this configuration needs is there; warnings are allowed
  64 usage or configuration
  69 the store cannot be opened, or the server cannot be reached
  70 `cloudtaser run` could not start here
  75 the server does not serve now    76 its identity or answer cannot be accepted
  77 protection below --min-protection, `cloudtaser run` would refuse (a tracer), or the server
     does not accept our identity or does not allow what a reference asks for

The store counts when an option, a variable or cloudtaser.toml names it, or when it exists. The
server counts when the configuration asks it. Doctor logs in there as a start does, asks whether
the references would be allowed (those of cloudtaser.toml, CLOUDTASER_ENV, CLOUDTASER_ENV_FROM, the
inherited environment, and those behind `--`), reads no secret, and revokes its token. A secret id
that may be used a limited number of times is used once; a wrapped one is not touched.";

/// Options of `cloudtaser doctor`; its help text stands at the command's variant, where clap takes
/// it from.
#[derive(Clone, clap::Args, Debug)]
#[command(after_long_help = AFTER_HELP)]
pub struct DoctorArgs {
    /// The server.
    #[command(flatten)]
    pub server: super::server::ServerArgs,

    /// Print one JSON document instead of lines
    ///
    /// {"protection":{"level":…,"missing":…},"checks":[{"name":…,"status":…,"finding":…,"fix":…}]}
    /// with the statuses ok, warn and fail. Names of checks and fields stay the same.
    #[arg(long)]
    pub json: bool,

    /// Fail (77) when this place gives less protection of the secrets in memory:
    /// none, locked, secretmem or enforced [default: none]
    #[arg(long, value_name = "LEVEL", env = "CLOUDTASER_MIN_PROTECTION")]
    pub min_protection: Option<Protection>,

    /// References to ask the server about, besides those of the configuration
    #[arg(last = true, value_name = "REFERENCE")]
    pub references: Vec<String>,
}
