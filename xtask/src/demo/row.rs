//! A line of the demo's table: what was asked, and the answer.
//!
//! Every search looks for two texts at once: the password, which must not be there, and a marker
//! that was put there on purpose. A search that does not find the marker proves nothing and fails.

use std::io;

use crate::paths;

/// One line of the table.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) what: String,
    pub(super) good: bool,
    pub(super) result: String,
}

impl Row {
    /// An answer and whether it is the right one.
    pub(super) fn new(what: impl Into<String>, good: bool, result: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            good,
            result: result.into(),
        }
    }

    /// The usual search: the value is not there, the marker is.
    pub(super) fn search(
        what: impl Into<String>,
        searched: &str,
        value: &[String],
        marker: bool,
    ) -> Self {
        let control = if marker {
            "control found"
        } else {
            "but the CONTROL WAS NOT FOUND"
        };
        let result = match value {
            [] => format!("not found in {searched}; {control}"),
            places => format!("FOUND in {}", places.join(", ")),
        };
        Self::new(what, value.is_empty() && marker, result)
    }

    /// The search for what must be there: where nothing is hidden, or where it cannot be.
    pub(super) fn expected(what: impl Into<String>, is_found: bool, because: &str) -> Self {
        let result = if is_found {
            format!("found, as it must be: {because}")
        } else {
            "NOT FOUND: how did psql log in?".to_owned()
        };
        Self::new(what, is_found, result)
    }

    /// The kernel does not let us look: no find, but no search either, and said so.
    pub(super) fn refused(what: impl Into<String>, error: &io::Error) -> Self {
        let root = paths::is_root();
        let result = format!("the kernel refuses the search: {error}; as root it can be searched");
        // As root it must be possible, or the row proves nothing.
        let good = !root && error.kind() == io::ErrorKind::PermissionDenied;
        Self::new(what, good, result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_without_its_control_fails() {
        assert!(Row::search("x", "y", &[], true).good);
        assert!(!Row::search("x", "y", &[], false).good);
        assert!(!Row::search("x", "y", &["z".to_owned()], true).good);
        assert!(!Row::expected("x", false, "y").good);
    }
}
