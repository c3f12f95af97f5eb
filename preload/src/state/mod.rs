//! What this process knows, in static memory: filled once by [`init`], read without locks.

pub mod hidden;
pub mod init;
pub mod ledger;
pub mod marks;
pub mod names;
pub mod process;
pub mod region;
