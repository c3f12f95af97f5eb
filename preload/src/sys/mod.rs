//! Where the C library and the kernel are touched: one file for each of their words.

pub mod environ;
pub mod errno;
pub mod kernel;
pub mod memory;
pub mod next;
pub mod page;
pub mod process;
pub mod signal;
pub mod stream;
pub mod string;

/// Zeroes memory that held a secret. A plain store to memory that is not read again would be left
/// out.
pub fn wipe(bytes: &mut [u8]) {
    for byte in bytes {
        *core::hint::black_box(byte) = 0;
    }
}
