//! The wrapper against a real secret server.
//!
//! `cargo xtask test openbao` says which server; all tests share it.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "test code: a panic shows the line"
)]

mod cluster;
mod doctor;
mod engines;
mod fault_http;
mod fault_tcp;
mod import;
mod interrupt;
mod logins;
mod memory;
mod page;
mod server;
mod situations;
