//! Shared pieces of the process tests.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "tests panic, so that the line is shown"
)]

pub mod binary;
pub mod compile;
pub mod elf;
pub mod kube;
pub mod preload;
pub mod process;
pub mod running;
pub mod search;
pub mod server;
pub mod skip;
pub mod store;
pub mod sys;
pub mod tree;
pub mod wrapper;

pub use binary::cloudtaser;
pub use skip::skip;
pub use wrapper::{Ended, Planted, Wrapper};

/// A random text that occurs nowhere else: 32 hexadecimal digits.
///
/// # Panics
///
/// When the kernel gives no random bytes.
#[must_use]
pub fn marker() -> String {
    let mut bytes = [0_u8; 16];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty()).unwrap();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
