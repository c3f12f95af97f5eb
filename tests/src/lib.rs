//! Shared pieces of the process tests.
#![expect(clippy::expect_used, reason = "test code: a panic shows the line")]

pub mod binary;
pub mod elf;
pub mod skip;

pub use binary::cloudtaser;
pub use skip::skip;
