//! The certificate that the server shows, exchanged without a restart: handshakes that have begun
//! keep theirs, later ones get the new one.

use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use time::OffsetDateTime;

use super::content::Serving;

/// A pair cannot be shown; the one before stays.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReloadError {
    /// rustls does not take the key.
    #[error("the serving certificate's key is of no use")]
    Key(#[source] rustls::Error),
    /// The files cannot be read.
    #[error("cannot read `{}`", path.display())]
    File {
        /// Which one.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Half of a pair, or something else.
    #[error("the files hold no certificate with its own key (PEM, PKCS #8)")]
    Pair,
}

impl ReloadError {
    /// The word for metrics.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Key(_) => "key",
            Self::File { .. } => "file",
            Self::Pair => "pair",
        }
    }
}

/// What is shown.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Not valid after.
    pub end: OffsetDateTime,
    /// The certificate itself, DER.
    pub chain: Vec<rustls::pki_types::CertificateDer<'static>>,
    key: Arc<CertifiedKey>,
}

/// Resolves every handshake to the newest certificate.
#[derive(Debug, Default)]
pub struct ReloadingCertificate {
    loaded: ArcSwapOption<Loaded>,
    error: ArcSwap<Option<&'static str>>,
}

impl ReloadingCertificate {
    /// Shows a pair from now on.
    ///
    /// # Errors
    ///
    /// [`ReloadError::Key`]; what was shown before stays.
    pub fn show(&self, serving: &Serving) -> Result<(), ReloadError> {
        let before = self.loaded.load();
        if before.as_ref().is_some_and(|b| b.chain == serving.chain) {
            return Ok(());
        }
        let key = any_supported_type(&serving.key.der()).map_err(ReloadError::Key)?;
        self.loaded.store(Some(Arc::new(Loaded {
            end: serving.fact.end,
            chain: serving.chain.clone(),
            key: Arc::new(CertifiedKey::new(serving.chain.clone(), key)),
        })));
        Ok(())
    }

    /// Notes whether the last attempt to keep the certificate fresh failed, by a word.
    pub fn note(&self, error: Option<&'static str>) {
        self.error.store(Arc::new(error));
    }

    /// What is shown; nothing before the first.
    #[must_use]
    pub fn loaded(&self) -> Option<Arc<Loaded>> {
        self.loaded.load_full()
    }

    /// Until when the certificate is valid, for metrics.
    #[must_use]
    pub fn end(&self) -> Option<OffsetDateTime> {
        self.loaded.load().as_ref().map(|loaded| loaded.end)
    }

    /// Why the last attempt failed, for metrics.
    #[must_use]
    pub fn error(&self) -> Option<&'static str> {
        **self.error.load()
    }

    /// Readiness: there is a certificate, and it is not past. A failed renewal alone takes no
    /// replica out of service: the certificate is good for days yet.
    #[must_use]
    pub fn is_ready(&self, now: OffsetDateTime) -> bool {
        self.end().is_some_and(|end| now < end)
    }
}

impl ResolvesServerCert for ReloadingCertificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let loaded = self.loaded.load();
        loaded.as_ref().map(|loaded| Arc::clone(&loaded.key))
    }
}
