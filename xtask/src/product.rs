//! `cargo xtask build`: the static binary `cloudtaser`.
//!
//! `+crt-static` is given in RUSTFLAGS, for this command alone, together with an explicit
//! `--target`: so build scripts and proc macros, which must be able to load libraries, are built
//! without it. What the result must look like is in `tests/binary.toml`, checked by
//! `tests/tests/binary.rs`.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::command::Answer;
use crate::exec::Cmd;
use crate::paths::{self, TRIPLE};

/// The command itself.
pub(crate) fn run(release: bool) -> Answer {
    let file = build(release)?;
    let size = std::fs::metadata(&file)
        .context("cannot see the built binary")?
        .len();
    println!("{} ({size} bytes)", file.display());
    Ok(true)
}

/// Builds it and answers where it is.
///
/// # Errors
///
/// When cargo cannot build it.
pub(crate) fn build(release: bool) -> Result<PathBuf> {
    let mut cmd = Cmd::new("cargo").args(["build", "--locked"]);
    if release {
        cmd = cmd.arg("--release");
    }
    cmd.args(["--package", "cloudtaser-wrapper", "--target", TRIPLE])
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .dir(paths::root())
        .run()?;
    let profile = if release { "release" } else { "debug" };
    Ok(paths::target()?
        .join(TRIPLE)
        .join(profile)
        .join("cloudtaser"))
}
