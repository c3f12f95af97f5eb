//! Why a cluster did not answer, and who must act. Never the texts of the client library as they
//! are: those of a credential plugin may hold a token.

use std::error::Error;

use kube::config::KubeconfigError;

/// Why nothing could be read from a cluster.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LiveError {
    /// No kubeconfig, and not in a pod.
    #[error(
        "no cluster is known: there is no kubeconfig (--kubeconfig, $KUBECONFIG, ~/.kube/config)"
    )]
    NoCluster,
    /// A kubeconfig that cannot be used.
    #[error("the kubeconfig cannot be used: {0}")]
    Kubeconfig(String),
    /// Nobody answers.
    #[error("the API server {url} does not answer: {why}")]
    Unreachable {
        /// Where.
        url: String,
        /// The last cause.
        why: String,
    },
    /// A plugin or file of the kubeconfig's user gave no credentials.
    #[error("the kubeconfig's user has no credentials: its plugin or token file fails")]
    Credentials,
    /// The server does not know us.
    #[error("the API server {url} does not accept the login (401): log in again")]
    Login {
        /// Where.
        url: String,
    },
    /// We are known, and may not.
    #[error("forbidden: the right `{verb}` on `{resource}`{place} is missing")]
    Forbidden {
        /// `get` or `list`.
        verb: &'static str,
        /// With its group, as `kubectl auth can-i` takes it.
        resource: String,
        /// Where, or nothing.
        place: String,
    },
    /// There is no such object.
    #[error("there is no {what}{hint}")]
    NotFound {
        /// Kind, name and place.
        what: String,
        /// What to do.
        hint: &'static str,
    },
    /// The API has no such kind.
    #[error(
        "the cluster does not know `{resource}`; CloudTaser's custom resource definitions are not \
         installed"
    )]
    NoKind {
        /// With its group.
        resource: String,
    },
    /// Another answer.
    #[error("the API server answers {code} ({reason}) about `{resource}`")]
    Answer {
        /// HTTP.
        code: u16,
        /// The API's word.
        reason: String,
        /// With its group.
        resource: String,
    },
    /// An answer that is none.
    #[error("the answer about `{resource}` cannot be read")]
    Unreadable {
        /// With its group.
        resource: String,
    },
}

/// A file or an object is not there (`EX_NOINPUT`).
const NO_INPUT: u8 = 66;
/// Nobody answers (`EX_UNAVAILABLE`).
const UNAVAILABLE: u8 = 69;
/// Another answer than expected (`EX_PROTOCOL`).
const PROTOCOL: u8 = 76;
/// A right or a login is missing (`EX_NOPERM`).
const NO_PERMISSION: u8 = 77;

impl LiveError {
    /// The exit status.
    #[must_use]
    pub const fn status(&self) -> u8 {
        match self {
            Self::Kubeconfig(_) | Self::NotFound { .. } => NO_INPUT,
            Self::NoCluster | Self::Unreachable { .. } | Self::NoKind { .. } => UNAVAILABLE,
            Self::Answer { .. } | Self::Unreadable { .. } => PROTOCOL,
            Self::Credentials | Self::Login { .. } | Self::Forbidden { .. } => NO_PERMISSION,
        }
    }

    /// What the kubeconfig lacks; of one that is no YAML the place only, for it holds keys.
    pub(super) fn kubeconfig(error: &KubeconfigError) -> Self {
        Self::Kubeconfig(match error {
            KubeconfigError::Parse(source) => match source.location() {
                Some(at) => format!(
                    "it is not YAML (line {}, column {})",
                    at.line(),
                    at.column()
                ),
                None => "it is not YAML".to_owned(),
            },
            KubeconfigError::CurrentContextNotSet => {
                "it has no current context (--context NAME)".to_owned()
            }
            KubeconfigError::LoadContext(name) => format!("it has no context `{name}`"),
            KubeconfigError::LoadClusterOfContext(name) => format!("it has no cluster `{name}`"),
            KubeconfigError::ReadConfig(source, path) => {
                format!("{} cannot be read: {source}", path.display())
            }
            KubeconfigError::LoadClientKey(_) => "its client key cannot be read".to_owned(),
            other => other.to_string(),
        })
    }
}

/// The last cause of a request that got no answer; nothing where it was never sent, for want of
/// credentials.
pub(super) fn last_cause(error: &kube::Error) -> Option<String> {
    let mut cause: &(dyn Error + 'static) = error;
    loop {
        if cause.is::<kube::client::AuthError>() {
            return None;
        }
        match cause.source() {
            Some(next) => cause = next,
            None => return Some(cause.to_string()),
        }
    }
}
