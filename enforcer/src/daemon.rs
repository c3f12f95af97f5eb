//! `run`: attach, say so, stay.
//!
//! The links are ours: when this process ends, enforcement ends with it. Pins come with a later
//! part.

use std::io::Write as _;

use crate::Options;
use crate::load::{self, LoadError};

/// Loads, says which tier is reached, and waits for a signal.
///
/// # Errors
///
/// When the programs cannot be loaded or attached.
pub(crate) fn run(options: &Options) -> Result<(), LoadError> {
    let loaded = load::load(options)?;
    println!("tier {}", loaded.tier());
    println!("ready");
    // A reader that went away is no reason to stop guarding.
    let _gone = std::io::stdout().flush();
    loop {
        std::thread::park();
    }
}
