//! Options of `cloudtaser copy`.

use std::path::PathBuf;

/// Options of `cloudtaser copy`; its help text stands at the command's variant, where clap takes
/// it from.
#[derive(Clone, clap::Args, Debug)]
#[command(
    after_long_help = "Example, in an init container with an emptyDir at /cloudtaser:\n\n  \
    cloudtaser copy /cloudtaser\n\n\
    Exit status: 0 the file is there; 64 DIR is not a directory for it (missing, noexec); \
    77 this user may not write there; 70 anything else, such as a full volume."
)]
pub struct CopyArgs {
    /// Existing directory to copy into, on a volume that both containers mount
    #[arg(value_name = "DIR")]
    pub directory: PathBuf,

    /// Print nothing when all went well
    #[arg(long, short)]
    pub quiet: bool,
}
