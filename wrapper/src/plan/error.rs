//! Why a plan cannot be made or filled. Each error names variable, reference, position and fix.
//!
//! Names of fields and variables are shown, values never. What a server or an inherited variable
//! named is printed with its control characters escaped, so it cannot drive a terminal.

use std::error::Error;
use std::fmt;

use crate::reference::ReferenceError;
use crate::source::ReadError;
use crate::status;

/// Longest `NAME=value` with its final NUL, in bytes: `MAX_ARG_STRLEN`, 32 pages of 4 KiB
/// (`include/uapi/linux/binfmts.h`). `execve(2)` gives `E2BIG` for a longer one. Chosen: the
/// limit of 4 KiB pages everywhere, so that a plan does not depend on the machine.
pub(super) const MAX_VARIABLE_BYTES: usize = 32 * 4096;

/// Errors that are kept; the others are counted. Chosen: fills one screen.
const SHOWN_ERRORS: usize = 20;

/// Field names shown when one is not found. Chosen: fits three lines.
const SHOWN_FIELDS: usize = 20;

/// Where a reference stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Spot {
    /// The reference in canonical spelling, without its default, parameters and ciphertext.
    pub reference: String,
    /// Which variable and column, or which "all keys" entry.
    pub place: String,
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ({})", self.reference, self.place)
    }
}

/// One fault of a plan.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// A variable cannot have this name. Exit status 64.
    #[error("`{name}` cannot be the name of a variable: {reason}")]
    Name {
        /// The name, printable.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A value holds text that begins like a reference and is none. Exit status 64.
    #[error("cannot read the reference in {place}")]
    Reference {
        /// The variable or file, printable.
        place: String,
        /// Where and why.
        #[source]
        source: ReferenceError,
    },
    /// An "all keys" entry cannot be read. Exit status 64.
    #[error("cannot read entry {number} of the paths whose keys become variables")]
    EnvFrom {
        /// Which one, from 1.
        number: usize,
        /// Where and why.
        #[source]
        source: ReferenceError,
    },
    /// An inherited value with a reference is not UTF-8. Exit status 64.
    #[error("the value of variable `{variable}` holds a reference but is not UTF-8 text")]
    NotText {
        /// The variable, printable.
        variable: String,
    },
    /// Path or version is not there. Exit status 66.
    #[error("cannot find {spot}; write `?` at its end if the program can do without")]
    Missing {
        /// Which reference.
        spot: Spot,
        /// What the source says.
        #[source]
        source: ReadError,
    },
    /// What a ciphertext was encrypted with is not there. Exit status 66.
    #[error("cannot decrypt {spot}")]
    NoKey {
        /// Which reference.
        spot: Spot,
        /// What the source says.
        #[source]
        source: ReadError,
    },
    /// The source can never do this, or refuses it as it is written. Exit status 64.
    #[error("cannot read {spot}")]
    BadPath {
        /// Which reference.
        spot: Spot,
        /// What the source says.
        #[source]
        source: ReadError,
    },
    /// The source's policies forbid it. Exit status 77.
    #[error("may not read {spot}")]
    Forbidden {
        /// Which reference.
        spot: Spot,
        /// What the source says.
        #[source]
        source: ReadError,
    },
    /// The secret is there and has no such field. Exit status 66.
    #[error("cannot find the field of {spot}; {hint}")]
    NoField {
        /// Which reference.
        spot: Spot,
        /// A similar name, and the fields that are there.
        hint: String,
    },
    /// No field is named and the secret has several. Exit status 64.
    #[error("cannot choose a field for {spot}; write `#` and one of: {fields}")]
    SeveralFields {
        /// Which reference.
        spot: Spot,
        /// The fields that are there.
        fields: String,
    },
    /// A field's name cannot be part of a variable's name. Exit status 64.
    #[error(
        "cannot make a variable of field `{field}` of {spot}: {reason}; \
         name the fields that are needed one by one"
    )]
    FieldName {
        /// The field, printable.
        field: String,
        /// Which "all keys" entry.
        spot: Spot,
        /// What is wrong with the variable's name.
        reason: &'static str,
    },
    /// A value holds a zero byte. Exit status 64.
    #[error(
        "cannot put {what} into variable `{variable}`: it holds a zero byte (NUL), which ends \
         an environment variable; deliver it as a file"
    )]
    Nul {
        /// The variable, printable.
        variable: String,
        /// Where the value is from.
        what: String,
    },
    /// A value is longer than the kernel takes. Exit status 64.
    #[error(
        "cannot put {what} into variable `{variable}`: it has {bytes} bytes and the kernel takes \
         {limit} at most for this name; deliver it as a file"
    )]
    TooLong {
        /// The variable, printable.
        variable: String,
        /// Where the value is from.
        what: String,
        /// The value's size.
        bytes: usize,
        /// The largest size for this variable.
        limit: usize,
    },
    /// A path at which there can be no file. Exit status 64.
    #[error("`{path}` cannot be the path of a file for the program: {reason}")]
    Path {
        /// The path, printable.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Two files of one path. Exit status 64.
    #[error("the file `{path}` is given twice")]
    Twice {
        /// The path, printable.
        path: String,
    },
    /// A file below a file. Exit status 64.
    #[error("`{path}` cannot be a file for the program: `{parent}` is one, and so no directory")]
    Nested {
        /// The path, printable.
        path: String,
        /// The file that stands in its way, printable.
        parent: String,
    },
    /// A value with a zero byte within a text. Exit status 64.
    #[error(
        "cannot put {what} into file `{path}`: a value holds a zero byte (NUL), and only a file \
         that is one whole reference can have it"
    )]
    NulInText {
        /// The file, printable.
        path: String,
        /// Where the values are from.
        what: String,
    },
    /// A source gave fewer answers than it was asked for: our own fault. Exit status 70.
    #[error("the source `{source_name}` gave no answer for {spot}; please report this")]
    Unanswered {
        /// The source.
        source_name: String,
        /// Which reference.
        spot: Spot,
    },
}

impl PlanError {
    /// The exit status that this fault alone leads to.
    #[must_use]
    pub fn status(&self) -> u8 {
        match self {
            Self::Missing { .. } | Self::NoKey { .. } | Self::NoField { .. } => status::NO_SECRET,
            Self::Forbidden { .. } => status::PRIVILEGE,
            Self::Unanswered { .. } => status::INTERNAL,
            _ => status::USAGE,
        }
    }

    /// Whether plain text cannot be an environment variable, and why.
    pub(super) fn of_text(name: &str, text: &[u8]) -> Option<Self> {
        Self::of_value(name, text.len(), text.contains(&0), "the given text")
    }

    /// Whether a value of `bytes` bytes cannot be an environment variable, and why.
    pub(super) fn of_value(name: &str, bytes: usize, has_nul: bool, what: &str) -> Option<Self> {
        let (variable, what) = (printable(name), what.into());
        // `NAME`, `=`, value, NUL.
        let limit = MAX_VARIABLE_BYTES.saturating_sub(name.len() + 2);
        if has_nul {
            return Some(Self::Nul { variable, what });
        }
        (bytes > limit).then_some(Self::TooLong {
            variable,
            what,
            bytes,
            limit,
        })
    }
}

/// All faults of one stage, so that they can be mended in one go.
///
/// Its text has one line for each, causes included: it is the end of the chain.
#[derive(Debug, Default)]
pub struct PlanErrors {
    errors: Vec<PlanError>,
    more: usize,
}

impl PlanErrors {
    /// The faults, 20 at most.
    #[must_use]
    pub fn errors(&self) -> &[PlanError] {
        &self.errors
    }

    /// 70 when a source misbehaved, else 64 when something is written wrongly, else 77 when
    /// something is forbidden, else 66.
    #[must_use]
    pub fn status(&self) -> u8 {
        let has = |status| self.errors.iter().any(|error| error.status() == status);
        let order = [status::INTERNAL, status::USAGE, status::PRIVILEGE];
        order
            .into_iter()
            .find(|status| has(*status))
            .unwrap_or(status::NO_SECRET)
    }

    pub(super) fn push(&mut self, error: PlanError) {
        if self.errors.len() < SHOWN_ERRORS {
            self.errors.push(error);
        } else {
            self.more += 1;
        }
    }

    /// `value`, unless there are faults.
    pub(super) fn or<T>(self, value: T) -> Result<T, Self> {
        if self.errors.is_empty() {
            Ok(value)
        } else {
            Err(self)
        }
    }
}

impl fmt::Display for PlanErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.errors.iter().enumerate() {
            f.write_str(if index > 0 { "\n" } else { "" })?;
            write!(f, "{error}")?;
            let mut cause = error.source();
            while let Some(source) = cause {
                write!(f, ": {source}")?;
                cause = source.source();
            }
        }
        match self.more {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

impl Error for PlanErrors {}

/// What keeps `name` from being an environment variable.
pub(super) fn name_fault(name: &str) -> Option<&'static str> {
    match name {
        "" => Some("it is empty"),
        _ if name.contains('=') => Some("it holds `=`"),
        _ if name.contains('\0') => Some("it holds a zero byte (NUL)"),
        _ => None,
    }
}

/// `text` with everything escaped that a terminal would not show as a character.
pub(super) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '\'' | '"' => shown.push(c),
            _ => shown.extend(c.escape_debug()),
        }
    }
    shown
}

/// Field names as a list for an error.
pub(super) fn field_list<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let mut names: Vec<String> = names.map(printable).collect();
    let more = names.len().saturating_sub(SHOWN_FIELDS);
    names.truncate(SHOWN_FIELDS);
    match more {
        0 => names.join(", "),
        _ => format!("{}, and {more} more", names.join(", ")),
    }
}

/// "did you mean", and what is there.
pub(super) fn field_hint<'n>(wanted: &str, names: impl Iterator<Item = &'n str> + Clone) -> String {
    let distance = |name: &str| strsim::damerau_levenshtein(wanted, name);
    // Chosen: a third of the name may be wrong, two characters of a short one.
    let limit = (wanted.chars().count() / 3)
        .max(2)
        .min(wanted.chars().count().saturating_sub(1));
    let near = names.clone().map(|name| (distance(name), name)).min();
    let fields = match field_list(names) {
        list if list.is_empty() => String::from("the secret has no fields"),
        list => format!("the secret has: {list}"),
    };
    match near {
        Some((far, name)) if far <= limit => {
            format!("did you mean `{}`? {fields}", printable(name))
        }
        _ => fields,
    }
}
