//! Gathers what is asked for, settles who wins, and reports every fault at once.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;

use super::error::{PlanError, PlanErrors, name_fault, printable};
use super::{Delivery, Destination, Origin, Plan, path};
use crate::reference::{EnvFrom, ReferenceError, Schemes, Template, parse_env_from, template};
use crate::region::FileAttributes;

/// A plan in the making. A value that a stronger one replaces is not complained about.
#[derive(Debug)]
pub struct Draft {
    schemes: Schemes,
    by_name: BTreeMap<String, Asked>,
    files: BTreeMap<String, AskedFile>,
    env_from: Vec<EnvFrom>,
    env_from_count: usize,
    errors: PlanErrors,
}

/// A file that is asked for.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct FileWish {
    /// Where the program finds it.
    pub path: String,
    /// How it looks.
    pub attributes: FileAttributes,
    /// Its content: a reference, text with references in it, or plain text.
    pub text: String,
    /// The text was read from a file, which may end with a newline and begin with anything.
    pub is_document: bool,
}

#[derive(Debug)]
struct AskedFile {
    origin: Origin,
    attributes: FileAttributes,
    value: Result<Template, ReferenceError>,
}

/// The strongest wish for one variable so far.
#[derive(Debug)]
struct Asked {
    origin: Origin,
    value: Value,
}

#[derive(Debug)]
enum Value {
    /// An inherited variable, passed on byte for byte.
    Kept,
    Read(Result<Template, ReferenceError>),
    /// An inherited value that holds a reference but is no UTF-8 text.
    NotText,
}

impl Draft {
    /// An empty draft; `schemes` are the words that begin a reference.
    #[must_use]
    pub fn new(schemes: Schemes) -> Self {
        Self {
            schemes,
            by_name: BTreeMap::new(),
            files: BTreeMap::new(),
            env_from: Vec::new(),
            env_from_count: 0,
            errors: PlanErrors::default(),
        }
    }

    /// Takes an inherited variable that the program keeps unless something stronger replaces it.
    ///
    /// One whose name is no UTF-8 text is left alone: no reference can stand for it.
    pub fn inherit(&mut self, name: &OsStr, value: &OsStr) {
        let Some(name) = name.to_str() else {
            return;
        };
        let value = match value.to_str() {
            Some(text) => match template::parse(text, &self.schemes) {
                Ok(read) if read.literal() == Some(text.as_bytes()) => Value::Kept,
                read => Value::Read(read),
            },
            // The lossy text keeps every ASCII byte, and the syntax is ASCII.
            None => match template::parse(&value.to_string_lossy(), &self.schemes) {
                Ok(read) if read.references().next().is_none() => Value::Kept,
                _ => Value::NotText,
            },
        };
        self.ask(name, Origin::Inherited, value);
    }

    /// Takes an inherited variable that is passed on byte for byte, whatever it holds.
    pub fn keep(&mut self, name: &OsStr) {
        if let Some(name) = name.to_str() {
            self.ask(name, Origin::Inherited, Value::Kept);
        }
    }

    /// Takes a variable from the configuration file or the command line.
    pub fn deliver(&mut self, name: &str, text: &str, origin: Origin) {
        if let Some(reason) = name_fault(name) {
            let name = printable(name);
            self.errors.push(PlanError::Name { name, reason });
            return;
        }
        let value = Value::Read(template::parse(text, &self.schemes));
        self.ask(name, origin, value);
    }

    /// Takes a file from the configuration file or the command line.
    pub fn file(&mut self, wish: &FileWish, origin: Origin) {
        if let Some(reason) = path::fault(&wish.path) {
            let path = printable(&wish.path);
            self.errors.push(PlanError::Path { path, reason });
            return;
        }
        let before = self.files.get(&wish.path).map(|file| file.origin);
        if before == Some(origin) {
            let path = printable(&wish.path);
            self.errors.push(PlanError::Twice { path });
        }
        if before.is_none_or(|before| before <= origin) {
            let read = if wish.is_document {
                template::parse_document
            } else {
                template::parse
            };
            let file = AskedFile {
                origin,
                attributes: wish.attributes,
                value: read(&wish.text, &self.schemes),
            };
            self.files.insert(wish.path.clone(), file);
        }
    }

    /// Takes an "all keys of a path" entry; a later one wins over an earlier one.
    pub fn env_from(&mut self, text: &str) {
        self.env_from_count += 1;
        match parse_env_from(text, &self.schemes) {
            Ok(entry) => self.env_from.push(entry),
            Err(source) => {
                let number = self.env_from_count;
                self.errors.push(PlanError::EnvFrom { number, source });
            }
        }
    }

    /// Ends gathering; `configured` is the name of the source that `vault:` and `bao:` mean.
    ///
    /// # Errors
    ///
    /// [`PlanErrors`] with everything that cannot be read.
    pub fn finish(self, configured: &str) -> Result<Plan, PlanErrors> {
        let mut errors = self.errors;
        let mut plan = Plan {
            configured: configured.into(),
            deliveries: Vec::new(),
            files: Vec::new(),
            literals: BTreeMap::new(),
            kept: BTreeSet::new(),
            env_from: self.env_from,
        };
        for (name, asked) in self.by_name {
            match asked.value {
                Value::Kept => {
                    plan.kept.insert(name);
                }
                Value::Read(Ok(value)) => plan.place(name, value, asked.origin, &mut errors),
                Value::Read(Err(source)) => {
                    let place = Destination::Variable(name).to_string();
                    errors.push(PlanError::Reference { place, source });
                }
                Value::NotText => {
                    let variable = printable(&name);
                    errors.push(PlanError::NotText { variable });
                }
            }
        }
        plan.place_files(self.files, &mut errors);
        errors.or(plan)
    }

    fn ask(&mut self, name: &str, origin: Origin, value: Value) {
        let weaker = self
            .by_name
            .get(name)
            .is_none_or(|asked| asked.origin <= origin);
        if weaker {
            self.by_name.insert(name.into(), Asked { origin, value });
        }
    }
}

impl Plan {
    /// Puts a readable value where it belongs: with references, or plain text.
    fn place(&mut self, name: String, value: Template, origin: Origin, errors: &mut PlanErrors) {
        let Some(text) = value.literal() else {
            self.deliveries.push(Delivery {
                destination: Destination::Variable(name),
                attributes: FileAttributes::default(),
                value,
                origin,
            });
            return;
        };
        match PlanError::of_text(&name, text) {
            Some(error) => errors.push(error),
            None => {
                let text = crate::secret::Secret::new(text.into());
                self.literals.insert(name, text);
            }
        }
    }

    /// Takes the files over: none below another one.
    fn place_files(&mut self, files: BTreeMap<String, AskedFile>, errors: &mut PlanErrors) {
        for path in files.keys() {
            let parent = path::parents(path).find(|parent| files.contains_key(*parent));
            if let Some(parent) = parent {
                let (path, parent) = (printable(path), printable(parent));
                errors.push(PlanError::Nested { path, parent });
            }
        }
        for (path, file) in files {
            let destination = Destination::File(path);
            match file.value {
                Ok(value) => self.files.push(Delivery {
                    destination,
                    attributes: file.attributes,
                    value,
                    origin: file.origin,
                }),
                Err(source) => {
                    let place = destination.to_string();
                    errors.push(PlanError::Reference { place, source });
                }
            }
        }
    }
}
