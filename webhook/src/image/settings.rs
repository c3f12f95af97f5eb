//! What the operator says about registries. Pure.

use std::time::Duration;

/// All settings. The default asks every registry over HTTPS, with the system's authorities.
#[derive(Clone, Debug, Default)]
pub struct RegistrySettings {
    /// Registries, mirrors and token services that differ from the default.
    pub hosts: Vec<HostSettings>,
    /// Certification authorities in PEM, beside the system's, for every host.
    pub authorities_pem: Option<String>,
    /// Times.
    pub limits: Limits,
}

/// One host. To be named here also lets it have a loopback address.
#[derive(Clone, Debug, Default)]
pub struct HostSettings {
    /// As in image names: `docker.io`, `registry.example:5000`.
    pub host: String,
    /// Asked first, in this order: `HOST[:PORT][/PREFIX]`, with the prefix put before the
    /// repository. A mirror gets the credentials that fit its own name only.
    pub mirrors: Vec<String>,
    /// Certification authorities in PEM for this host, beside the others.
    pub authorities_pem: Option<String>,
    /// Weakens: HTTP without TLS. Whoever is on the way reads the credentials, and chooses the
    /// command of an image that is named by tag.
    pub insecure_plain_http: bool,
}

/// How long things take and count.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// One look-up: all registries, redirects and logins, and the wait for a free place.
    pub look_up: Duration,
    /// How long a tag's answer counts.
    pub tag: Duration,
    /// How long a digest's answer counts.
    pub digest: Duration,
    /// How long a failure counts.
    pub failure: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // Chosen: half of the API server's default for a webhook (10 s, Kubernetes API
            // reference), so that the refusal itself still arrives.
            look_up: Duration::from_secs(5),
            // Chosen: the pods of one roll-out, made within seconds, ask once; a tag that was
            // moved gives the old command for half a minute at most.
            tag: Duration::from_secs(30),
            // Chosen: the content never changes, but the right to read it can be taken away.
            digest: Duration::from_secs(3600),
            // Chosen: the pods of one roll-out ask once; who repairs a pull secret waits no
            // longer than a ReplicaSet's next try.
            failure: Duration::from_secs(5),
        }
    }
}

/// Why the settings cannot be used. The operator must act.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// No host, or more than a host.
    #[error("`{host}` is no registry's HOST[:PORT]")]
    Host {
        /// As it was written.
        host: String,
    },
    /// The same host twice.
    #[error("the registry `{host}` is configured twice")]
    Twice {
        /// As it was written.
        host: String,
    },
    /// No certificates in a text that should hold some.
    #[error("the authorities for {of} are no certificates in PEM")]
    Authorities {
        /// A host, or all.
        of: String,
    },
    /// Nothing to check a registry against.
    #[error("no certification authority is known: configure one, or install ca-certificates")]
    NoRoots,
    /// The TLS library refuses what it was given.
    #[error("cannot prepare TLS")]
    Tls(#[source] rustls::Error),
    /// The HTTP library refuses what it was given.
    #[error("cannot prepare the HTTP client")]
    Http(#[source] reqwest::Error),
    /// No random numbers.
    #[error("cannot make a key for the cache")]
    Random,
}
