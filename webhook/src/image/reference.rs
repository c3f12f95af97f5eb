//! Image names, as containerd and Kubernetes read them.
//!
//! `oci-spec` reads a name; where it refuses, this module finds the place and the fix. Two
//! readings are ours: a first part with capitals is a registry's host (as in containerd), and 64
//! hexadecimal digits are an image's id on some node, which no registry knows.

use std::fmt;
use std::str::FromStr;

use oci_spec::distribution::Reference;
use oci_spec::image::Digest;

/// Longest name in bytes: host and repository 255 each, tag 128, digest 135 (sha512), separators;
/// rounded up.
const MAX_BYTES: usize = 1024;
/// Longest tag in characters (OCI distribution specification, "Pulling manifests").
const MAX_TAG: usize = 128;
/// As much of a wrong name as a message shows, in characters. Chosen: enough to find it again.
const SHOWN: usize = 128;
/// What Docker Hub is called in names, and the host that answers for it.
const DOCKER_HUB: &str = "docker.io";
const DOCKER_HUB_API: &str = "registry-1.docker.io";

/// An image's name with everything that is left out filled in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ImageName {
    written: String,
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

impl ImageName {
    /// The name as the container has it.
    #[must_use]
    pub fn written(&self) -> &str {
        &self.written
    }

    /// The registry's host, with a port if one was written: `docker.io` for short names.
    #[must_use]
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The path in the registry, such as `library/nginx`.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag; `latest` where neither tag nor digest was written. A digest beside it decides.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, if one was written.
    #[must_use]
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// What stands behind `/manifests/`: the digest, else the tag.
    pub(super) fn version(&self) -> String {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => digest.to_string(),
            (None, Some(tag)) => tag.clone(),
            (None, None) => String::from("latest"),
        }
    }
}

/// The host that answers for a registry of that name.
pub(super) fn api_host(registry: &str) -> &str {
    if registry == DOCKER_HUB {
        DOCKER_HUB_API
    } else {
        registry
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

/// Why an image's name cannot be read. The pod's author must act.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("image name `{shown}` is wrong at character {position}: {problem}; {fix}")]
pub struct ReferenceError {
    shown: String,
    /// From 1.
    position: usize,
    problem: &'static str,
    fix: &'static str,
}

impl ReferenceError {
    /// A label for metrics.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        "image_name"
    }

    /// The character at fault, counted from 1.
    #[must_use]
    pub fn position(&self) -> usize {
        self.position
    }
}

impl FromStr for ImageName {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let fault = |(at, problem, fix)| wrong(text, at, problem, fix);
        if let Some(found) = before_reading(text) {
            return Err(fault(found));
        }
        let Ok(read) = Reference::try_from(text) else {
            return Err(fault(why_refused(text)));
        };
        let (mut registry, mut repository) =
            (read.registry().to_owned(), read.repository().to_owned());
        if let Some((first, _)) = text.split_once('/')
            && registry == DOCKER_HUB
            && has_capitals(first)
            && let Some(path) = repository.strip_prefix(first)
        {
            registry = first.to_owned();
            repository = path.trim_start_matches('/').to_owned();
        }
        if has_capitals(&repository) {
            return Err(fault(why_refused(text)));
        }
        let digest = match read.digest().map(Digest::from_str) {
            None => None,
            Some(Ok(digest)) => Some(digest),
            Some(Err(_)) => return Err(fault(why_refused(text))),
        };
        Ok(Self {
            written: text.to_owned(),
            registry,
            repository,
            tag: read.tag().map(str::to_owned),
            digest,
        })
    }
}

type Fault = (usize, &'static str, &'static str);

const NAME_FIX: &str = "write `[HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST]`";

/// What is refused whatever else the name says.
fn before_reading(text: &str) -> Option<Fault> {
    if text.is_empty() {
        return Some((0, "it is empty", NAME_FIX));
    }
    if text.len() > MAX_BYTES {
        return Some((MAX_BYTES, "it is longer than any image's name", NAME_FIX));
    }
    if let Some(at) = text.find("://") {
        return Some((at, "a name has no scheme", "leave `https://` out"));
    }
    let odd = |c: char| c.is_whitespace() || c.is_control() || !c.is_ascii();
    if let Some(at) = text.find(odd) {
        return Some((at, "this character cannot stand in a name", NAME_FIX));
    }
    if text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return Some((0, "it is the id of an image on a node", NAME_FIX));
    }
    None
}

/// Finds the first part that does not follow the grammar of names.
fn why_refused(text: &str) -> Fault {
    let (name, digest) = match text.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (text, None),
    };
    let path_start = name.rfind('/').map_or(0, |at| at + 1);
    let last = name.get(path_start..).unwrap_or_default();
    let (path, tag) = match last.split_once(':') {
        Some((path, tag)) => (
            name.get(..path_start + path.len()).unwrap_or_default(),
            Some((path_start + path.len() + 1, tag)),
        ),
        None => (name, None),
    };
    path_fault(path)
        .or_else(|| tag.and_then(|(at, tag)| tag_fault(at, tag)))
        .or_else(|| digest.map(|digest| digest_fault(name.len() + 1, digest)))
        .unwrap_or((0, "it is no image's name", NAME_FIX))
}

fn path_fault(path: &str) -> Option<Fault> {
    let mut at = 0;
    for (index, part) in path.split('/').enumerate() {
        let is_host = index == 0 && path.contains('/') && looks_like_host(part);
        if part.is_empty() {
            return Some((at, "a part of the path is empty", NAME_FIX));
        }
        if !is_host {
            if let Some(in_part) = part.find(|c: char| c.is_ascii_uppercase()) {
                let fix = "write the repository in small letters";
                return Some((at + in_part, "a capital in the repository", fix));
            }
            let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
            if let Some(in_part) = part.find(|c| !allowed(c)) {
                return Some((
                    at + in_part,
                    "this character cannot stand in a repository",
                    NAME_FIX,
                ));
            }
            let edge = |c: char| "._-".contains(c);
            if part.starts_with(edge) {
                return Some((at, "a part begins with a separator", NAME_FIX));
            }
            if part.ends_with(edge) {
                return Some((
                    at + part.len() - 1,
                    "a part ends with a separator",
                    NAME_FIX,
                ));
            }
        }
        at += part.len() + 1;
    }
    (path.len() > 255).then_some((
        255,
        "the repository is longer than 255 characters",
        NAME_FIX,
    ))
}

fn looks_like_host(part: &str) -> bool {
    part.contains(['.', ':']) || part == "localhost" || has_capitals(part)
}

fn tag_fault(at: usize, tag: &str) -> Option<Fault> {
    let fix = "a tag has 1 to 128 letters, digits, `_`, `.` and `-`, and begins with none of the \
               last two";
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    if tag.is_empty() {
        return Some((at, "the tag is empty", fix));
    }
    if tag.starts_with(['.', '-']) {
        return Some((at, "the tag begins with a separator", fix));
    }
    if let Some(in_tag) = tag.find(|c| !allowed(c)) {
        return Some((at + in_tag, "this character cannot stand in a tag", fix));
    }
    (tag.len() > MAX_TAG).then_some((at + MAX_TAG, "the tag is too long", fix))
}

fn digest_fault(at: usize, digest: &str) -> Fault {
    let fix = "write `@sha256:` and 64 hexadecimal digits in small letters";
    let Some((algorithm, hex)) = digest.split_once(':') else {
        return (at, "the digest has no `:`", fix);
    };
    if !matches!(algorithm, "sha256" | "sha384" | "sha512") {
        return (at, "the digest's algorithm is unknown", fix);
    }
    let start = at + algorithm.len() + 1;
    match hex.find(|c| !matches!(c, '0'..='9' | 'a'..='f')) {
        Some(in_hex) => (start + in_hex, "no hexadecimal digit", fix),
        None => (start + hex.len(), "the digest has a wrong length", fix),
    }
}

fn has_capitals(text: &str) -> bool {
    text.bytes().any(|b| b.is_ascii_uppercase())
}

/// `at` is in bytes; what stands before it is ASCII or is counted.
fn wrong(text: &str, at: usize, problem: &'static str, fix: &'static str) -> ReferenceError {
    let before = text.get(..at).map_or(at, |part| part.chars().count());
    let mut shown: String = text
        .chars()
        .take(SHOWN)
        .flat_map(char::escape_debug)
        .collect();
    if text.chars().count() > SHOWN {
        shown.push('…');
    }
    ReferenceError {
        shown,
        position: before + 1,
        problem,
        fix,
    }
}

#[cfg(test)]
#[path = "reference_tests.rs"]
mod tests;
