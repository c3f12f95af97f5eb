//! From what the HTTP client reports to one of our own errors: looks through the chain of causes
//! for the one that tells who must act.

use std::error::Error;
use std::io;
use std::time::Duration;

use rustls::{AlertDescription, CertificateError};

use super::error::{BoxedCause, ServerError};
use super::resolve::ResolveError;
use crate::secret::Secret;

/// What was being done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Doing<'a> {
    /// The server.
    pub(super) address: &'a str,
    /// Method and path.
    pub(super) request: &'a str,
    /// The limit of one request.
    pub(super) limit: Duration,
    /// What is sent in secret, and must not come back in a message.
    pub(super) ours: &'a [&'a Secret],
}

impl Doing<'_> {
    /// Sorts an error of the client.
    pub(super) fn failed(self, error: reqwest::Error) -> ServerError {
        let (address, request) = (self.address.to_owned(), self.request.to_owned());
        if let Some(tls) = tls_error(&error) {
            return tls_failed(address, request, tls);
        }
        if error.is_timeout() && !error.is_connect() {
            let limit = self.limit;
            return ServerError::Slow {
                address,
                request,
                limit,
            };
        }
        if let Some(problem) = no_http(&error) {
            return self.is_no_api(problem);
        }
        let is_name = causes(&error).any(|cause| cause.is::<ResolveError>());
        let (is_connect, is_builder) = (error.is_connect(), error.is_builder());
        // The URL stands in our own text.
        let source = innermost(error.without_url());
        if is_builder {
            let what = request;
            ServerError::Client { what, source }
        } else if is_name {
            ServerError::Resolve { address, source }
        } else if is_connect {
            ServerError::Connect { address, source }
        } else {
            ServerError::Broken {
                address,
                request,
                source,
            }
        }
    }

    pub(super) fn is_no_api(self, problem: impl Into<String>) -> ServerError {
        ServerError::Protocol {
            address: self.address.to_owned(),
            request: self.request.to_owned(),
            problem: problem.into(),
        }
    }
}

/// The chain of causes, the error itself first. An `io::Error` hides what it wraps from the chain.
fn causes<'e>(
    error: &'e (dyn Error + 'static),
) -> impl Iterator<Item = &'e (dyn Error + 'static)> + 'e {
    std::iter::successors(Some(error), |error| next_cause(*error))
}

fn next_cause<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    match error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref)
    {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}

/// What is wrong with an answer that is no HTTP, or has more headers than the library takes. Its
/// texts are fixed and quote nothing.
fn no_http(error: &reqwest::Error) -> Option<String> {
    let error = causes(error).find_map(|cause| cause.downcast_ref::<hyper::Error>())?;
    error.is_parse().then(|| format!("no HTTP ({error})"))
}

fn tls_error(error: &reqwest::Error) -> Option<rustls::Error> {
    let typed = causes(error).find_map(|cause| cause.downcast_ref::<rustls::Error>().cloned());
    typed.or_else(|| causes(error).find_map(|cause| alert_in(&cause.to_string())))
}

/// With TLS 1.3 the server looks at our certificate after our handshake is over, and the HTTP/2
/// library keeps of its alert the text only.
fn alert_in(text: &str) -> Option<rustls::Error> {
    let alerts = CLIENT_ALERTS.map(rustls::Error::AlertReceived);
    alerts
        .into_iter()
        .find(|alert| text.contains(&alert.to_string()))
}

/// Alerts by which a server says that it is our certificate that it does not like (RFC 8446, 6.2).
const CLIENT_ALERTS: [AlertDescription; 9] = [
    AlertDescription::CertificateRequired,
    AlertDescription::BadCertificate,
    AlertDescription::HandshakeFailure,
    AlertDescription::UnknownCA,
    AlertDescription::CertificateExpired,
    AlertDescription::CertificateRevoked,
    AlertDescription::UnsupportedCertificate,
    AlertDescription::CertificateUnknown,
    AlertDescription::AccessDenied,
];

/// The text of the last cause: those before it say "error sending request" and the like.
fn innermost(error: reqwest::Error) -> BoxedCause {
    let text = causes(&error).last().map(ToString::to_string);
    text.unwrap_or_default().into()
}

/// Sorts an error of the TLS library.
pub(super) fn tls_failed(address: String, request: String, source: rustls::Error) -> ServerError {
    match &source {
        rustls::Error::AlertReceived(alert) => match client_certificate(*alert) {
            Some(reason) => ServerError::ClientCertificate {
                address,
                reason,
                source,
            },
            None => ServerError::Identity {
                address,
                reason: alert_reason(*alert),
                source,
            },
        },
        rustls::Error::InvalidCertificate(error) => ServerError::Identity {
            address,
            reason: certificate_reason(error),
            source,
        },
        rustls::Error::PeerIncompatible(_) => ServerError::Identity {
            address,
            reason: "it speaks no TLS 1.2 or 1.3 with a cipher suite that we take; update the server",
            source,
        },
        rustls::Error::InvalidMessage(_) => ServerError::Identity {
            address,
            reason: "it answers TLS with something else; is the port one for https?",
            source,
        },
        // What breaks later is no question of identity.
        _ => ServerError::Broken {
            address,
            request,
            source: source.to_string().into(),
        },
    }
}

fn certificate_reason(error: &CertificateError) -> &'static str {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired; renew it, or look at the clock here"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet; look at the clocks"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another name; use that name in --addr, or give \
             --tls-server-name"
        }
        CertificateError::Revoked => "its certificate was revoked (--crl)",
        CertificateError::UnknownRevocationStatus => {
            "the revocation lists do not cover its certificate (--crl)"
        }
        CertificateError::ExpiredRevocationList
        | CertificateError::ExpiredRevocationListContext { .. } => {
            "the revocation lists have expired; fetch new ones (--crl)"
        }
        CertificateError::UnknownIssuer => {
            "its certificate is signed by nobody that we trust, or by itself; give the authority \
             with --ca-cert"
        }
        _ => "its certificate does not stand the check",
    }
}

/// What one of [`CLIENT_ALERTS`] says.
fn client_certificate(alert: AlertDescription) -> Option<&'static str> {
    Some(match alert {
        AlertDescription::CertificateRequired => {
            "it demands one; give --client-cert and --client-key"
        }
        // TLS 1.2 has no alert of its own for a missing one.
        AlertDescription::BadCertificate | AlertDescription::HandshakeFailure => {
            "none was given, or it is bad; see --client-cert and --client-key"
        }
        AlertDescription::UnknownCA => {
            "it is signed by an authority that the server does not trust"
        }
        AlertDescription::CertificateExpired => "it has expired; renew it, or look at the clocks",
        AlertDescription::CertificateRevoked => "it was revoked",
        AlertDescription::UnsupportedCertificate | AlertDescription::CertificateUnknown => {
            "it does not stand the server's check; is it a certificate for clients?"
        }
        AlertDescription::AccessDenied => "the server's rules do not let it in",
        _ => return None,
    })
}

fn alert_reason(alert: AlertDescription) -> &'static str {
    match alert {
        AlertDescription::ProtocolVersion => {
            "it speaks TLS 1.1 or older only; 1.2 is the least that is safe; update the server"
        }
        AlertDescription::UnrecognisedName => {
            "it knows no server of that name; see --addr and --tls-server-name"
        }
        _ => "it ended the TLS handshake",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status;

    fn status_of(error: rustls::Error) -> u8 {
        tls_failed(String::from("a"), String::from("r"), error).status()
    }

    #[test]
    fn a_foreign_identity_our_certificate_and_a_broken_line_differ() {
        let bad = |error| rustls::Error::InvalidCertificate(error);
        for error in [
            bad(CertificateError::Expired),
            bad(CertificateError::NotValidForName),
            bad(CertificateError::UnknownIssuer),
            bad(CertificateError::Revoked),
            rustls::Error::AlertReceived(AlertDescription::ProtocolVersion),
        ] {
            assert_eq!(status_of(error), status::PROTOCOL);
        }
        for alert in [
            AlertDescription::CertificateRequired,
            AlertDescription::UnknownCA,
            AlertDescription::CertificateExpired,
        ] {
            assert_eq!(
                status_of(rustls::Error::AlertReceived(alert)),
                status::PRIVILEGE
            );
        }
        assert_eq!(status_of(rustls::Error::DecryptError), status::SOURCE);
    }

    #[test]
    fn an_alert_is_found_in_a_text_too() {
        for alert in CLIENT_ALERTS {
            assert!(client_certificate(alert).is_some(), "{alert:?}");
        }
        let text = "connection error: received fatal alert: CertificateRequired";
        let found = alert_in(text);
        assert_eq!(
            found,
            Some(rustls::Error::AlertReceived(
                AlertDescription::CertificateRequired
            ))
        );
        assert_eq!(alert_in("connection reset by peer"), None);
    }

    #[test]
    fn the_chain_goes_through_io_errors() {
        let inner = io::Error::other(rustls::Error::DecryptError);
        let outer = io::Error::other(inner);
        let found = causes(&outer).any(|cause| cause.is::<rustls::Error>());
        assert!(found);
    }
}
