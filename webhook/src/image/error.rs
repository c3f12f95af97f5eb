//! Why no registry said what an image starts. Pure.
//!
//! The pod is refused then: *fail closed*, for a command that we guess could start without its
//! secrets. The text of a [`LookupError`] names image and registry, its source says what happened,
//! and [`LookupError::message`] adds what to do, for the admission's answer.

use std::error::Error;
use std::time::Duration;

use super::document::DocumentError;
use super::platform::PlatformError;

/// As much of one cause as a message shows, in characters. Chosen: our own have less than 200.
const MAX_CAUSE: usize = 300;

/// A look-up that failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the command of image `{image}` from registry `{registry}`")]
pub struct LookupError {
    pub(super) image: String,
    pub(super) registry: String,
    #[source]
    pub(super) problem: Problem,
}

impl LookupError {
    /// A label for metrics.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.problem.reason()
    }

    /// What happened.
    #[must_use]
    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    /// The chain of causes and the fix, in one line, for whoever made the pod.
    #[must_use]
    pub fn message(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.extend(shown(&error.to_string()));
            cause = error.source();
        }
        text.push_str("; set `command` in the container, or ");
        text.push_str(self.problem.fix());
        text
    }
}

/// A cause, cut: the TLS library lists the names in a stranger's certificate.
fn shown(cause: &str) -> impl Iterator<Item = char> {
    let clean = |c: char| if c.is_control() { '?' } else { c };
    cause.chars().take(MAX_CAUSE).map(clean)
}

/// What happened between us and a registry. No credential and no answer's body is in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The host is one that is never asked.
    #[error("`{host}` is not asked: {why}")]
    Address {
        /// The host, with a port if there is one.
        host: String,
        /// Which rule.
        why: &'static str,
    },
    /// Something other than HTTPS, and the operator did not allow it.
    #[error("`{host}` is to be asked without TLS, and is not configured so")]
    NoTls {
        /// The host, with a port if there is one.
        host: String,
    },
    /// No connection, no TLS, or it broke.
    #[error("cannot talk to `{host}`")]
    Unreachable {
        /// The host, with a port if there is one.
        host: String,
        /// What the network or the TLS library says.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The time for the whole look-up is over.
    #[error("there was no answer within {} ms", limit.as_millis())]
    Slow {
        /// The limit.
        limit: Duration,
    },
    /// The time was over before there was a free place.
    #[error("too many look-ups are under way; none ended within {} ms", limit.as_millis())]
    Busy {
        /// The limit.
        limit: Duration,
    },
    /// Neither without credentials nor with those that fit.
    #[error("access is denied; {tried} fitting pull credentials were tried")]
    Denied {
        /// How many.
        tried: usize,
    },
    /// No such image, or none for those who may not know.
    #[error("there is no such image; {tried} fitting pull credentials were tried")]
    NotFound {
        /// How many.
        tried: usize,
    },
    /// Status 429.
    #[error("the registry takes no more requests for now (429)")]
    RateLimited,
    /// Any other status.
    #[error("`{host}` answered with status {status}")]
    Status {
        /// The host, with a port if there is one.
        host: String,
        /// The HTTP status.
        status: u16,
    },
    /// An answer above its limit.
    #[error("the {what} is larger than {limit} bytes")]
    TooLarge {
        /// Which document.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// The bytes are not those that the digest names.
    #[error("the {what} is not what its digest or size says: the registry's answer is refused")]
    Digest {
        /// Which document.
        what: &'static str,
    },
    /// The digest is of a kind that cannot be checked.
    #[error("the digest of the {what} is of an unknown algorithm")]
    Algorithm {
        /// Which document.
        what: &'static str,
    },
    /// More redirects than are followed, or one to nowhere.
    #[error("`{host}` redirects to nowhere, or too often")]
    Redirect {
        /// The last host.
        host: String,
    },
    /// The token service's answer holds no token.
    #[error("the token service `{host}` gave no usable token")]
    Token {
        /// The host, with a port if there is one.
        host: String,
    },
    /// The documents are none of an image.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The index has no image for the node.
    #[error(transparent)]
    Platform(#[from] PlatformError),
    /// Indexes in indexes.
    #[error("the image's index is nested too deep")]
    Nested,
}

impl Problem {
    /// A label for metrics.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Address { .. } => "registry_address",
            Self::NoTls { .. } => "registry_no_tls",
            Self::Unreachable { .. } => "registry_unreachable",
            Self::Slow { .. } => "registry_slow",
            Self::Busy { .. } => "registry_busy",
            Self::Denied { .. } => "registry_denied",
            Self::NotFound { .. } => "image_not_found",
            Self::RateLimited => "registry_rate_limited",
            Self::Status { .. } => "registry_status",
            Self::TooLarge { .. } => "registry_too_large",
            Self::Digest { .. } | Self::Algorithm { .. } => "registry_digest",
            Self::Redirect { .. } => "registry_redirect",
            Self::Token { .. } => "registry_token",
            Self::Document(_) | Self::Nested => "image_document",
            Self::Platform(_) => "image_platform",
        }
    }

    /// What else than a `command` helps; goes on after "or ".
    fn fix(&self) -> &'static str {
        match self {
            Self::Address { .. } => "use an image from a registry that the webhook may ask",
            Self::NoTls { .. } => "let the operator configure the registry as insecure",
            Self::Unreachable { .. } => {
                "see that the webhook reaches the registry and trusts its certificate"
            }
            Self::Slow { .. } | Self::Busy { .. } | Self::RateLimited | Self::Status { .. } => {
                "try again when the registry answers"
            }
            Self::Denied { .. } => {
                "give the pod or its service account a pull secret that the registry takes"
            }
            Self::NotFound { .. } => {
                "correct the image's name, or give the pod a pull secret that may read it"
            }
            Self::TooLarge { .. } | Self::Document(_) | Self::Nested => "use another image",
            Self::Digest { .. } | Self::Algorithm { .. } => "find out who changes the answers",
            Self::Redirect { .. } | Self::Token { .. } => "have the registry put right",
            Self::Platform(_) => "use an image for the node's platform",
        }
    }

    /// Whether the next mirror, or the registry itself, may do better. A lie stops the look-up:
    /// it is to be seen, not worked around.
    pub(super) fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::Slow { .. }
                | Self::Denied { .. }
                | Self::NotFound { .. }
                | Self::RateLimited
                | Self::Status { .. }
                | Self::Token { .. }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_image_registry_cause_and_fix() {
        let error = LookupError {
            image: String::from("app:1"),
            registry: String::from("reg.example"),
            problem: Problem::Denied { tried: 2 },
        };
        assert_eq!(
            error.message(),
            "cannot read the command of image `app:1` from registry `reg.example`: access is \
             denied; 2 fitting pull credentials were tried; set `command` in the container, or \
             give the pod or its service account a pull secret that the registry takes"
        );
        assert_eq!(error.reason(), "registry_denied");
    }

    #[test]
    fn a_strangers_text_is_cut_and_stays_on_one_line() {
        let error = LookupError {
            image: String::from("app:1"),
            registry: String::from("reg.example"),
            problem: Problem::Unreachable {
                host: String::from("reg.example"),
                source: format!("a\nb{}", "x".repeat(10_000)).into(),
            },
        };
        let message = error.message();
        assert!(message.len() < 800 && !message.contains('\n'), "{message}");
        assert!(message.contains("a?bxx"), "the control");
    }
}
