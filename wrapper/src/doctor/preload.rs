//! Check of the preload library: is it there, and could a program load it.

use super::Place;
use super::report::Verdict;
use crate::program::library as preload_library;
use crate::report::chain;

/// Looks for it as a start does.
pub(super) fn library(place: &Place<'_>) -> Verdict {
    match preload_library::find(place.survey.library.as_deref()) {
        Ok(file) => Verdict::ok(format!("`{}`", file.display())),
        Err(error) => Verdict::warn(
            format!(
                "secrets go into plain variables, and there are no files: {}",
                chain(&error)
            ),
            "put it beside cloudtaser itself (`cloudtaser copy` does), or name it with \
             --preload-library",
        ),
    }
}
