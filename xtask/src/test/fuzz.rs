//! The fuzz tier: a bounded run of every target of the package in `tests/fuzz`.
//!
//! The targets link libFuzzer and are built with the pinned stable compiler: the flags are those
//! that `cargo fuzz` gives, less the sanitizer, which only a nightly compiler has. A target that
//! finds something leaves the input in the cache folder and the failure names it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::report::{Outcome, Report};
use super::targets;
use crate::exec::Cmd;
use crate::paths::{self, TRIPLE};

/// Seconds for each target. Chosen: finds what a change broke, and keeps the whole tier short: seven
/// targets run for little more than a minute.
const SECONDS: u32 = 10;
/// Seconds that one input may take, at most. Chosen: the longest takes 0.1 s; an input that makes
/// work grow out of bounds takes more than any number.
const TIMEOUT: u32 = 10;
/// Memory limit of a target, in MiB. Chosen: a reader of a region of 1 MiB needs far less.
const RSS_MIB: u32 = 1024;
/// Coverage for libFuzzer (LLVM, SanitizerCoverage). One codegen unit keeps its tables whole.
const RUSTFLAGS: &str = "-Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Ccodegen-units=1";

/// Runs the targets whose name contains the filter.
pub(crate) fn tier(report: &mut Report, filter: Option<&str>) -> Result<()> {
    let package = paths::root().join("tests/fuzz");
    if !package.join("Cargo.toml").is_file() {
        report.add(
            "fuzz targets",
            Outcome::Skipped("there is no package tests/fuzz".to_owned()),
        );
        return Ok(());
    }
    let wanted: Vec<String> = targets::of(&package.join("Cargo.toml"))?
        .into_iter()
        .filter(|target| target.kind == "bin")
        .map(|target| target.name)
        .filter(|name| filter.is_none_or(|part| name.contains(part)))
        .collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let built = build(&package)?;
    for name in &wanted {
        report.add(name, run(&package, &built.join(name), name)?);
    }
    Ok(())
}

fn build(package: &Path) -> Result<PathBuf> {
    let target = paths::target()?.join("fuzz");
    Cmd::new("cargo")
        .args([
            "build",
            "--locked",
            "--release",
            "--target",
            TRIPLE,
            "--manifest-path",
        ])
        .arg(package.join("Cargo.toml"))
        .env("CARGO_TARGET_DIR", &target)
        .env("RUSTFLAGS", RUSTFLAGS)
        .run()?;
    Ok(target.join(TRIPLE).join("release"))
}

fn run(package: &Path, program: &Path, name: &str) -> Result<Outcome> {
    let corpus = package.join("corpus").join(name);
    let kept = paths::cache()?.join("fuzz").join(name);
    let (found, artifacts) = (kept.join("corpus"), kept.join("artifacts"));
    for dir in [&found, &artifacts] {
        std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    }
    // libFuzzer adds what it finds to the first folder; the stored corpus is only read.
    let mut cmd = Cmd::new(program)
        .arg(format!("-max_total_time={SECONDS}"))
        .arg("-seed=1")
        .arg("-print_final_stats=1")
        .arg(format!("-timeout={TIMEOUT}"))
        .arg(format!("-rss_limit_mb={RSS_MIB}"))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .arg(&found);
    if corpus.is_dir() {
        cmd = cmd.arg(&corpus);
    }
    let status = cmd.status()?;
    Ok(if status.success() {
        Outcome::Passed
    } else {
        Outcome::Failed(format!("{status}; the input is in {}", artifacts.display()))
    })
}
