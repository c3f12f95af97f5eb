//! The command line of `kubectl cloudtaser`. Parsing only.

use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use super::target::Target;

/// Check what CloudTaser does with pods
///
/// The same engine as the admission webhook: `lint` over files, `why` over files or over what is in
/// a cluster, `profiles` over a cluster's. Nothing is ever changed.
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
    /// Explain each decision about a pod: one in a cluster, or those of manifests
    ///
    /// In a cluster: NAMESPACE/POD, or KIND/NAME (deploy/web, sts/db, cronjob/report) in the
    /// namespace of -n or of the kubeconfig; then it also says what the live pod shows, and tells
    /// of refusals. No registry is asked and no value of a ConfigMap or Secret is shown.
    #[command(after_help = LIVE)]
    Why(Why),
    /// Show which profile applies to the pods of a namespace, and why
    ///
    /// The profiles of the namespace and those of the cluster that are for it, what each says, and
    /// what is wrong with it.
    #[command(after_help = PROFILES)]
    Profiles(Listing),
    /// Print a completion script for a shell
    Completion {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    ///
    /// Example: kubectl cloudtaser man why | man -l -
    Man {
        /// A command, such as why; without it, the page of the plugin itself
        command: Option<String>,
    },
}

const STATUSES: &str = "Exit status: 0 no pod would be refused; 1 one would be, or with --strict there \
is a warning; 64 bad usage; 66 a file cannot be read.";

const LIVE: &str = "Exit status: 0 each pod is as it should be; 1 one would be refused, or opted in \
and starts without its wrapper; 64 bad usage; 66 a file or an object is not there; 69 no cluster; \
76 the API server answers in another way than expected; 77 a right or a login is missing.";

const PROFILES: &str = "Exit status: 0 a usable profile applies (with -A: no profile has a problem); \
1 none does, or one has a problem; 64 bad usage; 66 no kubeconfig or namespace; 69 no cluster; 76 the \
API server answers in another way than expected; 77 a right or a login is missing.";

/// What is known beside the pods, and how to print.
#[derive(Args, Debug)]
pub struct Options {
    /// File with profiles; may be repeated
    ///
    /// Without any profile, here or in the files, one with the default permissions stands in.
    #[arg(long = "profile", value_name = "FILE")]
    pub profiles: Vec<PathBuf>,

    /// Namespace of objects that name none [default: default, or the kubeconfig's]
    #[arg(long, short, value_name = "NAME")]
    pub namespace: Option<String>,

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

/// Which cluster.
#[derive(Args, Clone, Debug, Default)]
pub struct Connection {
    /// The kubeconfig [default: $KUBECONFIG, or ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,

    /// Context of the kubeconfig [default: its current one]
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
}

/// Arguments of `lint`.
#[derive(Args, Debug)]
pub struct Lint {
    /// Files to read; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// What is known beside them
    #[command(flatten)]
    pub options: Options,

    /// Count a warning as a failure
    #[arg(long)]
    pub strict: bool,

    /// Leave the differences out
    #[arg(long)]
    pub no_diff: bool,
}

/// Arguments of `why`.
#[derive(Args, Debug)]
pub struct Why {
    /// NAMESPACE/POD, KIND/NAME, or a file: `-`, FILE.yaml, FILE.json, ./FILE
    #[arg(required_unless_present = "files", value_name = "OBJECT|FILE")]
    pub targets: Vec<Target>,

    /// File to read, whatever its name; may be repeated
    #[arg(long = "filename", short = 'f', value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// What is known beside them
    #[command(flatten)]
    pub options: Options,

    /// Which cluster
    #[command(flatten)]
    pub connection: Connection,
}

/// Arguments of `profiles`.
#[derive(Args, Debug)]
pub struct Listing {
    /// The namespace [default: the kubeconfig's]
    #[arg(long, short, value_name = "NAME", conflicts_with = "all_namespaces")]
    pub namespace: Option<String>,

    /// Every namespace
    #[arg(long, short = 'A')]
    pub all_namespaces: bool,

    /// How to print
    #[arg(long, short, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: Output,

    /// Which cluster
    #[command(flatten)]
    pub connection: Connection,
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

/// The completion script for `shell`.
#[must_use]
pub fn completion(shell: clap_complete::Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(
        shell,
        &mut Cli::command(),
        "kubectl-cloudtaser",
        &mut script,
    );
    script
}

/// The manual page, in roff, of the plugin or of one of its commands; `None` for an unknown one.
#[must_use]
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
            let name = command.get_name();
            assert!(manual(Some(name)).is_some(), "{name}");
        }
        assert!(manual(Some("nothing")).is_none());
    }
}
