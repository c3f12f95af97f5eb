//! `/healthz`, `/readyz` and `/metrics`, over plain HTTP on a port of their own: the kubelet asks
//! while there is no certificate yet, and neither it nor Prometheus is told anything of a pod.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use time::OffsetDateTime;

use super::connections::Connections;
use super::gate::Gate;
use super::metrics::Metrics;
use super::ready::Readiness;
use crate::certificate::ReloadingCertificate;
use crate::lookup::ProfileStore;

/// What the answers are made from.
#[derive(Clone, Debug)]
pub struct Probed {
    /// Readiness.
    pub readiness: Arc<Readiness>,
    /// All metrics.
    pub metrics: Arc<Metrics>,
    /// The certificate.
    pub certificate: Arc<ReloadingCertificate>,
    /// The profiles.
    pub profiles: Arc<ProfileStore>,
    /// Connections of the API servers.
    pub connections: Arc<Connections>,
    /// Requests under way.
    pub gate: Arc<Gate>,
}

/// The three paths.
pub fn router(probed: Probed) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(probed)
}

/// A line for each condition, as the API server's own does it.
async fn ready(State(probed): State<Probed>) -> impl IntoResponse {
    let checks = probed.readiness.checks(OffsetDateTime::now_utc());
    let is_ready = checks.iter().all(|check| check.problem.is_none());
    let mut text = String::new();
    for check in checks {
        let _infallible = match check.problem {
            None => writeln!(text, "[+]{} ok", check.name),
            Some(problem) => writeln!(text, "[-]{} failed: {problem}", check.name),
        };
    }
    let status = match is_ready {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, text)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "seconds since 1970 are exact in a float for 285 million years"
)]
async fn metrics(State(probed): State<Probed>) -> impl IntoResponse {
    let metrics = &probed.metrics;
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    metrics.connections.set(count(probed.connections.count()));
    metrics.in_flight.set(count(probed.gate.in_flight()));
    let snapshot = probed.profiles.snapshot();
    metrics.profiles_read.set(snapshot.is_complete.into());
    metrics
        .profiles_stale
        .set(probed.profiles.stale().as_secs_f64());
    let end = probed.certificate.end();
    let end = end.map_or(0.0, |end| end.unix_timestamp() as f64);
    metrics.certificate_end.set(end);
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    match metrics.text() {
        Ok(text) => (StatusCode::OK, [(header::CONTENT_TYPE, kind)], text),
        Err(_odd) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            [(header::CONTENT_TYPE, "text/plain")],
            String::new(),
        ),
    }
}
