//! CloudTaser's wrapper as a library: everything that the binary `cloudtaser` does.
//!
//! Read the modules in the order in which a value walks through them: `config` →
//! `reference` → `plan` → `harden` → [`source`] → `region` → `program` → `handover` → `launch` →
//! `init`. `start` calls them in that order. `store` is the embedded store's own commands.

pub mod cli;
pub mod command;
pub mod config;
pub mod copy;
pub mod doctor;
pub mod handover;
pub mod harden;
pub mod init;
pub mod json;
mod launch;
pub mod plan;
pub mod program;
pub mod proof;
pub mod reference;
pub mod region;
pub mod report;
pub mod secret;
pub mod source;
pub mod start;
pub mod status;
pub mod store;
pub mod sys;
