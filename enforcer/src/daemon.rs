//! `run`: attach, say so, stay.
//!
//! Without pins the links are ours: when this process ends, enforcement ends with it.

use std::io::Write as _;
use std::path::Path;

use crate::Options;
use crate::load::{self, LoadError};

/// Loads, says which tier is reached, and waits for a signal.
///
/// # Errors
///
/// When the programs cannot be loaded or attached.
pub(crate) fn run(options: &Options, pin: Option<&Path>) -> Result<(), LoadError> {
    let loaded = load::load(options, pin)?;
    println!("tier {}", loaded.tier());
    println!("ready");
    // A reader that went away is no reason to stop guarding.
    let _gone = std::io::stdout().flush();
    loop {
        std::thread::park();
    }
}
