//! The admission webhook: what a decision costs, and a crowd of pods and a rotation of certificates
//! against a real API server. A program of the tests' package drives it, and an example of the
//! webhook's; the base is a pod that opted out, on the same server in the same run.

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::Figure;
use super::stage::Stage;
use crate::exec::Cmd;
use crate::setup::kube::{Availability, for_api};
use crate::{paths, product};

const MIB: f64 = 1_048_576.0;

/// Decide and patch, pure.
pub(super) fn decide(_: &Stage) -> Result<Vec<Figure>> {
    let run = Cmd::new("cargo").args(["run", "--locked", "--quiet", "--profile", "webhook"]);
    let run = run.args([
        "--package",
        "cloudtaser-webhook",
        "--example",
        "decide_cost",
    ]);
    let told = told(run)?;
    let [inject, skip] = ["inject_ns", "skip_ns"].map(|name| number(&told, name));
    Ok(vec![Figure {
        what: "webhook: decide and patch, pod of 5 containers".into(),
        measured: inject? / 1e3,
        bar: 100.0,
        unit: "µs",
        how: format!("median; {:.2} µs for a pod that opted out", skip? / 1e3),
    }])
}

/// Everything that needs servers.
pub(super) fn crowd(_: &Stage) -> Result<Vec<Figure>> {
    let kube = match for_api()? {
        Availability::Here(kube) => kube,
        Availability::Missing(what) => bail!("no API server: {what}"),
    };
    let binary = product::build_webhook(true)?;
    Cmd::new("cargo")
        .args(["build", "--locked", "--package", "cloudtaser-tests"])
        .args(["--bin", "webhook_bench", "--bin", "start_with"])
        .dir(paths::root())
        .run()?;
    let driver = paths::target()?.join("debug/webhook_bench");
    let told = told(kube.told(Cmd::new(driver).env("CLOUDTASER_WEBHOOK_BIN", binary)))?;
    figures(&told)
}

fn figures(told: &Value) -> Result<Vec<Figure>> {
    let (crowd, cold) = (&told["crowd"], &told["cold"]);
    let (hostile, rotation) = (&told["hostile"], &told["rotation"]);
    let of = |name| number(crowd, name);
    let at_once = of("at_once")?;
    let figure = |what: &str, measured, bar, unit, how| Figure {
        what: format!("webhook: {what}").into(),
        measured,
        bar,
        unit,
        how,
    };
    Ok(vec![
        figure(
            "p99 inside, 500 reviews at once, warm cache",
            of("inside_p99_ms")?,
            20.0,
            "ms",
            format!(
                "bound of the histogram's bucket, worst of {} rounds of {at_once}; mean {:.2} ms, {:.1} × an opted-out pod's",
                of("rounds")?,
                of("inside_mean_ms")?,
                of("inside_mean_ms")? / of("inside_mean_base_ms")?
            ),
        ),
        figure(
            "p99 at the client, 500 reviews at once",
            of("client_p99_ms")?,
            20.0,
            "ms",
            format!(
                "{:.0} ms for opted-out pods; medians {:.0} and {:.0} ms: 500 clients on the same two cores",
                of("client_p99_base_ms")?,
                of("client_p50_ms")?,
                of("client_p50_base_ms")?
            ),
        ),
        figure(
            "reviews that failed",
            of("failed")?,
            0.0,
            "",
            format!("of {}, {} bytes each", of("reviews")?, of("review_bytes")?),
        ),
        figure(
            "resident at its peak",
            of("resident_peak")? / MIB,
            64.0,
            "MiB",
            format!(
                "VmHWM; {:.1} MiB before the crowd",
                of("resident_rest")? / MIB
            ),
        ),
        figure(
            "resident at its peak, reviews made to take memory",
            number(hostile, "resident_peak")? / MIB,
            // Chosen: half of the limit that docs/webhook.md advises.
            128.0,
            "MiB",
            format!(
                "{} at once of 3 MB of text, then of 100,000 numbers; {} not answered",
                hostile["at_once"], hostile["not_answered"]
            ),
        ),
        figure(
            "requests of a cold look-up",
            number(cold, "manifests")? + number(cold, "configs")?,
            2.0,
            "",
            format!(
                "{} manifest, {} configuration",
                cold["manifests"], cold["configs"]
            ),
        ),
        figure(
            "failed admissions while certificate and authority change",
            number(rotation, "failed")?,
            0.0,
            "",
            format!(
                "of {} in {:.0} s, two replicas, through the API server",
                rotation["admissions"],
                number(rotation, "seconds")?
            ),
        ),
    ])
}

/// The object that a program prints.
fn told(run: Cmd) -> Result<Value> {
    let output = run.dir(paths::root()).ask()?;
    let (text, said) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    serde_json::from_str(text.trim()).with_context(|| format!("no JSON: {text}{said}"))
}

fn number(object: &Value, name: &str) -> Result<f64> {
    let number = object.get(name).and_then(Value::as_f64);
    number.with_context(|| format!("`{name}` is no number in {object}"))
}
