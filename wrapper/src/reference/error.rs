//! Why a text is not a reference. Every error says where, what, and what to write instead.
//!
//! Text from the value is quoted only up to the position of the error, and never a default,
//! parameters or a ciphertext: what stands there was read as a path or field name already. The plan
//! adds the variable's name.

use std::fmt;

use super::ParameterFault;
use crate::status;

/// Longest quotation in an error, in characters. Chosen: fits a terminal line with the rest.
const QUOTE_CHARS: usize = 60;

/// A position in a value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Place {
    /// Byte column in the value, from 1.
    pub column: usize,
    /// The reference's text before that column, its end only when it is long; `…` where it is not
    /// for others.
    pub after: String,
}

impl Place {
    /// The place at byte `at` of a value; `read` is the reference's text before it.
    pub(super) fn new(at: usize, read: &str) -> Self {
        let skipped = read.chars().count().saturating_sub(QUOTE_CHARS);
        let mut after = String::from(if skipped > 0 { "…" } else { "" });
        after.extend(read.chars().skip(skipped));
        let column = at.saturating_add(1);
        Self { column, after }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column {}", self.column)?;
        if self.after.is_empty() {
            return Ok(());
        }
        write!(f, ", after `{}`", self.after)
    }
}

/// A part of a reference, as errors call it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Part {
    /// What stands before the first `#`.
    Path,
    /// What stands between the first and the second `#`.
    Field,
    /// What stands behind the last `#` of a reference that reads.
    Version,
    /// What stands behind the last `#` of a reference that writes.
    Parameters,
    /// What stands before the `=` of "all keys".
    Prefix,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Path => "path",
            Self::Field => "field",
            Self::Version => "version",
            Self::Parameters => "object of parameters",
            Self::Prefix => "prefix",
        })
    }
}

impl Part {
    /// How to mend an empty one.
    fn fix(self) -> &'static str {
        match self {
            Self::Path => "write one, as in `vault:secret/db#password`",
            Self::Field => "write its name, or no `#` if the secret has one field only",
            Self::Version => "write a number, or no `#` for the newest version",
            Self::Parameters => "write one, as in `#{\"ttl\":\"1h\"}`, or no `#`",
            Self::Prefix => "write one, or no `=`",
        }
    }
}

/// Why a text cannot be read as a reference. Who must act: whoever wrote it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ReferenceError {
    /// The text does not begin with a scheme of ours.
    #[error("{0}: not a reference, no known scheme; write `vault:path#field`")]
    NoScheme(Place),
    /// A part is empty.
    #[error("{0}: the {1} is empty; {fix}", fix = .1.fix())]
    Empty(Place, Part),
    /// The version is not a number of 1 to 2⁶⁴-1 in digits.
    #[error("{0}: the version is not a number from 1; leave `#…` out for the newest version")]
    BadVersion(Place),
    /// A control character, often the line break at the end of a block in YAML.
    #[error("{0}: a control character (U+{code:04X}) in the {1}; remove it", code = u32::from(*.2))]
    Control(Place, Part, char),
    /// A backslash before something that is no syntax, or at the end.
    #[error(
        "{0}: a backslash stands only before `#`, `?`, `:`, `}}` and `\\`; \
         write `\\\\` for a backslash"
    )]
    BadEscape(Place),
    /// `${scheme:` without its `}`.
    #[error("{0}: the reference has no closing `}}`; add it, or write `$${{` for the plain text")]
    Unclosed(Place),
    /// Something follows the `?`.
    #[error("{0}: `?` must be the last character; write `\\?` for a question mark in a name")]
    AfterOptional(Place),
    /// A `#` behind the version.
    #[error("{0}: nothing may follow the version; write `\\#` for a `#` in a name")]
    TooManyParts(Place),
    /// `${scheme:` within a path or a field.
    #[error("{0}: a reference cannot stand inside another one; write them side by side")]
    Nested(Place),
    /// A default where none can be.
    #[error("{0}: all keys of a path have no default; write `?` if the secret may be missing")]
    DefaultOfAllKeys(Place),
    /// What a reference writes cannot be read.
    #[error("{0}: the parameters are not a JSON object: {1}")]
    BadParameters(Place, ParameterFault),
    /// An object where the field should be, or in it.
    #[error("{0}: parameters stand behind a field and `#`; write `>>vault:path#field#{{…}}`")]
    ParametersWithoutField(Place),
    /// An object where the version should be.
    #[error("{0}: only a reference that writes has parameters; write `>>` before the scheme")]
    ParametersOfRead(Place),
    /// Something follows the parameters.
    #[error("{0}: only `?` or `:-default` may follow the parameters; remove what does")]
    AfterParameters(Place),
    /// A ciphertext has a character that is not base64.
    #[error(
        "{0}: a transit ciphertext is base64 to its end, and this character is not; remove it \
         (a path that begins like a ciphertext is written with `\\:`)"
    )]
    BadCiphertext(Place),
    /// A ciphertext ends where base64 cannot end.
    #[error("{0}: the transit ciphertext was cut, base64 cannot end here; copy it again")]
    CutCiphertext(Place),
    /// A fallback behind a ciphertext.
    #[error(
        "{0}: a transit ciphertext carries its secret and cannot be missing; it takes no `?` and \
         no default"
    )]
    FallbackOfCiphertext(Place),
    /// Syntax of other tools that means nothing here.
    #[error("{0}: {1}")]
    Unsupported(Place, Unsupported),
}

/// What other tools can write, or what looks like it, and is not read here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unsupported {
    /// All keys of `>>vault:…`.
    KeysOfWrite,
    /// All keys of `vault:v1:…`, or `>>vault:v1:…`.
    Ciphertext,
    /// `#${.field}`: a Go template over the secret's fields.
    GoTemplate,
    /// `vault:login`: the token that the wrapper logs in with.
    Login,
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::KeysOfWrite => {
                "references that write (`>>`) are not supported for all keys; \
                 write one `>>vault:path#field` for each variable"
            }
            Self::Ciphertext => {
                "a transit ciphertext is one value, which has no keys and is not written to; \
                 a path that begins so is written with `\\:`"
            }
            Self::GoTemplate => {
                "Go templates are not supported; write one `${vault:path#field}` for each field"
            }
            Self::Login => {
                "the token that CloudTaser logs in with is never handed to the program; \
                 name the secrets that it needs, or let it log in by itself"
            }
        })
    }
}

impl ReferenceError {
    /// Where in the value it is.
    #[must_use]
    pub fn place(&self) -> &Place {
        match self {
            Self::NoScheme(place)
            | Self::Empty(place, _)
            | Self::BadVersion(place)
            | Self::Control(place, ..)
            | Self::BadEscape(place)
            | Self::Unclosed(place)
            | Self::AfterOptional(place)
            | Self::TooManyParts(place)
            | Self::Nested(place)
            | Self::DefaultOfAllKeys(place)
            | Self::BadParameters(place, _)
            | Self::ParametersWithoutField(place)
            | Self::ParametersOfRead(place)
            | Self::AfterParameters(place)
            | Self::BadCiphertext(place)
            | Self::CutCiphertext(place)
            | Self::FallbackOfCiphertext(place)
            | Self::Unsupported(place, _) => place,
        }
    }

    /// The exit status: always [`status::USAGE`].
    #[must_use]
    pub fn status(&self) -> u8 {
        status::USAGE
    }
}
