//! The command line of `kubectl cloudtaser`. Parsing only.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Check what CloudTaser does with pods
///
/// The same engine as the admission webhook, over files. Nothing is asked of a cluster, and nothing
/// is changed.
#[derive(Debug, Parser)]
#[command(
    name = "kubectl-cloudtaser",
    bin_name = "kubectl cloudtaser",
    version,
    max_term_width = 100
)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What `kubectl cloudtaser` can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check manifests, and show what the webhook would change
    ///
    /// Pods, and the pod templates of Deployment, StatefulSet, DaemonSet, Job, CronJob, ReplicaSet
    /// and ReplicationController, in files of one or several YAML documents. Profiles, namespaces,
    /// ConfigMaps and Secrets in the same files count.
    #[command(after_help = STATUSES)]
    Lint(Lint),
    /// Explain each decision about the pods of manifests
    #[command(after_help = STATUSES)]
    Why(Manifest),
    /// Print a completion script for a shell
    Completion {
        /// The shell
        shell: clap_complete::Shell,
    },
}

const STATUSES: &str = "Exit status: 0 no pod would be refused; 1 one would be, or with --strict there \
is a warning; 64 bad usage; 66 a file cannot be read.";

/// Where the pods come from.
#[derive(Args, Debug)]
pub struct Manifest {
    /// Files to read; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// File with profiles; may be repeated
    ///
    /// Without any profile, here or in the files, one with the default permissions stands in.
    #[arg(long = "profile", value_name = "FILE")]
    pub profiles: Vec<PathBuf>,

    /// Namespace of objects that name none
    #[arg(long, short, default_value = "default", value_name = "NAME")]
    pub namespace: String,

    /// What an image starts, as its configuration says it: REFERENCE={"Entrypoint":[…],"Cmd":[…]}
    #[arg(long = "image", value_name = "REFERENCE=JSON")]
    pub images: Vec<String>,

    /// Image of the copy step, where a profile names none
    #[arg(long, default_value = "cloudtaser", value_name = "REFERENCE")]
    pub copy_image: String,

    /// How to print
    #[arg(long, short, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: Output,
}

/// Arguments of `lint`.
#[derive(Args, Debug)]
pub struct Lint {
    /// The manifests
    #[command(flatten)]
    pub manifest: Manifest,

    /// Count a warning as a failure
    #[arg(long)]
    pub strict: bool,

    /// Leave the differences out
    #[arg(long)]
    pub no_diff: bool,
}

/// How to print.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum Output {
    /// For people
    #[default]
    Table,
    /// JSON, an array
    Json,
    /// YAML, a list
    Yaml,
}
