//! Names of secrets: `secret/db`, and the same in the form of the server's API, `secret/data/db`.
//!
//! The first segment is the mount, a KV version 2 engine; the word `data` behind it may be left
//! out. Pure; nothing here knows whether the path exists.

use std::fmt;

/// A checked path: a mount, and one or more segments below it.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct SecretPath {
    /// The canonical form.
    canonical: String,
    /// Where the mount ends in `canonical`, in bytes.
    mount: usize,
}

/// Segment that the server's API puts between the mount and the secret's name.
const DATA: &str = "data";

impl SecretPath {
    /// Checks `text` and brings it into the canonical form.
    ///
    /// # Errors
    ///
    /// What is wrong and what a path looks like, for [`crate::source::ReadError::BadPath`].
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        check(text)?;
        let (mount, rest) = text.split_once('/').ok_or(
            "it names a mount only; a path is a mount and a secret's name, such as `secret/db`",
        )?;
        let name = match rest.strip_prefix(DATA) {
            Some("") => {
                return Err(
                    "it ends with the mount's `data`; the secret's name is missing, as in \
                     `secret/data/db`",
                );
            }
            Some(rest) => rest.strip_prefix('/').unwrap_or_else(|| after(text, mount)),
            None => rest,
        };
        Ok(Self {
            canonical: format!("{mount}/{DATA}/{name}"),
            mount: mount.len(),
        })
    }

    /// The form of the server's API, such as `secret/data/db`.
    #[must_use]
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// The name without mount and `data`, such as `db`.
    fn name(&self) -> &str {
        let behind = self.mount.saturating_add(DATA.len()).saturating_add(2);
        self.canonical.get(behind..).unwrap_or_default()
    }
}

/// The form that people write, such as `secret/db`.
///
/// A secret whose name itself begins with `data/` keeps the long form: the short one would be read
/// as another secret.
impl fmt::Display for SecretPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name();
        if name == DATA || name.starts_with("data/") {
            return f.write_str(&self.canonical);
        }
        write!(
            f,
            "{}/{name}",
            self.canonical.get(..self.mount).unwrap_or_default()
        )
    }
}

/// What stands behind the mount and its slash.
fn after<'a>(text: &'a str, mount: &str) -> &'a str {
    text.get(mount.len().saturating_add(1)..)
        .unwrap_or_default()
}

/// What no path may hold, whatever its shape.
fn check(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("it is empty; a path looks like `secret/db`");
    }
    if text.starts_with('/') || text.ends_with('/') {
        return Err("it begins or ends with a slash; a path looks like `secret/db`");
    }
    if text.chars().any(char::is_control) {
        return Err("it holds a control character");
    }
    if text.contains('#') {
        return Err("it holds a `#`, which stands between a path and a field");
    }
    for segment in text.split('/') {
        match segment {
            "" => return Err("it has two slashes in a row"),
            "." | ".." => return Err("it has `.` or `..` as a segment; paths are written out"),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn canonical(text: &str) -> String {
        SecretPath::parse(text).unwrap().canonical().to_owned()
    }

    #[test]
    fn data_behind_the_mount_may_be_left_out() {
        assert_eq!(canonical("secret/db"), "secret/data/db");
        assert_eq!(canonical("secret/data/db"), "secret/data/db");
        assert_eq!(canonical("secret/database"), "secret/data/database");
        assert_eq!(canonical("kv/app/prod/db"), "kv/data/app/prod/db");
        assert_eq!(
            SecretPath::parse("secret/data/db").unwrap().to_string(),
            "secret/db"
        );
    }

    #[test]
    fn a_name_that_begins_with_data_keeps_its_long_form() {
        let path = SecretPath::parse("secret/data/data/db").unwrap();
        assert_eq!(path.to_string(), "secret/data/data/db");
        assert_eq!(SecretPath::parse(&path.to_string()).unwrap(), path);
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for text in [
            "",
            "/",
            "secret",
            "secret/",
            "/secret/db",
            "secret/db/",
            "secret//db",
            "secret/data",
            "secret/data/",
            "secret/../db",
            "secret/./db",
            "secret/a\nb",
            "secret/a#b",
            "secret/\0",
        ] {
            assert!(SecretPath::parse(text).is_err(), "{text:?} was taken");
        }
    }

    proptest! {
        #[test]
        fn both_forms_lead_back_to_the_same_path(text in "[a-d]{1,3}(/(data|[a-z .]{1,4})){1,4}") {
            if let Ok(path) = SecretPath::parse(&text) {
                prop_assert_eq!(&SecretPath::parse(path.canonical()).unwrap(), &path);
                prop_assert_eq!(&SecretPath::parse(&path.to_string()).unwrap(), &path);
            }
        }

        #[test]
        fn parsing_never_panics(text in any::<String>()) {
            drop(SecretPath::parse(&text));
        }
    }
}
