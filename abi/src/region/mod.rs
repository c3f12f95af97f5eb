//! The secret region: layout and reader.
//!
//! One block of memory with a header, a directory and two slots for every value, described in
//! `docs/region.md` well enough to write a reader from. The writer is `region` in the wrapper.
//! The reader takes the memory as atomic words, so that it needs no `unsafe` and stays defined
//! while another process writes; it never allocates, never waits, and has no path that panics.

mod entry;
mod error;
pub mod layout;
mod reader;
mod text;
mod words;

pub use entry::{Entry, Environ, Snapshot};
pub use error::{EntryFault, ReadError, RegionError};
pub use reader::Region;
pub use text::Text;
