//! The command line of `cloudtaser-webhook`. Parsing only; [`super::run`] looks at what it names.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser};

use super::log::{Color, Format, Log};
use super::settings::Limits;

/// CloudTaser's admission webhook
///
/// Answers a Kubernetes API server's reviews of new pods: those that opted in by
/// `cloudtaser.io/inject` get the wrapper before their commands, or are refused with a reason; all
/// others are left alone. Needs what webhook/manifests and webhook/crds hold, and the rights of its
/// service account.
///
/// It serves reviews over TLS, with certificates that it keeps by itself or, by --tls-cert,
/// somebody else does; and probes and metrics over plain HTTP. SIGTERM ends it in good order.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "cloudtaser-webhook",
    version,
    max_term_width = 100,
    after_help = STATUSES,
)]
pub struct Cli {
    /// Image of the copy step where a profile names none; the one that holds the wrapper
    ///
    /// Name it by digest, so that nobody changes what pods start with.
    #[arg(long, env = "CLOUDTASER_WEBHOOK_COPY_IMAGE", value_name = "REFERENCE")]
    pub copy_image: String,

    /// Address for the API server's reviews, over TLS
    #[arg(
        long,
        env = "CLOUDTASER_WEBHOOK_LISTEN",
        default_value = "[::]:8443",
        value_name = "ADDRESS"
    )]
    pub listen: SocketAddr,

    /// Address for /healthz, /readyz and /metrics, over plain HTTP
    #[arg(
        long,
        env = "CLOUDTASER_WEBHOOK_PROBES",
        default_value = "[::]:8080",
        value_name = "ADDRESS"
    )]
    pub probes: SocketAddr,

    /// How to reach the cluster, and as whom
    #[command(flatten, next_help_heading = "Cluster")]
    pub cluster: Cluster,

    /// The server's certificate
    #[command(flatten, next_help_heading = "Certificate")]
    pub certificate: Certificate,

    /// Look-ups of images' commands
    #[command(flatten, next_help_heading = "Images")]
    pub images: Images,

    /// Limits
    #[command(flatten, next_help_heading = "Limits")]
    pub limits: Bounds,

    /// The log
    #[command(flatten, next_help_heading = "Log (standard error)")]
    pub log: Logged,
}

const STATUSES: &str = "\
Examples:
  cloudtaser-webhook --copy-image registry.example/cloudtaser@sha256:…
  cloudtaser-webhook --copy-image cloudtaser:1 --tls-cert /tls/tls.crt --tls-key /tls/tls.key
  cloudtaser-webhook --copy-image cloudtaser:1 --kubeconfig ~/.kube/config --extra-name 192.0.2.7

Exit status: 0 ended when asked to; 64 bad usage or configuration; 66 a file cannot be read; \
69 there is no cluster to ask, or an address cannot be listened on; 70 our own failure. \
An API server that does not answer is waited for, not ready meanwhile.";

/// The cluster.
#[derive(Args, Clone, Debug)]
pub struct Cluster {
    /// kubeconfig file; without it, the pod's service account
    #[arg(long, env = "CLOUDTASER_WEBHOOK_KUBECONFIG", value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,

    /// Namespace of the Service and of the Secret with the certificate
    #[arg(
        long,
        env = "CLOUDTASER_WEBHOOK_NAMESPACE",
        default_value = "cloudtaser",
        value_name = "NAME"
    )]
    pub namespace: String,

    /// Service that API servers reach us by
    #[arg(
        long,
        env = "CLOUDTASER_WEBHOOK_SERVICE",
        default_value = "cloudtaser-webhook",
        value_name = "NAME"
    )]
    pub service: String,

    /// MutatingWebhookConfiguration whose `caBundle` is kept
    #[arg(
        long,
        env = "CLOUDTASER_WEBHOOK_CONFIGURATION",
        default_value = "cloudtaser-webhook",
        value_name = "NAME"
    )]
    pub configuration: String,

    /// Write no events about refusals at the pods' owners
    #[arg(long, env = "CLOUDTASER_WEBHOOK_NO_EVENTS")]
    pub no_events: bool,
}

/// The certificate.
#[derive(Args, Clone, Debug)]
pub struct Certificate {
    /// Serving certificate (PEM), as cert-manager writes it; read again when it changes
    ///
    /// Then `caBundle` is somebody else's task, too.
    #[arg(
        long,
        env = "CLOUDTASER_WEBHOOK_TLS_CERT",
        requires = "tls_key",
        value_name = "FILE"
    )]
    pub tls_cert: Option<PathBuf>,

    /// Its key (PEM, PKCS #8)
    #[arg(
        long,
        env = "CLOUDTASER_WEBHOOK_TLS_KEY",
        requires = "tls_cert",
        value_name = "FILE"
    )]
    pub tls_key: Option<PathBuf>,

    /// Secret that the replicas keep authority and certificate in
    #[arg(
        long,
        env = "CLOUDTASER_WEBHOOK_SECRET",
        default_value = "cloudtaser-webhook-certificate",
        value_name = "NAME"
    )]
    pub secret: String,

    /// Further name or address that the certificate is for, of a webhook that is reached by URL
    #[arg(
        long = "extra-name",
        env = "CLOUDTASER_WEBHOOK_EXTRA_NAMES",
        value_delimiter = ',',
        value_name = "NAME"
    )]
    pub extra_names: Vec<String>,
}

/// Images.
#[derive(Args, Clone, Debug)]
pub struct Images {
    /// Mirrors, authorities and insecure registries, in YAML (docs/webhook.md)
    #[arg(long, env = "CLOUDTASER_WEBHOOK_REGISTRIES", value_name = "FILE")]
    pub registries: Option<PathBuf>,

    /// Logins to registries for pods that have none, as `docker login` writes them (config.json)
    #[arg(long, env = "CLOUDTASER_WEBHOOK_PULL_CONFIG", value_name = "FILE")]
    pub pull_config: Option<PathBuf>,

    /// Architecture of nodes where a pod does not say one
    #[arg(
        long,
        env = "CLOUDTASER_WEBHOOK_ARCHITECTURE",
        default_value = ARCHITECTURE,
        value_parser = ["amd64", "arm64"],
        value_name = "NAME"
    )]
    pub architecture: String,
}

/// Ours, in Go's words.
const ARCHITECTURE: &str = if cfg!(target_arch = "aarch64") {
    "arm64"
} else {
    "amd64"
};

/// Limits.
#[derive(Args, Clone, Debug)]
pub struct Bounds {
    /// Connections at once; one more takes the place of one that asks for nothing
    #[arg(
        long,
        env = "CLOUDTASER_WEBHOOK_MAX_CONNECTIONS",
        default_value_t = Limits::default().connections,
        value_name = "COUNT"
    )]
    pub max_connections: usize,

    /// Reviews that are decided about at once; twice as many more may wait, then status 429
    #[arg(
        long,
        env = "CLOUDTASER_WEBHOOK_MAX_REVIEWS",
        default_value_t = Limits::default().running,
        value_name = "COUNT"
    )]
    pub max_reviews: usize,

    /// Time for a request's head, for its body, and for a TLS handshake, each
    #[arg(
        long,
        env = "CLOUDTASER_WEBHOOK_READ_TIMEOUT",
        default_value = "5s",
        value_parser = humantime::parse_duration,
        value_name = "TIME"
    )]
    pub read_timeout: Duration,

    /// From SIGTERM on: how long others have to forget us, while we still answer
    #[arg(
        long,
        env = "CLOUDTASER_WEBHOOK_DRAIN",
        default_value = "10s",
        value_parser = humantime::parse_duration,
        value_name = "TIME"
    )]
    pub drain: Duration,
}

/// The log.
#[derive(Args, Clone, Debug)]
pub struct Logged {
    /// Which lines: error, warn, info, debug, trace, or by module as in RUST_LOG
    #[arg(
        long,
        env = "CLOUDTASER_WEBHOOK_LOG_LEVEL",
        default_value = "info",
        value_name = "LEVELS"
    )]
    pub log_level: String,

    /// How lines look
    #[arg(
        long,
        env = "CLOUDTASER_WEBHOOK_LOG_FORMAT",
        value_enum,
        default_value_t,
        value_name = "FORMAT"
    )]
    pub log_format: Format,

    /// Colours of text
    #[arg(
        long,
        env = "CLOUDTASER_WEBHOOK_COLOR",
        value_enum,
        default_value_t,
        value_name = "WHEN"
    )]
    pub color: Color,
}

impl Logged {
    /// As the log takes it.
    #[must_use]
    pub fn log(&self) -> Log {
        Log {
            levels: self.log_level.clone(),
            format: self.log_format,
            color: self.color,
        }
    }
}

impl Bounds {
    /// The limits, with the defaults of those that have no flag.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits {
            connections: self.max_connections,
            running: self.max_reviews,
            waiting: self.max_reviews.saturating_mul(2),
            read: self.read_timeout,
            handshake: self.read_timeout,
            drain: self.drain,
            ..Limits::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_holds_together_and_every_flag_has_a_variable() {
        let command = Cli::command();
        command.clone().debug_assert();
        for flag in command.get_arguments() {
            let name = flag.get_id();
            if ["help", "version"].contains(&name.as_str()) {
                continue;
            }
            let variable = flag.get_env().map(|env| env.to_string_lossy().into_owned());
            let variable = variable.unwrap_or_default();
            assert!(
                variable.starts_with("CLOUDTASER_WEBHOOK_"),
                "{name}: {variable}"
            );
        }
    }

    #[test]
    fn half_a_pair_of_files_is_bad_usage() {
        let parse = |more: &[&str]| {
            let args = ["cloudtaser-webhook", "--copy-image", "c"];
            Cli::try_parse_from(args.iter().chain(more))
        };
        assert!(parse(&["--tls-cert", "a"]).is_err());
        assert!(parse(&["--tls-cert", "a", "--tls-key", "b"]).is_ok());
        assert!(parse(&["--drain", "soon"]).is_err());
    }
}
