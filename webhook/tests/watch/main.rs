//! What the watch of profiles, the conditions and the events do when the API server refuses, breaks
//! off, and comes back: against a server that says what a test tells it to.
#![expect(clippy::unwrap_used, reason = "tests panic, so that the line is shown")]

mod api;
mod profiles;
mod written;
