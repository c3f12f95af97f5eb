//! A side of a comparison as a process that lives through many rounds: `tests/preload-c/rounds.c`.
//!
//! Both sides are there at once and are told in turns to do a round, so the wrapper's start is not
//! in the figure and what disturbs the machine hits both. Where a process's memory happens to lie
//! is worth a per cent or two, so a comparison has several lives.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use anyhow::{Context, Result, ensure};

use super::super::paired::Pairs;
use crate::exec::Cmd;

/// The running process.
#[derive(Debug)]
pub(super) struct Worker {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    shown: String,
}

/// What a round answered.
#[derive(Debug, PartialEq)]
pub(super) struct Round {
    /// What was done: openings, starts.
    pub(super) units: f64,
    pub(super) seconds: f64,
    /// Voluntary context switches of the threads that the round made.
    pub(super) switches: f64,
}

impl Worker {
    /// Starts it.
    pub(super) fn start(cmd: Cmd) -> Result<Self> {
        let shown = cmd.shown().to_owned();
        let mut cmd = cmd.quiet();
        let mut child = cmd
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start `{shown}`"))?;
        let stdin = child.stdin.take().context("no pipe")?;
        let stdout = BufReader::new(child.stdout.take().context("no pipe")?);
        Ok(Self {
            child,
            stdin,
            stdout,
            shown,
        })
    }

    /// Has it do one round of `count`.
    pub(super) fn round(&mut self, count: usize) -> Result<Round> {
        let ended = || format!("`{}` ended in a round", self.shown);
        writeln!(self.stdin, "{count}").with_context(ended)?;
        let mut line = String::new();
        self.stdout.read_line(&mut line).with_context(ended)?;
        let round = Round::parse(&line);
        round.with_context(|| format!("`{}` answered `{}`", self.shown, line.trim()))
    }

    /// Ends it: it must succeed.
    pub(super) fn finish(self) -> Result<()> {
        let Self {
            mut child,
            stdin,
            mut stdout,
            shown,
        } = self;
        drop(stdin);
        std::io::copy(&mut stdout, &mut std::io::sink())?;
        let status = child.wait()?;
        ensure!(status.success(), "`{shown}` ended with {status}");
        Ok(())
    }
}

impl Round {
    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split_whitespace().map(str::parse::<f64>);
        let mut next = || fields.next()?.ok();
        let (units, nanoseconds, switches) = (next()?, next()?, next()?);
        (units > 0.0).then_some(Self {
            units,
            seconds: nanoseconds / 1e9,
            switches,
        })
    }

    /// Seconds for one unit.
    fn each(&self) -> f64 {
        self.seconds / self.units
    }
}

/// How often: processes on each side one after another, rounds in each, units in a round.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) lives: usize,
    pub(super) rounds: usize,
    pub(super) units: usize,
}

/// Seconds for a unit of both sides, in turns. The first round of each life does not count.
pub(super) fn alternate(plan: Plan, a: impl Fn() -> Cmd, b: impl Fn() -> Cmd) -> Result<Pairs> {
    let mut pairs = Vec::with_capacity(plan.lives * plan.rounds);
    for _ in 0..plan.lives {
        let (mut a, mut b) = (Worker::start(a())?, Worker::start(b())?);
        let _warm = (a.round(plan.units)?, b.round(plan.units)?);
        for round in 0..plan.rounds {
            // Who goes second finds the machine as the first has left it: each is it as often.
            pairs.push(if round.is_multiple_of(2) {
                let first = a.round(plan.units)?;
                (first.each(), b.round(plan.units)?.each())
            } else {
                let first = b.round(plan.units)?;
                (a.round(plan.units)?.each(), first.each())
            });
        }
        a.finish()?;
        b.finish()?;
    }
    Ok(Pairs::new(pairs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_three_numbers() {
        let round = Round {
            units: 20.0,
            seconds: 3e-6,
            switches: 1.0,
        };
        assert_eq!(Round::parse("20 3000 1\n"), Some(round));
        for line in ["", "20 3000", "0 3000 1", "ended exit status: 0"] {
            assert_eq!(Round::parse(line), None, "{line}");
        }
    }

    #[test]
    fn both_sides_are_asked_in_turns() {
        let says = |seconds: &str| {
            let script = format!("while read count; do echo $count {seconds} 0; done");
            Cmd::new("sh").args(["-c", &script])
        };
        let plan = Plan {
            lives: 2,
            rounds: 3,
            units: 1,
        };
        let pairs = alternate(plan, || says("1000"), || says("3000")).unwrap();
        assert!((pairs.ratio() - 3.0).abs() < 1e-9);
        assert!(alternate(plan, || says("1"), || Cmd::new("true")).is_err());
    }
}
