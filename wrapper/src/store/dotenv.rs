//! The dotenv format: `NAME=value` lines, read strictly and written so that they read back.
//!
//! `$` is never expanded, not even in double quotes: a password may hold one, and a value must not
//! depend on the environment in which it is imported. What is ambiguous between the programs that
//! read such files is an error with line and column, never a guess. Errors show no value.
//!
//! | Form | Value |
//! |---|---|
//! | `NAME=text # comment` | the text without blanks at its ends; `#` after a blank begins a comment |
//! | `NAME='text'` | literally, over several lines too |
//! | `NAME="text"` | with `\n`, `\r`, `\t`, `\\`, `\"`, `\'`, `\$`; over several lines too |

/// Names and values in the file's order; no name occurs twice.
pub type Pairs = Vec<(String, String)>;

/// Why a text is not a dotenv file.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("line {line}, column {column}: {what}")]
pub struct DotenvError {
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
    /// What is wrong there, and what to do.
    pub what: &'static str,
}

/// Reads a dotenv text.
///
/// # Errors
///
/// [`DotenvError`] at the first thing that is not clear.
pub fn parse(text: &str) -> Result<Pairs, DotenvError> {
    let mut scanner = Scanner {
        rest: text.strip_prefix('\u{feff}').unwrap_or(text),
        line: 1,
        column: 1,
    };
    let mut pairs = Pairs::new();
    loop {
        scanner.skip(|c| c.is_ascii_whitespace());
        match scanner.peek() {
            None => return Ok(pairs),
            Some('#') => scanner.skip(|c| c != '\n'),
            Some(_) => {
                let start = scanner.place();
                let name = scanner.name()?;
                if pairs.iter().any(|(known, _)| *known == name) {
                    return Err(start.error("this name stands in the file twice"));
                }
                let value = scanner.value()?;
                pairs.push((name, value));
            }
        }
    }
}

/// Whether `name` can be a variable's name (POSIX: letters, digits, underscore, no digit first).
#[must_use]
pub fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Writes a value so that [`parse`] reads it back, with as little quoting as needed.
///
/// `None` for a value that the format cannot hold (a zero byte).
#[must_use]
pub fn quote(value: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+,=".contains(c);
    if value.contains('\0') {
        return None;
    }
    if value.chars().all(plain) {
        return Some(value.to_owned());
    }
    if !value.contains(['\'', '\r']) {
        return Some(format!("'{value}'"));
    }
    let mut quoted = String::with_capacity(value.len().saturating_mul(2));
    quoted.push('"');
    for c in value.chars() {
        match c {
            '\r' => quoted.push_str("\\r"),
            '\\' | '"' | '$' => quoted.extend(['\\', c]),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    Some(quoted)
}

/// A place in the text.
#[derive(Clone, Copy)]
struct Place {
    line: usize,
    column: usize,
}

impl Place {
    fn error(self, what: &'static str) -> DotenvError {
        DotenvError {
            line: self.line,
            column: self.column,
            what,
        }
    }
}

/// Walks through the text, counting lines and columns.
struct Scanner<'a> {
    rest: &'a str,
    line: usize,
    column: usize,
}

impl<'a> Scanner<'a> {
    fn place(&self) -> Place {
        Place {
            line: self.line,
            column: self.column,
        }
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next()?;
        self.rest = chars.as_str();
        if c == '\n' {
            self.line = self.line.saturating_add(1);
            self.column = 1;
        } else {
            self.column = self.column.saturating_add(1);
        }
        Some(c)
    }

    fn skip(&mut self, mut take: impl FnMut(char) -> bool) {
        while self.peek().is_some_and(&mut take) {
            self.next();
        }
    }

    /// Takes what fits, and gives it.
    fn taken(&mut self, take: impl FnMut(char) -> bool) -> &'a str {
        let before = self.rest;
        self.skip(take);
        let length = before.len().saturating_sub(self.rest.len());
        before.get(..length).unwrap_or_default()
    }

    fn blanks(&mut self) {
        self.skip(|c| c == ' ' || c == '\t');
    }

    /// `NAME=`, after an optional `export`.
    fn name(&mut self) -> Result<String, DotenvError> {
        let mut start = self.place();
        let mut name = self.taken(is_name_char);
        if name == "export" && self.peek().is_some_and(|c| c == ' ' || c == '\t') {
            self.blanks();
            if self.peek() != Some('=') {
                start = self.place();
                name = self.taken(is_name_char);
            }
        }
        if !is_name(name) {
            return Err(start.error(
                "a variable's name is expected: letters, digits and underscores, no digit first",
            ));
        }
        self.blanks();
        if self.peek() != Some('=') {
            return Err(self
                .place()
                .error("`=` is expected after the variable's name"));
        }
        self.next();
        Ok(name.to_owned())
    }

    /// What stands behind `=`, up to the line's end.
    fn value(&mut self) -> Result<String, DotenvError> {
        if self.peek() == Some('#') {
            return Err(self.place().error(
                "a value or a comment? Put quotes around a value, a blank before a comment",
            ));
        }
        self.blanks();
        let start = self.place();
        let value = match self.peek() {
            Some('\'') => self.single(start)?,
            Some('"') => self.double(start)?,
            Some('`') => {
                return Err(start.error("backquotes mean different things; use single quotes"));
            }
            _ => return self.bare(),
        };
        self.blanks();
        match self.peek() {
            None | Some('\n') => Ok(value),
            Some('#') => {
                self.skip(|c| c != '\n');
                Ok(value)
            }
            Some('\r') if self.rest.starts_with("\r\n") || self.rest == "\r" => Ok(value),
            Some(_) => Err(self
                .place()
                .error("nothing may stand behind the closing quote")),
        }
    }

    fn bare(&mut self) -> Result<String, DotenvError> {
        let mut before = ' ';
        let mut nul = false;
        let text = self.taken(|c| {
            let comment = c == '#' && (before == ' ' || before == '\t');
            before = c;
            nul |= c == '\0';
            c != '\n' && !comment
        });
        if nul {
            return Err(self.place().error("this line holds a zero byte"));
        }
        let text = text.trim_matches([' ', '\t', '\r']).to_owned();
        self.skip(|c| c != '\n');
        Ok(text)
    }

    fn single(&mut self, start: Place) -> Result<String, DotenvError> {
        self.next();
        let text = self.taken(|c| c != '\'' && c != '\0').to_owned();
        match self.next() {
            Some('\'') => Ok(text),
            Some(_) => Err(start.error("a zero byte stands within these quotes")),
            None => Err(start.error("this single quote is never closed")),
        }
    }

    fn double(&mut self, start: Place) -> Result<String, DotenvError> {
        self.next();
        let mut text = String::new();
        loop {
            text.push_str(self.taken(|c| c != '"' && c != '\\' && c != '\0'));
            let place = self.place();
            match self.next() {
                Some('"') => return Ok(text),
                Some('\\') => text.push(match self.next() {
                    Some('n') => '\n',
                    Some('r') => '\r',
                    Some('t') => '\t',
                    Some(c @ ('\\' | '"' | '\'' | '$')) => c,
                    _ => {
                        return Err(place.error(
                            "this escape is not known; use \\n, \\r, \\t, \\\\, \\\", \\' or \\$",
                        ));
                    }
                }),
                Some(_) => return Err(place.error("a zero byte stands within these quotes")),
                None => return Err(start.error("this double quote is never closed")),
            }
        }
    }
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
#[path = "dotenv_tests.rs"]
mod tests;
