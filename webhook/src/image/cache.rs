//! The look-up with a memory: one request for all who ask the same, and an answer kept for them.
//!
//! A key covers the image, the platform and **the logins that the asker may use**, so whoever has
//! none never gets what another's brought (and is not told whether there is one). It is a keyed
//! hash with a key made at start: nothing in the cache tells a login. Failures count for seconds
//! only.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use moka::Expiry;
use moka::future::Cache;
use moka::notification::RemovalCause;
use oci_spec::image::Digest;
use prometheus_client::metrics::counter::Counter;
use tokio::sync::Semaphore;
use tokio::time::timeout_at;

use super::config::ImageConfig;
use super::credentials::Credential;
use super::error::{LookupError, Problem};
use super::http::Http;
use super::keyring::Keyring;
use super::platform::Platform;
use super::reference::ImageName;
use super::registry::{self, Found, Memory, Request};
use super::session::{self, Place};
use super::settings::{Limits, RegistrySettings, SettingsError};
use crate::shares::Shares;

/// Most bytes in the cache, as weighed. Chosen: an eighth of the webhook's 64 MiB.
const MAX_BYTES: u64 = 8 << 20;
/// Most entries: an entry weighs at least its share. Chosen: more images than a cluster of 100
/// nodes runs.
const MAX_ENTRIES: u64 = 4096;
/// Look-ups at once. Chosen: each may hold 2 MiB of a configuration; 16 take 32 MiB of the
/// webhook's 256 MiB.
const MAX_LOOKUPS: usize = 16;
/// Look-ups at one registry at once. Chosen: a quarter, so that slow registries leave room.
const MAX_AT_ONE: usize = 4;
/// Look-ups for one asker at once. Chosen: fewer than at one registry, so that nobody alone keeps
/// others from a registry, whichever names share its lane.
const MAX_FOR_ONE: usize = 3;
/// Semaphores that registries share by hash. A fixed number, for image names choose registries.
const LANES: usize = 64;
/// How much longer a caller waits than a look-up may take. Chosen: only so that the look-up's own
/// error comes first.
const GRACE: Duration = Duration::from_millis(250);

type Key = [u8; 32];
type Outcome = Result<Arc<ImageConfig>, Arc<LookupError>>;

/// What the memory did. A clone counts with the others.
#[derive(Clone, Debug, Default)]
pub struct CacheCounters {
    /// Questions that were answered without a look-up of their own: from memory, a failure's too,
    /// or by another's look-up that was under way.
    pub hits: Counter,
    /// Questions that made a look-up.
    pub misses: Counter,
    /// Answers that were dropped because their time was over.
    pub expired: Counter,
    /// Answers that were dropped, or not kept, for want of room: the cache is too small.
    pub displaced: Counter,
}

impl CacheCounters {
    fn removed(&self, cause: RemovalCause) {
        match cause {
            RemovalCause::Expired => self.expired.inc(),
            RemovalCause::Size => self.displaced.inc(),
            // A newer answer came in its place, or nobody wants it any more.
            RemovalCause::Explicit | RemovalCause::Replaced => 0,
        };
    }
}

/// Answers what an image starts, from memory or from its registry.
#[derive(Debug)]
pub struct ImageResolver {
    http: Http,
    counters: CacheCounters,
    cache: Cache<Key, Entry>,
    key: hmac::Key,
    limits: Limits,
    all: Semaphore,
    lanes: Vec<Semaphore>,
    askers: Shares,
    hasher: RandomState,
}

#[derive(Clone, Debug)]
struct Entry {
    outcome: Outcome,
    counts: Duration,
}

/// Each entry has its own time to live.
struct Own;

impl Expiry<Key, Entry> for Own {
    fn expire_after_create(&self, _: &Key, entry: &Entry, _: Instant) -> Option<Duration> {
        Some(entry.counts)
    }

    fn expire_after_update(
        &self,
        _: &Key,
        entry: &Entry,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(entry.counts)
    }
}

impl ImageResolver {
    /// Connects to nothing.
    ///
    /// # Errors
    ///
    /// [`SettingsError`].
    pub fn new(settings: &RegistrySettings) -> Result<Self, SettingsError> {
        Self::counted(settings, CacheCounters::default())
    }

    /// The same, counting where somebody looks.
    ///
    /// # Errors
    ///
    /// [`SettingsError`].
    pub fn counted(
        settings: &RegistrySettings,
        counters: CacheCounters,
    ) -> Result<Self, SettingsError> {
        let random = aws_lc_rs::rand::SystemRandom::new();
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &random)
            .map_err(|_unspecified| SettingsError::Random)?;
        let told = counters.clone();
        let cache = Cache::builder()
            .max_capacity(MAX_BYTES)
            .weigher(|_, entry: &Entry| weight(entry))
            .expire_after(Own)
            .eviction_listener(move |_, _, cause| told.removed(cause))
            .build();
        Ok(Self {
            http: Http::new(settings)?,
            counters,
            cache,
            key,
            limits: settings.limits,
            all: Semaphore::new(MAX_LOOKUPS),
            lanes: (0..LANES).map(|_| Semaphore::new(MAX_AT_ONE)).collect(),
            askers: Shares::new(MAX_FOR_ONE),
            hasher: RandomState::new(),
        })
    }

    /// What the image starts on a node of that platform, for whoever has these logins.
    ///
    /// `asker` is a namespace: what one asks for takes few of the places for look-ups, however many
    /// slow registries it names. Answers within the time of a look-up and a quarter of a second.
    ///
    /// # Errors
    ///
    /// [`LookupError`], shared with all who asked the same.
    pub async fn resolve(
        &self,
        asker: &str,
        image: &ImageName,
        platform: &Platform,
        keyring: &Keyring,
    ) -> Outcome {
        let limit = self.limits.look_up;
        let mirrors = self.http.mirrors(image.registry());
        let places = session::places(mirrors, image, keyring);
        let request = Request {
            image,
            platform,
            places: &places,
            limit,
        };
        let fresh = async {
            let outcome = self.look_up(&request).await;
            let counts = match &outcome {
                Err(_) => self.limits.failure,
                Ok(_) if image.digest().is_some() => self.limits.digest,
                Ok(_) => self.limits.tag,
            };
            let outcome = outcome.map_err(|problem| Arc::new(failure(image, problem)));
            Entry { outcome, counts }
        };
        let key = self.key_of(&request, &image.version());
        if let Some(entry) = self.cache.get(&key).await {
            self.counters.hits.inc();
            return entry.outcome;
        }
        let end = tokio::time::Instant::now() + limit;
        // Outside of what is shared with others: who waits here holds up nobody but his own.
        let place = timeout_at(end, self.askers.place(asker)).await;
        let Some(_place) = place.ok().flatten() else {
            return Err(Arc::new(failure(image, Problem::Busy { limit })));
        };
        // Whoever waits for another's look-up waits no longer than for one of his own.
        let entry = self.cache.entry(key).or_insert_with(fresh);
        match timeout_at(end + GRACE, entry).await {
            Ok(entry) => {
                let counter = match entry.is_fresh() {
                    true => &self.counters.misses,
                    false => &self.counters.hits,
                };
                counter.inc();
                entry.into_value().outcome
            }
            Err(_elapsed) => Err(Arc::new(failure(image, Problem::Slow { limit }))),
        }
    }

    async fn look_up(&self, request: &Request<'_>) -> Result<Arc<ImageConfig>, Problem> {
        let limit = request.limit;
        let end = tokio::time::Instant::now() + limit;
        let busy = || Problem::Busy { limit };
        // The registry's own place first: who waits for a slow registry takes none of the others'.
        let lane = self.lane(request.image.registry());
        let places = async { Some((lane?.acquire().await.ok()?, self.all.acquire().await.ok()?)) };
        let places = timeout_at(end, places).await.ok().flatten();
        let _held = places.ok_or_else(busy)?;
        if tokio::time::Instant::now() >= end {
            // Let in as another ran out of time, and so did we: the registry is left in peace.
            return Err(busy());
        }
        let memory = Recalled {
            resolver: self,
            request,
        };
        let found = timeout_at(end, registry::look_up(&self.http, request, &memory)).await;
        match found
            .map_err(|_elapsed| Problem::Slow { limit })
            .flatten()?
        {
            Found::Known(config) => Ok(config),
            Found::New(digest, config) => {
                let config = Arc::new(config);
                if request.image.digest().is_none() {
                    // So that the tag, asked for again, needs one request.
                    let entry = Entry {
                        outcome: Ok(Arc::clone(&config)),
                        counts: self.limits.digest,
                    };
                    self.cache
                        .insert(self.key_of(request, digest.as_ref()), entry)
                        .await;
                }
                Ok(config)
            }
        }
    }

    fn lane(&self, registry: &str) -> Option<&Semaphore> {
        let hash = self.hasher.hash_one(registry);
        let lane = usize::try_from(hash % 64).ok()?;
        self.lanes.get(lane)
    }

    /// The key of what the request gets under that tag or digest.
    fn key_of(&self, request: &Request<'_>, version: &str) -> Key {
        let mut mac = hmac::Context::with_key(&self.key);
        let mut add = |text: &str| {
            // The length first: no two lists of texts look the same.
            mac.update(&text.len().to_be_bytes());
            mac.update(text.as_bytes());
        };
        let kind = if version.contains(':') {
            "digest"
        } else {
            "tag"
        };
        let image = request.image;
        for text in [kind, image.registry(), image.repository(), version] {
            add(text);
        }
        add(&request.platform.to_string());
        for Place {
            host,
            repository,
            logins,
            ..
        } in request.places
        {
            add(host);
            add(repository);
            add(&logins.len().to_string());
            for login in logins {
                let texts = match login {
                    Credential::Password { username, password } => {
                        ["password", username.expose(), password.expose()]
                    }
                    Credential::IdentityToken(token) => ["identity token", "", token.expose()],
                };
                texts.into_iter().for_each(&mut add);
            }
        }
        let mut key = Key::default();
        for (to, from) in key.iter_mut().zip(mac.sign().as_ref()) {
            *to = *from;
        }
        key
    }
}

/// The resolver's own cache, under the logins of one request.
struct Recalled<'a> {
    resolver: &'a ImageResolver,
    request: &'a Request<'a>,
}

impl Memory for Recalled<'_> {
    async fn recall(&self, digest: &Digest) -> Option<Arc<ImageConfig>> {
        let key = self.resolver.key_of(self.request, digest.as_ref());
        self.resolver.cache.get(&key).await?.outcome.ok()
    }
}

fn failure(image: &ImageName, problem: Problem) -> LookupError {
    LookupError {
        image: image.written().to_owned(),
        registry: image.registry().to_owned(),
        problem,
    }
}

/// Bytes of an entry, and never less than its share of the whole.
fn weight(entry: &Entry) -> u32 {
    let words = |words: &[String]| -> usize {
        words
            .iter()
            .map(|word| word.len() + size_of::<String>())
            .sum()
    };
    let bytes = match &entry.outcome {
        Ok(config) => words(&config.entrypoint) + words(&config.command),
        // The image's name and a short chain of causes.
        Err(error) => error.image.len() + error.registry.len() + 1024,
    };
    let least = u32::try_from(MAX_BYTES / MAX_ENTRIES).unwrap_or(u32::MAX);
    u32::try_from(bytes).unwrap_or(u32::MAX).max(least)
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
