//! Exit statuses of `cloudtaser`, each with its meaning; the table of the README.
//!
//! The program's own status (0 to 255) and 128 + n for its death by signal n are passed on. A
//! program may use the same numbers as we do, so every status of ours comes with a line on
//! standard error that begins with `cloudtaser:`.

/// Bad usage or configuration (`EX_USAGE` of `sysexits.h`), also for what clap finds.
pub const USAGE: u8 = 64;
/// A reference names a secret, field or version that is not there (`EX_NOINPUT`).
pub const NO_SECRET: u8 = 66;
/// The secret source cannot be reached, opened or read (`EX_UNAVAILABLE`).
pub const SOURCE: u8 = 69;
/// The server is there and does not serve now: sealed, not initialised, without a leader, 429 or
/// 5xx after all retries (`EX_TEMPFAIL`). Trying again later may help.
pub const TEMPORARY: u8 = 75;
/// The server's identity or answer cannot be accepted: certificate, redirect to elsewhere, size,
/// no JSON, wrong types (`EX_PROTOCOL`).
pub const PROTOCOL: u8 = 76;
/// Our own failure, such as a system call that must not fail (`EX_SOFTWARE`).
pub const INTERNAL: u8 = 70;
/// A privilege or a protection that policy demands is missing, or the server does not accept our
/// identity or does not allow what a reference asks for (`EX_NOPERM`).
pub const PRIVILEGE: u8 = 77;
/// The program was found but cannot be executed (POSIX, `env(1)`).
pub const NOT_EXECUTABLE: u8 = 126;
/// The program was not found (POSIX, `env(1)`).
pub const NOT_FOUND: u8 = 127;
/// Added to a signal's number when the program died of it (POSIX shells).
pub const SIGNAL_BASE: u8 = 128;

/// Whether `status` is one that the wrapper itself may end with.
#[must_use]
pub const fn is_ours(status: u8) -> bool {
    matches!(
        status,
        USAGE
            | NO_SECRET
            | SOURCE
            | INTERNAL
            | TEMPORARY
            | PROTOCOL
            | PRIVILEGE
            | NOT_EXECUTABLE
            | NOT_FOUND
    )
}
