//! Which strings of an environment are ours: a decision on text alone.

use cloudtaser_abi::names::{ENV_PRELOAD, ENV_REGION_FD, ENV_SLOT};

use crate::state::init::value;

/// The dynamic linker's variable (ld.so(8)).
pub const LD_PRELOAD: &str = "LD_PRELOAD";

/// Whose a string is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Owner<'a> {
    /// The program's.
    Program,
    /// Ours: nobody else says it.
    Ours,
    /// The list of libraries.
    Libraries(&'a [u8]),
}

/// Tells it of `NAME=value`.
#[must_use]
pub fn owner(text: &[u8]) -> Owner<'_> {
    if let Some(list) = value(text, LD_PRELOAD) {
        return Owner::Libraries(list);
    }
    let is_ours = [ENV_PRELOAD, ENV_REGION_FD, ENV_SLOT]
        .into_iter()
        .any(|name| value(text, name).is_some());
    if is_ours { Owner::Ours } else { Owner::Program }
}

/// The user's part of a list of libraries that may begin with `own`.
#[must_use]
pub fn without_own<'a>(list: &'a [u8], own: &[u8]) -> &'a [u8] {
    match list.strip_prefix(own).map(<[u8]>::split_first) {
        Some(None) => &[],
        Some(Some((b':' | b' ', rest))) => rest,
        _ => list,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_are_told_by_their_whole_name() {
        for text in [
            "CLOUDTASER_SLOT=1",
            "CLOUDTASER_REGION_FD=",
            "CLOUDTASER_PRELOAD=x",
        ] {
            assert_eq!(owner(text.as_bytes()), Owner::Ours, "{text}");
        }
        for text in [
            "CLOUDTASER_SLOTS=1",
            "CLOUDTASER_SLOT",
            "LD_PRELOADED=a",
            "",
            "=",
        ] {
            assert_eq!(owner(text.as_bytes()), Owner::Program, "{text}");
        }
        assert_eq!(owner(b"LD_PRELOAD=a:b"), Owner::Libraries(b"a:b"));
    }

    #[test]
    fn the_users_libraries_are_what_is_not_ours() {
        let own = b"/x/own.so";
        for (list, wanted) in [
            ("", ""),
            ("a.so", "a.so"),
            ("/x/own.so", ""),
            ("/x/own.so:a.so b.so", "a.so b.so"),
            ("/x/own.so a.so", "a.so"),
            ("/x/own.so.1", "/x/own.so.1"),
        ] {
            assert_eq!(
                without_own(list.as_bytes(), own),
                wanted.as_bytes(),
                "{list}"
            );
        }
    }
}
