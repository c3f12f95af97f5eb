//! What the TLS library needs, made from files: authorities, our certificate and key, revocation
//! lists. Everything is read anew for each connection, so that what changes on a disk counts.
//!
//! TLS 1.3 with a post-quantum key exchange (X25519MLKEM768) is offered first; 1.2 is the least.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use zeroize::Zeroizing;

use super::any_certificate::AnyCertificate;
use super::error::BoxedCause;
use super::file;
use super::settings::{PemSource, TlsSettings};
use crate::secret::Secret;

/// Largest PEM file in bytes. Chosen: a bundle of all public authorities has 250 KiB.
const MAX_FILE_BYTES: u64 = 8 << 20;

/// How often certificate and key are read when they do not fit: whoever renews them replaces two
/// files, and we may read between.
const TRIES: u32 = 3;
/// The pause between these.
const PAUSE: Duration = Duration::from_millis(20);

/// Why TLS cannot be prepared. Exit status 64.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {what} `{}`", path.display())]
    Read {
        /// Which file, and the option that names it.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the kernel answered.
        #[source]
        source: std::io::Error,
    },
    /// A file holds no PEM of the kind that is needed.
    #[error("{what} `{origin}` holds no usable {kind} in PEM")]
    Pem {
        /// Which file, and the option that names it.
        what: &'static str,
        /// The file or reference.
        origin: String,
        /// `certificate`, `private key`, `revocation list`.
        kind: &'static str,
    },
    /// A certificate without its key, or the other way round.
    #[error(
        "a client certificate needs its key and a key its certificate: give both --client-cert and --client-key"
    )]
    Half,
    /// Certificate and key are not a pair.
    #[error(
        "the client certificate and its key cannot be used together (--client-cert, --client-key)"
    )]
    Pair(#[source] rustls::Error),
    /// Nothing to check the server against.
    #[error(
        "no certification authority is known here: give --ca-cert FILE, or install the distribution's ca-certificates"
    )]
    NoRoots,
    /// The reference to a certificate or key cannot be read.
    #[error("cannot read {what} from `{reference}`")]
    Reference {
        /// Which, and the option that names it.
        what: &'static str,
        /// The reference.
        reference: String,
        /// Why.
        #[source]
        source: BoxedCause,
    },
    /// The revocation lists do not fit the library's rules.
    #[error("cannot use the revocation lists (--crl)")]
    Revocation(#[source] BoxedCause),
    /// The provider lacks what we ask for: a defect of ours.
    #[error("the TLS library does not take our settings; please report this")]
    Library(#[source] rustls::Error),
}

/// Reads the text that a reference to the local store names.
pub type LookUp<'a> = &'a dyn Fn(&str) -> Result<Secret, BoxedCause>;

/// The configuration of one client.
///
/// # Errors
///
/// [`TlsError`]: everything that is wrong with a file or a pair of them.
pub fn client_config(
    settings: &TlsSettings,
    look_up: LookUp<'_>,
) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = verifier(settings, &provider)?;
    for attempt in 1.. {
        match with_verifier(settings, look_up, &provider, Arc::clone(&verifier)) {
            Err(TlsError::Pair(_)) if attempt < TRIES => std::thread::sleep(PAUSE),
            result => return result,
        }
    }
    Err(TlsError::Half)
}

fn with_verifier(
    settings: &TlsSettings,
    look_up: LookUp<'_>,
    provider: &Arc<CryptoProvider>,
    verifier: Arc<dyn ServerCertVerifier>,
) -> Result<ClientConfig, TlsError> {
    let builder = ClientConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(TlsError::Library)?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match (&settings.client_cert, &settings.client_key) {
        (None, None) => builder.with_no_client_auth(),
        (Some(certificate), Some(key)) => {
            let chain = client_chain(certificate, look_up)?;
            let key = client_key(key, look_up)?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(TlsError::Pair)?
        }
        _ => return Err(TlsError::Half),
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // Every session is one connection or two; a ticket would only be one more secret.
    config.resumption = rustls::client::Resumption::disabled();
    Ok(config)
}

fn verifier(
    settings: &TlsSettings,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, TlsError> {
    if settings.insecure_skip_verify {
        return Ok(Arc::new(AnyCertificate::new(provider)));
    }
    let mut builder = WebPkiServerVerifier::builder_with_provider(
        Arc::new(roots(settings)?),
        Arc::clone(provider),
    );
    if let Some(file) = &settings.crl {
        // Fails closed: a server whose status the lists do not tell, or lists that have expired,
        // are refused. Only the server's own certificate is looked up: lists for the authorities
        // above it are seldom at hand.
        builder = builder
            .with_crls(revocation_lists(file)?)
            .only_check_end_entity_revocation()
            .enforce_revocation_expiration();
    }
    let built = builder.build();
    Ok(built.map_err(|source| TlsError::Revocation(source.into()))?)
}

const CA: &str = "the certification authorities (--ca-cert)";
const CLIENT_CERT: &str = "the client certificate (--client-cert)";
const CLIENT_KEY: &str = "the client key (--client-key)";
const CRL: &str = "the revocation lists (--crl)";

/// The authorities that are named, or else the system's.
fn roots(settings: &TlsSettings) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    let mut is_named = settings.system_ca;
    if settings.system_ca {
        add_system(&mut roots);
    }
    for file in &settings.ca_certs {
        is_named = true;
        add(&mut roots, &read(CA, file)?, &file.display().to_string())?;
    }
    if let Some(folder) = &settings.ca_path {
        is_named = true;
        for file in files(folder)? {
            let text = read(CA, &file)?;
            // A folder of authorities holds other files too.
            if has_certificate(&text) {
                add(&mut roots, &text, &file.display().to_string())?;
            }
        }
    }
    if let Some(text) = &settings.ca_pem {
        is_named = true;
        add(&mut roots, text.as_bytes(), "VAULT_CACERT_BYTES")?;
    }
    if !is_named {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    if roots.is_empty() {
        return Err(TlsError::NoRoots);
    }
    Ok(roots)
}

/// Where distributions keep their authorities in one file; the first that is there counts.
const SYSTEM_FILES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt", // Debian, Alpine, Arch, distroless images
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // Fedora, RHEL 7 and later
    "/etc/pki/tls/certs/ca-bundle.crt",   // RHEL 6
    "/etc/ssl/ca-bundle.pem",             // openSUSE
    "/etc/ssl/cert.pem",                  // Alpine without its folder
];
/// Where they keep them as single files, for a system without any of the above.
const SYSTEM_FOLDER: &str = "/etc/ssl/certs";

/// The system's authorities without a look at the environment, which may be somebody else's than
/// the one who trusts.
fn add_system(roots: &mut RootCertStore) {
    let mut files = SYSTEM_FILES.into_iter().map(Path::new);
    let file = files.find(|file| file.exists());
    let folder = file.is_none().then_some(Path::new(SYSTEM_FOLDER));
    let found = rustls_native_certs::load_certs_from_paths(file, folder);
    roots.add_parsable_certificates(found.certs);
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, TlsError> {
    let unreadable = |source| TlsError::Read {
        what: "the folder of certification authorities (--ca-path)",
        path: folder.to_owned(),
        source,
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn has_certificate(pem: &[u8]) -> bool {
    CertificateDer::pem_slice_iter(pem)
        .next()
        .is_some_and(|first| first.is_ok())
}

fn add(roots: &mut RootCertStore, pem: &[u8], origin: &str) -> Result<(), TlsError> {
    for certificate in certificates(CA, pem, origin)? {
        roots
            .add(certificate)
            .map_err(|_unusable| unusable(CA, origin, "certificate"))?;
    }
    Ok(())
}

fn certificates(
    what: &'static str,
    pem: &[u8],
    origin: &str,
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let parsed: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match parsed {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(unusable(what, origin, "certificate")),
    }
}

fn unusable(what: &'static str, origin: &str, kind: &'static str) -> TlsError {
    let origin = origin.to_owned();
    TlsError::Pem { what, origin, kind }
}

pub(super) fn client_chain(
    source: &PemSource,
    look_up: LookUp<'_>,
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let (pem, origin) = text(CLIENT_CERT, source, look_up)?;
    certificates(CLIENT_CERT, pem.expose(), &origin)
}

fn client_key(source: &PemSource, look_up: LookUp<'_>) -> Result<PrivateKeyDer<'static>, TlsError> {
    let (pem, origin) = text(CLIENT_KEY, source, look_up)?;
    // The library's own error may quote the text.
    PrivateKeyDer::from_pem_slice(pem.expose())
        .map_err(|_unusable| unusable(CLIENT_KEY, &origin, "private key (not encrypted)"))
}

fn text(
    what: &'static str,
    source: &PemSource,
    look_up: LookUp<'_>,
) -> Result<(Secret, String), TlsError> {
    match source {
        PemSource::File(path) => {
            let mut bytes = read(what, path)?;
            Ok((
                Secret::new(std::mem::take(&mut *bytes)),
                path.display().to_string(),
            ))
        }
        PemSource::Reference(reference) => {
            let found = look_up(reference).map_err(|source| TlsError::Reference {
                what,
                reference: reference.clone(),
                source,
            })?;
            Ok((found, reference.clone()))
        }
    }
}

fn revocation_lists(file: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>, TlsError> {
    let pem = read(CRL, file)?;
    let parsed: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(&pem).collect();
    match parsed {
        Ok(lists) if !lists.is_empty() => Ok(lists),
        _ => Err(unusable(
            CRL,
            &file.display().to_string(),
            "revocation list",
        )),
    }
}

fn read(what: &'static str, path: &Path) -> Result<Zeroizing<Vec<u8>>, TlsError> {
    file::read(path, MAX_FILE_BYTES).map_err(|source| TlsError::Read {
        what,
        path: path.to_owned(),
        source,
    })
}
