//! A position in a reference, and the words of its grammar: schemes, names, versions.
//!
//! It never panics, and allocates no more than the text is long. Inside a longer value it also
//! finds the closing brace; where parameters end is the JSON parser's knowledge, so behind them
//! [`Parser::close`] looks for it again.

use std::ops::Range;

use super::{Part, Place, ReferenceError, SYNTAX, Schemes, begins_reference};

/// A position in a reference that ends at byte `end` of the value.
#[derive(Debug)]
pub(super) struct Parser<'v> {
    value: &'v str,
    /// Where the reference begins: at its `${`, its prefix or its scheme.
    start: usize,
    at: usize,
    end: usize,
    is_inline: bool,
    /// Text that no error may show.
    hidden: Range<usize>,
    schemes: &'v Schemes,
}

impl<'v> Parser<'v> {
    /// A parser that stands at the beginning of a whole value.
    pub(super) fn new(value: &'v str, schemes: &'v Schemes) -> Self {
        Self {
            value,
            start: 0,
            at: 0,
            end: value.len(),
            is_inline: false,
            hidden: 0..0,
            schemes,
        }
    }

    /// A parser that stands at the `${` at byte `start`.
    pub(super) fn inline(
        value: &'v str,
        start: usize,
        schemes: &'v Schemes,
    ) -> Result<Self, ReferenceError> {
        let mut parser = Self {
            start,
            at: start,
            is_inline: true,
            ..Self::new(value, schemes)
        };
        parser.close()?;
        Ok(parser)
    }

    /// Where the reference ends, once it was read: at its closing brace, or with the value.
    pub(super) fn end(&self) -> usize {
        self.end
    }

    pub(super) fn is_inline(&self) -> bool {
        self.is_inline
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

    /// Goes past any of `characters` that come next.
    pub(super) fn skip(&mut self, characters: &[char]) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches(characters).len();
    }

    /// Goes to the reference's end.
    pub(super) fn take_rest(&mut self) -> &'v str {
        let rest = self.rest();
        self.at = self.end;
        rest
    }

    /// The text up to the end of the value, past the reference's own end.
    pub(super) fn to_end(&self) -> &'v str {
        self.value.get(self.at..).unwrap_or_default()
    }

    /// Goes past `bytes` bytes, and keeps them out of every error.
    pub(super) fn hide(&mut self, bytes: usize) {
        let start = self.at;
        self.at = start.saturating_add(bytes);
        self.hidden = start..self.at;
    }

    pub(super) fn here(&self) -> Place {
        let text = |range: Range<usize>| self.value.get(range).unwrap_or_default();
        if self.hidden.is_empty() {
            return Place::new(self.at, text(self.start..self.at));
        }
        let before = text(self.start..self.hidden.start);
        let behind = text(self.hidden.end..self.at);
        Place::new(self.at, &format!("{before}…{behind}"))
    }

    /// Finds where the reference ends: at the first `}` from here on that no backslash stands
    /// before. A whole value's is its end.
    pub(super) fn close(&mut self) -> Result<(), ReferenceError> {
        if !self.is_inline {
            return Ok(());
        }
        let mut is_escaped = false;
        for (offset, byte) in self.to_end().bytes().enumerate() {
            match byte {
                _ if is_escaped => is_escaped = false,
                b'\\' => is_escaped = true,
                b'}' => {
                    self.end = self.at.saturating_add(offset);
                    return Ok(());
                }
                _ => {}
            }
        }
        Err(ReferenceError::Unclosed(Place::new(self.start, "")))
    }

    /// Goes past a scheme of ours and its colon.
    pub(super) fn scheme(&mut self) -> Option<&'v str> {
        let (scheme, _) = self.schemes.strip(self.rest())?;
        self.take(scheme);
        self.take(":");
        Some(scheme)
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

    /// Reads a path or a field without its escapes, up to the next syntax or one of `stops`.
    pub(super) fn segment(&mut self, part: Part, stops: &[char]) -> Result<String, ReferenceError> {
        let mut text = String::new();
        while let Some(c) = self.rest().chars().next() {
            match c {
                '#' | '?' => break,
                ':' if self.rest().starts_with(":-") => break,
                _ if stops.contains(&c) => break,
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
        let text = self.segment(Part::Version, &[])?;
        let version = text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse() {
            Ok(number) if version && number > 0 => Ok(number),
            _ => Err(ReferenceError::BadVersion(place)),
        }
    }
}

/// Whether `text` begins with `${scheme:` or `${>>scheme:`.
pub(super) fn opens_reference(text: &str, schemes: &Schemes) -> bool {
    text.strip_prefix("${")
        .is_some_and(|body| begins_reference(body, schemes))
}
