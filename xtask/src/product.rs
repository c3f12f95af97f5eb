//! `cargo xtask build`: the static binary `cloudtaser`, and the preload library beside it.
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

/// `cargo xtask generate`: what the webhook's crate generates, the page of
/// attacks, and the release binary's size in
/// `tests/binary.toml`.
///
/// With `check`, only says whether files and record are as they must be: the tests `generated` and
/// `product_has_the_recorded_size`.
pub(crate) fn generate(check: bool) -> Answer {
    let generated = Cmd::new("cargo").args(["test", "--locked", "--package", "cloudtaser-webhook"]);
    let generated = generated.args(["--test", "generated"]).dir(paths::root());
    let attacks = Cmd::new("cargo").args(["test", "--locked", "--package", "cloudtaser-vm"]);
    let attacks = attacks.arg("the_page_is_up_to_date").dir(paths::root());
    if check {
        generated.run()?;
        attacks.run()?;
        return crate::test::run(Some("process"), Some("product_has_the_recorded_size"));
    }
    generated.env("CLOUDTASER_GENERATE", "1").run()?;
    attacks.env("CLOUDTASER_GENERATE", "1").run()?;
    let size = std::fs::metadata(build(true)?)
        .context("cannot see the built binary")?
        .len();
    let file = paths::root().join("tests/binary.toml");
    let text = std::fs::read_to_string(&file).context("cannot read tests/binary.toml")?;
    std::fs::write(&file, with_size(&text, size)?).context("cannot write tests/binary.toml")?;
    println!("{}: size_bytes = {size}", file.display());
    Ok(true)
}

/// The stored text with its one `size_bytes` line replaced.
fn with_size(text: &str, size: u64) -> Result<String> {
    let is_size = |line: &&str| line.starts_with("size_bytes = ");
    anyhow::ensure!(
        text.lines().filter(is_size).count() == 1,
        "not one line `size_bytes = …`"
    );
    let line = format!("size_bytes = {size}");
    let lines = text
        .lines()
        .map(|old| if is_size(&old) { line.as_str() } else { old });
    Ok(lines.collect::<Vec<_>>().join("\n") + "\n")
}

/// Static; and relocations in their packed form, which makes the file 200 KiB smaller (glibc 2.36).
const RUSTFLAGS: &str =
    "-C target-feature=+crt-static -C link-arg=-Wl,-z,pack-relative-relocs,--icf=all";

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
        .env("RUSTFLAGS", RUSTFLAGS)
        .dir(paths::root())
        .run()?;
    let profile = if release { "release" } else { "debug" };
    let folder = paths::target()?.join(TRIPLE).join(profile);
    crate::preload::build(&folder)?;
    Ok(folder.join("cloudtaser"))
}

/// Builds the webhook's server and answers where it is. Released with the profile `webhook`: it
/// unwinds (docs/design.md).
///
/// # Errors
///
/// When cargo cannot build it.
pub(crate) fn build_webhook(release: bool) -> Result<PathBuf> {
    let profile = if release { "webhook" } else { "dev" };
    Cmd::new("cargo")
        .args(["build", "--locked", "--package", "cloudtaser-webhook"])
        .args(["--bin", "cloudtaser-webhook", "--bin", "kubectl-cloudtaser"])
        .args(["--profile", profile])
        .dir(paths::root())
        .run()?;
    let folder = if release { "webhook" } else { "debug" };
    Ok(paths::target()?.join(folder).join("cloudtaser-webhook"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_size_line_changes() {
        let text = "# head\nsize_bytes = 1\nmost_bytes = 9\n";
        assert_eq!(
            with_size(text, 23).unwrap(),
            "# head\nsize_bytes = 23\nmost_bytes = 9\n"
        );
        assert!(with_size("most_bytes = 9\n", 23).is_err());
    }
}
