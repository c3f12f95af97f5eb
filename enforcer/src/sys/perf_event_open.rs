//! `perf_event_open(2)`: an event as an attacker opens it.
#![expect(unsafe_code, reason = "a system call that has no wrapper")]

use std::io;

/// `PERF_TYPE_SOFTWARE`, and `PERF_ATTR_SIZE_VER0` in bytes (linux/perf_event.h).
const SOFTWARE: u64 = 1;
const SIZE: u64 = 64;
/// The bit `disabled`.
const DISABLED: u64 = 1;

/// Opens a clock that counts whatever runs on the first processor.
pub(crate) fn whole_cpu() -> io::Result<()> {
    let attr = [SOFTWARE | SIZE << 32, 0, 0, 0, 0, DISABLED, 0, 0];
    let (every, cpu, none, flags) = (-1, 0, -1, 0_u64);
    // SAFETY: `attr` is 64 bytes as it says in itself, lives until the kernel answers, and the kernel
    // only reads it.
    let rc = unsafe {
        libc::syscall(
            libc::SYS_perf_event_open,
            attr.as_ptr(),
            every,
            cpu,
            none,
            flags,
        )
    };
    super::answer(rc)
}
