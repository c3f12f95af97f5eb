//! Turns answers into entries. Two passes: [`Choice`] finds each value or its fallback without
//! touching it; `Assembly` then moves values out of the answers, copying only those that several
//! entries share.

use std::collections::BTreeMap;

use super::choice::{Choice, Field, Job, Piece};
use super::error::{PlanError, PlanErrors, Spot, printable};
use super::{Answers, Destination, Entry, Plan};
use crate::secret::Secret;

impl Plan {
    /// Makes the region's entries from what the sources answered: variables sorted by name, then
    /// files by path.
    ///
    /// Values are moved, not copied, unless several entries need them.
    ///
    /// # Errors
    ///
    /// [`PlanErrors`] with everything that is missing or cannot be an environment variable.
    pub fn resolve(self, answers: Answers) -> Result<Vec<Entry>, PlanErrors> {
        let mut choice = Choice::new(&self, &answers);
        for delivery in self.deliveries.iter().chain(&self.files) {
            choice.delivery(delivery);
        }
        choice.all_keys(&self.env_from);
        let (jobs, errors) = choice.end();
        Assembly::new(&jobs, answers, errors).entries(jobs)
    }
}

struct Assembly {
    answers: Answers,
    /// How many pieces still need a field.
    uses: BTreeMap<Field, usize>,
    errors: PlanErrors,
}

impl Assembly {
    fn new(jobs: &[Job], answers: Answers, errors: PlanErrors) -> Self {
        let mut uses = BTreeMap::new();
        for piece in jobs.iter().flat_map(|job| &job.pieces) {
            if let Piece::Value(field) = piece {
                *uses.entry(field.clone()).or_default() += 1;
            }
        }
        Self {
            answers,
            uses,
            errors,
        }
    }

    fn entries(mut self, jobs: Vec<Job>) -> Result<Vec<Entry>, PlanErrors> {
        let mut entries: Vec<Entry> = jobs.into_iter().map(|job| self.entry(job)).collect();
        entries.sort_by(|left, right| left.destination.cmp(&right.destination));
        self.errors.or(entries)
    }

    fn entry(&mut self, job: Job) -> Entry {
        let labels = job.labels.join(" ");
        let reference = reference(&job);
        let mut pieces = Vec::with_capacity(job.pieces.len());
        for piece in job.pieces {
            match piece {
                Piece::Text(text) => pieces.push(text),
                Piece::Value(field) => pieces.extend(self.take(field, &job.destination, &labels)),
            }
        }
        let value = joined(pieces);
        let (bytes, has_nul) = (value.expose().len(), value.expose().contains(&0));
        let what = format!("`{}`", printable(&labels));
        let error = match &job.destination {
            Destination::Variable(name) => PlanError::of_value(name, bytes, has_nul, &what),
            Destination::File(path) => (has_nul && !job.is_whole).then(|| PlanError::NulInText {
                path: printable(path),
                what,
            }),
        };
        error.into_iter().for_each(|error| self.errors.push(error));
        Entry {
            destination: job.destination,
            attributes: job.attributes,
            reference,
            value,
        }
    }

    /// A field's value, moved if nobody else needs it.
    ///
    /// `Choice` saw it, so it is there; should it not be, the start fails (closed) instead of
    /// giving the program an empty secret.
    fn take(&mut self, field: Field, to: &Destination, reference: &str) -> Option<Secret> {
        let left = self.uses.get_mut(&field);
        let is_last = left.is_none_or(|left| {
            *left = left.saturating_sub(1);
            *left == 0
        });
        let answer = self.answers.by_read.get_mut(&field.read);
        let value = answer
            .and_then(|answer| answer.as_mut().ok())
            .and_then(|fields| {
                if is_last {
                    fields.values.remove(&field.name)
                } else {
                    fields.values.get(&field.name).cloned()
                }
            });
        if value.is_none() {
            let place = to.to_string();
            let reference = printable(reference);
            self.errors.push(PlanError::Unanswered {
                source_name: field.read.source,
                spot: Spot { reference, place },
            });
        }
        value
    }
}

/// How the entry is found by reference. A text around references is no secret that a path has, and
/// must not be taken for one: there each reference stands in `${}`.
fn reference(job: &Job) -> String {
    if job.is_whole {
        return job.labels.join(" ");
    }
    let labels: Vec<_> = job
        .labels
        .iter()
        .map(|label| format!("${{{label}}}"))
        .collect();
    labels.join(" ")
}

/// The pieces behind each other, in one buffer of exactly their size.
fn joined(mut pieces: Vec<Secret>) -> Secret {
    if pieces.len() == 1
        && let Some(only) = pieces.pop()
    {
        return only;
    }
    let size = pieces.iter().map(|piece| piece.expose().len()).sum();
    let mut bytes = Vec::with_capacity(size);
    for piece in &pieces {
        bytes.extend_from_slice(piece.expose());
    }
    Secret::new(bytes)
}
