//! Paths as text: no file system is asked here.

use core::ffi::CStr;

use cloudtaser_abi::region::Text;

use crate::state::names::last_component;
use crate::sys::page::{self, Page};

/// Bytes of a path, with its NUL (`PATH_MAX`, linux/limits.h).
pub const PATH_MAX: usize = page::SIZE;

/// A path under construction, absolute and without `.`, `..`, `//` and slash at its end. Empty is
/// the root directory.
#[derive(Debug)]
pub struct PathBuf {
    bytes: Page,
    len: usize,
}

impl PathBuf {
    /// The root directory. `None` when there is no memory.
    #[must_use]
    pub fn new() -> Option<Self> {
        let bytes = Page::new().ok()?;
        Some(Self { bytes, len: 0 })
    }

    /// `text`, which may have any form, as [`PathBuf::append`] makes it.
    #[must_use]
    pub fn of(text: &[u8]) -> Option<Self> {
        let mut path = Self::new()?;
        path.append(text)?;
        Some(path)
    }

    /// A path of the region, which has this form already, up to its byte `len`.
    #[must_use]
    pub fn of_text(text: Text<'_>, len: usize) -> Option<Self> {
        let mut path = Self::new()?;
        text.copy_to(path.bytes.as_mut_slice()).ok()?;
        path.len = len;
        path.end();
        Some(path)
    }

    /// The last component.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        last_component(self.bytes())
    }

    /// The path; empty for the root directory.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// The path as a C string; the root directory as `/`.
    #[must_use]
    pub fn with_nul(&self) -> Option<&CStr> {
        if self.len == 0 {
            return Some(c"/");
        }
        CStr::from_bytes_until_nul(self.bytes.as_slice()).ok()
    }

    /// Adds the components of `text`, which may have any form; `..` takes one away. `None` when it
    /// becomes too long.
    pub fn append(&mut self, text: &[u8]) -> Option<()> {
        for component in text.split(|byte| *byte == b'/') {
            match component {
                b"" | b"." => {}
                b".." => {
                    let slash = self.bytes().iter().rposition(|byte| *byte == b'/');
                    self.len = slash.unwrap_or(0);
                    self.end();
                }
                name => self.push(name)?,
            }
        }
        Some(())
    }

    fn push(&mut self, name: &[u8]) -> Option<()> {
        let end = self.len.checked_add(1)?.checked_add(name.len())?;
        // The NUL must fit too.
        if end >= PATH_MAX {
            return None;
        }
        let mut room = self.bytes.get_mut(self.len..end)?.iter_mut();
        *room.next()? = b'/';
        for (to, from) in room.zip(name) {
            *to = *from;
        }
        self.len = end;
        self.end();
        Some(())
    }

    /// Puts the NUL behind the path.
    fn end(&mut self) {
        if let Some(byte) = self.bytes.get_mut(self.len) {
            *byte = 0;
        }
    }
}

/// The path without slashes at its end, and whether there were any. A path of slashes alone stays.
#[must_use]
pub fn trim(path: &[u8]) -> (&[u8], bool) {
    match path.iter().rposition(|byte| *byte != b'/') {
        None => (path, false),
        Some(last) => {
            let end = last.wrapping_add(1);
            (path.get(..end).unwrap_or(path), end != path.len())
        }
    }
}

/// Whether `path` is absolute and as short as it can be written, so that it can be compared.
#[must_use]
pub fn is_normal(path: &[u8]) -> bool {
    match path.split_first() {
        Some((b'/', rest)) => rest
            .split(|byte| *byte == b'/')
            .all(|component| !matches!(component, b"" | b"." | b"..")),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(parts: &[&str]) -> std::string::String {
        let mut path = PathBuf::new().unwrap();
        for part in parts {
            path.append(part.as_bytes()).unwrap();
        }
        std::string::String::from_utf8(path.bytes().to_vec()).unwrap()
    }

    #[test]
    fn components_are_added_and_taken_away() {
        assert_eq!(
            joined(&["/run//secrets/./db/", "password"]),
            "/run/secrets/db/password"
        );
        assert_eq!(joined(&["/run/secrets", "../x/../../y"]), "/y");
        assert_eq!(joined(&["/a", "../../.."]), "");
        assert_eq!(joined(&["..", "a"]), "/a");
    }

    #[test]
    fn what_is_too_long_is_refused() {
        let mut path = PathBuf::new().unwrap();
        assert_eq!(path.append(&[b'x'; PATH_MAX - 2]), Some(()));
        assert_eq!(path.append(b"y"), None);
        assert!(PathBuf::of(&[b'x'; PATH_MAX - 1]).is_none());
    }

    #[test]
    fn only_the_shortest_form_is_normal() {
        for path in ["/a", "/a/b", "/a/.b", "/..a/b"] {
            assert!(is_normal(path.as_bytes()), "{path}");
        }
        for path in ["", "a", "/", "/a/", "//a", "/a//b", "/a/./b", "/a/..", "/."] {
            assert!(!is_normal(path.as_bytes()), "{path}");
        }
    }

    #[test]
    fn slashes_at_the_end_are_told() {
        assert_eq!(trim(b"/a//"), (&b"/a"[..], true));
        assert_eq!(trim(b"/a"), (&b"/a"[..], false));
        assert_eq!(trim(b"//"), (&b"//"[..], false));
    }
}
