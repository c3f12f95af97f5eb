//! What the preload library costs a program, against the same program without it in the same run.
//!
//! The library's side is started by `cloudtaser run` with a secret as a file and as a variable; the
//! programs that are measured are in `tests/preload-c/rounds.c` (see [`worker`]). Real programs are
//! in [`programs`], a value that changes while many read in [`threads`].

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use self::worker::{Plan, alternate};
use super::Figure;
use super::stage::{BARE, SERVED, SMALL_VALUE, Stage, value};
use crate::exec::Cmd;
use crate::paths;

pub(super) mod programs;
pub(super) mod threads;
mod worker;

/// Bars: an unrelated file in per cent, a secret by the same on tmpfs, a start in microseconds.
const UNRELATED_PERCENT: f64 = 3.0;
const OF_TMPFS: f64 = 1.0;
const LOAD_US: f64 = 150.0;

/// Chosen: a round of some ten milliseconds, shorter than a time slice of those who disturb.
const OPENS: Plan = Plan {
    lives: 10,
    rounds: 40,
    units: 4000,
};
const STARTS: Plan = Plan {
    lives: 5,
    rounds: 40,
    units: 20,
};

/// A file on tmpfs, gone with this value. It is where the file system itself takes least.
#[derive(Debug)]
struct OnTmpfs(PathBuf);

impl OnTmpfs {
    fn new(content: &str) -> Result<Self> {
        let file = PathBuf::from(format!("/dev/shm/cloudtaser-bench-{}", std::process::id()));
        fs::write(&file, content).with_context(|| format!("cannot write {}", file.display()))?;
        Ok(Self(file))
    }
}

impl Drop for OnTmpfs {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.0) {
            eprintln!("cannot remove {}: {error}", self.0.display());
        }
    }
}

/// A file that is none of ours, in a tight loop.
pub(super) fn unrelated(stage: &Stage) -> Result<Vec<Figure>> {
    let rounds = rounds(stage)?;
    let file = OnTmpfs::new(&value(0, SMALL_VALUE))?;
    let pairs = alternate(
        OPENS,
        || on_file(Cmd::new(&rounds), &file.0),
        || on_file(stage.serve().arg(&rounds), &file.0),
    )?;
    Ok(vec![Figure {
        what: "open+read+close of an unrelated file on tmpfs: slower by".into(),
        measured: percent(pairs.ratio()),
        bar: UNRELATED_PERCENT,
        unit: "%",
        how: pairs.how_short(),
    }])
}

/// A secret with the library, by the same bytes on tmpfs without it.
pub(super) fn secret(stage: &Stage) -> Result<Vec<Figure>> {
    let rounds = rounds(stage)?;
    let file = OnTmpfs::new(&value(0, SMALL_VALUE))?;
    let pairs = alternate(
        OPENS,
        || on_file(Cmd::new(&rounds), &file.0),
        || on_file(stage.serve().arg(&rounds), Path::new(SERVED)),
    )?;
    Ok(vec![Figure {
        what: "open+read+close of a secret of 32 bytes, by the same on tmpfs".into(),
        measured: pairs.ratio(),
        bar: OF_TMPFS,
        unit: "×",
        how: pairs.how_short(),
    }])
}

fn on_file(worker: Cmd, file: &Path) -> Cmd {
    worker.arg("open").arg(file)
}

/// What the start of a program takes longer: the look at it before, the loading, the take-over.
pub(super) fn load(stage: &Stage) -> Result<Vec<Figure>> {
    let rounds = rounds(stage)?;
    let (source, empty) = (stage.file("empty.c"), stage.file("empty"));
    fs::write(&source, BARE)?;
    compile(&source, &empty)?;
    let pairs = alternate(
        STARTS,
        || Cmd::new(&rounds).arg("spawn").arg(&empty),
        || stage.serve().arg(&rounds).arg("spawn").arg(&empty),
    )?;
    Ok(vec![Figure {
        what: "posix_spawn to exit of an empty dynamic program: longer by".into(),
        measured: pairs.difference() * 1e6,
        bar: LOAD_US,
        unit: "µs",
        how: pairs.how_short(),
    }])
}

/// How much longer, in per cent.
fn percent(ratio: f64) -> f64 {
    (ratio - 1.0) * 100.0
}

/// The program of the rounds.
fn rounds(stage: &Stage) -> Result<PathBuf> {
    let program = stage.file("rounds");
    compile(&paths::root().join("tests/preload-c/rounds.c"), &program)?;
    Ok(program)
}

/// A dynamic C program: one that can load the library.
fn compile(source: &Path, program: &Path) -> Result<()> {
    let cc = Cmd::new("cc").args(["-O2", "-pthread", "-o"]);
    cc.arg(program).arg(source).run()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slower_is_more_than_nothing() {
        assert!((percent(1.03) - 3.0).abs() < 1e-9);
        assert!(percent(0.99) < 0.0);
    }
}
