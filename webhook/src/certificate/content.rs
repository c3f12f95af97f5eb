//! What the Secret holds: authorities with their keys, and the serving pair; read from and written
//! to its `data`.

use std::fmt;

use rcgen::{KeyPair, PublicKeyData};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use time::OffsetDateTime;
use zeroize::{Zeroize, Zeroizing};

use super::cluster::Data;
use super::fact::{CertificateFact, certificates, fact, pem};

const CA: [&str; 3] = ["ca.crt", "ca.key", "ca.published"];
const NEXT: [&str; 3] = ["next-ca.crt", "next-ca.key", "next-ca.published"];
const OLD: &str = "old-ca.crt";
const SERVING: [&str; 2] = ["tls.crt", "tls.key"];

/// A private key (PKCS #8), wiped when it is dropped and never printed.
#[derive(Clone, Eq, PartialEq)]
pub struct PrivateKey(Zeroizing<Vec<u8>>);

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey([not shown])")
    }
}

impl PrivateKey {
    pub(super) fn new(pkcs8: Vec<u8>) -> Self {
        Self(Zeroizing::new(pkcs8))
    }

    fn read(text: &[u8]) -> Option<Self> {
        match PrivateKeyDer::from_pem_slice(text).ok()? {
            PrivateKeyDer::Pkcs8(key) => Some(Self::new(key.secret_pkcs8_der().to_vec())),
            mut other => {
                other.zeroize();
                None
            }
        }
    }

    fn text(&self) -> Option<Zeroizing<Vec<u8>>> {
        let mut pair = self.pair()?;
        let text = pair.serialize_pem().into_bytes();
        pair.zeroize();
        Some(Zeroizing::new(text))
    }

    /// For rcgen. Its copy of the key is the caller's to wipe; what lies inside of AWS-LC is not
    /// ours to reach.
    pub(super) fn pair(&self) -> Option<KeyPair> {
        KeyPair::try_from(&PrivatePkcs8KeyDer::from(self.0.as_slice())).ok()
    }

    /// For rustls.
    pub(super) fn der(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.0.to_vec()).into()
    }

    fn is_of(&self, fact: &CertificateFact) -> bool {
        let Some(mut pair) = self.pair() else {
            return false;
        };
        let is_same = pair.der_bytes() == fact.public_key;
        pair.zeroize();
        is_same
    }
}

/// An authority that can sign.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Authority {
    /// Its certificate.
    pub certificate: CertificateDer<'static>,
    /// Its key.
    pub key: PrivateKey,
    /// What the certificate says.
    pub fact: CertificateFact,
    /// Since when all configurations are known to hold it.
    pub published: Option<OffsetDateTime>,
}

/// A serving certificate and its key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Serving {
    /// The certificate, and what lies between it and an authority.
    pub chain: Vec<CertificateDer<'static>>,
    /// Its key.
    pub key: PrivateKey,
    /// What the certificate says.
    pub fact: CertificateFact,
}

/// All of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Content {
    /// The authority that signs.
    pub current: Authority,
    /// The one that will.
    pub next: Option<Authority>,
    /// Those that have signed; nobody has their keys any more.
    pub old: Vec<CertificateDer<'static>>,
    /// What the server shows.
    pub serving: Option<Serving>,
}

/// Why a Secret's content is not ours. It is made anew.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ContentError {
    /// There is nothing: no Secret, or an empty one.
    #[error("the Secret is empty")]
    Empty,
    /// A field is missing or no PEM text of what it should be.
    #[error("field `{0}` of the Secret cannot be read")]
    Field(&'static str),
    /// Certificate and key are not of one pair, or the certificate may not sign.
    #[error("field `{0}` of the Secret is no authority, or its key is another's")]
    Pair(&'static str),
}

impl Content {
    /// Reads a Secret's data. A broken serving pair or next authority counts as absent.
    ///
    /// # Errors
    ///
    /// [`ContentError`]: there is no authority that could sign.
    pub fn read(data: &Data) -> Result<Self, ContentError> {
        if data.values().all(|value| value.is_empty()) {
            return Err(ContentError::Empty);
        }
        let old = data.get(OLD).map(|text| certificates(text));
        let is_authority = |der: &CertificateDer<'_>| fact(der).is_some_and(|f| f.is_authority);
        let mut old = old.unwrap_or_default();
        old.retain(is_authority);
        Ok(Self {
            current: authority(data, CA)?,
            next: authority(data, NEXT).ok(),
            old,
            serving: serving(data),
        })
    }

    /// The Secret's data. A key that cannot be written is left out, and found missing by the next
    /// reader; ours are all made by rcgen and can be.
    #[must_use]
    pub fn write(&self) -> Data {
        let mut data = Data::new();
        let mut put = |name: &str, value: Zeroizing<Vec<u8>>| data.insert(name.to_owned(), value);
        let authorities = [(CA, Some(&self.current)), (NEXT, self.next.as_ref())];
        for ([certificate, key, published], authority) in authorities {
            let Some(authority) = authority else { continue };
            put(
                certificate,
                pem([&authority.certificate]).into_bytes().into(),
            );
            put(key, authority.key.text().unwrap_or_default());
            if let Some(time) = authority.published {
                put(
                    published,
                    time.unix_timestamp().to_string().into_bytes().into(),
                );
            }
        }
        if !self.old.is_empty() {
            put(OLD, pem(&self.old).into_bytes().into());
        }
        if let Some(serving) = &self.serving {
            put(SERVING[0], pem(&serving.chain).into_bytes().into());
            put(SERVING[1], serving.key.text().unwrap_or_default());
        }
        data
    }

    /// Every authority that the configurations must know.
    #[must_use]
    pub fn bundle(&self) -> Vec<CertificateDer<'static>> {
        let next = self.next.iter().map(|next| &next.certificate);
        let all = [&self.current.certificate].into_iter().chain(next);
        all.chain(&self.old).cloned().collect()
    }
}

fn authority(
    data: &Data,
    [name, key_name, published]: [&'static str; 3],
) -> Result<Authority, ContentError> {
    let text = data.get(name).ok_or(ContentError::Field(name))?;
    let certificate = certificates(text).into_iter().next();
    let certificate = certificate.ok_or(ContentError::Field(name))?;
    let key = data.get(key_name).and_then(|text| PrivateKey::read(text));
    let key = key.ok_or(ContentError::Field(key_name))?;
    let fact = fact(&certificate).ok_or(ContentError::Field(name))?;
    if !fact.is_authority || fact.subject.is_none() || !key.is_of(&fact) {
        return Err(ContentError::Pair(name));
    }
    let time = data.get(published).and_then(|text| {
        let seconds = std::str::from_utf8(text).ok()?.parse().ok()?;
        OffsetDateTime::from_unix_timestamp(seconds).ok()
    });
    Ok(Authority {
        certificate,
        key,
        fact,
        published: time,
    })
}

fn serving(data: &Data) -> Option<Serving> {
    let [certificate, key] = SERVING;
    Serving::read(data.get(certificate)?, data.get(key)?)
}

impl Serving {
    /// Reads a pair of PEM texts; nothing if they are not of one pair.
    #[must_use]
    pub fn read(certificate: &[u8], key: &[u8]) -> Option<Self> {
        let chain = certificates(certificate);
        let key = PrivateKey::read(key)?;
        let fact = fact(chain.first()?)?;
        let is_pair = key.is_of(&fact);
        is_pair.then_some(Self { chain, key, fact })
    }
}
