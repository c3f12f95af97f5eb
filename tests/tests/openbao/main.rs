//! The wrapper against a real secret server.
//!
//! `cargo xtask test openbao` says which server; all tests share it.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "test code: a panic shows the line"
)]

mod doctor;
mod engines;
mod import;
mod logins;
mod server;
