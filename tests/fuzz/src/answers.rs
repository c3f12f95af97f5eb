//! What registries say: manifests, indexes, configurations, challenges; and the names and pull
//! secrets that lead to them.
//!
//! Input: a first byte that says what the rest is, which for a manifest is the answer's type and a
//! line break before the document.

use oci_spec::image::ImageIndex;
use url::{Host, Url};

use super::address::{NamedBy, refused};
use super::challenge::Challenge;
use super::credentials::{PullSecret, PullSecretKind};
use super::document::{self, Document};
use super::keyring::Keyring;
use super::platform::{Platform, choose};
use super::reference::{ImageName, api_host};
use super::{config, digest};
use crate::check_text;

/// Longest message about a document or a name, in bytes: the longest kind, name or list of
/// platforms, and our words.
const MESSAGE: usize = 2000;

/// Reads the rest as what the first byte says.
pub fn check(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else {
        return;
    };
    match (kind, str::from_utf8(rest)) {
        (b'm', _) => manifest(rest),
        (b'c', _) => configuration(rest),
        (b's', _) => pull_secret(rest),
        (b'h', Ok(text)) => challenge(text),
        (b'n', Ok(text)) => name(text),
        _ => {}
    }
}

fn manifest(rest: &[u8]) {
    let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let (head, body) = rest.split_at(end);
    let kind = str::from_utf8(head).ok().filter(|head| !head.is_empty());
    match document::read(body, kind) {
        Ok(Document::Index(index)) => from_index(&index),
        Ok(Document::Image(named, _)) => {
            let own = digest::of(body).expect("a digest of ours");
            assert_eq!(digest::is_of(&own, body), Some(true));
            let is_known = matches!(named.algorithm().as_ref(), "sha256" | "sha384" | "sha512");
            assert_eq!(digest::is_of(&named, body).is_some(), is_known, "{named}");
        }
        Err(error) => check_text(&error.to_string(), MESSAGE),
    }
}

fn from_index(index: &ImageIndex) {
    for (os, architecture) in [
        ("linux", "amd64"),
        ("linux", "arm64"),
        ("unknown", "unknown"),
    ] {
        let wanted = Platform::new(os, architecture, None);
        match choose(index, &wanted) {
            Ok(entry) => {
                assert!(index.manifests().contains(entry));
                let marks = entry.annotations().iter().flatten();
                let is_attestation = |(key, mark): (&String, &String)| {
                    key == "vnd.docker.reference.type" && mark == "attestation-manifest"
                };
                assert!(!marks.into_iter().any(is_attestation), "{entry:?}");
                if let Some(platform) = entry.platform() {
                    let found = platform.os().to_string();
                    assert!(found.eq_ignore_ascii_case(os), "{found} for {os}");
                }
            }
            Err(error) => check_text(&error.to_string(), MESSAGE),
        }
    }
}

fn configuration(rest: &[u8]) {
    match document::config(rest) {
        Ok(config::ImageConfig {
            entrypoint,
            command,
            ..
        }) => {
            let words = || entrypoint.iter().chain(&command);
            assert!(words().map(String::len).sum::<usize>() <= 64 << 10);
            assert!(!words().any(|word| word.contains('\0')));
        }
        Err(error) => check_text(&error.to_string(), MESSAGE),
    }
}

/// One header a line.
fn challenge(text: &str) {
    let Some(Challenge::Bearer { realm, service }) = Challenge::read(text.lines()) else {
        return;
    };
    assert_eq!(realm.fragment(), None);
    assert!(service.is_none_or(|service| service.len() <= text.len()));
    let is_refused = refused(&realm, NamedBy::Anyone).is_some();
    let is_own = match realm.host() {
        None => true,
        Some(Host::Ipv4(ip)) => ip.is_loopback() || ip.is_link_local() || ip.is_unspecified(),
        Some(Host::Ipv6(ip)) => ip.to_ipv4_mapped().map_or_else(
            || ip.is_loopback() || ip.is_unicast_link_local() || ip.is_unspecified(),
            |ip| ip.is_loopback() || ip.is_link_local(),
        ),
        Some(Host::Domain(name)) => name == "localhost" || name == "metadata.google.internal",
    };
    assert!(is_refused || !is_own, "{realm}");
    assert!(is_refused || realm.username().is_empty(), "{realm}");
}

fn name(text: &str) {
    let read = match text.parse::<ImageName>() {
        Ok(read) => read,
        Err(error) => {
            check_text(&error.to_string(), MESSAGE);
            assert!((1..=text.len() + 1).contains(&error.position()), "{error}");
            return;
        }
    };
    assert_eq!(read.written(), text);
    let full = read.to_string();
    // With what was left out it may be longer than a name can be.
    match full.parse::<ImageName>() {
        Ok(again) => {
            assert_eq!(again.to_string(), full);
            assert_eq!(
                (again.registry(), again.repository(), again.version()),
                (read.registry(), read.repository(), read.version())
            );
        }
        Err(error) => assert!(full.len() > 1024, "{full}: {error}"),
    }
    // The name chooses a host and a path below `/v2/`, and nothing else of the request.
    let (host, repository) = (api_host(read.registry()), read.repository());
    let path = format!("/v2/{repository}/manifests/{}", read.version());
    if let Ok(url) = Url::parse(&format!("https://{host}{path}")) {
        assert_eq!(url.path(), path, "{text:?}");
        assert!(url.username().is_empty() && url.query().is_none(), "{url}");
        let port = url.port().map_or(String::new(), |port| format!(":{port}"));
        let found = format!("{}{port}", url.host_str().unwrap_or_default());
        let written = host.strip_suffix(":443").unwrap_or(host);
        let is_number = matches!(url.host(), Some(Host::Ipv4(_) | Host::Ipv6(_)));
        let is_same = found.eq_ignore_ascii_case(written) || is_number || host.contains(":0");
        assert!(is_same, "{found} for {written}");
    }
}

fn pull_secret(rest: &[u8]) {
    let name: ImageName = "registry.example/shop/app:1".parse().expect("a name");
    for kind in [PullSecretKind::DockerConfigJson, PullSecretKind::DockerCfg] {
        match PullSecret::read("pull", kind, rest) {
            Ok(secret) => {
                let keyring = Keyring::for_pod(&[secret], &[], &[]);
                let found = keyring.candidates(name.registry(), name.repository());
                assert!(found.len() <= 16, "{} logins", found.len());
            }
            Err(error) => {
                let _ = error.to_string();
            }
        }
    }
}
