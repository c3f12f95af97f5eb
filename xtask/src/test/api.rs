//! The api tier: the webhook against the servers that it talks to, and the wrapper's login
//! against the API server that knows its token.

use anyhow::Result;

use super::report::{Outcome, Report};
use crate::exec::Cmd;
use crate::setup::server::Availability as Secrets;
use crate::setup::{kube, registry, server};
use crate::{product, setup};

/// A part of the tier, by what it needs.
type Part = (&'static str, fn(&mut Report, Option<&str>) -> Result<()>);

const PARTS: [Part; 2] = [
    ("the image registry", image_registry),
    ("the Kubernetes API", kube_api),
];

/// Each part names what it lacks, or how it failed, and the others still run.
pub(super) fn tier(report: &mut Report, filter: Option<&str>) -> Result<()> {
    for (name, part) in PARTS {
        if let Err(error) = part(report, filter) {
            report.add(name, Outcome::Failed(format!("{error:#}")));
        }
    }
    Ok(())
}

/// Cargo leaves these out of `unit` for want of the feature.
fn image_registry(report: &mut Report, filter: Option<&str>) -> Result<()> {
    let registry = match registry::for_api()? {
        registry::Availability::Here(registry) => registry,
        registry::Availability::Missing(what) => {
            report.add("the image registry", Outcome::Skipped(what));
            return Ok(());
        }
    };
    let cargo = super::workspace()
        .args(["--features", "cloudtaser-webhook/real-registry"])
        .args(["--test", "real_registry"]);
    super::cargo_test(report, registry.told(cargo), filter)
}

/// Cargo leaves these out of `process` for want of the feature. Without a secret server those
/// tests that need one are skipped, by their own word.
fn kube_api(report: &mut Report, filter: Option<&str>) -> Result<()> {
    let kube = match kube::for_api()? {
        kube::Availability::Here(kube) => kube,
        kube::Availability::Missing(what) => {
            report.add("the Kubernetes API", Outcome::Skipped(what));
            return Ok(());
        }
    };
    setup::for_running()?;
    let binary = product::build(true)?;
    let webhook = product::build_webhook(false)?;
    let cargo = super::workspace()
        .args([
            "--features",
            "cloudtaser-tests/kube-api",
            "--test",
            "kube_api",
        ])
        .env("CLOUDTASER_BIN", binary)
        .env("CLOUDTASER_WEBHOOK_BIN", webhook);
    let cargo = match server::for_server() {
        Ok(Secrets::Here(server)) => server.told(cargo),
        Ok(Secrets::Missing(what)) => lacking(cargo, &what),
        Err(error) => lacking(cargo, &format!("{error:#}")),
    };
    super::cargo_test(report, kube.told(cargo), filter)
}

/// Tells the tests why there is no secret server.
fn lacking(cargo: Cmd, what: &str) -> Cmd {
    cargo.env("CLOUDTASER_TEST_SERVER_LACK", what)
}
