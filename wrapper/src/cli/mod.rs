//! The command line: what `cloudtaser --help` shows. Parsing only; decisions are `config`'s.

pub mod copy;
pub mod source;
