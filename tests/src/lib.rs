//! Shared pieces of the process tests.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests panic, so that the line is shown"
)]

pub mod store;
pub mod sys;

use std::path::{Path, PathBuf};

/// The binary under test: `CLOUDTASER_BIN`, else the release build of the static target.
///
/// # Panics
///
/// When there is none; the text says how to build it.
#[must_use]
pub fn cloudtaser() -> PathBuf {
    let file = std::env::var_os("CLOUDTASER_BIN").map_or_else(built, PathBuf::from);
    assert!(
        file.is_file(),
        "there is no binary at {}; build it with `RUSTFLAGS=\"-C target-feature=+crt-static\" \
         cargo build --release --target x86_64-unknown-linux-gnu`, or name one by CLOUDTASER_BIN",
        file.display()
    );
    file
}

fn built() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace's root");
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    root.join(target)
        .join("x86_64-unknown-linux-gnu/release/cloudtaser")
}

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
