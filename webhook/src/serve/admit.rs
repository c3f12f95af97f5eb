//! One review in, one answer out: decode → look up → decide → patch → encode, with the log line.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::OwnedSemaphorePermit;

use crate::annotation;
use crate::decide::{Decision, Facts, Input, Operator, Refusal, SkipReason, needs};
use crate::engine::{self, Outcome};
use crate::lookup::events::Events;
use crate::lookup::{Lookup, ProfileStore, Snapshot};
use crate::profile::NamespaceFacts;
use crate::review::{self, Answer, Operation, Request};
use crate::serve::connections::Connections;
use crate::serve::gate::{self, Full, Gate, Running, SPARE};
use crate::serve::metrics::{Decided, Metrics};

/// Everything that a decision needs.
#[derive(Debug)]
pub struct Admission {
    /// Looks up.
    pub lookup: Lookup,
    /// The profiles.
    pub profiles: Arc<ProfileStore>,
    /// The webhook's own settings.
    pub operator: Operator,
    /// Where decisions are counted.
    pub metrics: Arc<Metrics>,
    /// Where refusals are told.
    pub events: Option<Events>,
}

/// An answer, as it goes out.
#[derive(Debug)]
pub struct Answered {
    /// The AdmissionReview.
    pub review: Vec<u8>,
    /// The room that it takes; nothing where it was made without looking at the pod.
    pub room: Option<OwnedSemaphorePermit>,
    /// Whether what came was one, by its uid. Else the HTTP status says so too: nobody can tell
    /// which review the answer is for.
    pub is_review: bool,
}

/// Why a review is not answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// Too much is under way.
    #[error("too many reviews are under way")]
    Full(Full),
    /// The answer could not be written, which the types exclude: a server error, upon which the
    /// failure policy refuses the pod (*fails closed*).
    #[error("cannot write the answer")]
    Write(#[from] serde_json::Error),
}

impl From<Full> for AnswerError {
    fn from(full: Full) -> Self {
        Self::Full(full)
    }
}

/// What a review has while it is decided about, and how long.
#[derive(Debug)]
pub struct Turn<'g> {
    /// When it came.
    pub started: Instant,
    /// From there.
    pub budget: Duration,
    /// Its places.
    pub running: Running<'g>,
    /// Gives room for its answer.
    pub gate: &'g Gate,
    /// Who may have to give room for it.
    pub connections: &'g Connections,
}

impl Turn<'_> {
    fn end(&self) -> tokio::time::Instant {
        tokio::time::Instant::from_std(self.started + self.budget)
    }

    /// Room for an answer while it is made.
    async fn room(&self) -> Result<OwnedSemaphorePermit, Full> {
        let end = self.end().max(tokio::time::Instant::now() + SPARE);
        let room = self.connections.pressing(end, self.gate.making(end));
        room.await.unwrap_or(Err(Full::Late))
    }
}

/// What came of one review.
struct Found {
    room: Option<OwnedSemaphorePermit>,
    answer: Answer,
    decision: &'static str,
    reason: &'static str,
}

impl Admission {
    /// Answers a review. Its body is given back as soon as it is read.
    ///
    /// # Errors
    ///
    /// [`AnswerError`].
    pub async fn answer(
        &self,
        body: impl AsRef<[u8]>,
        mut turn: Turn<'_>,
    ) -> Result<Answered, AnswerError> {
        let started = turn.started;
        let decoded = review::decode(body.as_ref());
        drop(body);
        let request = match decoded {
            Ok(request) => request,
            Err(invalid) => {
                self.count("invalid", invalid.reason(), started);
                tracing::warn!(
                    uid = invalid.uid,
                    reason = invalid.problem,
                    "invalid review"
                );
                return Ok(Answered {
                    is_review: invalid.uid.as_ref().is_some_and(|uid| !uid.is_empty()),
                    review: serde_json::to_vec(&review::encode_invalid(&invalid))?,
                    room: None,
                });
            }
        };
        let mut found = self.found(&request, &mut turn).await?;
        let seconds = self.count(found.decision, found.reason, started);
        let metadata = &request.pod.metadata;
        tracing::info!(
            uid = request.uid,
            namespace = request.namespace,
            name = metadata.name,
            generate_name = metadata.generate_name,
            kind = "Pod",
            dry_run = request.is_dry_run,
            decision = found.decision,
            reason = found.reason,
            seconds,
            "decided"
        );
        if let (Answer::Deny { message, .. }, Some(events)) = (&found.answer, &self.events)
            && !request.is_dry_run
        {
            events.refused(&request.pod, &request.namespace, found.reason, message);
        }
        let review = review::encode(request.version, &request.uid, &found.answer)?;
        let review = serde_json::to_vec(&review)?;
        if let Some(room) = &mut found.room {
            gate::keep(room, review.capacity());
        }
        Ok(Answered {
            is_review: true,
            review,
            room: found.room,
        })
    }

    async fn found(&self, request: &Request, turn: &mut Turn<'_>) -> Result<Found, Full> {
        if request.operation != Operation::Create {
            return Ok(told(Outcome::skip(SkipReason::NotCreated)));
        }
        let end = turn.end();
        let snapshot = self.profiles.snapshot();
        let namespace = match self.namespace(request, &snapshot, end).await {
            Ok(namespace) => namespace,
            Err(problem) => return Ok(refused("namespace_unread", problem)),
        };
        let input = Input {
            pod: &request.pod,
            namespace: &namespace,
            profiles: snapshot.of(&request.namespace),
            operator: &self.operator,
        };
        let needs = needs(&input);
        let facts = if needs.is_empty() {
            Facts::default()
        } else {
            let asked = self
                .lookup
                .facts(&request.pod, &request.namespace, &needs, end);
            turn.running.aside(&request.namespace, asked).await?
        };
        let room = turn.room().await?;
        let found = match engine::run(&input, &request.object, &facts) {
            Ok(outcome) if !snapshot.is_complete && asks_for_profile(&outcome) => refused(
                "profiles_unread",
                "the webhook has not read all profiles yet; try again".to_owned(),
            ),
            Ok(outcome) => told(outcome),
            // Fails closed: a pod that opted in never starts without its wrapper.
            Err(error) => refused("patch", error.to_string()),
        };
        Ok(Found {
            room: Some(room),
            ..found
        })
    }

    /// Labels are asked for only where a profile wants some and the pod opted in.
    async fn namespace(
        &self,
        request: &Request,
        snapshot: &Snapshot,
        end: tokio::time::Instant,
    ) -> Result<NamespaceFacts, String> {
        let mut facts = NamespaceFacts {
            name: request.namespace.clone(),
            ..NamespaceFacts::default()
        };
        let none = std::collections::BTreeMap::new();
        let annotations = request.pod.metadata.annotations.as_ref().unwrap_or(&none);
        let is_in = annotation::is_opted_in(annotations).unwrap_or(false);
        if snapshot.needs_labels && is_in {
            let asked = self.lookup.cluster.labels(request.namespace.clone());
            let answer = tokio::time::timeout_at(end, asked).await;
            facts.labels = answer
                .map_err(|_elapsed| "the namespace was not read in time".to_owned())?
                .map_err(|error| error.to_string())?;
        }
        Ok(facts)
    }

    fn count(&self, decision: &'static str, reason: &'static str, started: Instant) -> f64 {
        let seconds = started.elapsed().as_secs_f64();
        let labels = Decided { decision, reason };
        self.metrics.decisions.get_or_create(&labels).inc();
        self.metrics.seconds.observe(seconds);
        seconds
    }
}

/// Whether the outcome hangs on a list of profiles that may lack some: a choice among those of one
/// kind could be another once both are there.
fn asks_for_profile(outcome: &Outcome) -> bool {
    match &outcome.verdict.decision {
        Decision::Inject(_) => true,
        Decision::Deny(refusal) => matches!(**refusal, Refusal::Profile(_)),
        Decision::Skip(_) => false,
    }
}

fn told(outcome: Outcome) -> Found {
    Found {
        room: None,
        decision: outcome.decision(),
        reason: outcome.reason(),
        answer: outcome.into_answer(),
    }
}

fn refused(reason: &'static str, problem: String) -> Found {
    Found {
        room: None,
        decision: "deny",
        reason,
        answer: Answer::Deny {
            message: format!("cloudtaser: {problem}"),
            warnings: Vec::new(),
        },
    }
}
