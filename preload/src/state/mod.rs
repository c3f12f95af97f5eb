//! What this process knows, in static memory: filled once by [`init`], read without locks.

pub mod bits;
pub mod directories;
pub mod hidden;
pub mod init;
pub mod ledger;
pub mod marks;
pub mod names;
pub mod overlay;
pub mod process;
pub mod records;
pub mod region;
pub mod streams;
pub mod variables;
