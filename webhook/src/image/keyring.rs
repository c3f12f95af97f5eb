//! Which pull secrets fit an image, in which order: as the kubelet's keyring does it.
//!
//! Pure. The rules are those of `pkg/credentialprovider` in Kubernetes: schemes and a leading
//! `/v1` or `/v2` do not count; host parts are compared one by one, each with `*`, `?` and `[…]`;
//! ports must be equal; the path is a prefix; a more specific entry comes first; an entry for
//! `index.docker.io` serves Docker Hub where no other fits.

use url::Url;

use super::credentials::{Credential, PullSecret};

/// Logins tried for one image. Chosen: a pod names one or two pull secrets; each that is refused
/// costs the registry up to two requests.
const MAX_TRIED: usize = 16;

/// Docker's name for Docker Hub in configurations.
const DEFAULT_ENTRY: &str = "index.docker.io";

/// All logins that a pod may use.
#[derive(Clone, Debug, Default)]
pub struct Keyring {
    /// The pod's, or its service account's.
    own: Vec<Entry>,
    /// The operator's, tried last.
    default: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    /// Host, with a port perhaps, and path.
    place: String,
    credential: Credential,
}

impl Keyring {
    /// The logins of a pod. The service account's secrets count only where the pod names none,
    /// as the API server fills them in; the default is the operator's and comes last.
    #[must_use]
    pub fn for_pod(
        pod: &[PullSecret],
        service_account: &[PullSecret],
        default: &[PullSecret],
    ) -> Self {
        let own = if pod.is_empty() { service_account } else { pod };
        Self {
            own: entries(own),
            default: entries(default),
        }
    }

    /// Logins for `place` (host and repository without tag), best first, without repetition.
    pub(super) fn candidates(&self, registry: &str, repository: &str) -> Vec<&Credential> {
        let place = format!("{registry}/{repository}");
        let mut found: Vec<&Credential> = Vec::new();
        for group in [&self.own, &self.default] {
            for credential in fitting(group, registry, &place) {
                if !found.contains(&credential) && found.len() < MAX_TRIED {
                    found.push(credential);
                }
            }
        }
        found
    }
}

/// More specific places first: the kubelet sorts them backwards. Equal ones keep their order.
fn entries(secrets: &[PullSecret]) -> Vec<Entry> {
    let all = secrets.iter().flat_map(|secret| &secret.entries);
    let mut entries: Vec<Entry> = all
        .filter_map(|(written, credential)| {
            Some(Entry {
                place: place(written)?,
                credential: credential.clone(),
            })
        })
        .collect();
    entries.sort_by(|a, b| b.place.cmp(&a.place));
    entries
}

fn fitting<'a>(group: &'a [Entry], registry: &str, place: &str) -> Vec<&'a Credential> {
    let matching = group.iter().filter(|entry| fits(&entry.place, place));
    let found: Vec<_> = matching.map(|entry| &entry.credential).collect();
    if found.is_empty() && registry == "docker.io" {
        let hub = group.iter().filter(|entry| entry.place == DEFAULT_ENTRY);
        return hub.map(|entry| &entry.credential).collect();
    }
    found
}

/// An entry's name without scheme, version and closing slash. Nothing for what is no place.
fn place(written: &str) -> Option<String> {
    let bare = written
        .strip_prefix("https://")
        .or_else(|| written.strip_prefix("http://"))
        .unwrap_or(written);
    let (host, path) = match bare.split_once('/') {
        Some((host, path)) => (host, format!("/{path}")),
        None => (bare, String::new()),
    };
    let versioned = ["/v1/", "/v2/"].iter().any(|start| path.starts_with(start));
    let path = if versioned { path.get(3..)? } else { &path };
    if !host.is_ascii() {
        // No image's name has such a host.
        return None;
    }
    // Kubernetes refuses what Go's parser of URLs refuses; a glob is no host for Rust's.
    let probe = host.replace(['*', '?', '[', ']', '!', '^'], "x");
    Url::parse(&format!("https://{probe}/")).ok()?;
    Some(match path {
        "" | "/" => host.to_owned(),
        path => format!("{host}{path}"),
    })
}

fn fits(entry: &str, image: &str) -> bool {
    let (entry_host, entry_path) = split(entry);
    let (image_host, image_path) = split(image);
    let (entry_name, entry_port) = port(entry_host);
    let (image_name, image_port) = port(image_host);
    let mut patterns = entry_name.split('.');
    let mut names = image_name.split('.');
    let parts_fit = loop {
        match (patterns.next(), names.next()) {
            (None, None) => break true,
            (Some(pattern), Some(name)) if glob(pattern.as_bytes(), name.as_bytes()) => {}
            _ => break false,
        }
    };
    parts_fit && entry_port == image_port && image_path.starts_with(entry_path)
}

fn split(place: &str) -> (&str, &str) {
    place.split_at(place.find('/').unwrap_or(place.len()))
}

fn port(host: &str) -> (&str, &str) {
    host.rsplit_once(':').unwrap_or((host, ""))
}

/// Go's `filepath.Match` for a part of a host: `*`, `?`, `[a-z]`, `[^a-z]`. Backtracks to the last
/// star only, so the time is bounded by the product of both lengths. A broken class fits nothing.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (pattern, text);
    let mut star: Option<(&[u8], &[u8])> = None;
    loop {
        if let [b'*', rest @ ..] = p {
            star = Some((rest, t));
            p = rest;
            continue;
        }
        if p.is_empty() && t.is_empty() {
            return true;
        }
        if let Some((rest_p, rest_t)) = one(p, t) {
            (p, t) = (rest_p, rest_t);
            continue;
        }
        // Let the last star take one more byte.
        let Some((after, [_, from @ ..])) = star else {
            return false;
        };
        star = Some((after, from));
        (p, t) = (after, from);
    }
}

/// Takes one byte of the text and the part of the pattern that stands for it.
fn one<'a>(pattern: &'a [u8], text: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    let (&byte, text) = text.split_first()?;
    match pattern.split_first()? {
        (b'?', rest) => Some((rest, text)),
        (b'[', rest) => {
            let end = rest.iter().skip(1).position(|b| *b == b']')? + 1;
            let (class, rest) = (rest.get(..end)?, rest.get(end + 1..)?);
            let (negated, class) = match class.split_first() {
                Some((b'^', class)) => (true, class),
                _ => (false, class),
            };
            (in_class(class, byte) != negated).then_some((rest, text))
        }
        (same, rest) => (*same == byte).then_some((rest, text)),
    }
}

fn in_class(class: &[u8], byte: u8) -> bool {
    match class {
        [low, b'-', high, rest @ ..] => (low..=high).contains(&&byte) || in_class(rest, byte),
        [same, rest @ ..] => *same == byte || in_class(rest, byte),
        [] => false,
    }
}

#[cfg(test)]
#[path = "keyring_tests.rs"]
mod tests;
