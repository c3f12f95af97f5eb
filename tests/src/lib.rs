//! Shared pieces of the process tests.

pub mod binary;
pub mod skip;

pub use binary::cloudtaser;
pub use skip::skip;
