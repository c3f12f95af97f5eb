//! Reads an environment value: literal text, one whole reference, or references between text.
//!
//! Anything that is not a reference stays byte for byte. Directly before `{scheme:` and
//! `{>>scheme:`, and only there, `$$` stands for `$`; so `$${vault:` is the plain text `${vault:`,
//! and `$$${vault:…}` is a dollar sign and a reference. A value that was fetched never comes here,
//! so reference syntax in it is data.

use super::parser::{Parser, opens_reference};
use super::{Reference, ReferenceError, Schemes, begins_reference};
use crate::secret::Secret;

/// A piece of a value.
#[derive(Clone, Debug)]
pub enum Part {
    /// Text as it stands. It may be sensitive and is never printed.
    Literal(Secret),
    /// A reference, and the byte column (from 1) of the value at which it begins.
    Reference(Reference, usize),
}

/// An environment value, read.
#[derive(Clone, Debug)]
pub struct Template {
    /// The pieces in their order; empty for an empty value.
    pub parts: Vec<Part>,
    /// Whether the value is one reference without `${}`: then a missing optional leaves the
    /// variable out instead of giving empty text.
    pub is_whole: bool,
}

impl Template {
    /// The text, when there is no reference in it.
    #[must_use]
    pub fn literal(&self) -> Option<&[u8]> {
        match self.parts.as_slice() {
            [] => Some(b""),
            [Part::Literal(text)] => Some(text.expose()),
            _ => None,
        }
    }

    /// The references, in their order.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.parts.iter().filter_map(|part| match part {
            Part::Literal(_) => None,
            Part::Reference(reference, _) => Some(reference),
        })
    }
}

/// Reads a value.
///
/// # Errors
///
/// [`ReferenceError`] of the first reference that cannot be read.
pub fn parse(value: &str, schemes: &Schemes) -> Result<Template, ReferenceError> {
    if begins_reference(value, schemes) {
        let reference = super::parse(value, schemes)?;
        return Ok(Template {
            parts: vec![Part::Reference(reference, 1)],
            is_whole: true,
        });
    }
    parse_inline(value, schemes)
}

/// Reads the text of a file. One line that begins with a reference is that reference, and a
/// newline behind it is the editor's; in everything else references stand in `${}`, so that a
/// document of several lines may begin with any word.
///
/// # Errors
///
/// As [`parse`].
pub fn parse_document(text: &str, schemes: &Schemes) -> Result<Template, ReferenceError> {
    let line = text.strip_suffix('\n').unwrap_or(text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if !line.contains('\n') && begins_reference(line, schemes) {
        parse(line, schemes)
    } else {
        parse_inline(text, schemes)
    }
}

fn parse_inline(value: &str, schemes: &Schemes) -> Result<Template, ReferenceError> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = value;
    while let Some(dollar) = rest.find("${") {
        let Some((text, body)) = rest.split_at_checked(dollar + 1) else {
            break;
        };
        if !rest
            .get(dollar..)
            .is_some_and(|t| opens_reference(t, schemes))
        {
            literal.push_str(text);
            rest = body;
            continue;
        }
        let plain = text.trim_end_matches('$');
        let dollars = text.len() - plain.len();
        literal.push_str(plain);
        literal.extend(std::iter::repeat_n('$', dollars / 2));
        rest = body;
        if dollars % 2 == 1 {
            let start = value.len() - body.len() - 1;
            let (reference, end) = enclosed(value, start, schemes)?;
            push_literal(&mut parts, &mut literal);
            parts.push(Part::Reference(reference, start + 1));
            rest = value.get(end..).unwrap_or_default();
        }
    }
    literal.push_str(rest);
    push_literal(&mut parts, &mut literal);
    Ok(Template {
        parts,
        is_whole: false,
    })
}

fn push_literal(parts: &mut Vec<Part>, literal: &mut String) {
    if !literal.is_empty() {
        parts.push(Part::Literal(std::mem::take(literal).into()));
    }
}

/// Reads the `${…}` that begins at byte `start`; also gives the byte behind its `}`.
fn enclosed(
    value: &str,
    start: usize,
    schemes: &Schemes,
) -> Result<(Reference, usize), ReferenceError> {
    let mut parser = Parser::inline(value, start, schemes)?;
    parser.take("${");
    let reference = parser.reference()?;
    Ok((reference, parser.end() + 1))
}

#[cfg(test)]
#[path = "template_tests.rs"]
mod tests;
