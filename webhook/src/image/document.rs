//! Manifests, indexes and configurations, read from bytes whose digest was checked.
//!
//! Pure. What a manifest is stands in it or in the answer's type; one that could be read as both
//! an image and an index is refused (OCI image specification, "media types, ambiguous").

use oci_spec::image::{Descriptor, Digest, ImageConfiguration, ImageIndex};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::config::ImageConfig;

/// Longest command in bytes, with what a word takes beside its text. Chosen: it goes into each
/// container that starts the image, reviews keep it while they wait for other images, and scripts
/// have less. Below the kernel's `MAX_ARG_STRLEN`, 128 KiB for one word (execve(2)).
const MAX_COMMAND: usize = 64 << 10;

/// Most entries of an index that is read. Chosen: the largest official image has 18.
const MAX_ENTRIES: usize = 1000;

/// What is asked for, in the registry's words.
pub(super) const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json";

const INDEXES: [&str; 2] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];
const MANIFESTS: [&str; 2] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];
const SCHEMA_1: [&str; 2] = [
    "application/vnd.docker.distribution.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
];
const CONFIGS: [&str; 2] = [
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
];

/// Why a document of a registry is none that we can use. Whoever pushed the image must act.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// The image was pushed in a form that containerd 2 does not pull either.
    #[error("the image has a manifest of schema 1, which is no longer read; push it again")]
    Schema1,
    /// Neither an image nor an index of images.
    #[error("what the name stands for is no image but `{kind}`")]
    Kind {
        /// Its media type, cut.
        kind: String,
    },
    /// Could be read as an image and as an index.
    #[error("the manifest is an image and an index at once")]
    Ambiguous,
    /// No JSON, or a field is missing or has another type. The JSON library's text is left out: it
    /// quotes what the registry sent.
    #[error("cannot read the {what}: no JSON as it should be at line {line}, column {column}")]
    Json {
        /// Manifest, index or configuration.
        what: &'static str,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// More images in an index than there are platforms.
    #[error("the image's index has {count} entries, more than {MAX_ENTRIES}")]
    Entries {
        /// How many.
        count: usize,
    },
    /// Too long to be carried into a pod, or with a null byte, which no kernel starts.
    #[error("the image's command is longer than {} KiB or has a null byte", MAX_COMMAND >> 10)]
    Command,
}

/// What stands behind a name or digest.
#[derive(Debug)]
pub(super) enum Document {
    Index(Box<ImageIndex>),
    /// Where the configuration of one image is, and its bytes.
    Image(Digest, u64),
}

/// Reads a manifest; `content_type` is the answer's.
///
/// # Errors
///
/// [`DocumentError`].
pub(super) fn read(bytes: &[u8], content_type: Option<&str>) -> Result<Document, DocumentError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Shape {
        schema_version: u64,
        media_type: Option<String>,
        // Counted without being kept: an ignored value has no size.
        manifests: Option<Vec<IgnoredAny>>,
        config: Option<IgnoredAny>,
        layers: Option<IgnoredAny>,
    }
    let shape: Shape = serde_json::from_slice(bytes).map_err(unreadable("manifest"))?;
    let answered = content_type.map(|text| text.split(';').next().unwrap_or(text).trim());
    let said = shape.media_type.as_deref();
    if shape.schema_version == 1
        || [said, answered]
            .into_iter()
            .flatten()
            .any(|kind| SCHEMA_1.contains(&kind))
    {
        return Err(DocumentError::Schema1);
    }
    let has_image = shape.config.is_some() || shape.layers.is_some();
    if shape.manifests.is_some() && has_image {
        return Err(DocumentError::Ambiguous);
    }
    // Registries that know no better answer with a general type: then the shape tells.
    let known = |kind: &&str| INDEXES.contains(kind) || MANIFESTS.contains(kind);
    let kind = said.or_else(|| answered.filter(known));
    let (is_index, is_manifest) = match kind {
        Some(kind) => (INDEXES.contains(&kind), MANIFESTS.contains(&kind)),
        None => (shape.manifests.is_some(), has_image),
    };
    if is_index {
        let count = shape.manifests.map_or(0, |entries| entries.len());
        if count > MAX_ENTRIES {
            return Err(DocumentError::Entries { count });
        }
        let index = serde_json::from_slice(bytes).map_err(unreadable("index"))?;
        return Ok(Document::Index(Box::new(index)));
    }
    if !is_manifest {
        let kind = kind.or(answered).unwrap_or("something unknown");
        return Err(not_an_image(kind));
    }
    /// Of an image, the layers are nothing to us.
    #[derive(Deserialize)]
    struct Manifest {
        config: Descriptor,
    }
    let Manifest { config } = serde_json::from_slice(bytes).map_err(unreadable("manifest"))?;
    let kind = config.media_type().to_string();
    if !CONFIGS.contains(&kind.as_str()) {
        // A chart, a signature or another artifact.
        return Err(not_an_image(&kind));
    }
    Ok(Document::Image(config.digest().clone(), config.size()))
}

fn unreadable(what: &'static str) -> impl Fn(serde_json::Error) -> DocumentError {
    move |error| DocumentError::Json {
        what,
        line: error.line(),
        column: error.column(),
    }
}

fn not_an_image(kind: &str) -> DocumentError {
    let clean = |c: char| {
        if c.is_ascii_graphic() && c != '`' {
            c
        } else {
            '?'
        }
    };
    let kind = kind.chars().take(100).map(clean).collect();
    DocumentError::Kind { kind }
}

/// Reads a configuration.
///
/// # Errors
///
/// [`DocumentError`].
pub(super) fn config(bytes: &[u8]) -> Result<ImageConfig, DocumentError> {
    let read: ImageConfiguration =
        serde_json::from_slice(bytes).map_err(unreadable("configuration"))?;
    let words = |list: Option<&Option<Vec<String>>>| list.cloned().flatten().unwrap_or_default();
    let inner = read.config().as_ref();
    let config = ImageConfig {
        entrypoint: words(inner.map(oci_spec::image::Config::entrypoint)),
        command: words(inner.map(oci_spec::image::Config::cmd)),
        os: read.os().to_string(),
        architecture: read.architecture().to_string(),
    };
    let all = || config.entrypoint.iter().chain(&config.command);
    let total: usize = all().map(|word| word.len() + size_of::<String>()).sum();
    if total > MAX_COMMAND || all().any(|word| word.contains('\0')) {
        return Err(DocumentError::Command);
    }
    Ok(config)
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
