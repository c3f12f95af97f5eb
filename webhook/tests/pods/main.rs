//! Pods through the whole engine: golden ones ([`golden`]), what a patch does not show at a glance
//! ([`injection`]), and generated ones ([`properties`]).
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "tests panic, so that the line is shown"
)]

mod golden;
mod injection;
mod properties;
mod support;
