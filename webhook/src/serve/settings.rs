//! The server's limits. Every one has a default that was chosen for the API server as the only
//! client.

use std::time::Duration;

/// Limits of the admission server.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of a review, at most.
    pub body_bytes: usize,
    /// Bytes of all reviews under way.
    pub bodies_bytes: usize,
    /// Time for a request's head and for its body, each.
    pub read: Duration,
    /// Time for a TLS handshake, the wait for its turn included.
    pub handshake: Duration,
    /// Handshakes at once.
    pub handshakes: usize,
    /// Connections at once.
    pub connections: usize,
    /// Decisions at once.
    pub running: usize,
    /// Requests that wait beside them.
    pub waiting: usize,
    /// From the signal to the end of taking connections.
    pub drain: Duration,
    /// From there to the end of the process.
    pub finish: Duration,
    /// Readiness turns red when changes of profiles have not been seen for so long.
    pub stale: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // 3 MiB: what the API server takes as a request's body (its resource limit), which the
            // review holds, and some more for the review itself.
            body_bytes: (3 << 20) + (64 << 10),
            // Chosen: half of 64 MiB; 500 pods of 20 KiB are 10 MiB.
            bodies_bytes: 32 << 20,
            read: Duration::from_secs(5),
            handshake: Duration::from_secs(5),
            // Chosen: one takes a millisecond of a core.
            handshakes: 64,
            // Chosen: API servers of a control plane hold a few each; one costs 40 KiB.
            connections: 512,
            // Chosen: 500 pods at once are a large roll-out.
            running: 512,
            waiting: 1024,
            // Chosen: endpoints and the API server's own resolver take seconds to forget us.
            drain: Duration::from_secs(10),
            // The API server's longest time-out for a webhook (Kubernetes API reference).
            finish: Duration::from_secs(30),
            stale: Duration::from_secs(120),
        }
    }
}
