//! Reads certificates: their times and names, and whether a bundle vouches for one, as the API
//! server would find out.

use std::collections::BTreeSet;
use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use time::OffsetDateTime;
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use x509_parser::asn1_rs::Tag;
use x509_parser::extensions::GeneralName;
use x509_parser::oid_registry::OID_X509_COMMON_NAME;
use x509_parser::parse_x509_certificate;
use x509_parser::x509::X509Name;

/// What the agreement wants to know of a certificate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CertificateFact {
    /// Not valid before.
    pub begin: OffsetDateTime,
    /// Not valid after.
    pub end: OffsetDateTime,
    /// It may sign others.
    pub is_authority: bool,
    /// DNS names and addresses.
    pub names: BTreeSet<String>,
    /// The subject, where it is one common name and nothing else, as ours are.
    pub subject: Option<String>,
    /// The public key, as it stands in the certificate.
    pub public_key: Vec<u8>,
}

/// Reads one certificate; nothing if it is none.
#[must_use]
pub fn fact(certificate: &CertificateDer<'_>) -> Option<CertificateFact> {
    let (rest, parsed) = parse_x509_certificate(certificate).ok()?;
    if !rest.is_empty() {
        return None;
    }
    let names = parsed.subject_alternative_name().ok()?;
    let names = names.iter().flat_map(|names| &names.value.general_names);
    let names = names.filter_map(|name| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => address(bytes),
        _ => None,
    });
    Some(CertificateFact {
        begin: parsed.validity().not_before.to_datetime(),
        end: parsed.validity().not_after.to_datetime(),
        is_authority: parsed.is_ca(),
        names: names.collect(),
        subject: subject(parsed.subject()),
        public_key: parsed.public_key().subject_public_key.data.to_vec(),
    })
}

/// Only a UTF-8 text: it is written again, byte for byte, as the issuer of what its key signs.
fn subject(name: &X509Name<'_>) -> Option<String> {
    let mut attributes = name.iter_attributes();
    let (only, more) = (attributes.next()?, attributes.next());
    let is_name = *only.attr_type() == OID_X509_COMMON_NAME && more.is_none();
    let is_text = only.attr_value().header.tag() == Tag::Utf8String;
    let text = only.as_str().ok().filter(|_| is_name && is_text);
    text.map(String::from)
}

fn address(bytes: &[u8]) -> Option<String> {
    let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    let address = four.or_else(|_not_four| <[u8; 16]>::try_from(bytes).map(IpAddr::from));
    address.ok().map(|address| address.to_string())
}

/// The certificates of a PEM text, in its order; what is none is left out.
#[must_use]
pub fn certificates(pem: &[u8]) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem).flatten().collect()
}

/// Certificates as one PEM text.
#[must_use]
pub fn pem<'c>(certificates: impl IntoIterator<Item = &'c CertificateDer<'static>>) -> String {
    let blocks = certificates.into_iter().map(|certificate| {
        let text = STANDARD.encode(certificate);
        let lines = text.as_bytes().chunks(64).map(String::from_utf8_lossy);
        let lines: Vec<_> = lines.collect();
        let lines = lines.join("\n");
        format!("-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n")
    });
    blocks.collect()
}

/// Whether an API server with this bundle takes this chain for this name at this time.
#[must_use]
pub fn verifies(
    chain: &[CertificateDer<'_>],
    bundle: &[CertificateDer<'_>],
    name: &str,
    now: OffsetDateTime,
) -> bool {
    let check = || -> Option<()> {
        let (leaf, between) = chain.split_first()?;
        let leaf = EndEntityCert::try_from(leaf).ok()?;
        // webpki does not look at the times of an anchor; Go's library, which API servers use,
        // does.
        let is_valid = |fact: CertificateFact| fact.begin <= now && now <= fact.end;
        let valid = bundle.iter().filter(|der| fact(der).is_some_and(is_valid));
        let anchors: Vec<_> = valid.flat_map(anchor_from_trusted_cert).collect();
        let seconds = u64::try_from(now.unix_timestamp()).ok()?;
        let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
        let (algorithms, usage) = (webpki::ALL_VERIFICATION_ALGS, KeyUsage::server_auth());
        leaf.verify_for_usage(algorithms, &anchors, between, time, usage, None, None)
            .ok()?;
        let name = ServerName::try_from(name).ok()?;
        leaf.verify_is_valid_for_subject_name(&name).ok()
    };
    check().is_some()
}
