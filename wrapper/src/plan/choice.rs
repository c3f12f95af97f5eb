//! Finds what stands for each reference: a field of an answer, or its fallback. Moves no value.

use std::collections::BTreeSet;

use super::error::{PlanError, PlanErrors, Spot, field_hint, field_list, name_fault, printable};
use super::{Answers, Delivery, Destination, Plan, Read, request};
use crate::reference::template::Part;
use crate::reference::{EnvFrom, Fallback, Reference, Target, label};
use crate::region::FileAttributes;
use crate::secret::Secret;
use crate::source::{Action, Fields, PLAINTEXT_FIELD, ReadError};

/// A field of an answer.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Field {
    pub(super) read: Read,
    pub(super) name: String,
}

/// A piece of an entry's value.
#[derive(Debug)]
pub(super) enum Piece {
    /// Literal text or a default.
    Text(Secret),
    Value(Field),
}

/// An entry whose values are found and not moved yet.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) destination: Destination,
    pub(super) attributes: FileAttributes,
    /// Whether the value is that of one reference, byte for byte.
    pub(super) is_whole: bool,
    /// Labels of its references, each once.
    pub(super) labels: Vec<String>,
    pub(super) pieces: Vec<Piece>,
}

/// What stands for a reference.
enum Found {
    Field(String, Field),
    /// The default's text.
    Text(String),
    /// Optional and missing.
    Nothing,
}

/// The first pass: which value or fallback stands for each reference.
pub(super) struct Choice<'p> {
    plan: &'p Plan,
    answers: &'p Answers,
    jobs: Vec<Job>,
    errors: PlanErrors,
}

impl<'p> Choice<'p> {
    pub(super) fn new(plan: &'p Plan, answers: &'p Answers) -> Self {
        Self {
            plan,
            answers,
            jobs: Vec::new(),
            errors: PlanErrors::default(),
        }
    }

    pub(super) fn end(self) -> (Vec<Job>, PlanErrors) {
        (self.jobs, self.errors)
    }

    /// Finds the pieces of one variable or file.
    pub(super) fn delivery(&mut self, delivery: &Delivery) {
        let (mut labels, mut pieces) = (Vec::new(), Vec::new());
        for part in &delivery.value.parts {
            let (reference, column) = match part {
                Part::Literal(text) => {
                    pieces.push(Piece::Text(text.clone()));
                    continue;
                }
                Part::Reference(reference, column) => (reference, *column),
            };
            let spot = Spot {
                reference: reference.to_string(),
                place: format!("{}, column {column}", delivery.destination),
            };
            let target = &reference.target;
            let mut text = label(target.path(), target.field(), target.version());
            match self.find(reference, spot) {
                Ok(Found::Field(found, field)) => {
                    text = found;
                    pieces.push(Piece::Value(field));
                }
                Ok(Found::Text(default)) => pieces.push(Piece::Text(default.into())),
                Ok(Found::Nothing) if delivery.value.is_whole => return,
                Ok(Found::Nothing) => {}
                Err(error) => self.errors.push(error),
            }
            if !labels.contains(&text) {
                labels.push(text);
            }
        }
        self.jobs.push(Job {
            destination: delivery.destination.clone(),
            attributes: delivery.attributes,
            is_whole: delivery.value.is_whole,
            labels,
            pieces,
        });
    }

    fn find(&self, reference: &Reference, spot: Spot) -> Result<Found, PlanError> {
        let read = self
            .plan
            .read(&reference.scheme, request(&reference.target));
        let missing = match self.field(&read, reference, spot) {
            Ok(found) => return Ok(found),
            // Fails closed: a default stands for a secret that is known not to be there, never
            // for one that could not be looked at.
            Err(error @ (PlanError::Missing { .. } | PlanError::NoField { .. })) => error,
            Err(error) => return Err(error),
        };
        match &reference.fallback {
            Fallback::Required => Err(missing),
            Fallback::Optional => Ok(Found::Nothing),
            Fallback::Default(text) => Ok(Found::Text(text.clone())),
        }
    }

    fn field(&self, read: &Read, reference: &Reference, spot: Spot) -> Result<Found, PlanError> {
        let fields = self.fields(read, &spot)?;
        let wanted = match &reference.target {
            Target::Decrypt { .. } => Some(PLAINTEXT_FIELD),
            target => target.field(),
        };
        let mut names = fields.values.keys().map(String::as_str);
        let name = match (wanted, fields.values.len()) {
            (Some(name), _) => Some(name).filter(|name| fields.values.contains_key(*name)),
            (None, 0 | 1) => names.next(),
            (None, _) => {
                let fields = field_list(names);
                return Err(PlanError::SeveralFields { spot, fields });
            }
        };
        let Some(name) = name else {
            if let Target::Decrypt { .. } = reference.target {
                let source_name = read.source.clone();
                return Err(PlanError::Unanswered { source_name, spot });
            }
            let names = fields.values.keys().map(String::as_str);
            let hint = field_hint(wanted.unwrap_or_default(), names);
            return Err(PlanError::NoField { spot, hint });
        };
        let label = label(
            &fields.canonical_path,
            Some(name),
            reference.target.version(),
        );
        let (read, name) = (read.clone(), name.into());
        Ok(Found::Field(label, Field { read, name }))
    }

    /// The fields of a path, or why there are none.
    fn fields(&self, read: &Read, spot: &Spot) -> Result<&Fields, PlanError> {
        let spot = spot.clone();
        match self.answers.by_read.get(read) {
            Some(Ok(fields)) => Ok(fields),
            Some(Err(source)) => Err(unreadable(source.clone(), spot, &read.request.action)),
            None => {
                let source_name = read.source.clone();
                Err(PlanError::Unanswered { source_name, spot })
            }
        }
    }

    /// Adds the variables of every "all keys" entry; of one name, the last entry's counts.
    pub(super) fn all_keys(&mut self, entries: &[EnvFrom]) {
        let mut taken = BTreeSet::new();
        for (index, entry) in entries.iter().enumerate().rev() {
            self.env_from(entry, index + 1, &mut taken);
        }
    }

    /// Adds the variables of "all keys" entry `number`; names in `taken` are a later entry's.
    fn env_from(&mut self, entry: &EnvFrom, number: usize, taken: &mut BTreeSet<String>) {
        let spot = Spot {
            reference: entry.to_string(),
            place: format!("all keys, entry {number}"),
        };
        let read = self.plan.read_all(entry);
        let fields = match self.fields(&read, &spot) {
            Ok(fields) => fields,
            Err(PlanError::Missing { .. }) if entry.is_optional => return,
            Err(error) => return self.errors.push(error),
        };
        // The names and the path only; the values stay where they are.
        let names: Vec<String> = fields.values.keys().cloned().collect();
        let path = fields.canonical_path.clone();
        for name in names {
            let variable = format!("{}{name}", entry.prefix);
            if self.plan.is_explicit(&variable) || !taken.insert(variable.clone()) {
                continue;
            }
            if let Some(reason) = added_name_fault(&variable) {
                let (field, spot) = (printable(&name), spot.clone());
                self.errors.push(PlanError::FieldName {
                    field,
                    spot,
                    reason,
                });
                continue;
            }
            let labels = vec![label(&path, Some(&name), entry.version)];
            let read = read.clone();
            let pieces = vec![Piece::Value(Field { read, name })];
            self.jobs.push(Job {
                destination: Destination::Variable(variable),
                attributes: FileAttributes::default(),
                is_whole: true,
                labels,
                pieces,
            });
        }
    }
}

/// What keeps a variable from being made of a field. Stricter than for names that the user wrote:
/// whoever may write the secret chose this one.
fn added_name_fault(variable: &str) -> Option<&'static str> {
    if variable.chars().any(char::is_control) {
        return Some("it holds a control character");
    }
    if variable.starts_with(cloudtaser_abi::names::ENV_PREFIX) {
        return Some("names that begin so configure CloudTaser itself");
    }
    name_fault(variable)
}

/// Sorts what a source says about a path: a new kind must be placed here by hand.
fn unreadable(source: ReadError, spot: Spot, action: &Action) -> PlanError {
    match source {
        ReadError::NoSecret { .. }
        | ReadError::NoVersion { .. }
        | ReadError::Deleted { .. }
        | ReadError::Destroyed { .. } => match action {
            // No fallback is offered for a ciphertext: it takes none.
            Action::Decrypt => PlanError::NoKey { spot, source },
            _ => PlanError::Missing { spot, source },
        },
        ReadError::BadPath { .. } | ReadError::Unsupported { .. } | ReadError::Refused { .. } => {
            PlanError::BadPath { spot, source }
        }
        ReadError::Forbidden { .. } => PlanError::Forbidden { spot, source },
    }
}
