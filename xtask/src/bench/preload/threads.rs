//! Many threads that read one secret while it changes: whether reading takes a lock.
//!
//! `tests/src/bin/rotating.rs` plays the wrapper and publishes versions. A lock would show in three
//! ways: reads that do not become more with the processors, or less with more threads than those;
//! threads that give up the processor to wait; calls of futex(2). The baseline is the same program
//! without the library, on a file on tmpfs that nobody changes.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::super::paired::median;
use super::super::stage::{SERVED, Stage};
use super::worker::{Round, Worker};
use super::{OnTmpfs, rounds};
use crate::bench::Figure;
use crate::exec::Cmd;
use crate::versions::APT_BENCH;
use crate::{paths, setup};

/// As many as the issue names; `MAX_THREADS` in rounds.c.
const MANY: usize = 64;
/// Rounds of each kind. Chosen: one takes 200 ms.
const ROUNDS: usize = 15;
/// How often the value changes: what the figures call it, and the writer's pause between two
/// versions in microseconds. Chosen: more often than any lease ends; and some thousand times a
/// second, by a writer that leaves the processors to the readers, to see what a version costs.
const PACES: [(&str, u32); 2] = [
    ("rotated 100 times a second", 10_000),
    ("rotated without end", 100),
];

/// Perfect scaling over ours. Chosen: 80 % of perfect.
const SCALING: f64 = 1.25;
/// Reads of as many threads as processors, by those of [`MANY`]. Chosen: a tenth for switching.
const CROWDING: f64 = 1.1;
/// Waits, and calls of futex(2), per thousand reads. Chosen: a lock that is waited for shows at
/// every few reads.
const PER_THOUSAND: f64 = 1.0;

/// All figures.
pub(in crate::bench) fn rotating(stage: &Stage) -> Result<Vec<Figure>> {
    setup::packages(APT_BENCH)?;
    let mut figures = Vec::new();
    for (name, pause) in PACES {
        figures.extend(at_pace(&Sides::new(stage, pause)?, name)?);
    }
    Ok(figures)
}

fn at_pace(sides: &Sides, pace: &str) -> Result<Vec<Figure>> {
    let processors = std::thread::available_parallelism()?.get().min(MANY);
    let (mut ours, mut plain) = (
        Worker::start(sides.ours(&[]))?,
        Worker::start(sides.plain(&[]))?,
    );
    let (mut at_ours, mut at_plain) = (Rates::default(), Rates::default());
    for _ in 0..ROUNDS {
        for (kind, threads) in [1, processors, MANY].into_iter().enumerate() {
            at_ours.add(kind, &ours.round(threads)?);
            at_plain.add(kind, &plain.round(threads)?);
        }
    }
    ours.finish()?;
    plain.finish()?;
    let mut figures = figures(pace, processors, &at_ours, &at_plain);
    figures.push(futex(sides, pace)?);
    Ok(figures)
}

/// Reads per second with one thread, with one for each processor and with [`MANY`], and the waits
/// of the many per thousand reads.
#[derive(Debug, Default)]
struct Rates {
    kinds: [Vec<f64>; 3],
    waits: Vec<f64>,
}

impl Rates {
    fn add(&mut self, kind: usize, round: &Round) {
        if let Some(rates) = self.kinds.get_mut(kind) {
            rates.push(round.units / round.seconds);
        }
        if kind == 2 {
            self.waits.push(round.switches / round.units * 1e3);
        }
    }

    fn medians(&self) -> [f64; 3] {
        self.kinds.each_ref().map(|rates| median(rates.clone()))
    }

    fn how(&self) -> String {
        let [one, some, many] = self.medians();
        format!("{one:.0}, {some:.0} and {many:.0} reads/s")
    }
}

fn figures(pace: &str, processors: usize, ours: &Rates, plain: &Rates) -> Vec<Figure> {
    let perfect = f64::from(u32::try_from(processors).unwrap_or(u32::MAX));
    let ([one, some, many], [base_one, base_some, _]) = (ours.medians(), plain.medians());
    let how = format!(
        "medians of {ROUNDS} rounds with 1, {processors} and {MANY} threads: {}; on tmpfs without \
         the library {}",
        ours.how(),
        plain.how()
    );
    vec![
        Figure {
            what: format!("a secret, {pace}: {processors} times the reads of 1 thread, by those of {processors}").into(),
            measured: perfect * one / some,
            bar: SCALING,
            unit: "×",
            how: format!("on tmpfs without the library {:.2} ×", perfect * base_one / base_some),
        },
        Figure {
            what: format!("{pace}: reads of {processors} threads, by those of {MANY}").into(),
            measured: some / many,
            bar: CROWDING,
            unit: "×",
            how,
        },
        Figure {
            what: format!("{pace}: waits of {MANY} threads per 1,000 reads").into(),
            measured: median(ours.waits.clone()),
            bar: PER_THOUSAND,
            unit: "waits",
            how: format!(
                "voluntary context switches; on tmpfs without the library {:.3}",
                median(plain.waits.clone())
            ),
        },
    ]
}

/// Rounds under strace(1), which slows each down.
const TRACED_ROUNDS: usize = 10;

/// Calls of futex(2) by the reading threads in rounds of [`MANY`], beyond the baseline's, by
/// strace(1). The main thread's are left out: it waits for the others to end.
fn futex(sides: &Sides, pace: &str) -> Result<Figure> {
    let strace = ["strace", "-f", "-e", "trace=futex", "-o"];
    let mut strace: Vec<&OsStr> = strace.map(OsStr::new).to_vec();
    strace.push(sides.log.as_os_str());
    let count = |worker: Cmd| -> Result<(f64, f64)> {
        let mut worker = Worker::start(worker)?;
        let mut reads = 0.0;
        for _ in 0..TRACED_ROUNDS {
            reads += worker.round(MANY)?.units;
        }
        worker.finish()?;
        let log = fs::read_to_string(&sides.log).context("no log by strace")?;
        Ok((readers_calls(&log), reads))
    };
    let ours = count(sides.ours(&strace))?;
    let plain = count(sides.plain(&strace))?;
    Ok(Figure {
        what: format!("{pace}: futex calls of {MANY} threads per 1,000 reads").into(),
        measured: (ours.0 - plain.0).max(0.0) / ours.1 * 1e3,
        bar: PER_THOUSAND,
        unit: "calls",
        how: format!(
            "by strace, beyond the baseline's: {} calls in {} reads; on tmpfs without the library {} in {}",
            ours.0, ours.1, plain.0, plain.1
        ),
    })
}

/// The calls of futex in a log of `strace -f`, without those of the thread that makes most.
fn readers_calls(log: &str) -> f64 {
    let mut threads = BTreeMap::<&str, u32>::new();
    for line in log.lines() {
        // 123   futex(0x7f…, FUTEX_WAIT…
        let Some((thread, call)) = line.split_once(char::is_whitespace) else {
            continue;
        };
        if call.trim_start().starts_with("futex(") {
            *threads.entry(thread).or_default() += 1;
        }
    }
    let all: u32 = threads.values().sum();
    f64::from(all - threads.values().max().unwrap_or(&0))
}

/// The two programs that are compared.
#[derive(Debug)]
struct Sides {
    rounds: PathBuf,
    rotating: PathBuf,
    library: PathBuf,
    stop: PathBuf,
    log: PathBuf,
    file: OnTmpfs,
    /// Microseconds.
    pause: u32,
}

impl Sides {
    fn new(stage: &Stage, pause: u32) -> Result<Self> {
        let build = Cmd::new("cargo").args(["build", "--locked", "--package", "cloudtaser-tests"]);
        build.args(["--bin", "rotating"]).dir(paths::root()).run()?;
        let library = stage.cloudtaser.with_file_name(crate::preload::FILE);
        ensure!(library.is_file(), "{} is not there", library.display());
        Ok(Self {
            rounds: rounds(stage)?,
            rotating: paths::target()?.join("debug/rotating"),
            library,
            stop: stage.file("stop"),
            log: stage.file("strace.txt"),
            // As long as a version is.
            file: OnTmpfs::new(&"a".repeat(200))?,
            pause,
        })
    }

    /// The readers with the library, under the writer.
    fn ours(&self, before: &[&OsStr]) -> Cmd {
        let writer = [&self.rotating, &self.library, Path::new(SERVED), &self.stop];
        let pause = format!("ROTATING_PAUSE_US={}", self.pause);
        let cmd = Cmd::new("env").arg(pause).args(before).args(writer);
        cmd.arg(&self.rounds).arg("threads").arg(SERVED)
    }

    /// The readers without either.
    fn plain(&self, before: &[&OsStr]) -> Cmd {
        let cmd = Cmd::new("env").args(before).arg(&self.rounds);
        cmd.arg("threads").arg(&self.file.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_main_thread_s_calls_are_left_out() {
        let call = |thread: &str| format!("{thread}  futex(0x7f, FUTEX_WAIT, 1, NULL) = 0\n");
        let log = [call("12"), call("12"), "12 +++ exited with 0 +++\n".into()].concat();
        assert!(readers_calls(&log).abs() < 1e-9);
        let log = log + &call("13") + "14  <... futex resumed>) = 0\n";
        assert!((readers_calls(&log) - 1.0).abs() < 1e-9);
        assert!(readers_calls("").abs() < 1e-9);
    }

    #[test]
    fn a_lock_shows_in_the_figures() {
        let rates = |one: f64, some: f64, many: f64, waits: f64| Rates {
            kinds: [vec![one], vec![some], vec![many]],
            waits: vec![waits],
        };
        let free = figures(
            "",
            4,
            &rates(1.0, 4.0, 4.0, 0.0),
            &rates(1.0, 4.0, 4.0, 0.0),
        );
        assert!(free.iter().all(Figure::is_met), "{free:?}");
        let locked = figures(
            "",
            4,
            &rates(1.0, 1.0, 0.5, 30.0),
            &rates(1.0, 4.0, 4.0, 0.0),
        );
        assert!(!locked.iter().any(Figure::is_met), "{locked:?}");
    }
}
