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

/// Try what this place can give, and say what to do about what is missing
///
/// A line for each check: OK, WARN or FAIL, what was found, and the fix. Nothing is guessed from
/// version numbers where it can be tried: secret memory is made, filled and attacked. Then the
/// protection level that secrets would have here, and what is missing for the next one.
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
