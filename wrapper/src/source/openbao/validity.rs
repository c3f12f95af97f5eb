//! From when to when a certificate is valid, as the library that verifies certificates reads it.
//!
//! There is no parser here: the verifier is asked about the end of time and about its beginning,
//! and its refusals name the certificate's own dates.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error, RootCertStore};

/// When a certificate is valid.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Validity {
    /// From this moment on; 1970 if earlier.
    pub not_before: SystemTime,
    /// Until this moment.
    pub not_after: SystemTime,
}

impl Validity {
    /// That of `certificate`; `None` when it is none.
    pub(super) fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let parsed = ParsedCertificate::try_from(certificate).ok()?;
        // The verifier looks at the dates before it looks for an authority.
        let refusal = |now: u64| {
            let now = UnixTime::since_unix_epoch(Duration::from_secs(now));
            let roots = RootCertStore::empty();
            verify_server_cert_signed_by_trust_anchor(&parsed, &roots, &[], now, &[]).err()
        };
        let not_after = match refusal(u64::MAX)? {
            Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. }) => {
                not_after.as_secs()
            }
            _ => return None,
        };
        let not_before = match refusal(0)? {
            Error::InvalidCertificate(CertificateError::NotValidYetContext {
                not_before, ..
            }) => not_before.as_secs(),
            _ => 0,
        };
        let moment = |seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
        Some(Self {
            not_before: moment(not_before)?,
            not_after: moment(not_after)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cloudtaser_tests::server::{Authority, Flaw};

    #[test]
    fn dates_are_those_of_the_certificate() {
        let authority = Authority::new("validity");
        let year = Duration::from_hours(365 * 24);
        let now = SystemTime::now();
        for (flaw, from, until) in [
            (Flaw::None, now - 5 * year, now + 5 * year),
            (Flaw::Expired, now - 4 * year, now - 2 * year),
            (Flaw::NotYetValid, now + 2 * year, now + 4 * year),
            (Flaw::SelfSigned, now - 5 * year, now + 5 * year),
        ] {
            // Whichever its usage is.
            for identity in [authority.client("c", flaw), authority.server(flaw)] {
                let found = Validity::of(&identity.der().0[0]).expect("a certificate");
                for (found, expected) in [(found.not_before, from), (found.not_after, until)] {
                    let apart = found.duration_since(expected);
                    let apart = apart.unwrap_or_else(|before| before.duration());
                    assert!(apart < Duration::from_secs(60), "{flaw:?}: {apart:?}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_certificate_has_no_dates() {
        for bytes in [&b""[..], b"\x30\x03\x02\x01\x00", b"certificate"] {
            assert_eq!(Validity::of(&CertificateDer::from(bytes)), None);
        }
    }
}
