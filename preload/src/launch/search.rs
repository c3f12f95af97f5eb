//! Where a program lies that is named without a slash: execvp(3). Text alone.

use core::ffi::CStr;

use crate::sys::errno::Errno;

/// Where it is looked for without `PATH` (`_CS_PATH`, confstr(3)).
pub const DEFAULT: &[u8] = b"/bin:/usr/bin";

/// Bytes of a file's name, at most (`NAME_MAX`, linux/limits.h).
const NAME_MAX: usize = 255;

/// The paths that a name can mean.
#[derive(Clone, Debug)]
pub struct Candidates<'a> {
    name: &'a [u8],
    /// What is left of `PATH`; `None` at its end.
    rest: Option<&'a [u8]>,
}

impl<'a> Candidates<'a> {
    /// `name` has no slash; `path` is what `PATH` says.
    ///
    /// # Errors
    ///
    /// `ENOENT` for no name, `ENAMETOOLONG`.
    pub fn new(name: &'a [u8], path: Option<&'a [u8]>) -> Result<Self, Errno> {
        match name.len() {
            0 => Err(Errno::NOENT),
            1..=NAME_MAX => Ok(Self {
                name,
                rest: Some(path.unwrap_or(DEFAULT)),
            }),
            _ => Err(Errno::NAMETOOLONG),
        }
    }

    /// Writes the next one to `out`, with its NUL; those that are too long are left out.
    pub fn next<'b>(&mut self, out: &'b mut [u8]) -> Option<&'b CStr> {
        loop {
            let rest = self.rest?;
            let colon = rest.iter().position(|byte| *byte == b':');
            let directory = rest.get(..colon.unwrap_or(rest.len()))?;
            self.rest = match colon {
                Some(colon) => rest.get(colon.checked_add(1)?..),
                None => None,
            };
            // No directory is the current one.
            let slash: &[u8] = if directory.is_empty() { b"" } else { b"/" };
            let pieces = [directory, slash, self.name, b"\0"];
            let len = pieces
                .iter()
                .fold(0_usize, |sum, piece| sum.saturating_add(piece.len()));
            if len > out.len() {
                continue;
            }
            let bytes = pieces.into_iter().flatten();
            for (to, from) in out.iter_mut().zip(bytes) {
                *to = *from;
            }
            return CStr::from_bytes_until_nul(out).ok();
        }
    }
}

/// Whether the search goes on after an `exec` that failed so.
#[must_use]
pub const fn goes_on(error: Errno) -> bool {
    matches!(
        error,
        Errno::ACCESS
            | Errno::NOENT
            | Errno::NOTDIR
            | Errno::NODEV
            | Errno::STALE
            | Errno::TIMEDOUT
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lookup::path::PATH_MAX;
    use std::string::String;
    use std::vec::Vec;

    fn all(name: &str, path: Option<&str>) -> Vec<String> {
        let mut candidates = Candidates::new(name.as_bytes(), path.map(str::as_bytes)).unwrap();
        let mut out = [0; PATH_MAX];
        let mut found = Vec::new();
        while let Some(path) = candidates.next(&mut out) {
            found.push(path.to_str().unwrap().into());
        }
        found
    }

    #[test]
    fn every_directory_is_tried_in_order() {
        assert_eq!(all("x", Some("/a:/b/")), ["/a/x", "/b//x"]);
        assert_eq!(all("x", None), ["/bin/x", "/usr/bin/x"]);
        assert_eq!(all("x", Some("")), ["x"]);
        assert_eq!(all("x", Some(":/a::")), ["x", "/a/x", "x", "x"]);
    }

    #[test]
    fn what_is_too_long_is_left_out_or_refused() {
        let long = "y".repeat(PATH_MAX - 2);
        assert_eq!(all("x", Some(&std::format!("{long}:/a"))), ["/a/x"]);
        let fits = "y".repeat(PATH_MAX - 3);
        assert_eq!(all("x", Some(&fits)).len(), 1);
        let refused = |name: &str| Candidates::new(name.as_bytes(), None).err();
        assert_eq!(refused(""), Some(Errno::NOENT));
        assert_eq!(refused(&"x".repeat(256)), Some(Errno::NAMETOOLONG));
        assert_eq!(refused(&"x".repeat(255)), None);
    }
}
