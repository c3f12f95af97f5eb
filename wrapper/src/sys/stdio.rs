//! Makes sure that descriptors 0, 1 and 2 are open, so that none of ours gets their numbers.
//!
//! A program started with standard error closed would otherwise write its messages into whatever
//! the wrapper opened next. The stand-ins close on `execve`: the program finds what we found.
//! No `unsafe` here; the file stands beside the calls that it prepares for.

use rustix::fs::{Mode, OFlags, open};
use rustix::io::{Errno, fcntl_getfd};
use rustix::stdio::{stderr, stdin, stdout};

/// Why a missing standard descriptor could not be stood in for.
#[derive(Debug, thiserror::Error)]
#[error("cannot open /dev/null for a standard descriptor that is closed")]
pub struct StdioError(#[source] std::io::Error);

/// Opens `/dev/null`, close-on-exec, for each standard descriptor that is closed.
///
/// # Errors
///
/// [`StdioError`] when there is no `/dev/null`; only with a closed descriptor.
pub fn open_missing() -> Result<(), StdioError> {
    let descriptors = [stdin(), stdout(), stderr()];
    for descriptor in descriptors {
        if fcntl_getfd(descriptor) != Err(Errno::BADF) {
            continue;
        }
        // `open` gives the lowest free number: the one just found, as those below are open.
        let null = open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())
            .map_err(|error| StdioError(error.into()))?;
        // It stays open for the life of the process.
        let _number = std::os::fd::IntoRawFd::into_raw_fd(null);
    }
    Ok(())
}
