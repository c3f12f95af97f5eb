//! Sizes: the binary on disk, the wrapper's resident memory while it supervises.

use std::fs;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::Figure;
use super::server::FEW;
use super::stage::{LARGE, LARGE_VALUE, SMALL, Stage, TEN, THOUSAND};
use crate::exec::Cmd;
use crate::process;

/// One MiB in bytes.
const MIB: f64 = 1024.0 * 1024.0;
/// Bars: binary and resident memory in MiB, memory of values in multiples of their bytes.
const BINARY_MIB: f64 = 6.0;
const RESIDENT_MIB: f64 = 6.0;
const TIMES_VALUES: f64 = 2.0;
/// Longest wait for the program's start. Chosen: it takes milliseconds.
const STARTED_WITHIN: Duration = Duration::from_secs(10);

/// The binary's size.
pub(super) fn size(stage: &Stage) -> Result<Vec<Figure>> {
    let bytes = fs::metadata(&stage.cloudtaser)
        .context("cannot see the binary")?
        .len();
    Ok(vec![Figure {
        what: "binary".into(),
        measured: as_f64(bytes) / MIB,
        bar: BINARY_MIB,
        unit: "MiB",
        how: format!("{bytes} bytes"),
    }])
}

/// Resident memory with ten secrets.
pub(super) fn supervising(stage: &Stage) -> Result<Vec<Figure>> {
    Ok(vec![within(
        "resident memory while supervising",
        stage.run(SMALL, TEN),
    )?])
}

/// The same with ten secrets from a server.
pub(super) fn supervising_from_server(stage: &Stage) -> Result<Vec<Figure>> {
    Ok(vec![within(
        "resident memory while supervising, from the server",
        stage.server()?.run(&stage.cloudtaser, FEW),
    )?])
}

fn within(what: &'static str, run: Cmd) -> Result<Figure> {
    let (now, peak) = resident(run)?;
    Ok(Figure {
        what: what.into(),
        measured: as_f64(now) / MIB,
        bar: RESIDENT_MIB,
        unit: "MiB",
        how: format!("VmRSS; at its peak (VmHWM) {:.2} MiB", as_f64(peak) / MIB),
    })
}

/// What a thousand secrets add to the resident memory, in multiples of their bytes.
pub(super) fn thousand(stage: &Stage) -> Result<Vec<Figure>> {
    let (base, _) = resident(stage.run(SMALL, 1))?;
    let (now, peak) = resident(stage.run(LARGE, THOUSAND))?;
    let values = as_f64((THOUSAND * LARGE_VALUE) as u64);
    let over = |bytes: u64| (as_f64(bytes) - as_f64(base)) / values;
    Ok(vec![Figure {
        what: "memory of 1,000 secrets over the base, by their bytes".into(),
        measured: over(now),
        bar: TIMES_VALUES,
        unit: "×",
        how: format!(
            "VmRSS over that with one secret; at its peak (VmHWM) {:.2} ×",
            over(peak)
        ),
    }])
}

/// VmRSS and VmHWM of the wrapper (proc_pid_status(5)) in bytes, while `cat` waits for input.
fn resident(run: Cmd) -> Result<(u64, u64)> {
    let mut cmd = run.arg("cat").quiet();
    let mut child = cmd
        .stdin(Stdio::piped())
        .spawn()
        .context("cannot start the wrapper")?;
    let sizes = when_started(&mut child);
    // The end of its input ends cat, and cat's end the wrapper.
    drop(child.stdin.take());
    child.wait()?;
    sizes
}

fn when_started(child: &mut Child) -> Result<(u64, u64)> {
    let start = Instant::now();
    while start.elapsed() < STARTED_WITHIN {
        if process::has_become(child.id(), "cat") {
            let status = fs::read_to_string(format!("/proc/{}/status", child.id()))?;
            let of = |name| field(&status, name).with_context(|| format!("no {name} in status"));
            return Ok((of("VmRSS:")?, of("VmHWM:")?));
        }
        if let Some(status) = child.try_wait()? {
            bail!("the wrapper ended with {status}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    bail!("the program did not start within {STARTED_WITHIN:?}")
}

/// A size in `/proc/PID/status`, given in KiB, in bytes.
fn field(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

#[expect(clippy::cast_precision_loss, reason = "sizes far below 2^52 bytes")]
fn as_f64(bytes: u64) -> f64 {
    bytes as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_is_read_in_bytes() {
        assert_eq!(
            field("VmHWM:\t  12 kB\nVmRSS:\t   8 kB\n", "VmRSS:"),
            Some(8192)
        );
        assert_eq!(field("VmHWM:\t  12 kB\n", "VmRSS:"), None);
    }
}
