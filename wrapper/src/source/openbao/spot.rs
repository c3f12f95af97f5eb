//! Where a secret of a key-value engine stands, and its path for each purpose. Pure.

use super::mounts::Engine;

/// Where a secret stands: its mount and engine, and what is behind the mount (without `data/`).
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Spot {
    pub(super) mount: String,
    pub(super) is_versioned: bool,
    /// Ends with a slash, or is empty, for a folder.
    pub(super) rest: String,
}

impl Spot {
    pub(super) fn engine(&self) -> Engine {
        Engine::of_kv_version(if self.is_versioned { 2 } else { 1 })
    }

    /// As people write it.
    pub(super) fn shown(&self) -> String {
        format!("{}{}", self.mount, self.rest)
    }

    /// The API's path for LIST.
    pub(super) fn list_path(&self) -> String {
        let infix = if self.is_versioned { "metadata/" } else { "" };
        let path = format!("{}{infix}{}", self.mount, self.rest);
        path.trim_end_matches('/').to_owned()
    }

    /// The API's path for a read.
    pub(super) fn read_path(&self) -> String {
        let path = format!("{}data/{}", self.mount, self.rest);
        match self.engine() {
            Engine::KvVersioned => path,
            Engine::Plain => self.shown(),
        }
    }

    /// The store takes the first segment for the mount, and a `data` behind it for the API's: with
    /// a mount of one segment it is always written, so that none of the name's own is lost.
    pub(super) fn store_path(&self) -> String {
        match self.mount.trim_end_matches('/').contains('/') {
            true => self.shown(),
            false => format!("{}data/{}", self.mount, self.rest),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spot(mount: &str, is_versioned: bool, rest: &str) -> Spot {
        Spot {
            mount: mount.to_owned(),
            is_versioned,
            rest: rest.to_owned(),
        }
    }

    #[test]
    fn a_path_is_read_listed_and_kept_under_its_name() {
        for (spot, list, read, kept) in [
            (
                spot("secret/", true, "app/db"),
                "secret/metadata/app/db",
                "secret/data/app/db",
                "secret/data/app/db",
            ),
            (spot("old/", false, "db"), "old/db", "old/db", "old/data/db"),
            (
                spot("team/kv/", true, "db"),
                "team/kv/metadata/db",
                "team/kv/data/db",
                "team/kv/db",
            ),
            (
                spot("secret/", true, "data/x"),
                "secret/metadata/data/x",
                "secret/data/data/x",
                "secret/data/data/x",
            ),
        ] {
            assert_eq!(spot.list_path(), list);
            assert_eq!(spot.read_path(), read);
            assert_eq!(spot.store_path(), kept);
        }
        assert_eq!(spot("secret/", true, "").list_path(), "secret/metadata");
        assert_eq!(spot("old/", false, "a/").list_path(), "old/a");
    }
}
