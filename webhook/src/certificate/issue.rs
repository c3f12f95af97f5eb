//! Makes keys and certificates: ECDSA P-256, which every API server takes.

use std::collections::BTreeSet;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose,
};
use time::OffsetDateTime;
use zeroize::Zeroize;

use super::content::{Authority, PrivateKey, Serving};
use super::fact::{CertificateFact, fact};
use super::{CA_LIFETIME, SERVING_LIFETIME, SKEW};

/// A certificate could not be made: a bug, or no randomness.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IssueError {
    /// The library refused.
    #[error("cannot make a certificate")]
    Make(#[from] rcgen::Error),
    /// What came out cannot be read again.
    #[error("cannot read a certificate that was just made")]
    Read,
}

/// A new authority. Its subject has the time in it, so that two of them are told apart by people.
pub(super) fn authority(now: OffsetDateTime) -> Result<Authority, IssueError> {
    let mut pair = KeyPair::generate()?;
    let params = of_authority(&CertificateFact {
        begin: now - SKEW,
        end: now + CA_LIFETIME,
        subject: Some(format!("cloudtaser-webhook CA {}", now.unix_timestamp())),
        is_authority: true,
        names: BTreeSet::new(),
        public_key: Vec::new(),
    });
    let made = params.self_signed(&pair)?;
    let key = PrivateKey::new(pair.serialize_der());
    pair.zeroize();
    Ok(Authority {
        fact: fact(made.der()).ok_or(IssueError::Read)?,
        certificate: made.der().clone(),
        key,
        published: None,
    })
}

/// What an authority's certificate is made of, and made again from for its signatures.
fn of_authority(fact: &CertificateFact) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    let subject = fact.subject.clone().unwrap_or_default();
    params.distinguished_name.push(DnType::CommonName, subject);
    // 0: it signs servers, no further authorities.
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    (params.not_before, params.not_after) = (fact.begin, fact.end);
    params
}

/// A serving certificate with a key of its own, not longer valid than its authority.
pub(super) fn serving(
    authority: &Authority,
    names: &BTreeSet<String>,
    now: OffsetDateTime,
) -> Result<Serving, IssueError> {
    let signer = authority.key.pair().ok_or(IssueError::Read)?;
    let issuer = Issuer::new(of_authority(&authority.fact), signer);
    let mut pair = KeyPair::generate()?;
    let names: Vec<String> = names.iter().cloned().collect();
    let mut params = CertificateParams::new(names)?;
    params
        .distinguished_name
        .push(DnType::CommonName, "cloudtaser-webhook");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params.not_before = (now - SKEW).max(authority.fact.begin);
    params.not_after = (now + SERVING_LIFETIME).min(authority.fact.end);
    let made = params.signed_by(&pair, &issuer)?;
    let key = PrivateKey::new(pair.serialize_der());
    pair.zeroize();
    Ok(Serving {
        fact: fact(made.der()).ok_or(IssueError::Read)?,
        chain: vec![made.der().clone()],
        key,
    })
}
