//! Signals while we log in and fetch: they end the start at once, but not before the token that it
//! may have got is revoked.
//!
//! The caller has blocked every signal (`sys::signal::block_all`), so that none is lost and none
//! kills us half-way; those that are meant to end a program are read here. The others wait for the
//! program.

use std::io;

use super::error::ServerError;
use crate::sys::signal::SignalFile;

/// Waits for a signal that ends the start, and gives its number.
pub(super) async fn interrupted() -> ServerError {
    match wait().await {
        Ok(signal) => ServerError::Interrupted { signal },
        Err(source) => ServerError::Syscall {
            call: "signalfd4",
            source,
        },
    }
}

async fn wait() -> io::Result<i32> {
    let file = SignalFile::of_ending_signals()?.watch()?;
    loop {
        let mut ready = file.readable().await?;
        match ready.try_io(|file| file.get_ref().read()) {
            Ok(result) => return result,
            Err(_would_block) => {}
        }
    }
}
