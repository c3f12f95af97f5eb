//! The Go SDK: what a call costs, by Go's own benchmarks in `sdk-go/bench_test.go`.
//!
//! Of many short runs the best counts: it is the one that nobody disturbed. One processor and two
//! are measured in the same run, in turns.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::Figure;
use super::stage::Stage;
use crate::exec::Cmd;
use crate::paths;

/// Bars of the calls, in nanoseconds, and of allocations.
const USE_NS: f64 = 50.0;
const GET_NS: f64 = 200.0;
const OPEN_US: f64 = 200.0;
/// Bar of the time for a read with two processors, by that with one: 0.5 is all that two can give.
const TWO_BY_ONE: f64 = 0.65;

/// Runs of each, of this length. Chosen: shorter than a time slice of those who disturb.
const RUNS: &str = "-count=40";
const RUN: &str = "-benchtime=10ms";

/// The least nanoseconds of a benchmark, and the most allocations.
#[derive(Clone, Copy, Debug)]
struct Best {
    ns: f64,
    allocations: f64,
}

/// All of them.
pub(super) fn calls(_stage: &Stage) -> Result<Vec<Figure>> {
    let mut found = BTreeMap::new();
    let status = Cmd::new("go")
        .args(["test", "-run=^$", "-bench=.", "-cpu=1,2", RUNS, RUN, "."])
        .env("GOFLAGS", "-mod=readonly -buildvcs=false")
        .dir(&paths::root().join("sdk-go"))
        .lines(|line| add(&mut found, line))?;
    anyhow::ensure!(status.success(), "go test -bench ended with {status}");
    let of = |name: &str| {
        let best = found.get(name).copied();
        best.with_context(|| format!("there is no benchmark {name}"))
    };
    // The same call with one processor and with two: the better one was disturbed less.
    let either = |name: &str| -> Result<Best> {
        let (one, two) = (of(name)?, of(&format!("{name}-2"))?);
        Ok(Best {
            ns: one.ns.min(two.ns),
            allocations: one.allocations.max(two.allocations),
        })
    };
    let used = either("BenchmarkUse")?;
    let got = either("BenchmarkGetSecret")?;
    let open = either("BenchmarkOpen")?;
    let name = "BenchmarkUseWhileRotating";
    let (one, two) = (of(name)?, of(&format!("{name}-2"))?);
    let figure = |what: &'static str, measured, bar, unit, how: &str| Figure {
        what: what.into(),
        measured,
        bar,
        unit,
        how: how.to_owned(),
    };
    let best = "the best of 80 runs of 10 ms";
    Ok(vec![
        figure("Use of 32 bytes", used.ns, USE_NS, "ns", best),
        figure("its allocations", used.allocations, 0.0, "", "each"),
        figure("GetSecret of 32 bytes", got.ns, GET_NS, "ns", best),
        figure("its allocations", got.allocations, 1.0, "", "each"),
        figure(
            "open with 1,000 entries",
            open.ns / 1000.0,
            OPEN_US,
            "µs",
            "without the kernel's mapping; the best of 80",
        ),
        figure(
            "64 goroutines while one rotates: 2 processors by 1",
            two.ns / one.ns,
            TWO_BY_ONE,
            "×",
            &format!("{:.0} ns by {:.0} ns", two.ns, one.ns),
        ),
    ])
}

/// `BenchmarkUse-2  1045876  81.16 ns/op  0 B/op  0 allocs/op`
fn add(found: &mut BTreeMap<String, Best>, line: &str) {
    let words: Vec<&str> = line.split_whitespace().collect();
    let before = |unit| {
        let at = words.iter().position(|word| *word == unit)?;
        words.get(at.checked_sub(1)?)?.parse::<f64>().ok()
    };
    let (Some(name), Some(ns)) = (words.first(), before("ns/op")) else {
        return;
    };
    let allocations = before("allocs/op").unwrap_or(0.0);
    let best = found
        .entry((*name).to_owned())
        .or_insert(Best { ns, allocations });
    best.ns = best.ns.min(ns);
    best.allocations = best.allocations.max(allocations);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_run_counts_and_the_most_allocations() {
        let mut found = BTreeMap::new();
        for line in [
            "goos: linux",
            "BenchmarkUse-2  \t10458769\t  81.16 ns/op\t  0 B/op\t  0 allocs/op",
            "BenchmarkUse-2  \t10458769\t  41.5 ns/op\t  0 B/op\t  1 allocs/op",
            "BenchmarkUse    \t10458769\t  60 ns/op",
            "PASS",
        ] {
            add(&mut found, line);
        }
        let best = found["BenchmarkUse-2"];
        assert!((best.ns, best.allocations) == (41.5, 1.0), "{best:?}");
        assert_eq!(found.len(), 2);
    }
}
