//! Paired measuring: A B A B …, and the median of the differences and ratios of each pair.
//!
//! What disturbs the machine for longer than a round hits both of a pair and cancels out; what
//! disturbs one run is an outlier, which a median ignores.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

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
    let mut pairs = Vec::with_capacity(ROUNDS);
    for round in 0..WARM_UP + ROUNDS {
        let pair = (once(a())?.as_secs_f64(), once(b())?.as_secs_f64());
        if round >= WARM_UP {
            pairs.push(pair);
        }
    }
    Ok(Pairs(pairs))
}

fn once(cmd: Cmd) -> Result<Duration> {
    let shown = cmd.shown().to_owned();
    let mut cmd = cmd.quiet();
    let start = Instant::now();
    let status = cmd.status()?;
    let took = start.elapsed();
    ensure!(status.success(), "`{shown}` ended with {status}");
    Ok(took)
}

impl Pairs {
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
fn median(mut values: Vec<f64>) -> f64 {
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
        assert!((Pairs(vec![(2.0, 11.0)]).ratio_over(1.0) - 0.1).abs() < 1e-9);
        assert!((median(vec![4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-9);
        assert!(median(Vec::new()).is_nan());
    }

    #[test]
    fn a_failing_command_is_no_measurement() {
        assert!(measure(|| Cmd::new("true"), || Cmd::new("false")).is_err());
    }
}
