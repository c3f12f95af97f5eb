//! One look-up: from an image's name to its configuration, with the fewest requests that tell:
//! manifest and configuration, and the index before them if there is one.

use std::sync::Arc;
use std::time::Duration;

use oci_spec::image::Digest;
use tokio::time::timeout;

use super::config::ImageConfig;
use super::digest;
use super::document::{self, Document};
use super::error::Problem;
use super::http::{Body, Http, Wanted};
use super::platform::{self, Platform};
use super::reference::ImageName;
use super::session::{Place, Session};

/// Largest manifest or index in bytes. Chosen: registries take 4 MiB (distribution/distribution,
/// `maxManifestBodySize`), but the largest official index has 30 KiB, and what is read takes up to
/// eight times the memory.
const MAX_MANIFEST: u64 = 1 << 20;
/// Largest configuration in bytes. Chosen: with the history and labels of a buildpack they have
/// some 100 KiB.
const MAX_CONFIG: u64 = 2 << 20;
/// Documents between a name and its configuration: an index in an index, and the manifest.
const MAX_DEPTH: u32 = 3;

/// What is looked for, and how long one mirror may take.
#[derive(Debug)]
pub(super) struct Request<'a> {
    pub(super) image: &'a ImageName,
    pub(super) platform: &'a Platform,
    pub(super) places: &'a [Place<'a>],
    pub(super) limit: Duration,
}

/// What was found.
#[derive(Debug)]
pub(super) enum Found {
    /// Read from the registry; the digest is that of what the name stands for.
    New(Digest, ImageConfig),
    /// The caller knows what has this digest.
    Known(Arc<ImageConfig>),
}

/// Who may know what a digest stands for, so that it need not be read again.
pub(super) trait Memory: Sync {
    fn recall(&self, digest: &Digest) -> impl Future<Output = Option<Arc<ImageConfig>>> + Send;
}

/// Asks mirrors and registry in turn. The caller limits the whole.
///
/// # Errors
///
/// The [`Problem`] of the registry itself, or of the first mirror that lies.
pub(super) async fn look_up(
    http: &Http,
    request: &Request<'_>,
    memory: &impl Memory,
) -> Result<Found, Problem> {
    let count = u32::try_from(request.places.len()).unwrap_or(u32::MAX);
    let share = request.limit.checked_div(count).unwrap_or(request.limit);
    let mut last = Problem::NotFound { tried: 0 };
    for place in request.places {
        let attempt = attempt(http, request, place, memory);
        let outcome = if place.stands_for.is_some() {
            // A mirror that hangs leaves time for the others.
            let slow = |_elapsed| Problem::Slow { limit: share };
            timeout(share, attempt).await.map_err(slow).flatten()
        } else {
            attempt.await
        };
        match outcome {
            Err(problem) if place.stands_for.is_some() && problem.is_passing() => last = problem,
            other => return other,
        }
    }
    Err(last)
}

async fn attempt(
    http: &Http,
    request: &Request<'_>,
    place: &Place<'_>,
    memory: &impl Memory,
) -> Result<Found, Problem> {
    let mut session = Session::new(http, place)?;
    let mut version = request.image.version();
    let mut expected = request.image.digest().cloned();
    let mut size = None;
    let mut first = None;
    for _ in 0..MAX_DEPTH {
        let wanted = wanted("manifest", MAX_MANIFEST);
        let body = session.get("manifests", &version, wanted).await?;
        let found = checked("manifest", &body, expected, size)?;
        if first.is_none() {
            if let Some(known) = memory.recall(&found).await {
                return Ok(Found::Known(known));
            }
            first = Some(found.clone());
        }
        match document::read(&body.bytes, body.content_type.as_deref())? {
            Document::Index(index) => {
                let entry = platform::choose(&index, request.platform)?;
                version = entry.digest().to_string();
                expected = Some(entry.digest().clone());
                size = Some(entry.size());
            }
            Document::Image(name, size) => {
                // Not kept while the next is fetched.
                drop(body);
                let wanted = wanted_config(size)?;
                let body = session.get("blobs", name.as_ref(), wanted).await?;
                checked("configuration", &body, Some(name), Some(size))?;
                let config = document::config(&body.bytes)?;
                return Ok(Found::New(first.unwrap_or(found), config));
            }
        }
    }
    Err(Problem::Nested)
}

fn wanted(what: &'static str, most: u64) -> Wanted<'static> {
    Wanted {
        what,
        accept: Some(document::ACCEPT),
        most,
        authorization: None,
    }
}

/// A configuration is read as far as its manifest says, and no request is made for one too large.
fn wanted_config(size: u64) -> Result<Wanted<'static>, Problem> {
    let what = "configuration";
    if size > MAX_CONFIG {
        let limit = MAX_CONFIG;
        return Err(Problem::TooLarge { what, limit });
    }
    Ok(Wanted {
        accept: None,
        ..wanted(what, size)
    })
}

/// The digest of what came, which is the expected one. *Fails closed*: what cannot be checked is
/// refused. A tag promises nothing; then the bytes must at least be what the registry says.
fn checked(
    what: &'static str,
    body: &Body,
    expected: Option<Digest>,
    size: Option<u64>,
) -> Result<Digest, Problem> {
    let length = u64::try_from(body.bytes.len()).unwrap_or(u64::MAX);
    if size.is_some_and(|size| size != length) {
        return Err(Problem::Digest { what });
    }
    let said = body.digest.as_deref().and_then(|text| text.parse().ok());
    let Some(digest) = expected.or(said).or_else(|| digest::of(&body.bytes)) else {
        return Err(Problem::Algorithm { what });
    };
    match digest::is_of(&digest, &body.bytes) {
        Some(true) => Ok(digest),
        Some(false) => Err(Problem::Digest { what }),
        None => Err(Problem::Algorithm { what }),
    }
}
