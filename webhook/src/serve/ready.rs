//! Whether the API server should ask this replica.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use time::OffsetDateTime;

use super::shutdown::{Phase, Told};
use crate::certificate::ReloadingCertificate;
use crate::lookup::ProfileStore;

/// What readiness hangs on.
#[derive(Debug)]
pub struct Readiness {
    certificate: Arc<ReloadingCertificate>,
    profiles: Arc<ProfileStore>,
    phase: Told,
    stale: Duration,
    is_trusted: AtomicBool,
}

/// One condition.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Check {
    /// Its name.
    pub name: &'static str,
    /// Nothing, or what is wrong.
    pub problem: Option<&'static str>,
}

impl Readiness {
    /// Not ready, until [`Self::trusted`] says so and the rest holds.
    #[must_use]
    pub fn new(
        certificate: Arc<ReloadingCertificate>,
        profiles: Arc<ProfileStore>,
        phase: Told,
        stale: Duration,
    ) -> Self {
        Self {
            certificate,
            profiles,
            phase,
            stale,
            is_trusted: AtomicBool::new(false),
        }
    }

    /// Notes whether the API servers have what verifies our certificate. With certificates from
    /// files, that is somebody else's task and always so.
    pub fn trusted(&self, is_trusted: bool) {
        self.is_trusted.store(is_trusted, Ordering::Relaxed);
    }

    /// All conditions, now.
    #[must_use]
    pub fn checks(&self, now: OffsetDateTime) -> [Check; 4] {
        let check = |name, problem| Check { name, problem };
        let certificate = match self.certificate.loaded() {
            None => Some("there is none yet"),
            Some(_) if !self.certificate.is_ready(now) => Some("it is past its end"),
            Some(_) => None,
        };
        let is_trusted = self.is_trusted.load(Ordering::Relaxed);
        let trust = "the webhook configuration is missing, or does not name this Service";
        let profiles = match self.profiles.snapshot().is_complete {
            false => Some("they were not read yet"),
            true if self.profiles.stale() > self.stale => Some("changes are not seen"),
            true => None,
        };
        let is_ending = *self.phase.borrow() > Phase::Serving;
        [
            check("certificate", certificate),
            check("ca-bundle", (!is_trusted).then_some(trust)),
            check("profiles", profiles),
            check("shutdown", is_ending.then_some("it has begun")),
        ]
    }
}
