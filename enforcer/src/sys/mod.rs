//! System calls that rustix does not have, each in a file of its name.

use std::io;

pub(crate) mod bpf;
#[cfg(target_arch = "x86_64")]
pub(crate) mod iopl;
pub(crate) mod perf_event_open;
pub(crate) mod prctl;

/// The kernel's answer. A descriptor stays open: only an attack that was not refused has one, and the
/// self-test that made it ends soon.
fn answer(rc: libc::c_long) -> io::Result<()> {
    if rc < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}
