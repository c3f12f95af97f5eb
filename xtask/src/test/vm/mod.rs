//! The vm tier: the enforcer in virtual machines with distribution kernels.
//!
//! [`image`] builds what runs inside, [`boot`] boots it and reads the serial line, [`judge`]
//! compares with the attack table.

use anyhow::Result;
use cloudtaser_vm::table;

use super::report::{Outcome, Report};
use crate::setup::vm::{self, Availability};

mod boot;
mod image;
mod judge;

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
    for kernel in &bed.kernels {
        let is_other = |part: &str| {
            let digits = part.starts_with(|c: char| c.is_ascii_digit());
            digits && part.split(' ').next() != Some(kernel.series)
        };
        if filter.is_some_and(is_other) {
            continue;
        }
        println!("vm: {}", kernel.package);
        let secret = boot::Secret::new()?;
        let image = image::initramfs(&programs, &secret.line())?;
        let console = boot::boot(&kernel.image, &image, &judge::runs(), "")?;
        let mut cases = judge::judge(&console, &secret.nonce, table::ATTACKS);
        for mode in LOCKDOWN {
            let console = boot::boot(&kernel.image, &image, &["selftest"], mode)?;
            let name = format!("the self-test finds every hook with {mode}");
            cases.push((name, judge::selftest(&console, &secret.nonce)));
        }
        for (name, outcome) in cases {
            let name = format!("{} {name}", kernel.series);
            if filter.is_none_or(|part| name.contains(part)) {
                report.add(&name, outcome);
            }
        }
    }
    Ok(())
}
