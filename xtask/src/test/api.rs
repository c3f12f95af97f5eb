//! The api tier: the webhook against the servers that it talks to.

use anyhow::Result;

use super::report::{Outcome, Report};
use crate::exec::Cmd;
use crate::setup::registry::{self, Availability};

/// Each part names what it lacks, and the others still run.
pub(super) fn tier(report: &mut Report, filter: Option<&str>) -> Result<()> {
    image_registry(report, filter)
}

/// Cargo leaves these out of `unit` for want of the feature.
fn image_registry(report: &mut Report, filter: Option<&str>) -> Result<()> {
    let registry = match registry::for_api()? {
        Availability::Here(registry) => registry,
        Availability::Missing(what) => {
            report.add("the image registry", Outcome::Skipped(what));
            return Ok(());
        }
    };
    let cargo = Cmd::new("cargo")
        .args(["test", "--locked", "--package", "cloudtaser-webhook"])
        .args(["--features", "real-registry", "--test", "real_registry"]);
    super::cargo_test(report, registry.told(cargo), filter)
}
