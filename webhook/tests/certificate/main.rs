//! The webhook's certificates: replicas against a cluster in memory ([`agreement`], every schedule
//! of requests that proptest thinks of: [`schedules`]), the requests of the real one
//! ([`kubernetes`]), and what the server shows ([`reload`]).
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "tests panic, so that the line is shown"
)]

mod agreement;
mod kubernetes;
mod memory;
mod reload;
mod schedules;
