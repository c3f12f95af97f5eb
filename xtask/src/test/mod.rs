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
mod libtest;
pub(crate) mod report;
mod skip;
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
        name: "fuzz",
        run: fuzz::tier,
    },
    Tier {
        name: "demo",
        run: demo::tier,
    },
];

/// Runs when it is named only, until it has been seen to pass for longer.
const BY_NAME: &[Tier] = &[Tier {
    name: "vm",
    run: vm::tier,
}];

/// The packages whose tests need nothing but the compiler.
const UNIT_PACKAGES: &[&str] = &[
    "cloudtaser-abi",
    "cloudtaser-enforcer",
    "cloudtaser-preload",
    "cloudtaser-vm",
    "cloudtaser-webhook",
    "cloudtaser-wrapper",
    "xtask",
];

/// The command itself.
pub(crate) fn run(tier: Option<&str>, filter: Option<&str>) -> Answer {
    let chosen: Vec<&Tier> = match tier {
        None => TIERS.iter().collect(),
        Some(name) => {
            let all = TIERS.iter().chain(BY_NAME);
            all.filter(|tier| tier.name == name).collect()
        }
    };
    if chosen.is_empty() {
        let wrong = tier.unwrap_or_default();
        let names: Vec<&str> = TIERS.iter().chain(BY_NAME).map(|tier| tier.name).collect();
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

fn unit(report: &mut Report, filter: Option<&str>) -> Result<()> {
    let packages = UNIT_PACKAGES.iter().flat_map(|name| ["--package", name]);
    cargo_test(
        report,
        Cmd::new("cargo").args(["test", "--locked"]).args(packages),
        filter,
    )
}

fn process(report: &mut Report, filter: Option<&str>) -> Result<()> {
    setup::for_running()?;
    let binary = product::build(true)?;
    let cargo = Cmd::new("cargo").args(["test", "--locked", "--package", "cloudtaser-tests"]);
    cargo_test(report, cargo.env("CLOUDTASER_BIN", binary), filter)
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
    let cargo = Cmd::new("cargo")
        .args(["test", "--locked", "--package", "cloudtaser-tests"])
        .args(["--features", "real-server", "--test", "openbao"]);
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
    let cargo = Cmd::new("cargo")
        .args(["test", "--locked", "--package", "cloudtaser-tests"])
        .args(["--features", "runtimes", "--test", "runtimes"]);
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
