//! Which image of an index a node would run.
//!
//! Pure. Follows containerd: names are normalised (`aarch64` is `arm64`, `arm64` without a variant
//! is `v8`), an older variant serves where the node's own is missing, entries without a platform
//! come last, attestations (`unknown/unknown`) never.

use std::cmp::Reverse;
use std::fmt;

use oci_spec::image::{Descriptor, ImageIndex};

/// Platforms that a message names. Chosen: the largest official image has 9.
const NAMED: usize = 12;
/// As much of a name from an index as a message shows, in characters. Chosen: the longest
/// architecture in use, `loong64`, has 7.
const SHOWN: usize = 16;
/// How BuildKit marks an attestation in an index.
const ATTESTATION: (&str, &str) = ("vnd.docker.reference.type", "attestation-manifest");

/// What a node runs.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Platform {
    os: String,
    architecture: String,
    variant: String,
}

impl Platform {
    /// From the node's labels `kubernetes.io/os` and `kubernetes.io/arch`; there is none for the
    /// variant.
    #[must_use]
    pub fn new(os: &str, architecture: &str, variant: Option<&str>) -> Self {
        let (os, architecture) = (os.to_ascii_lowercase(), architecture.to_ascii_lowercase());
        let variant = variant.unwrap_or_default().to_ascii_lowercase();
        let os = match os.as_str() {
            "macos" => "darwin",
            other => other,
        };
        let (architecture, variant) = match (architecture.as_str(), variant.as_str()) {
            ("x86_64" | "x86-64" | "amd64", "") => ("amd64", "v1"),
            ("x86_64" | "x86-64", variant) => ("amd64", variant),
            ("i386", _) => ("386", ""),
            ("aarch64" | "arm64", "" | "8") => ("arm64", "v8"),
            ("aarch64", variant) => ("arm64", variant),
            ("armhf", _) | ("arm", "" | "7") => ("arm", "v7"),
            ("armel", _) | ("arm", "6") => ("arm", "v6"),
            ("arm", "5") => ("arm", "v5"),
            ("arm", "8") => ("arm", "v8"),
            (architecture, variant) => (architecture, variant),
        };
        Self {
            os: os.to_owned(),
            architecture: architecture.to_owned(),
            variant: variant.to_owned(),
        }
    }

    /// How far `other` is behind what this node can run: 0 is exact, nothing is unusable.
    fn distance(&self, other: &Self) -> Option<u32> {
        if (&self.os, &self.architecture) != (&other.os, &other.architecture) {
            return None;
        }
        if self.variant == other.variant {
            return Some(0);
        }
        version(&self.variant)?.checked_sub(version(&other.variant)?)
    }

    fn of(entry: &Descriptor) -> Option<Self> {
        let platform = entry.platform().as_ref()?;
        let (os, architecture) = (
            platform.os().to_string(),
            platform.architecture().to_string(),
        );
        Some(Self::new(&os, &architecture, platform.variant().as_deref()))
    }
}

/// `v8.1` as 801.
fn version(variant: &str) -> Option<u32> {
    let number = variant.strip_prefix('v')?;
    let (major, minor) = number.split_once('.').unwrap_or((number, "0"));
    let (major, minor): (u8, u8) = (major.parse().ok()?, minor.parse().ok()?);
    Some(u32::from(major) * 1000 + u32::from(minor))
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = matches!(
            (self.architecture.as_str(), self.variant.as_str()),
            (_, "") | ("amd64", "v1") | ("arm64", "v8")
        );
        write!(f, "{}/{}", shown(&self.os), shown(&self.architecture))?;
        if plain {
            return Ok(());
        }
        write!(f, "/{}", shown(&self.variant))
    }
}

/// A registry's text, cut to what a name has.
fn shown(text: &str) -> String {
    let clean = |c: char| {
        if c.is_ascii_alphanumeric() || "._-".contains(c) {
            c
        } else {
            '?'
        }
    };
    text.chars().take(SHOWN).map(clean).collect()
}

/// Why an index has nothing for a node.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PlatformError {
    /// It has other platforms.
    #[error("the image is not made for {wanted}; there is {there}")]
    Other {
        /// The node's.
        wanted: String,
        /// The index's, cut.
        there: String,
    },
    /// It has nothing that a node could run.
    #[error("the image's index has no image for any platform")]
    Empty,
}

/// The entry that a node of that platform runs.
///
/// # Errors
///
/// [`PlatformError`], which names what there is.
pub(super) fn choose<'i>(
    index: &'i ImageIndex,
    wanted: &Platform,
) -> Result<&'i Descriptor, PlatformError> {
    let entries = || {
        index
            .manifests()
            .iter()
            .filter(|entry| !is_attestation(entry))
    };
    let fitting = entries().filter_map(|entry| {
        let distance = match Platform::of(entry) {
            Some(platform) => wanted.distance(&platform)?,
            // Whoever made it did not say; the image itself will.
            None => u32::MAX,
        };
        Some((distance, entry))
    });
    // The first of equals, as containerd takes it.
    let best = fitting.rev().max_by_key(|(distance, _)| Reverse(*distance));
    if let Some((_, entry)) = best {
        return Ok(entry);
    }
    let mut there: Vec<String> = Vec::new();
    let mut more = false;
    for platform in entries().filter_map(Platform::of) {
        let name = platform.to_string();
        if there.contains(&name) {
            continue;
        }
        if there.len() == NAMED {
            more = true;
            break;
        }
        there.push(name);
    }
    if there.is_empty() {
        return Err(PlatformError::Empty);
    }
    let mut there = there.join(", ");
    if more {
        there.push_str(" and more");
    }
    let wanted = wanted.to_string();
    Err(PlatformError::Other { wanted, there })
}

fn is_attestation(entry: &Descriptor) -> bool {
    let (key, value) = ATTESTATION;
    let marked = entry
        .annotations()
        .as_ref()
        .and_then(|all| all.get(key))
        .is_some_and(|found| found == value);
    let unknown = entry.platform().as_ref().is_some_and(|platform| {
        platform.os().to_string() == "unknown" || platform.architecture().to_string() == "unknown"
    });
    marked || unknown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// An index with an entry for each `os/arch[/variant]`; `-` has no platform.
    fn index(platforms: &[&str]) -> ImageIndex {
        let entries: Vec<_> = platforms
            .iter()
            .enumerate()
            .map(|(n, text)| {
                let mut entry = json!({
                    "mediaType": "application/vnd.oci.image.manifest.v1+json",
                    "digest": format!("sha256:{n:064x}"), "size": n,
                });
                let parts: Vec<_> = text.split('/').collect();
                if let [os, architecture, rest @ ..] = &parts[..] {
                    entry["platform"] = json!({"os": os, "architecture": architecture});
                    if let [variant] = rest {
                        entry["platform"]["variant"] = json!(variant);
                    }
                }
                entry
            })
            .collect();
        serde_json::from_value(json!({"schemaVersion": 2, "manifests": entries})).unwrap()
    }

    fn chosen(platforms: &[&str], wanted: &Platform) -> Option<u64> {
        choose(&index(platforms), wanted).ok().map(Descriptor::size)
    }

    #[test]
    fn the_nodes_platform_is_chosen_by_every_name_that_it_has() {
        for (there, os, architecture, variant, expected) in [
            (
                &["linux/arm64", "linux/amd64"][..],
                "linux",
                "amd64",
                None,
                Some(1),
            ),
            (&["linux/amd64"], "Linux", "x86_64", None, Some(0)),
            (
                &["windows/amd64", "linux/amd64"],
                "linux",
                "amd64",
                None,
                Some(1),
            ),
            (
                &["linux/amd64/v3", "linux/amd64"],
                "linux",
                "amd64",
                None,
                Some(1),
            ),
            (&["linux/amd64/v3"], "linux", "amd64", None, None),
            (
                &["linux/amd64", "linux/amd64/v2"],
                "linux",
                "amd64",
                Some("v3"),
                Some(1),
            ),
            (&["linux/arm64/v8"], "linux", "arm64", None, Some(0)),
            (&["linux/arm64"], "linux", "aarch64", Some("v8"), Some(0)),
            (&["linux/arm64"], "linux", "arm64", Some("v9"), Some(0)),
            (
                &["linux/arm/v5", "linux/arm/v6"],
                "linux",
                "arm",
                None,
                Some(1),
            ),
            (&["linux/arm/v7"], "linux", "arm", Some("v6"), None),
            (&["linux/arm/v7"], "linux", "arm64", None, None),
            (&["-", "linux/amd64"], "linux", "amd64", None, Some(1)),
            (&["linux/arm64", "-"], "linux", "amd64", None, Some(1)),
            (
                &["linux/amd64", "linux/amd64"],
                "linux",
                "amd64",
                None,
                Some(0),
            ),
            (
                &["unknown/unknown", "linux/amd64"],
                "linux",
                "amd64",
                None,
                Some(1),
            ),
            (&["unknown/unknown"], "unknown", "unknown", None, None),
        ] {
            let wanted = Platform::new(os, architecture, variant);
            assert_eq!(chosen(there, &wanted), expected, "{there:?} {wanted}");
        }
    }

    #[test]
    fn an_attestation_is_ignored_by_its_mark_too() {
        let mut one = json!(index(&["-"]));
        let wanted = Platform::new("linux", "amd64", None);
        let read = |value: &serde_json::Value| serde_json::from_value(value.clone()).unwrap();
        assert!(choose(&read(&one), &wanted).is_ok(), "the control");
        one["manifests"][0]["annotations"] =
            json!({"vnd.docker.reference.type": "attestation-manifest"});
        assert_eq!(choose(&read(&one), &wanted), Err(PlatformError::Empty));
    }

    #[test]
    fn a_missing_platform_names_what_there_is_and_quotes_nothing_wild() {
        let wanted = Platform::new("linux", "s390x", None);
        let there = [
            "linux/amd64",
            "linux/arm/v6",
            "linux/amd64",
            "unknown/unknown",
        ];
        let error = choose(&index(&there), &wanted).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the image is not made for linux/s390x; there is linux/amd64, linux/arm/v6"
        );
        let wild = format!("li\nnux/{}", "x".repeat(500));
        let many: Vec<_> = (0..50).map(|n| format!("linux/a{n}")).collect();
        let mut many: Vec<&str> = many.iter().map(String::as_str).collect();
        many.insert(0, &wild);
        let error = choose(&index(&many), &wanted).unwrap_err().to_string();
        assert!(!error.contains('\n') && error.len() < 400, "{error}");
        assert!(error.ends_with(" and more"), "{error}");
    }

    proptest! {
        #[test]
        fn what_is_chosen_can_run_and_is_no_attestation(
            there in proptest::collection::vec(
                "(linux|windows|unknown)/(amd64|arm64|arm|unknown)(/v[1-9])?", 0..8),
            architecture in "(amd64|arm64|arm)",
        ) {
            let there: Vec<&str> = there.iter().map(String::as_str).collect();
            let wanted = Platform::new("linux", &architecture, None);
            let start = format!("linux/{architecture}");
            let same = |text: &&&str| **text == start || text.starts_with(&format!("{start}/"));
            match chosen(&there, &wanted) {
                Some(n) => prop_assert!(same(&&there[usize::try_from(n).unwrap()])),
                None => prop_assert!(!there.contains(&start.as_str())),
            }
        }
    }
}
