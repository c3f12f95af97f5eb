//! What `/metrics` says. Labels are words of ours, never a user's text.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::image::CacheCounters;

/// Bounds of the histogram in seconds. Chosen: around the bar of 20 ms, and up to the API server's
/// longest time-out of 30 s.
const SECONDS: [f64; 13] = [
    0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2.0, 10.0, 30.0,
];

/// Why requests are not decided about (`super::http`).
pub const TURNED_AWAY: [&str; 10] = [
    "broken",
    "empty",
    "failed",
    "full",
    "media_type",
    "no_length",
    "no_review",
    "panic",
    "slow",
    "too_large",
];

/// Why connections are ended by us (`super::listen`).
pub const CONNECTION_ENDS: [&str; 7] = [
    "answer_not_taken",
    "evicted",
    "full",
    "handshake",
    "handshake_slow",
    "head_slow",
    "idle",
];

/// A decision in two words.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub struct Decided {
    /// `inject`, `complete`, `unchanged`, `deny`, `skip`, `invalid`.
    pub decision: &'static str,
    /// Why.
    pub reason: &'static str,
}

/// One word.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub struct Reason {
    /// Why.
    pub reason: &'static str,
}

/// All metrics.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Decisions.
    pub decisions: Family<Decided, Counter>,
    /// Seconds of a decision, from the request's head to the answer.
    pub seconds: Histogram,
    /// Requests that were not decided about.
    pub turned_away: Family<Reason, Counter>,
    /// Look-ups of images by outcome.
    pub images: Family<Reason, Counter>,
    /// What the memory of images did.
    pub image_cache: CacheCounters,
    /// Requests under way.
    pub in_flight: Gauge,
    /// Connections that are open.
    pub connections: Gauge,
    /// Connections that we ended, by reason.
    pub connections_ended: Family<Reason, Counter>,
    /// Failed attempts to keep the certificate, by reason.
    pub certificate_failures: Family<Reason, Counter>,
    /// Seconds since 1970.
    pub certificate_end: Gauge<f64, AtomicU64>,
    /// 1 when all profiles were read at least once.
    pub profiles_read: Gauge,
    /// Seconds for which changes of profiles have not been seen; 0 while they are.
    pub profiles_stale: Gauge<f64, AtomicU64>,
    /// Events that were dropped, for want of room or of permission.
    pub events_dropped: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("cloudtaser_webhook");
        let metrics = Self {
            decisions: Family::default(),
            seconds: Histogram::new(SECONDS),
            turned_away: Family::default(),
            images: Family::default(),
            image_cache: CacheCounters::default(),
            in_flight: Gauge::default(),
            connections: Gauge::default(),
            connections_ended: Family::default(),
            certificate_failures: Family::default(),
            certificate_end: Gauge::default(),
            profiles_read: Gauge::default(),
            profiles_stale: Gauge::default(),
            events_dropped: Counter::default(),
            registry: Registry::default(),
        };
        let m = &metrics;
        let r = &mut registry;
        r.register(
            "decisions",
            "Decisions by kind and reason",
            m.decisions.clone(),
        );
        r.register(
            "decision_seconds",
            "Seconds of a decision",
            m.seconds.clone(),
        );
        r.register(
            "turned_away",
            "Requests not decided about",
            m.turned_away.clone(),
        );
        r.register(
            "image_lookups",
            "Images asked for, by outcome",
            m.images.clone(),
        );
        register_cache(r, &m.image_cache);
        r.register("in_flight", "Requests under way", m.in_flight.clone());
        r.register(
            "connections",
            "Connections that are open",
            m.connections.clone(),
        );
        let help = "Connections that the webhook ended, by reason";
        r.register("connections_ended", help, m.connections_ended.clone());
        let help = "Failed attempts to keep the certificate, by reason";
        r.register("certificate_failures", help, m.certificate_failures.clone());
        let help = "End of the serving certificate, seconds since 1970";
        r.register("certificate_end_seconds", help, m.certificate_end.clone());
        let help = "1 when all profiles were read";
        r.register("profiles_read", help, m.profiles_read.clone());
        let help = "Seconds for which changes of profiles have not been seen";
        r.register("profiles_stale_seconds", help, m.profiles_stale.clone());
        let help = "Events about refusals that were not written";
        r.register("events_dropped", help, m.events_dropped.clone());
        // There from the start, so that an alert sees the first one.
        for reason in TURNED_AWAY {
            drop(metrics.turned_away.get_or_create(&Reason { reason }));
        }
        for reason in CONNECTION_ENDS {
            drop(metrics.connections_ended.get_or_create(&Reason { reason }));
        }
        Self {
            registry,
            ..metrics
        }
    }
}

fn register_cache(r: &mut Registry, cache: &CacheCounters) {
    let help = "Images asked for that the cache knew, or that another's look-up answered";
    r.register("image_cache_hits", help, cache.hits.clone());
    let help = "Images asked for that needed a look-up";
    r.register("image_cache_misses", help, cache.misses.clone());
    let help = "Answers about images that were dropped because their time was over";
    r.register("image_cache_expired", help, cache.expired.clone());
    let help = "Answers about images that were dropped, or not kept, for want of room";
    r.register("image_cache_displaced", help, cache.displaced.clone());
}

impl Metrics {
    /// Counts a request that is not decided about.
    pub fn turn_away(&self, reason: &'static str) {
        self.turned_away.get_or_create(&Reason { reason }).inc();
    }

    /// Counts a connection that we end.
    pub fn end_connection(&self, reason: &'static str) {
        self.connections_ended
            .get_or_create(&Reason { reason })
            .inc();
    }

    /// The text of OpenMetrics.
    ///
    /// # Errors
    ///
    /// None that a string could give.
    pub fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}
