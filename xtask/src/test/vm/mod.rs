//! The vm tier: the enforcer in virtual machines with distribution kernels.
//!
//! [`image`] builds what runs inside, [`boot`] boots it and reads the serial line, [`judge`]
//! compares with the attack table.

use anyhow::{Result, anyhow};
use cloudtaser_vm::table;

use self::boot::Secret;
use self::image::Programs;
use super::report::{Outcome, Report};
use crate::setup::vm::{self, Availability, Kernel};

mod boot;
mod image;
mod judge;
mod product;

/// Settings of the kernel under which the programs must load and refuse as well.
const LOCKDOWN: [&str; 2] = ["lockdown=integrity", "lockdown=confidentiality"];

/// Each kernel runs the whole table; a filter that begins with a kernel's series boots only that.
pub(super) fn tier(report: &mut Report, filter: Option<&str>) -> Result<()> {
    let bed = match vm::for_vm()? {
        Availability::Here(bed) => bed,
        Availability::Missing(what) => {
            report.add("virtual machines", Outcome::Skipped(what));
            return Ok(());
        }
    };
    for (series, lack) in &bed.lacking {
        report.add(&format!("{series} boots"), Outcome::Skipped(lack.clone()));
    }
    let programs = image::build(&bed.linker)?;
    let is_other = |kernel: &Kernel, part: &str| {
        let digits = part.starts_with(|c: char| c.is_ascii_digit());
        digits && part.split(' ').next() != Some(kernel.series)
    };
    let wanted = bed.kernels.iter();
    let wanted = wanted.filter(|kernel| filter.is_none_or(|part| !is_other(kernel, part)));
    // A machine has one emulation thread, so that each kernel has a core of its own.
    let all = std::thread::scope(|scope| {
        let programs = &programs;
        let running: Vec<_> = wanted
            .map(|kernel| scope.spawn(move || one(kernel, programs)))
            .collect();
        let ended = running.into_iter().map(|thread| match thread.join() {
            Ok(cases) => cases,
            Err(_) => Err(anyhow!("a thread of the tier `vm` panicked")),
        });
        ended.collect::<Result<Vec<_>>>()
    })?;
    for (name, outcome) in all.into_iter().flatten() {
        if filter.is_none_or(|part| name.contains(part)) {
            report.add(&name, outcome);
        }
    }
    Ok(())
}

/// All cases of one kernel.
fn one(kernel: &Kernel, programs: &Programs) -> Result<Vec<(String, Outcome)>> {
    println!("vm: {}", kernel.package);
    let secret = Secret::new()?;
    let image = image::initramfs(programs, kernel.series, &secret.line())?;
    let boot = |runs: &[&str], more: &str| {
        let console = boot::boot(&kernel.image, &image, runs, more)?;
        let Some(line) = judge::trouble(&console) else {
            return Ok(console);
        };
        // Software emulation was seen to make kernels oops; twice is no accident.
        println!("vm: {}: tried again after: {line}", kernel.package);
        boot::boot(&kernel.image, &image, runs, more)
    };
    let console = boot(&judge::runs(), "")?;
    let mut cases = judge::judge(&console, &secret.nonce, table::ATTACKS);
    for mode in LOCKDOWN {
        let console = boot(&["selftest"], mode)?;
        let name = format!("the self-test finds every hook with {mode}");
        cases.push((name, judge::selftest(&console, &secret.nonce)));
    }
    let named = |(name, outcome)| (format!("{} {name}", kernel.series), outcome);
    Ok(cases.into_iter().map(named).collect())
}
