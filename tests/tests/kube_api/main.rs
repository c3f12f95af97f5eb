//! A real Kubernetes API server: that it does what the tests of the webhook suppose of it, and the
//! wrapper's login with the tokens that it gives.
//!
//! `cargo xtask test api` builds what is started; all tests share one server.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "test code: a panic shows the line"
)]

mod admission;
mod app;
mod login;
mod plugin;
mod policies;
mod profiles;
mod server;
mod tokens;
mod webhook_down;
mod webhook_fields;
mod webhook_forged;
mod webhook_golden;
mod webhook_later;
mod webhook_load;
mod webhook_path;
mod webhook_reviews;
mod webhook_sizes;
