//! Reads one reference: `scheme:path[#field[#version]]`, `>>scheme:path[#field[#{json}]]` or
//! `scheme:v1:BASE64`, and behind the first two `?` or `:-default`.
//!
//! The grammar; the position in the text and the words of the grammar are [`super::parser`]'s.

use super::parameters::JSON_SPACE;
use super::parser::Parser;
use super::{
    CONFIGURED_SOURCE, Fallback, Parameters, Part, Reference, ReferenceError, Schemes, Target,
    Unsupported, WRITES, ciphertext,
};

/// Reads a whole value as one reference.
///
/// # Errors
///
/// [`ReferenceError`] with the position and the fix.
pub fn parse(value: &str, schemes: &Schemes) -> Result<Reference, ReferenceError> {
    Parser::new(value, schemes).reference()
}

impl Parser<'_> {
    /// Reads a reference, from its scheme or `>>` to its end.
    pub(super) fn reference(&mut self) -> Result<Reference, ReferenceError> {
        let start = self.here();
        let writes = self.take(WRITES);
        let Some(scheme) = self.scheme() else {
            return Err(ReferenceError::NoScheme(start));
        };
        let is_ciphertext = ciphertext::is_ciphertext(self.rest());
        let target = if is_ciphertext && writes {
            let what = Unsupported::Ciphertext;
            return Err(ReferenceError::Unsupported(self.here(), what));
        } else if is_ciphertext {
            let ciphertext = ciphertext::read(self)?;
            Target::Decrypt { ciphertext }
        } else if writes {
            self.write()?
        } else {
            self.read(scheme)?
        };
        Ok(Reference {
            scheme: scheme.into(),
            target,
            fallback: self.fallback()?,
        })
    }

    /// Reads `path[#field[#version]]`.
    fn read(&mut self, scheme: &str) -> Result<Target, ReferenceError> {
        let start = self.here();
        let path = self.segment(Part::Path, &[])?;
        let (mut field, mut version) = (None, None);
        if self.take("#") {
            field = Some(self.field(&[])?);
            if self.take("#") {
                // Before any of it is read as a version, and so could be quoted.
                if self.rest().trim_start_matches(JSON_SPACE).starts_with('{') {
                    return Err(ReferenceError::ParametersOfRead(self.here()));
                }
                version = Some(self.version()?);
            }
        } else if path == "login" && CONFIGURED_SOURCE.contains(&scheme) {
            // Fails closed: whoever holds that token can read whatever the wrapper can.
            return Err(ReferenceError::Unsupported(start, Unsupported::Login));
        }
        Ok(Target::Read {
            path,
            field,
            version,
        })
    }

    /// Reads `path[#field[#{json}]]`.
    fn write(&mut self) -> Result<Target, ReferenceError> {
        let path = self.segment(Part::Path, &[])?;
        let (mut field, mut parameters) = (None, Parameters::default());
        if self.take("#") {
            field = Some(self.field_of_answer()?);
            if self.take("#") {
                parameters = self.parameters()?;
            }
        }
        Ok(Target::Write {
            path,
            field,
            parameters,
        })
    }

    /// Reads a field of an answer to a write. There is no brace in it: that would be parameters
    /// without their `#` or field, and the write would be made without them.
    fn field_of_answer(&mut self) -> Result<String, ReferenceError> {
        let start = self.here();
        let is_object_next = |parser: &Self| parser.rest().starts_with('{');
        if !is_object_next(self) {
            let field = self.field(&['{'])?;
            if !is_object_next(self) {
                return Ok(field);
            }
        }
        Err(ReferenceError::ParametersWithoutField(start))
    }

    /// Reads a field up to the next syntax or one of `stops`.
    fn field(&mut self, stops: &[char]) -> Result<String, ReferenceError> {
        if self.rest().starts_with("${.") {
            let what = Unsupported::GoTemplate;
            return Err(ReferenceError::Unsupported(self.here(), what));
        }
        self.segment(Part::Field, stops)
    }

    /// Reads a JSON object and the white space around it; finds the closing brace behind it.
    fn parameters(&mut self) -> Result<Parameters, ReferenceError> {
        self.skip(JSON_SPACE);
        if self.ends() {
            return Err(ReferenceError::Empty(self.here(), Part::Parameters));
        }
        // To the end of the value: the brace found so far may be one of the object's.
        let (parameters, bytes) = Parameters::read(self.to_end()).map_err(|(fault, bytes)| {
            self.hide(bytes);
            ReferenceError::BadParameters(self.here(), fault)
        })?;
        self.hide(bytes);
        self.close()?;
        self.skip(JSON_SPACE);
        match self.ends() {
            true => Ok(parameters),
            false => Err(ReferenceError::AfterParameters(self.here())),
        }
    }

    /// Whether nothing or a fallback comes next.
    fn ends(&self) -> bool {
        let rest = self.rest();
        rest.is_empty() || rest.starts_with('?') || rest.starts_with(":-")
    }

    /// Reads `?`, `:-default` or nothing.
    fn fallback(&mut self) -> Result<Fallback, ReferenceError> {
        if self.take(":-") {
            let text = self.take_rest();
            return Ok(Fallback::Default(match self.is_inline() {
                true => unescape_default(text),
                false => text.into(),
            }));
        }
        Ok(match self.optional()? {
            true => Fallback::Optional,
            false => Fallback::Required,
        })
    }
}

/// The default inside a longer value, where `\}` and `\\` are escapes.
fn unescape_default(default: &str) -> String {
    let mut text = String::new();
    let mut chars = default.chars().peekable();
    while let Some(c) = chars.next() {
        let escaped = match c {
            '\\' => chars.next_if(|next| matches!(next, '}' | '\\')),
            _ => None,
        };
        text.push(escaped.unwrap_or(c));
    }
    text
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
