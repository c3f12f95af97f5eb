//! `cargo xtask test`: runs tiers, ends with one table and the counts.
//!
//! A tier adds [`report::Case`]s to the report; [`report`] prints. The order is the order of
//! [`TIERS`]: cheapest first, so that a mistake shows early.

use std::time::Instant;

use anyhow::{Context, Result, bail};

use self::report::{Outcome, Report};
use crate::command::{Answer, nearest};
use crate::exec::Cmd;
use crate::setup::server::Availability;
use crate::{demo, lint, paths, product, setup};

mod api;
mod fuzz;
mod gotest;
mod libtest;
pub(crate) mod report;
mod sdk;
mod skip;
mod targets;
mod vm;

/// A tier: its name and what runs it. The filter is a part of a test's name.
struct Tier {
    name: &'static str,
    run: fn(&mut Report, Option<&str>) -> Result<()>,
}

const TIERS: &[Tier] = &[
    Tier {
        name: "lint",
        run: lint::tier,
    },
    Tier {
        name: "unit",
        run: unit,
    },
    Tier {
        name: "process",
        run: process,
    },
    Tier {
        name: "openbao",
        run: openbao,
    },
    Tier {
        name: "api",
        run: api::tier,
    },
    Tier {
        name: "runtimes",
        run: runtimes,
    },
    Tier {
        name: "sdk",
        run: sdk::tier,
    },
    Tier {
        name: "vm",
        run: vm::tier,
    },
    Tier {
        name: "fuzz",
        run: fuzz::tier,
    },
    Tier {
        name: "demo",
        run: demo::tier,
    },
];

/// The package whose tests need more than the compiler.
const TESTS: &str = "cloudtaser-tests";

/// The command itself.
pub(crate) fn run(tier: Option<&str>, filter: Option<&str>) -> Answer {
    let chosen: Vec<&Tier> = match tier {
        None => TIERS.iter().collect(),
        Some(name) => TIERS.iter().filter(|tier| tier.name == name).collect(),
    };
    if chosen.is_empty() {
        let wrong = tier.unwrap_or_default();
        let names: Vec<&str> = TIERS.iter().map(|tier| tier.name).collect();
        let hint = nearest(wrong, names.iter().copied());
        bail!(
            "unknown tier `{wrong}`{hint}; the tiers are {}",
            names.join(", ")
        );
    }
    let mut report = Report::default();
    for tier in chosen {
        let start = Instant::now();
        report.begin(tier.name);
        if let Err(error) = (tier.run)(&mut report, filter) {
            // The tier as a whole could not run; the others still do.
            report.add(
                &format!("the tier `{}`", tier.name),
                Outcome::Failed(format!("{error:#}")),
            );
        }
        report.end(start.elapsed());
    }
    skip::forbid_in_ci(&mut report);
    Ok(report.conclude())
}

/// `cargo xtask ci`: lint, build, test. Linting is the first tier of `test`, and a binary that
/// does not build fails the process tier, so the counts at the end speak for everything.
pub(crate) fn ci() -> Answer {
    run(None, None)
}

/// Every package's own tests. The whole workspace is selected here and in the tiers that follow, so
/// that cargo unifies features once and builds each dependency once.
fn unit(report: &mut Report, filter: Option<&str>) -> Result<()> {
    let cargo = workspace()
        .arg("--lib")
        .args(tested("bin", |_| true)?)
        .args(tested("test", |package| package != TESTS)?);
    cargo_test(report, cargo, filter)?;
    cargo_test(report, workspace().arg("--doc"), filter)
}

fn process(report: &mut Report, filter: Option<&str>) -> Result<()> {
    setup::for_running()?;
    let binary = product::build(true)?;
    let cargo = workspace().args(tested("test", |package| package == TESTS)?);
    cargo_test(report, cargo.env("CLOUDTASER_BIN", binary), filter)
}

/// `cargo test` of the whole workspace; the caller says which targets.
fn workspace() -> Cmd {
    Cmd::new("cargo").args(["test", "--locked", "--workspace"])
}

/// `--KIND=NAME` for each target of that kind, in these packages, that plain `cargo test` runs.
fn tested(kind: &str, chosen: impl Fn(&str) -> bool) -> Result<Vec<String>> {
    let targets = targets::of(&paths::root().join("Cargo.toml"))?.into_iter();
    let tested = targets.filter(|target| target.kind == kind && target.is_tested);
    let chosen = tested.filter(|target| chosen(&target.package));
    Ok(chosen
        .map(|target| format!("--{kind}={}", target.name))
        .collect())
}

/// The tests that need a real server; cargo leaves them out of `process` for want of the feature.
fn openbao(report: &mut Report, filter: Option<&str>) -> Result<()> {
    let server = match setup::server::for_server()? {
        Availability::Here(server) => server,
        Availability::Missing(what) => {
            report.add("the secret server", Outcome::Skipped(what));
            return Ok(());
        }
    };
    setup::for_running()?;
    let binary = product::build(true)?;
    let cargo = workspace().args([
        "--features",
        "cloudtaser-tests/real-server",
        "--test",
        "openbao",
    ]);
    let cargo = server.told(cargo.env("CLOUDTASER_BIN", binary));
    cargo_test(report, cargo, filter)
}

/// Programs that no one here wrote; cargo leaves them out of `process` for want of the feature.
fn runtimes(report: &mut Report, filter: Option<&str>) -> Result<()> {
    setup::for_running()?;
    let programs = setup::runtimes::for_runtimes()?;
    // A distribution whose archive has no older release skips one test, which says so.
    let old = setup::old_glibc::for_runtimes();
    let binary = product::build(true)?;
    let cargo = workspace().args([
        "--features",
        "cloudtaser-tests/runtimes",
        "--test",
        "runtimes",
    ]);
    let mut cargo = programs.told(cargo.env("CLOUDTASER_BIN", binary));
    match old {
        Ok(old) => cargo = old.told(cargo),
        Err(error) => println!("setup: no older glibc: {error:#}"),
    }
    cargo_test(report, cargo, filter)
}

/// Runs `cargo test` and reads its lines into the report.
fn cargo_test(report: &mut Report, cargo: Cmd, filter: Option<&str>) -> Result<()> {
    let log = paths::target()?.join("skip.log");
    std::fs::write(&log, "").with_context(|| format!("cannot write {}", log.display()))?;
    let mut cargo = cargo
        .arg("--no-fail-fast")
        .env("CLOUDTASER_SKIP_LOG", &log)
        // With one thread libtest runs tests on the main thread, whose name is not the test's.
        .env("RUST_TEST_THREADS", threads().to_string())
        .dir(paths::root());
    if let Some(filter) = filter {
        cargo = cargo.args(["--", filter]);
    }
    let mut reader = libtest::Reader::default();
    let status = cargo.lines(|line| reader.line(line))?;
    let mut cases = reader.finish(status.success());
    skip::apply(&std::fs::read_to_string(&log)?, &mut cases);
    for (name, outcome) in cases {
        report.add(&name, outcome);
    }
    Ok(())
}

/// One test a core, and never fewer than two.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(2, |n| n.get().max(2))
}
