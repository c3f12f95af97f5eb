//! The program under test.

use std::path::{Path, PathBuf};

/// Path of the built `cloudtaser`: `CLOUDTASER_BIN`, which `cargo xtask test` sets, else the
/// release build of this workspace.
///
/// # Panics
///
/// When there is no such file: a test without the program would prove nothing.
#[must_use]
pub fn cloudtaser() -> PathBuf {
    let built = "target/x86_64-unknown-linux-gnu/release/cloudtaser";
    let path = std::env::var_os("CLOUDTASER_BIN").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(built),
        PathBuf::from,
    );
    assert!(
        path.is_file(),
        "{path:?} is not there; run `cargo xtask build --release` or set CLOUDTASER_BIN"
    );
    path
}

/// Copies a program. Another process writes the file: a descriptor of ours would be inherited by
/// whatever another test starts just then, and the kernel executes no file that somebody may write
/// (`ETXTBSY`).
///
/// # Panics
///
/// When `cp` fails.
pub fn copy_program(from: &Path, to: &Path) {
    let copied = std::process::Command::new("cp").arg(from).arg(to).status();
    assert!(copied.expect("cp").success(), "{}", to.display());
}
