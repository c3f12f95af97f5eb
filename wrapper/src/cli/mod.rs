//! The command line: what `cloudtaser --help` shows. Parsing only; decisions are `config`'s.

pub mod source;
pub mod store;
