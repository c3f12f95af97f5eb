//! Reads one reference: `scheme:path[#field[#version]][?|:-default]`.
//!
//! A hand-written parser over one slice of the value; it never panics and never allocates more
//! than the slice is long. Where a reference ends inside a longer value is [`super::template`]'s
//! question; `end` is known before the parser starts.

use super::{Fallback, Part, Place, Reference, ReferenceError, SYNTAX, Schemes, Unsupported};

/// Reads a whole value as one reference.
///
/// # Errors
///
/// [`ReferenceError`] with the position and the fix.
pub fn parse(value: &str, schemes: &Schemes) -> Result<Reference, ReferenceError> {
    let Some((scheme, _)) = schemes.strip(value) else {
        return Err(ReferenceError::NoScheme(Place::new(value, 0, 0)));
    };
    let mut parser = Parser::new(value, 0, value.len(), schemes);
    parser.reference(scheme, Parser::default_of_whole)
}

/// A position in a reference that ends at byte `end` of the value.
#[derive(Debug)]
pub(super) struct Parser<'v> {
    value: &'v str,
    /// Where the reference begins: at its `${`, its prefix or its scheme.
    start: usize,
    at: usize,
    end: usize,
    schemes: &'v Schemes,
}

impl<'v> Parser<'v> {
    /// A parser that stands at byte `start`.
    pub(super) fn new(value: &'v str, start: usize, end: usize, schemes: &'v Schemes) -> Self {
        let at = start;
        Self {
            value,
            start,
            at,
            end,
            schemes,
        }
    }

    pub(super) fn rest(&self) -> &'v str {
        self.value.get(self.at..self.end).unwrap_or_default()
    }

    /// Goes past `text` if it comes next.
    pub(super) fn take(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    pub(super) fn here(&self) -> Place {
        Place::new(self.value, self.start, self.at)
    }

    /// Goes past `scheme` and its colon, which the caller found at this position.
    pub(super) fn scheme(&mut self, scheme: &str) -> Result<(), ReferenceError> {
        if !self.take(scheme) || !self.take(":") {
            return Err(ReferenceError::NoScheme(self.here()));
        }
        if is_ciphertext(self.rest()) {
            let what = Unsupported::Ciphertext;
            return Err(ReferenceError::Unsupported(self.here(), what));
        }
        Ok(())
    }

    /// Reads a reference from its scheme to `end`; `default` reads what follows a `:-`.
    pub(super) fn reference(
        &mut self,
        scheme: &str,
        default: fn(&mut Self) -> String,
    ) -> Result<Reference, ReferenceError> {
        self.scheme(scheme)?;
        let path = self.segment(Part::Path)?;
        let (mut field, mut version) = (None, None);
        if self.take("#") {
            if self.rest().starts_with("${.") {
                let what = Unsupported::GoTemplate;
                return Err(ReferenceError::Unsupported(self.here(), what));
            }
            field = Some(self.segment(Part::Field)?);
            if self.take("#") {
                version = Some(self.version()?);
            }
        }
        let fallback = if self.take(":-") {
            Fallback::Default(default(self))
        } else if self.optional()? {
            Fallback::Optional
        } else {
            Fallback::Required
        };
        Ok(Reference {
            scheme: scheme.into(),
            path,
            field,
            version,
            fallback,
        })
    }

    /// Reads `?` or nothing; either must be the end.
    pub(super) fn optional(&mut self) -> Result<bool, ReferenceError> {
        let optional = self.take("?");
        match self.rest() {
            "" => Ok(optional),
            _ if optional => Err(ReferenceError::AfterOptional(self.here())),
            _ => Err(ReferenceError::TooManyParts(self.here())),
        }
    }

    /// Reads a path or a field up to the next syntax, without its escapes.
    pub(super) fn segment(&mut self, part: Part) -> Result<String, ReferenceError> {
        let mut text = String::new();
        while let Some(c) = self.rest().chars().next() {
            match c {
                '#' | '?' => break,
                ':' if self.rest().starts_with(":-") => break,
                '\\' => text.push(self.escape()?),
                _ if c.is_control() => {
                    return Err(ReferenceError::Control(self.here(), part, c));
                }
                '$' if opens_reference(self.rest(), self.schemes) => {
                    return Err(ReferenceError::Nested(self.here()));
                }
                _ => {
                    text.push(c);
                    self.at += c.len_utf8();
                }
            }
        }
        if text.is_empty() {
            return Err(ReferenceError::Empty(self.here(), part));
        }
        Ok(text)
    }

    /// Goes past a backslash and the character that it stands before, which it returns.
    fn escape(&mut self) -> Result<char, ReferenceError> {
        match self.rest().chars().nth(1) {
            Some(c) if SYNTAX.contains(&c) => {
                self.at += '\\'.len_utf8() + c.len_utf8();
                Ok(c)
            }
            _ => Err(ReferenceError::BadEscape(self.here())),
        }
    }

    /// Reads a version: ASCII digits, 1 or more.
    pub(super) fn version(&mut self) -> Result<u64, ReferenceError> {
        let place = self.here();
        let text = self.segment(Part::Version)?;
        let version = text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse() {
            Ok(number) if version && number > 0 => Ok(number),
            _ => Err(ReferenceError::BadVersion(place)),
        }
    }

    /// The default of a whole value: the rest, byte for byte.
    fn default_of_whole(&mut self) -> String {
        let text = self.rest().into();
        self.at = self.end;
        text
    }

    /// The default inside a longer value: the rest, where `\}` and `\\` are escapes.
    pub(super) fn default_of_inline(&mut self) -> String {
        let mut text = String::new();
        let mut chars = self.rest().chars().peekable();
        while let Some(c) = chars.next() {
            let escaped = match c {
                '\\' => chars.next_if(|next| matches!(next, '}' | '\\')),
                _ => None,
            };
            text.push(escaped.unwrap_or(c));
        }
        self.at = self.end;
        text
    }
}

/// Whether `text` begins with `${scheme:` or `${>>scheme:`.
pub(super) fn opens_reference(text: &str, schemes: &Schemes) -> bool {
    text.strip_prefix("${").is_some_and(|body| {
        let body = body.strip_prefix(">>").unwrap_or(body);
        schemes.strip(body).is_some()
    })
}

/// Whether `body` looks like the transit engine's ciphertext, `v1:…`.
fn is_ciphertext(body: &str) -> bool {
    body.strip_prefix('v').is_some_and(|rest| {
        let tail = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        tail.len() < rest.len() && tail.starts_with(':') && !tail.starts_with(":-")
    })
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
