//! Pods through the whole engine: golden ones ([`golden`]), second invocations ([`again`]), ones
//! that look injected ([`forged`]), variables ([`environment`]), what a patch does not show at a
//! glance ([`injection`]), the admission policy ([`policy`]), generated ones ([`properties`]),
//! large ones ([`sizes`]), and what is no name ([`names`]).
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "tests panic, so that the line is shown"
)]

mod again;
mod environment;
mod forged;
mod golden;
mod injection;
mod names;
mod policy;
mod properties;
mod sizes;
mod support;
