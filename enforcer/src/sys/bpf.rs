//! `bpf(2)`: the load of a program, as an attacker's; our own go through aya.
#![expect(unsafe_code, reason = "a system call that has no wrapper")]

use std::io;

/// `BPF_PROG_LOAD` and `BPF_PROG_TYPE_TRACEPOINT` (linux/bpf.h).
const PROG_LOAD: libc::c_long = 5;
const TRACEPOINT: u64 = 5;

/// Loads a program for tracepoints that does nothing.
pub(crate) fn load_tracepoint() -> io::Result<()> {
    // `r0 = 0; exit`.
    let program = [0xb7_u64, 0x95];
    let license = c"GPL";
    // Type and number of instructions; where they are; where the licence is.
    let attr = [
        TRACEPOINT | 2 << 32,
        address(program.as_ptr().addr()),
        address(license.as_ptr().addr()),
    ];
    // SAFETY: `attr` is three words long as its size says; the kernel reads it, the program and the
    // licence, which all live until it answers, and writes nothing.
    let rc = unsafe { libc::syscall(libc::SYS_bpf, PROG_LOAD, attr.as_ptr(), size_of_val(&attr)) };
    super::answer(rc)
}

fn address(address: usize) -> u64 {
    // Addresses have 64 bits here at most.
    u64::try_from(address).unwrap_or(0)
}
