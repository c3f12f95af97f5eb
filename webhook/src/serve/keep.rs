//! Keeps the serving certificate, for as long as it runs.

use std::sync::Arc;

use time::OffsetDateTime;
use tokio::time::sleep;

use super::log::causes;
use super::metrics::{Metrics, Reason};
use super::ready::Readiness;
use crate::certificate::{Agreement, Cluster, FilePair, INTERVAL, ReloadingCertificate, Report};

/// Plays this replica's part in the agreement.
pub async fn agreement<C: Cluster>(
    agreement: Agreement<C>,
    shown: Arc<ReloadingCertificate>,
    readiness: Arc<Readiness>,
    metrics: Arc<Metrics>,
) {
    loop {
        match agreement.sync(OffsetDateTime::now_utc).await {
            Ok(report) => {
                // What is shown is verified by every configuration that was read.
                readiness.trusted(report.webhooks > 0 && shown.loaded().is_some());
                tell(&report);
            }
            Err(error) => {
                failed(&metrics, shown.error());
                tracing::warn!(
                    error = causes(&error),
                    "the certificate is not looked after; what is served stays"
                );
            }
        }
        sleep(INTERVAL).await;
    }
}

/// What became of the certificate, if anything did.
fn tell(report: &Report) {
    if let Some(broken) = &report.broken {
        tracing::error!(
            error = causes(broken),
            "the Secret's content was of no use and is made anew"
        );
    }
    for step in &report.steps {
        tracing::info!(step = step.reason(), "certificate");
    }
}

/// Reads the files again and again.
pub async fn files(files: FilePair, metrics: Arc<Metrics>) {
    loop {
        sleep(INTERVAL).await;
        if let Err(error) = files.sync() {
            failed(&metrics, Some(error.reason()));
            tracing::error!(
                error = causes(&error),
                "the certificate's files cannot be used; the old certificate stays"
            );
        }
    }
}

fn failed(metrics: &Metrics, reason: Option<&'static str>) {
    let reason = reason.unwrap_or("unknown");
    let labels = Reason { reason };
    metrics.certificate_failures.get_or_create(&labels).inc();
}
