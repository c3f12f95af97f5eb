//! Paired measuring: A B A B …, and the median of the differences and ratios of each pair.
//!
//! What disturbs the machine for longer than a round hits both of a pair and cancels out; what
//! disturbs one run is an outlier, which a median ignores.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::exec::Cmd;

/// Pairs that count. Chosen: enough that the median stays within a few per cent between runs.
pub(super) const ROUNDS: usize = 40;
/// Pairs before those, to fill the page cache.
const WARM_UP: usize = 3;

/// Seconds of both sides, pair by pair.
#[derive(Debug)]
pub(super) struct Pairs(Vec<(f64, f64)>);

/// Measures two commands in turns, from before the fork to after the wait.
pub(super) fn measure(a: impl Fn() -> Cmd, b: impl Fn() -> Cmd) -> Result<Pairs> {
    measure_by(to_exit, ROUNDS, a, b)
}

/// Measures two commands in turns, each run by `once`.
pub(super) fn measure_by(
    once: fn(Cmd) -> Result<Duration>,
    rounds: usize,
    a: impl Fn() -> Cmd,
    b: impl Fn() -> Cmd,
) -> Result<Pairs> {
    let mut pairs = Vec::with_capacity(rounds);
    for round in 0..WARM_UP + rounds {
        let pair = (once(a())?.as_secs_f64(), once(b())?.as_secs_f64());
        if round >= WARM_UP {
            pairs.push(pair);
        }
    }
    Ok(Pairs(pairs))
}

/// Time to the end of a program, whose output nobody sees.
pub(super) fn to_exit(cmd: Cmd) -> Result<Duration> {
    let shown = cmd.shown().to_owned();
    let mut cmd = cmd.quiet();
    cmd.stdout(Stdio::null());
    let start = Instant::now();
    let status = cmd.status()?;
    let took = start.elapsed();
    ensure!(status.success(), "`{shown}` ended with {status}");
    Ok(took)
}

/// The line by which a program says that it has started.
pub(super) const MARK: &str = "the program has started";

/// Time to the line [`MARK`] on a program's standard output, where a supervisor may have a say
/// first. It must succeed all the same.
pub(super) fn to_mark(cmd: Cmd) -> Result<Duration> {
    let shown = cmd.shown().to_owned();
    let mut cmd = cmd.quiet();
    cmd.stdout(Stdio::piped());
    let start = Instant::now();
    let mut child = cmd.spawn()?;
    let mut output = BufReader::new(child.stdout.take().context("no pipe")?);
    let mut line = String::new();
    while line.trim_end() != MARK {
        line.clear();
        if output.read_line(&mut line)? == 0 {
            break;
        }
    }
    let took = start.elapsed();
    // What comes after must not block it.
    std::io::copy(&mut output, &mut std::io::sink())?;
    let status = child.wait()?;
    ensure!(status.success(), "`{shown}` ended with {status}");
    ensure!(!line.is_empty(), "`{shown}` did not start the program");
    Ok(took)
}

impl Pairs {
    /// Of what was measured elsewhere, pair by pair.
    pub(super) const fn new(pairs: Vec<(f64, f64)>) -> Self {
        Self(pairs)
    }

    /// How many there are, and both medians: a figure's last column.
    pub(super) fn how(&self) -> String {
        let (a, b) = self.medians();
        let (rounds, a, b) = (self.0.len(), a * 1e3, b * 1e3);
        format!("{rounds} pairs; medians {a:.2} and {b:.2} ms")
    }

    /// How many there are, medians and fastest of both, in microseconds: for what is shorter.
    pub(super) fn how_short(&self) -> String {
        let (a, b) = self.medians();
        let fastest =
            |side: fn(&(f64, f64)) -> f64| self.0.iter().map(side).fold(f64::NAN, f64::min);
        let (least_a, least_b) = (fastest(|pair| pair.0), fastest(|pair| pair.1));
        format!(
            "{} pairs; medians {:.3} and {:.3} µs, fastest {:.3} and {:.3} µs",
            self.0.len(),
            a * 1e6,
            b * 1e6,
            least_a * 1e6,
            least_b * 1e6
        )
    }

    /// Median of B / A.
    pub(super) fn ratio(&self) -> f64 {
        median(self.0.iter().map(|(a, b)| b / a).collect())
    }

    /// Median of B − A, in seconds.
    pub(super) fn difference(&self) -> f64 {
        median(self.0.iter().map(|(a, b)| b - a).collect())
    }

    /// Median of A and of B, in seconds.
    pub(super) fn medians(&self) -> (f64, f64) {
        (
            median(self.0.iter().map(|pair| pair.0).collect()),
            median(self.0.iter().map(|pair| pair.1).collect()),
        )
    }

    /// Median of (A − base) / (B − base), where both were measured over the same base.
    pub(super) fn ratio_over(&self, base: f64) -> f64 {
        median(
            self.0
                .iter()
                .map(|(a, b)| (a - base) / (b - base))
                .collect(),
        )
    }
}

/// The middle value; of an even number the mean of the two in the middle; NaN of none.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
    if values.len().is_multiple_of(2) {
        f64::midpoint(at(middle.wrapping_sub(1)), at(middle))
    } else {
        at(middle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_ignore_outliers() {
        let pairs = Pairs(vec![(1.0, 3.0), (2.0, 4.0), (1.0, 900.0)]);
        assert!((pairs.difference() - 2.0).abs() < 1e-9);
        assert_eq!(pairs.medians(), (1.0, 4.0));
        assert!((pairs.ratio() - 3.0).abs() < 1e-9);
        let how = Pairs::new(vec![(1e-6, 4e-6), (3e-6, 2e-6)]).how_short();
        assert_eq!(
            how,
            "2 pairs; medians 2.000 and 3.000 µs, fastest 1.000 and 2.000 µs"
        );
        assert!((Pairs(vec![(2.0, 11.0)]).ratio_over(1.0) - 0.1).abs() < 1e-9);
        assert!((median(vec![4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-9);
        assert!(median(Vec::new()).is_nan());
    }

    #[test]
    fn a_failing_command_is_no_measurement() {
        assert!(measure(|| Cmd::new("true"), || Cmd::new("false")).is_err());
    }

    #[test]
    fn mark_is_waited_for() {
        let said = |text: &str| to_mark(Cmd::new("sh").args(["-c", text]));
        assert!(said(&format!("echo noise; echo {MARK}; echo")).is_ok());
        assert!(said("echo noise").is_err());
        assert!(said(&format!("echo {MARK}; exit 3")).is_err());
    }
}
