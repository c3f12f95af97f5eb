//! The webhook's certificates: replicas against a cluster in memory ([`agreement`], every schedule of
//! requests that proptest thinks of: [`schedules`]), and what the server shows ([`reload`]).
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "tests panic, so that the line is shown"
)]

mod agreement;
mod memory;
mod reload;
mod schedules;
