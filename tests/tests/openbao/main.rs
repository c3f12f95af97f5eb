//! The wrapper against a real secret server.
//!
//! `cargo xtask test openbao` says which server; all tests share it.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "test code: a panic shows the line"
)]

mod app;
mod bounded;
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
mod run_addresses;
mod run_engines;
mod run_kv;
mod run_logins;
mod run_tokens;
mod run_transport;
mod run_values;
mod server;
mod situations;
