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
    /// Time for a request's head, for its body, and for an answer to be taken, each.
    pub read: Duration,
    /// Time for a TLS handshake.
    pub handshake: Duration,
    /// A connection on which nothing is asked for so long is closed.
    pub idle: Duration,
    /// Connections at once. One more takes the place of one that asks for nothing.
    pub connections: usize,
    /// Bytes that a review may take once it is read ([`super::gate::weight`]).
    pub review_bytes: usize,
    /// The same of all that are decided about at once.
    pub running_bytes: usize,
    /// The same of those that wait for a cluster or a registry to be looked up.
    pub waiting_bytes: usize,
    /// Of these, what one namespace may have.
    pub namespace_bytes: usize,
    /// Bytes of answers that are made or not yet taken ([`super::gate::MAKING`]).
    pub answers_bytes: usize,
    /// Decisions at once.
    pub running: usize,
    /// Requests that wait beside them.
    pub waiting: usize,
    /// From the signal to the end of taking connections: time for the others to forget us.
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
            // Chosen: a quarter of 64 MiB; 500 pods of 20 KiB are 10 MiB.
            bodies_bytes: 16 << 20,
            // Chosen: a pod of 5 containers takes 50 KiB, the largest annotations (256 KiB) of
            // nothing but commas 32 MiB, which nobody has.
            review_bytes: 16 << 20,
            // Chosen: half of 64 MiB; 500 pods at once take 12 MiB.
            running_bytes: 32 << 20,
            // Chosen: half as many again; a quarter of them is 240 pods of 5 containers that wait for
            // what one namespace names.
            waiting_bytes: 48 << 20,
            namespace_bytes: 12 << 20,
            // Chosen: two are made at once, and the largest that is ready takes 1.5 MiB.
            answers_bytes: 32 << 20,
            read: Duration::from_secs(5),
            handshake: Duration::from_secs(5),
            // Above 90 s, after which an API server closes it itself (Go, net/http's
            // DefaultTransport): who closes first must not be us, for a request could be on its
            // way.
            idle: Duration::from_secs(120),
            // Chosen: an API server opens one for each review under way (HTTP/1.1); with its
            // buffers an idle one costs some 40 KiB.
            connections: 1024,
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
