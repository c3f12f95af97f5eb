//! Shared pieces of the process tests.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "test code: a panic shows the line"
)]

pub mod elf;
pub mod process;
pub mod search;
pub mod skip;
pub mod wrapper;

pub use skip::skip;
pub use wrapper::{Ended, Planted, Wrapper, cloudtaser};
