//! At which paths a program can be given a file.

/// Longest path, in bytes: `PATH_MAX` (`include/uapi/linux/limits.h`) without the final NUL.
const MAX_BYTES: usize = 4095;

/// Longest name in a path, in bytes: `NAME_MAX` (`include/uapi/linux/limits.h`).
const MAX_NAME_BYTES: usize = 255;

/// What keeps `path` from being the path of a file: it must be the only spelling of its place.
pub(super) fn fault(path: &str) -> Option<&'static str> {
    let Some(names) = path.strip_prefix('/') else {
        return Some("it is not absolute; it must begin with `/`");
    };
    let has = |wanted: fn(&str) -> bool| names.split('/').any(wanted);
    if names.is_empty() {
        Some("it is the root directory")
    } else if names.ends_with('/') {
        Some("it ends with `/`")
    } else if has(str::is_empty) {
        Some("it holds `//`")
    } else if has(|name| name == "." || name == "..") {
        Some("it holds `.` or `..`")
    } else if path.contains('\0') {
        Some("it holds a zero byte (NUL)")
    } else if path.len() > MAX_BYTES {
        Some("it has more than 4,095 bytes")
    } else if has(|name| name.len() > MAX_NAME_BYTES) {
        Some("a name in it has more than 255 bytes")
    } else {
        None
    }
}

/// The directories above `path`, the nearest first, without the root.
pub(super) fn parents(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(parent(path), |path| parent(path))
}

fn parent(path: &str) -> Option<&str> {
    let (parent, _) = path.rsplit_once('/')?;
    Some(parent).filter(|parent| !parent.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_spelling_of_a_place_is_taken() {
        for good in ["/a", "/run/secrets/db", "/a/..b/.c", "/\u{e4} ,=:/x"] {
            assert_eq!(fault(good), None, "{good}");
        }
        for (bad, said) in [
            ("", "absolute"),
            ("a/b", "absolute"),
            ("/", "root"),
            ("/a/", "ends"),
            ("/a//b", "`//`"),
            ("//a", "`//`"),
            ("/a/./b", "`..`"),
            ("/a/../b", "`..`"),
            ("/..", "`..`"),
            ("/a\0b", "NUL"),
            (
                &format!("/{}", "a/".repeat(2048).trim_end_matches('/')),
                "4,095",
            ),
            (&format!("/{}", "a".repeat(256)), "255"),
        ] {
            assert!(fault(bad).is_some_and(|why| why.contains(said)), "{bad}");
        }
    }

    #[test]
    fn parents_end_below_the_root() {
        assert_eq!(parents("/a/b/c").collect::<Vec<_>>(), ["/a/b", "/a"]);
        assert_eq!(parents("/a").count(), 0);
    }
}
