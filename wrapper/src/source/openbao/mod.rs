//! OpenBao or Vault over its HTTP API.

pub mod address;
pub mod settings;
