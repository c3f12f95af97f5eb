//! What can go wrong between us and the server: a kind for each thing that an operator does next.
//!
//! Texts name the address and the API's path, and repeat what a server says only as
//! [`super::reply`] cleans it; no value, no token; [`super::fault`] makes these kinds of what the
//! HTTP client reports.

use std::time::Duration;

use cloudtaser_abi::protection::Protection;

use super::login::LoginError;
use super::tls::TlsError;
use crate::status;

/// Why the server as a whole could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// No address is configured. Exit status 64.
    #[error("no server is named: give --addr, CLOUDTASER_ADDR, BAO_ADDR or VAULT_ADDR")]
    NoAddress,
    /// Certificates or keys cannot be used. Exit status 64.
    #[error("cannot prepare TLS")]
    Tls(#[from] TlsError),
    /// The credentials of the login cannot be had. Exit status 64.
    #[error("cannot log in")]
    Credential(#[from] LoginError),
    /// The name of the server's host has no address. Exit status 69.
    #[error(
        "cannot find the host of {address}; is the name right, and does this place have a resolver?"
    )]
    Resolve {
        /// The server.
        address: String,
        /// What the resolver says.
        #[source]
        source: BoxedCause,
    },
    /// Nobody answers there. Exit status 69.
    #[error("cannot connect to {address}; is it the right address, and does the server run?")]
    Connect {
        /// The server.
        address: String,
        /// What the kernel says.
        #[source]
        source: BoxedCause,
    },
    /// One request took too long. Exit status 69.
    #[error(
        "{address} did not finish its answer to {request} within {} (--request-timeout)",
        humantime::format_duration(*.limit)
    )]
    Slow {
        /// The server.
        address: String,
        /// Method and path.
        request: String,
        /// The limit.
        limit: Duration,
    },
    /// Everything together took too long. Exit status 69.
    #[error(
        "log in and fetch did not end within {} (--total-timeout)",
        humantime::format_duration(*.limit)
    )]
    Deadline {
        /// The limit.
        limit: Duration,
    },
    /// The connection broke in the middle. Exit status 69.
    #[error("the connection to {address} broke during {request}")]
    Broken {
        /// The server.
        address: String,
        /// Method and path.
        request: String,
        /// What the client library says.
        #[source]
        source: BoxedCause,
    },
    /// The server's certificate or protocol is not acceptable. Exit status 76.
    #[error("the TLS identity of {address} is not acceptable: {reason}")]
    Identity {
        /// The server.
        address: String,
        /// Which check failed, and the fix.
        reason: &'static str,
        /// What the TLS library says.
        #[source]
        source: rustls::Error,
    },
    /// The server does not take our certificate. Exit status 77.
    #[error("{address} does not accept our client certificate: {reason}")]
    ClientCertificate {
        /// The server.
        address: String,
        /// What to look at.
        reason: &'static str,
        /// The alert.
        #[source]
        source: rustls::Error,
    },
    /// No HTTP, no JSON, or not the API's. Exit status 76.
    #[error("{address} answers {request} with something that is not the API's: {problem}")]
    Protocol {
        /// The server.
        address: String,
        /// Method and path.
        request: String,
        /// What is wrong, with a position where there is one; nothing of the answer.
        problem: String,
    },
    /// A redirect that is not followed. Exit status 76.
    #[error("{address} sends {request} on to {target}, which is not followed: {reason}")]
    Redirect {
        /// The server.
        address: String,
        /// Method and path.
        request: String,
        /// Scheme, host and port.
        target: String,
        /// Why not.
        reason: &'static str,
    },
    /// An answer beyond the limit. Exit status 76.
    #[error("{address} answers {request} with more than {limit} bytes")]
    TooLarge {
        /// The server.
        address: String,
        /// Method and path.
        request: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// It is sealed. Exit status 75.
    #[error("{address} is sealed; an operator must unseal it (`bao operator unseal`)")]
    Sealed {
        /// The server.
        address: String,
    },
    /// It was never initialised. Exit status 75.
    #[error("{address} is not initialised; an operator must do that (`bao operator init`)")]
    Uninitialised {
        /// The server.
        address: String,
    },
    /// A standby node that knows no leader. Exit status 75.
    #[error("{address} is a standby node, and no leader answers; wait, or name its other nodes")]
    Standby {
        /// The server.
        address: String,
    },
    /// 429, still after all retries. Exit status 75.
    #[error("{address} limits our requests (429) for {request}; see its rate limit quotas")]
    RateLimited {
        /// The server.
        address: String,
        /// Method and path.
        request: String,
    },
    /// 5xx, still after all retries. Exit status 75.
    #[error("{address} fails at {request} with status {status}{text}; see the server's log")]
    Failing {
        /// The server.
        address: String,
        /// Method and path.
        request: String,
        /// The HTTP status.
        status: u16,
        /// Its words behind a colon, or nothing.
        text: String,
    },
    /// The login was refused. Exit status 77.
    #[error("{address} refuses the login at {place}: {text}; {hint}")]
    Login {
        /// The server.
        address: String,
        /// `auth/MOUNT (method NAME, role NAME)`.
        place: String,
        /// Status and words of the server.
        text: String,
        /// What to look at.
        hint: String,
    },
    /// A token that we were given does not work. Exit status 77.
    #[error(
        "{address} does not accept the token: {text}; it has expired, was revoked, or belongs to another server or namespace"
    )]
    Token {
        /// The server.
        address: String,
        /// Status and words of the server.
        text: String,
    },
    /// A response-wrapped credential cannot be unwrapped. Exit status 77.
    #[error("{address} does not unwrap the {what}: {reason}")]
    Unwrap {
        /// The server.
        address: String,
        /// `secret id` or `token`.
        what: &'static str,
        /// Why, and what to do.
        reason: String,
    },
    /// Something that the start needs is forbidden. Exit status 77.
    #[error("{address} forbids {request}{text}")]
    Forbidden {
        /// The server.
        address: String,
        /// Method and path.
        request: String,
        /// Its words behind a colon, or nothing.
        text: String,
    },
    /// The token's memory is less protected than demanded. Exit status 77.
    #[error(
        "memory for the login token would be at level `{level}`, and `{minimum}` is demanded \
         (--min-protection); raise RLIMIT_MEMLOCK by a page"
    )]
    WeakMemory {
        /// What there is.
        level: Protection,
        /// What was demanded.
        minimum: Protection,
    },
    /// A signal asked us to end. Exit status 128 + n.
    #[error("ended by signal {signal} before the program was started")]
    Interrupted {
        /// Its number.
        signal: i32,
    },
    /// A system call failed. Exit status 70.
    #[error("{call} failed")]
    Syscall {
        /// The kernel's name of the call.
        call: &'static str,
        /// What the kernel answered.
        #[source]
        source: std::io::Error,
    },
    /// The HTTP client could not be made, or refused our own request: a defect of ours. Exit
    /// status 70.
    #[error("cannot prepare {what}; please report this")]
    Client {
        /// A request or the client itself.
        what: String,
        /// What it says.
        #[source]
        source: BoxedCause,
    },
}

/// A cause of a library's type.
pub(super) type BoxedCause = Box<dyn std::error::Error + Send + Sync>;

impl ServerError {
    /// The exit status for this error.
    #[must_use]
    pub fn status(&self) -> u8 {
        match self {
            Self::NoAddress | Self::Tls(_) | Self::Credential(_) => status::USAGE,
            Self::Resolve { .. }
            | Self::Connect { .. }
            | Self::Slow { .. }
            | Self::Deadline { .. }
            | Self::Broken { .. } => status::SOURCE,
            Self::Identity { .. }
            | Self::Protocol { .. }
            | Self::Redirect { .. }
            | Self::TooLarge { .. } => status::PROTOCOL,
            Self::Sealed { .. }
            | Self::Uninitialised { .. }
            | Self::Standby { .. }
            | Self::RateLimited { .. }
            | Self::Failing { .. } => status::TEMPORARY,
            Self::ClientCertificate { .. }
            | Self::Login { .. }
            | Self::Token { .. }
            | Self::Unwrap { .. }
            | Self::WeakMemory { .. }
            | Self::Forbidden { .. } => status::PRIVILEGE,
            Self::Interrupted { signal } => u8::try_from(*signal)
                .map_or(status::INTERNAL, |n| status::SIGNAL_BASE.saturating_add(n)),
            Self::Syscall { .. } | Self::Client { .. } => status::INTERNAL,
        }
    }

    /// Whether the same request may succeed a moment later, or at another node.
    #[must_use]
    pub(super) fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Connect { .. }
                | Self::Broken { .. }
                | Self::RateLimited { .. }
                | Self::Failing { .. }
                | Self::Sealed { .. }
                | Self::Standby { .. }
        )
    }

    /// Whether the server has certainly not begun to do what was asked.
    #[must_use]
    pub(super) fn is_before_work(&self) -> bool {
        matches!(
            self,
            Self::Connect { .. }
                | Self::RateLimited { .. }
                | Self::Sealed { .. }
                | Self::Standby { .. }
        )
    }
}
