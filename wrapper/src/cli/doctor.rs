//! Options of `cloudtaser doctor`.

use cloudtaser_abi::protection::Protection;

const AFTER_HELP: &str = "\
Examples:
  cloudtaser doctor
  cloudtaser doctor --min-protection secretmem && echo good enough
  cloudtaser doctor --json | jq -r .protection.level

Exit status:
  0  everything that this configuration needs is there; warnings are allowed
  64 usage or configuration    69 the store cannot be opened
  70 `cloudtaser run` could not start here
  77 protection below --min-protection, or `cloudtaser run` would refuse (a tracer)

The store counts when an option, a variable or cloudtaser.toml names it, or when it exists.";

/// Options of `cloudtaser doctor`; its help text stands at the command's variant, where clap takes
/// it from.
#[derive(Clone, clap::Args, Debug)]
#[command(after_long_help = AFTER_HELP)]
pub struct DoctorArgs {
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
}
