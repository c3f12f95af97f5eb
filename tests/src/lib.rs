//! Shared pieces of the process tests.
