//! Configuration.
pub mod file;
