//! The embedded store: secrets in one file, encrypted with age, without any server.
//!
//! What stands in the file is [`document`], under which names is [`path`]; how it is encrypted is
//! [`crypt`] with the keys of [`keys`]; how it is replaced without ever being half written is
//! [`mod@file`]. [`open`](mod@open) puts these together, for the source `local` and for the
//! commands of `cloudtaser store` in [`command`]. The model is that of OpenBao's KV version 2, so
//! that a program moves to a server by changing its source only.

pub mod command;
pub mod crypt;
pub mod document;
pub mod dotenv;
pub mod editor;
pub mod error;
pub mod file;
pub mod keys;
pub mod location;
pub mod open;
pub mod passphrase;
pub mod path;
pub mod recipient;
pub mod terminal;
pub mod versions;

pub use error::StoreError;
