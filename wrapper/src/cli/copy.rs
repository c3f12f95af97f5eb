//! Options of `cloudtaser copy`.

use std::path::PathBuf;

/// Copies this program into a directory, so that another container can start it from there
///
/// The job of an init container: its image needs nothing but this one file and /proc, no shell,
/// no /tmp, no user database; its root may be read-only and its user any. The file DIR/cloudtaser
/// appears whole or not at all (written beside it, synced, compared by SHA-256, renamed), is
/// executable and writable by nobody (mode 0555), and may be replaced while it runs. When it is
/// there already, unchanged, nothing is written.
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
