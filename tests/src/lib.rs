//! Shared pieces of the process tests.

pub mod skip;

pub use skip::skip;
