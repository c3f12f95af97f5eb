//! One replica's part in the agreement: reads, asks [`next()`], acts, and shows the certificate
//! that the API servers can verify.

use std::collections::BTreeSet;
use std::sync::Arc;

use time::OffsetDateTime;

use super::cluster::{Cluster, ClusterError, Configured};
use super::content::{Content, ContentError, Serving};
use super::fact::{certificates, pem, verifies};
use super::issue::{self, IssueError};
use super::name::Names;
use super::next::{Read, Step, next};
use super::reload::{ReloadError, ReloadingCertificate};

/// Steps in one go, at most. Chosen: the first start takes five; more are left for the next
/// interval, so that two replicas that disagree cannot keep the API server busy.
const MOST_STEPS: usize = 8;

/// The agreement could not go on; it is tried again after the interval, and what is served stays.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AgreementError {
    /// The cluster.
    #[error("cannot keep the webhook's certificate")]
    Cluster(#[from] ClusterError),
    /// A certificate could not be made.
    #[error("cannot renew the webhook's certificate")]
    Issue(#[from] IssueError),
    /// The certificate cannot be used by the server.
    #[error("cannot show the webhook's new certificate")]
    Reload(#[from] ReloadError),
}

/// What a replica did, for the log.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Report {
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// Why the Secret's content was made anew; an empty one is no event.
    pub broken: Option<ContentError>,
    /// Writes that another replica was faster with.
    pub conflicts: usize,
    /// Webhooks of the configuration that come to us: without any, no API server asks us.
    pub webhooks: usize,
}

/// A replica.
#[derive(Debug)]
pub struct Agreement<C> {
    cluster: C,
    names: Names,
    shown: Arc<ReloadingCertificate>,
}

impl<C: Cluster> Agreement<C> {
    /// A replica that shows its certificate through `shown`.
    pub fn new(cluster: C, names: Names, shown: Arc<ReloadingCertificate>) -> Self {
        Self {
            cluster,
            names,
            shown,
        }
    }

    /// Takes every step that is due. Call it at the start and every [`super::INTERVAL`].
    ///
    /// # Errors
    ///
    /// [`AgreementError`]; noted in the [`ReloadingCertificate`] too, for readiness and metrics.
    pub async fn sync(
        &self,
        clock: impl Fn() -> OffsetDateTime + Send + Sync,
    ) -> Result<Report, AgreementError> {
        let done = self.steps(&clock).await;
        self.shown.note(done.as_ref().err().map(reason));
        done
    }

    async fn steps(
        &self,
        clock: &(impl Fn() -> OffsetDateTime + Send + Sync),
    ) -> Result<Report, AgreementError> {
        let mut report = Report::default();
        for _ in 0..MOST_STEPS {
            let step = match self.step(clock, &mut report).await {
                Err(AgreementError::Cluster(error @ ClusterError::Conflict { .. })) => {
                    report.conflicts = report.conflicts.saturating_add(1);
                    if report.conflicts == MOST_STEPS {
                        return Err(error.into());
                    }
                    continue;
                }
                other => other?,
            };
            if step == Step::Rest {
                break;
            }
            report.steps.push(step);
        }
        Ok(report)
    }

    /// Reads, and does what is due.
    async fn step(
        &self,
        clock: &(impl Fn() -> OffsetDateTime + Send + Sync),
        report: &mut Report,
    ) -> Result<Step, AgreementError> {
        let configuration = self.cluster.configured().await?;
        let stored = self.cluster.secret().await?;
        let now = clock();
        let configured: Vec<_> = bundles(configuration.as_ref());
        report.webhooks = configured.len();
        let data = stored.as_ref().map(|stored| &stored.data);
        let content = data.map_or(Err(ContentError::Empty), Content::read);
        if let Ok(content) = &content {
            self.show(content, &configured, now)?;
        }
        let read = Read {
            configured: &configured,
            content: &content,
            names: &self.names,
        };
        let step = next(&read, now);
        let version = stored.as_ref().map(|stored| stored.version.as_str());
        match (&step, configuration) {
            (Step::Rest, _) => {}
            (Step::Publish(bundle), Some(read)) => {
                self.cluster.publish(&pem(bundle), &read).await?;
            }
            // Without a configuration there is nothing that could differ.
            (Step::Publish(_), None) => {}
            (step, _) => {
                if let Some(written) = self.changed(content.as_ref().ok(), step, now)? {
                    self.cluster.store(&written.write(), version).await?;
                }
            }
        }
        if matches!(step, Step::MakeAuthority(_)) {
            report.broken = content.err().filter(|error| *error != ContentError::Empty);
        }
        Ok(step)
    }

    /// The content after a step; nothing for a step that changes none.
    fn changed(
        &self,
        content: Option<&Content>,
        step: &Step,
        now: OffsetDateTime,
    ) -> Result<Option<Content>, IssueError> {
        if let Step::MakeAuthority(old) = step {
            return Ok(Some(Content {
                current: issue::authority(now)?,
                next: None,
                old: old.clone(),
                serving: None,
            }));
        }
        let Some(mut content) = content.cloned() else {
            return Ok(None);
        };
        match step {
            Step::MarkPublished => mark(&mut content, now),
            Step::SignServing(_) => self.sign(&mut content, now)?,
            Step::AddNext => content.next = Some(issue::authority(now)?),
            Step::Switch => {
                let Some(next) = content.next.take() else {
                    return Ok(None);
                };
                let next = super::content::Authority {
                    published: next.published.or(Some(now)),
                    ..next
                };
                let before = std::mem::replace(&mut content.current, next);
                content.old.push(before.certificate);
                self.sign(&mut content, now)?;
            }
            Step::DropOld => {
                let stays = |der: &_| super::next::stays(der, now);
                content.old.retain(stays);
            }
            Step::MakeAuthority(_) | Step::Publish(_) | Step::Rest => return Ok(None),
        }
        Ok(Some(content))
    }

    /// Signs for our names and for those of the certificate before: while a rename rolls out, old
    /// and new replicas would else take turns. The next renewal has our names alone.
    fn sign(&self, content: &mut Content, now: OffsetDateTime) -> Result<(), IssueError> {
        let mut names = self.names.all();
        let before = content.serving.as_ref().map(|serving| &serving.fact);
        if let Some(before) = before.filter(|before| !names.is_subset(&before.names)) {
            let more = before.names.iter().filter(|name| !name.contains('*'));
            let more: BTreeSet<_> = more.take(MOST_NAMES).cloned().collect();
            names.extend(more);
        }
        content.serving = Some(issue::serving(&content.current, &names, now)?);
        Ok(())
    }

    /// Shows the Secret's certificate, if every configuration that was read verifies it. A write of
    /// another replica may be newer than that read; then the next read shows it.
    fn show(
        &self,
        content: &Content,
        configured: &[Vec<rustls::pki_types::CertificateDer<'static>>],
        now: OffsetDateTime,
    ) -> Result<(), ReloadError> {
        let Some(serving) = &content.serving else {
            return Ok(());
        };
        let name = self.names.expected();
        let at = now.max(serving.fact.begin);
        let verified =
            |Serving { chain, .. }: &Serving, bundle: &Vec<_>| verifies(chain, bundle, &name, at);
        if configured.iter().all(|bundle| verified(serving, bundle)) {
            self.shown.show(serving)?;
        }
        Ok(())
    }
}

/// Names of an earlier certificate that are carried over, at most. Chosen: a rename has four.
const MOST_NAMES: usize = 16;

fn bundles(
    configuration: Option<&Configured>,
) -> Vec<Vec<rustls::pki_types::CertificateDer<'static>>> {
    let bundles = configuration.into_iter().flat_map(|read| &read.bundles);
    bundles.map(|bundle| certificates(&bundle.pem)).collect()
}

fn mark(content: &mut Content, now: OffsetDateTime) {
    let is_open = |time: Option<OffsetDateTime>| time.is_none_or(|time| time > now + super::SKEW);
    if is_open(content.current.published) {
        content.current.published = Some(now);
    }
    if let Some(next) = content.next.as_mut().filter(|next| is_open(next.published)) {
        next.published = Some(now);
    }
}

fn reason(error: &AgreementError) -> &'static str {
    match error {
        AgreementError::Cluster(ClusterError::Conflict { .. }) => "conflict",
        AgreementError::Cluster(ClusterError::Request { .. }) => "cluster",
        AgreementError::Issue(_) => "issue",
        AgreementError::Reload(_) => "reload",
    }
}
