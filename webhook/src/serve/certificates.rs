//! The serving certificate, as the server sees it: something that answers each handshake, and says
//! when it ends. Here it is read from files; an authority of the webhook's own is another
//! implementation.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// How often the files are looked at. Chosen: a mounted Secret takes a minute to change by itself.
const RELOAD: Duration = Duration::from_secs(10);

/// The certificates of the server.
pub trait Certificates: ResolvesServerCert {
    /// When the certificate that is given out now ends; nothing while there is none.
    fn expires(&self) -> Option<SystemTime>;
}

/// Why certificate and key cannot be used. The operator must act.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// A file.
    #[error("cannot read {}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: pem::Error,
    },
    /// A key of a kind that TLS does not use.
    #[error("the private key in {} cannot be used", file.display())]
    Key {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: rustls::Error,
    },
    /// They do not belong together, or are no X.509.
    #[error("the certificate in {} is not one for the key", file.display())]
    Mismatch {
        /// The file.
        file: PathBuf,
    },
}

/// Certificate and key from two files, read again when they change.
#[derive(Debug)]
pub struct CertificateFiles {
    certificate: PathBuf,
    key: PathBuf,
    now: RwLock<Loaded>,
}

#[derive(Clone, Debug)]
struct Loaded {
    key: Arc<CertifiedKey>,
    expires: SystemTime,
}

impl CertificateFiles {
    /// Reads them once.
    ///
    /// # Errors
    ///
    /// [`CertificateError`].
    pub fn new(certificate: &Path, key: &Path) -> Result<Self, CertificateError> {
        let now = RwLock::new(load(certificate, key)?);
        Ok(Self {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            now,
        })
    }

    /// Reads them again for as long as it runs. What cannot be read leaves the old ones in place,
    /// and is told in the log.
    pub async fn keep(&self) {
        loop {
            tokio::time::sleep(RELOAD).await;
            self.reload();
        }
    }

    /// Reads them again, once.
    pub fn reload(&self) {
        match load(&self.certificate, &self.key) {
            Ok(loaded) => *self.now.write().unwrap_or_else(PoisonError::into_inner) = loaded,
            Err(error) => tracing::error!(
                error = &error as &(dyn std::error::Error + 'static),
                "the certificate's files cannot be read again; the old certificate stays"
            ),
        }
    }

    fn loaded(&self) -> Loaded {
        let now = self.now.read().unwrap_or_else(PoisonError::into_inner);
        now.clone()
    }
}

impl ResolvesServerCert for CertificateFiles {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.loaded().key)
    }
}

impl Certificates for CertificateFiles {
    fn expires(&self) -> Option<SystemTime> {
        Some(self.loaded().expires)
    }
}

fn load(certificate: &Path, key: &Path) -> Result<Loaded, CertificateError> {
    let failed = |file: &Path| {
        let file = file.to_owned();
        move |source| CertificateError::Read { file, source }
    };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(failed(certificate))?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(failed(key))?;
    let signing = any_supported_type(&private).map_err(|source| CertificateError::Key {
        file: key.to_owned(),
        source,
    })?;
    let mismatch = || CertificateError::Mismatch {
        file: certificate.to_owned(),
    };
    let first = chain.first().ok_or_else(mismatch)?;
    let (_, read) = x509_parser::parse_x509_certificate(first).map_err(|_odd| mismatch())?;
    let end = u64::try_from(read.validity().not_after.timestamp()).map_err(|_past| mismatch())?;
    let certified = CertifiedKey::new(chain, signing);
    certified.keys_match().map_err(|_other| mismatch())?;
    Ok(Loaded {
        key: Arc::new(certified),
        expires: SystemTime::UNIX_EPOCH + Duration::from_secs(end),
    })
}
