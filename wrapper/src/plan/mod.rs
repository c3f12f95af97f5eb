//! Decides which path is read from which source, and which variable or file gets which value.
//!
//! A [`Draft`] gathers what inherited variables, the configuration file and flags ask for; the
//! [`Plan`] knows every path once; [`Plan::resolve`] turns the sources' answers into the entries
//! of the region. Nothing here touches the world: reading is `source`'s, the child's environment
//! `init`'s.
//!
//! Who decides a variable, strongest first: flag, configuration file, inherited variable (a plain
//! one too), the later "all keys" entry, the earlier one.

mod choice;
mod draft;
mod error;
mod path;
mod resolve;

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

pub use draft::{Draft, FileWish};
pub use error::{PlanError, PlanErrors, Spot};

use crate::reference::{CONFIGURED_SOURCE, EnvFrom, Target, Template};
use crate::region::FileAttributes;
use crate::secret::Secret;
use crate::source::{Action, Fields, ReadError, Request};

/// Who asks for a variable; a later one in this list wins.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Origin {
    /// The environment that the wrapper was started with.
    Inherited,
    /// The configuration file.
    File,
    /// The command line.
    Flag,
}

/// As what the program finds a value.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Destination {
    /// A variable of this name: not empty, without `=` and NUL.
    Variable(String),
    /// A file at this path: absolute and normalised.
    File(String),
}

impl fmt::Display for Destination {
    /// "variable `NAME`" or "file `PATH`", printable.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "variable `{}`", error::printable(name)),
            Self::File(path) => write!(f, "file `{}`", error::printable(path)),
        }
    }
}

/// One variable or file and what it is made of.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// What it becomes.
    pub destination: Destination,
    /// How the file looks; nothing for a variable.
    pub attributes: FileAttributes,
    /// Its value, read.
    pub value: Template,
    /// Who asks for it.
    pub origin: Origin,
}

/// One value to be put into the region.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What it becomes.
    pub destination: Destination,
    /// How the file looks; nothing for a variable.
    pub attributes: FileAttributes,
    /// Where the value is from, `secret/data/db#password`: the path as the source spells it.
    /// Several references of one value stand behind each other, a space between them.
    pub reference: String,
    /// The assembled value, never expanded again.
    pub value: Secret,
}

/// One request to one source.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Read {
    source: String,
    request: Request,
}

/// What the sources answered.
#[derive(Debug, Default)]
pub struct Answers {
    by_read: BTreeMap<Read, Result<Fields, ReadError>>,
}

impl Answers {
    /// Adds what `source` answered to `requests`, in their order.
    ///
    /// Answers that are missing at the end are found by [`Plan::resolve`].
    pub fn add(
        &mut self,
        source: &str,
        requests: Vec<Request>,
        answers: Vec<Result<Fields, ReadError>>,
    ) {
        for (request, answer) in requests.into_iter().zip(answers) {
            let source = source.into();
            self.by_read.insert(Read { source, request }, answer);
        }
    }
}

/// What is to be read and delivered. Made by [`Draft::finish`].
#[derive(Debug)]
pub struct Plan {
    /// The source that `vault:` and `bao:` mean.
    configured: String,
    /// Variables with at least one reference, sorted by name.
    deliveries: Vec<Delivery>,
    /// Files, with and without references, sorted by path.
    files: Vec<Delivery>,
    /// Values without a reference that are new or changed, by name.
    literals: BTreeMap<String, Secret>,
    /// Inherited variables that stay as they are.
    kept: BTreeSet<String>,
    /// In the order in which they were asked for.
    env_from: Vec<EnvFrom>,
}

impl Plan {
    /// The sources that something is read from, by name.
    #[must_use]
    pub fn sources(&self) -> BTreeSet<String> {
        self.reads().into_iter().map(|read| read.source).collect()
    }

    /// What is asked of `source`: each request once, in a fixed order.
    #[must_use]
    pub fn requests(&self, source: &str) -> Vec<Request> {
        let reads = self.reads().into_iter();
        reads
            .filter(|read| read.source == source)
            .map(|read| read.request)
            .collect()
    }

    /// Variables to set to plain text, with the text as bytes. No source is needed for them.
    pub fn literals(&self) -> impl Iterator<Item = (&str, &Secret)> {
        self.literals
            .iter()
            .map(|(name, text)| (name.as_str(), text))
    }

    /// Whether the inherited variable `name` must not be passed on as it is: it has another value
    /// here, or none because its secret is optional and missing.
    ///
    /// Variables that "all keys" add are never inherited ones.
    #[must_use]
    pub fn replaces(&self, name: &str) -> bool {
        let named = |delivery: &Delivery| match &delivery.destination {
            Destination::Variable(found) => found.as_str().cmp(name),
            Destination::File(_) => Ordering::Greater,
        };
        self.literals.contains_key(name) || self.deliveries.binary_search_by(named).is_ok()
    }

    /// The paths of the files, in their order.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files
            .iter()
            .filter_map(|file| match &file.destination {
                Destination::File(path) => Some(path.as_str()),
                Destination::Variable(_) => None,
            })
    }

    /// Whether a variable gets a secret.
    #[must_use]
    pub fn has_secret_variables(&self) -> bool {
        !self.deliveries.is_empty() || !self.env_from.is_empty()
    }

    /// Delivers no file, and reads nothing that only a file needs: the program cannot have them.
    pub fn without_files(&mut self) {
        self.files.clear();
    }

    /// Whether a variable called `name` was asked for by name or inherited.
    fn is_explicit(&self, name: &str) -> bool {
        self.kept.contains(name) || self.replaces(name)
    }

    fn reads(&self) -> BTreeSet<Read> {
        let deliveries = self
            .deliveries
            .iter()
            .chain(&self.files)
            .flat_map(|delivery| delivery.value.references());
        let single = deliveries.map(|r| self.read(&r.scheme, request(&r.target)));
        let all_keys = self.env_from.iter().map(|entry| self.read_all(entry));
        single.chain(all_keys).collect()
    }

    /// The request of an "all keys" entry.
    fn read_all(&self, entry: &EnvFrom) -> Read {
        let request = Request::read(entry.path.as_str(), entry.version);
        self.read(&entry.scheme, request)
    }

    fn read(&self, scheme: &str, request: Request) -> Read {
        let source = if CONFIGURED_SOURCE.contains(&scheme) {
            self.configured.clone()
        } else {
            scheme.into()
        };
        Read { source, request }
    }
}

/// What a reference's source is asked for.
fn request(target: &Target) -> Request {
    let action = match target {
        Target::Read { version, .. } => Action::Read { version: *version },
        Target::Write { parameters, .. } => Action::Write {
            parameters: parameters.expose().into(),
        },
        Target::Decrypt { .. } => Action::Decrypt,
    };
    Request {
        path: target.path().into(),
        action,
    }
}

#[cfg(test)]
mod tests;
