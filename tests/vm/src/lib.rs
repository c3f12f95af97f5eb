//! The attack table of the tier `vm`: what is tried, by whom, and what the kernel must answer.
//!
//! Data only. The guest's program (`src/guest`) runs it, xtask compares, and `docs/attacks.md` is
//! made from it. Ids are those of the catalogue of attacks that the design was made with.
#![forbid(unsafe_code)]

pub mod product;
pub mod table;
