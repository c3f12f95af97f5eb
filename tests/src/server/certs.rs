//! Certificates of the tests' own: authorities, and what they sign, good and flawed.
//!
//! Everything is made at run time and lives as long as the test, except for the dates: good ones
//! are valid for ten years around now, so that a clock that is off does not decide a test.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevocationReason,
    RevokedCertParams, SerialNumber,
};
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{
    CertificateDer, CertificateRevocationListDer, PrivateKeyDer, PrivatePkcs8KeyDer,
};
use rustls::{ClientConfig, RootCertStore};

/// Names of every good server certificate.
pub const SERVER_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// What is wrong with a certificate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Flaw {
    /// Nothing.
    None,
    /// Its end was two years ago.
    Expired,
    /// Its begin is in two years.
    NotYetValid,
    /// It is for `elsewhere.invalid` only.
    WrongName,
    /// It is signed by its own key.
    SelfSigned,
    /// It is for clients if a server has it, and for servers if a client has it.
    WrongUsage,
}

/// Who signs certificates.
#[derive(Debug)]
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its key.
#[derive(Debug)]
pub struct Identity {
    /// The certificate.
    pub certificate_pem: String,
    /// Its key in PKCS #8.
    pub key_pem: String,
    certificate: CertificateDer<'static>,
    key: PrivatePkcs8KeyDer<'static>,
    serial: SerialNumber,
}

impl Authority {
    /// An authority that nobody else knows.
    ///
    /// # Panics
    ///
    /// When the certificate cannot be made.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let mut params = lasting(Flaw::None);
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, key()).expect("an authority");
        Self { issuer }
    }

    /// Its certificate in PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate for a server on the loopback interface.
    #[must_use]
    pub fn server(&self, flaw: Flaw) -> Identity {
        let names: &[&str] = match flaw {
            Flaw::WrongName => &["elsewhere.invalid"],
            _ => &SERVER_NAMES,
        };
        self.sign("server", names, ExtendedKeyUsagePurpose::ServerAuth, flaw)
    }

    /// A certificate for a server of this name.
    #[must_use]
    pub fn server_called(&self, name: &str) -> Identity {
        let usage = ExtendedKeyUsagePurpose::ServerAuth;
        self.sign("server", &[name], usage, Flaw::None)
    }

    /// A certificate for a client that is called `name`.
    #[must_use]
    pub fn client(&self, name: &str, flaw: Flaw) -> Identity {
        self.sign(name, &[], ExtendedKeyUsagePurpose::ClientAuth, flaw)
    }

    /// A certificate for a client that is called `name` and belongs to this organisation, which
    /// Kubernetes takes for its group.
    #[must_use]
    pub fn client_of(&self, organisation: &str, name: &str) -> Identity {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        let names = &mut params.distinguished_name;
        names.push(DnType::OrganizationName, organisation);
        self.sign_params(
            params,
            name,
            ExtendedKeyUsagePurpose::ClientAuth,
            Flaw::None,
        )
    }

    /// A revocation list that names these certificates, in PEM.
    ///
    /// # Panics
    ///
    /// When it cannot be made.
    #[must_use]
    pub fn crl(&self, revoked: &[&Identity]) -> String {
        let now = SystemTime::now();
        let params = CertificateRevocationListParams {
            this_update: (now - YEAR).into(),
            next_update: (now + YEAR).into(),
            crl_number: 1.into(),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(|one| revocation(one, now)).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let issuer: &Issuer<'_, KeyPair> = &self.issuer;
        let list = params.signed_by(issuer).expect("a revocation list");
        list.pem().expect("PEM")
    }

    /// A set of roots that holds only this authority.
    ///
    /// # Panics
    ///
    /// When rustls does not take the certificate.
    #[must_use]
    pub fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).expect("a root");
        roots
    }

    /// How a plain client connects that trusts this authority.
    #[must_use]
    pub fn client_config(&self, identity: Option<&Identity>) -> ClientConfig {
        self.checking(None, identity)
    }

    /// The same, by a client that knows this revocation list.
    ///
    /// # Panics
    ///
    /// When rustls does not take it.
    #[must_use]
    pub fn client_config_with_crl(&self, crl: &str, identity: Option<&Identity>) -> ClientConfig {
        let crl = CertificateRevocationListDer::from_pem_slice(crl.as_bytes());
        self.checking(Some(crl.expect("PEM")), identity)
    }

    fn checking(
        &self,
        crl: Option<CertificateRevocationListDer<'static>>,
        identity: Option<&Identity>,
    ) -> ClientConfig {
        let roots = Arc::new(self.roots());
        let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider())
            .with_crls(crl)
            .build();
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("TLS 1.2 and 1.3")
            .with_webpki_verifier(verifier.expect("a verifier"));
        match identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let (chain, key) = identity.der();
                builder.with_client_auth_cert(chain, key).expect("identity")
            }
        }
    }

    fn sign(
        &self,
        name: &str,
        names: &[&str],
        usage: ExtendedKeyUsagePurpose,
        flaw: Flaw,
    ) -> Identity {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let params = CertificateParams::new(names).expect("names");
        self.sign_params(params, name, usage, flaw)
    }

    fn sign_params(
        &self,
        mut params: CertificateParams,
        name: &str,
        usage: ExtendedKeyUsagePurpose,
        flaw: Flaw,
    ) -> Identity {
        let serial = SerialNumber::from(u64::from_be_bytes(random_serial()));
        let dates = lasting(flaw);
        params.not_before = dates.not_before;
        params.not_after = dates.not_after;
        params.distinguished_name.push(DnType::CommonName, name);
        params.serial_number = Some(serial.clone());
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![match (flaw, usage) {
            (Flaw::WrongUsage, ExtendedKeyUsagePurpose::ServerAuth) => {
                ExtendedKeyUsagePurpose::ClientAuth
            }
            (Flaw::WrongUsage, _) => ExtendedKeyUsagePurpose::ServerAuth,
            (_, usage) => usage,
        }];
        params.use_authority_key_identifier_extension = true;
        let key = key();
        let signed = match flaw {
            Flaw::SelfSigned => params.self_signed(&key),
            _ => params.signed_by(&key, &self.issuer),
        };
        let certificate = signed.expect("a certificate");
        Identity {
            certificate_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
            certificate: certificate.der().clone(),
            key: key.serialize_der().into(),
            serial,
        }
    }
}

impl Identity {
    /// The certificate alone, as a connection shows it.
    #[must_use]
    pub fn certificate_der(&self) -> &[u8] {
        &self.certificate
    }

    /// Chain and key as rustls takes them.
    #[must_use]
    pub fn der(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        (vec![self.certificate.clone()], self.key.clone_key().into())
    }

    /// Writes `NAME.crt` and `NAME.key` into `folder` and answers both paths.
    ///
    /// # Panics
    ///
    /// When they cannot be written.
    pub fn write(&self, folder: &Path, name: &str) -> (PathBuf, PathBuf) {
        let file = |extension: &str| folder.join(format!("{name}.{extension}"));
        let (certificate, key) = (file("crt"), file("key"));
        std::fs::write(&certificate, &self.certificate_pem).expect("written");
        std::fs::write(&key, &self.key_pem).expect("written");
        (certificate, key)
    }
}

/// The cryptography that every TLS connection of the tests uses, the product's.
#[must_use]
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

const YEAR: Duration = Duration::from_hours(365 * 24);

/// Parameters with dates only.
fn lasting(flaw: Flaw) -> CertificateParams {
    let now = SystemTime::now();
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    (params.not_before, params.not_after) = match flaw {
        Flaw::Expired => ((now - 4 * YEAR).into(), (now - 2 * YEAR).into()),
        Flaw::NotYetValid => ((now + 2 * YEAR).into(), (now + 4 * YEAR).into()),
        _ => ((now - 5 * YEAR).into(), (now + 5 * YEAR).into()),
    };
    params
}

/// ECDSA on P-256, rcgen's default: a key in a tenth of a millisecond.
fn key() -> KeyPair {
    KeyPair::generate().expect("a key")
}

/// Positive and with no leading zero, as RFC 5280 wants it.
fn random_serial() -> [u8; 8] {
    let mut bytes: [u8; 8] = crate::search::random_bytes(8).try_into().expect("8 bytes");
    bytes[0] = 0x40 | (bytes[0] & 0x3f);
    bytes
}

fn revocation(identity: &Identity, now: SystemTime) -> RevokedCertParams {
    RevokedCertParams {
        serial_number: identity.serial.clone(),
        revocation_time: (now - YEAR).into(),
        reason_code: Some(RevocationReason::KeyCompromise),
        invalidity_date: None,
    }
}
