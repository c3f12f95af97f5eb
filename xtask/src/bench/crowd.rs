//! Many wrappers that start at once, as after the restart of a node: none may fail, and together
//! they must not cost much more than as many that start one after another.
//!
//! What counts is the processor time of the wrappers and their programs, not the server's. The
//! kernel adds it to our own account when we wait for a child: `cutime` and `cstime` in
//! `/proc/self/stat` (proc_pid_stat(5)).

use std::process::{Child, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use super::Figure;
use super::paired::median;
use super::server::FEW;
use super::stage::Stage;
use crate::exec::Cmd;

/// Wrappers.
const CROWD: usize = 200;
/// Processor time at once, by that of as many single starts.
const TIMES_SINGLE: f64 = 1.3;
/// How often both are done, in turns. Chosen: one takes some ten seconds.
const ROUNDS: usize = 3;
/// Clock ticks in a second, the unit of `/proc/self/stat`: USER_HZ of x86-64 and of arm64.
const TICKS: f64 = 100.0;

/// What a crowd did.
struct Crowd {
    failed: usize,
    /// Processor time and time, in seconds.
    cpu: f64,
    took: f64,
}

/// 200 at once.
pub(super) fn at_once(stage: &Stage) -> Result<Vec<Figure>> {
    let server = stage.server()?;
    let run = || server.run(&stage.cloudtaser, FEW).arg(&stage.bare);
    let _warm = run_each(run, CROWD / 10)?;
    let mut ratios = Vec::new();
    let (mut failed, mut last) = (0, String::new());
    for _ in 0..ROUNDS {
        let single = run_each(run, CROWD)?;
        ensure!(single.failed == 0, "single starts failed");
        let crowd = run_together(run)?;
        failed += crowd.failed;
        ratios.push(crowd.cpu / single.cpu);
        last = format!(
            "median of {ROUNDS} rounds; in the last {:.2} s of CPU over {:.2} s at once, \
             {:.2} s over {:.2} s singly",
            crowd.cpu, crowd.took, single.cpu, single.took
        );
    }
    Ok(vec![
        Figure {
            what: "200 starts at once from the server: failed".into(),
            measured: f64::from(u32::try_from(failed)?),
            bar: 0.0,
            unit: "",
            how: format!("of {}", ROUNDS * CROWD),
        },
        Figure {
            what: "200 starts at once from the server: CPU by that of 200 single ones".into(),
            measured: median(ratios),
            bar: TIMES_SINGLE,
            unit: "×",
            how: last,
        },
    ])
}

/// One after another.
fn run_each(run: impl Fn() -> Cmd, count: usize) -> Result<Crowd> {
    account(|| {
        let mut failed = 0;
        for _ in 0..count {
            failed += usize::from(!spawn(run())?.wait()?.success());
        }
        Ok(failed)
    })
}

/// All at once. When one cannot be started, the others are waited for all the same.
fn run_together(run: impl Fn() -> Cmd) -> Result<Crowd> {
    account(|| {
        let children: Vec<Result<Child>> = (0..CROWD).map(|_| spawn(run())).collect();
        let mut failed = 0;
        for child in children {
            let is_good = child.is_ok_and(|mut child| child.wait().is_ok_and(|s| s.success()));
            failed += usize::from(!is_good);
        }
        Ok(failed)
    })
}

fn spawn(cmd: Cmd) -> Result<Child> {
    let mut cmd = cmd.quiet();
    cmd.stdin(Stdio::null()).stdout(Stdio::null());
    cmd.spawn().context("cannot start the wrapper")
}

fn account(work: impl FnOnce() -> Result<usize>) -> Result<Crowd> {
    let (start, before) = (Instant::now(), children_ticks()?);
    let failed = work()?;
    let ticks = u32::try_from(children_ticks()? - before)?;
    Ok(Crowd {
        failed,
        cpu: f64::from(ticks) / TICKS,
        took: start.elapsed().as_secs_f64(),
    })
}

fn children_ticks() -> Result<u64> {
    let stat = std::fs::read_to_string("/proc/self/stat").context("cannot read our own stat")?;
    ticks(&stat).context("/proc/self/stat does not show the children's time")
}

/// `cutime` and `cstime`, fields 16 and 17, together.
fn ticks(stat: &str) -> Option<u64> {
    // The name, field 2, stands in parentheses and may hold anything.
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ').skip(16 - 3);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some(next()? + next()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_count() {
        let stat = "1 (a) b) S 4 5 6 7 8 9 10 11 12 13 14 15 1600 17 18";
        assert_eq!(ticks(stat), Some(1617));
        assert_eq!(ticks("1 (a) S 3"), None);
        assert!(children_ticks().is_ok());
    }

    #[test]
    fn a_failure_is_counted() {
        let crowd = run_each(|| Cmd::new("false"), 2).unwrap();
        assert_eq!(crowd.failed, 2);
    }
}
