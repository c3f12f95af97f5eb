//! Which engine a path belongs to, from the server's own list of mounts. Pure; versions are never
//! guessed from what a secret looks like.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::reply::kind;

/// What stands at a mount.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Engine {
    /// KV with versions: the API's path has `data/` behind the mount.
    KvVersioned,
    /// KV version 1, cubbyhole, and every engine whose paths are read as they are.
    Plain,
}

impl Engine {
    /// The engine of KV version 1 or 2.
    pub(super) fn of_kv_version(version: u8) -> Self {
        match version {
            2 => Self::KvVersioned,
            _ => Self::Plain,
        }
    }

    /// From the metadata of one mount: `type`, and `options.version` of the type `kv`.
    fn of(metadata: &Map<String, Value>) -> Self {
        let is_kv = metadata.get("type").and_then(Value::as_str) == Some("kv");
        let version = metadata
            .get("options")
            .and_then(|options| options.get("version"));
        // The API gives a text; a number is taken too.
        let is_two = version.is_some_and(|v| v.as_str() == Some("2") || v.as_u64() == Some(2));
        if is_kv && is_two {
            Self::KvVersioned
        } else {
            Self::Plain
        }
    }
}

/// The mounts that the token may see.
#[derive(Debug, Default)]
pub(super) struct Mounts {
    /// Mount path with its slash at the end → engine.
    by_path: BTreeMap<String, Engine>,
}

impl Mounts {
    /// Reads `data` of `sys/internal/ui/mounts`.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(super) fn parse(mut data: Map<String, Value>) -> Result<Self, String> {
        let mounts = match data.remove("secret") {
            Some(Value::Object(mounts)) => mounts,
            None | Some(Value::Null) => Map::new(),
            Some(other) => return Err(format!("{} at `data.secret`", kind(&other))),
        };
        let mut by_path = BTreeMap::new();
        for (path, metadata) in mounts {
            let Value::Object(metadata) = metadata else {
                return Err(format!("{} at a mount", kind(&metadata)));
            };
            by_path.insert(with_slash(path), Engine::of(&metadata));
        }
        Ok(Self { by_path })
    }

    /// Adds the mount of one path: `data` of `sys/internal/ui/mounts/PATH`.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(super) fn add(&mut self, data: &Map<String, Value>) -> Result<(), String> {
        let path = data.get("path").and_then(Value::as_str);
        let path = path.ok_or("no text at `data.path`")?.to_owned();
        self.by_path.insert(with_slash(path), Engine::of(data));
        Ok(())
    }

    /// Adds a mount whose version the user tells: what stands before the `data/` of a path that is
    /// written with it, else the path's first segment.
    pub(super) fn assume(&mut self, path: &str, version: u8) {
        let engine = Engine::of_kv_version(version);
        let before_data = match engine {
            Engine::KvVersioned => path.split_once("/data/"),
            Engine::Plain => None,
        };
        let mount = match before_data.or_else(|| path.split_once('/')) {
            Some((mount, _)) => mount,
            None => path,
        };
        self.by_path.insert(format!("{mount}/"), engine);
    }

    /// The mount that `path` lies below, the longest if several do.
    pub(super) fn find(&self, path: &str) -> Option<(&str, Engine)> {
        let above = self
            .by_path
            .iter()
            .filter(|(mount, _)| path.starts_with(*mount));
        let longest = above.max_by_key(|(mount, _)| mount.len());
        longest.map(|(mount, engine)| (mount.as_str(), *engine))
    }
}

fn with_slash(path: String) -> String {
    if path.ends_with('/') {
        path
    } else {
        path + "/"
    }
}

/// The API's path of a secret: with `data/` behind a mount with versions, however it was written.
pub(super) fn api_path(mount: &str, engine: Engine, path: &str) -> String {
    let below = path.strip_prefix(mount).unwrap_or(path);
    match engine {
        Engine::KvVersioned => {
            let below = below.strip_prefix("data/").unwrap_or(below);
            format!("{mount}data/{below}")
        }
        Engine::Plain => path.to_owned(),
    }
}

/// What keeps `path` from being one of the API's.
pub(super) fn path_fault(path: &str) -> Option<&'static str> {
    if path.starts_with('/') || path.ends_with('/') {
        Some("a path neither begins nor ends with a slash")
    } else if path.split('/').any(str::is_empty) {
        Some("it has two slashes in a row")
    } else if path.split('/').any(|segment| matches!(segment, "." | "..")) {
        Some("`.` and `..` are no segments of a path")
    } else if !path.contains('/') {
        Some("it has no slash; a path is MOUNT/NAME, as in `secret/db`")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn mounts() -> Mounts {
        let data = json!({
            "auth": {},
            "secret": {
                "secret/": {"type": "kv", "options": {"version": "2"}},
                "old/": {"type": "kv", "options": {"version": "1"}},
                "older/": {"type": "kv", "options": null},
                "team/": {"type": "kv", "options": {"version": "1"}},
                "team/kv/": {"type": "kv", "options": {"version": "2"}},
                "database/": {"type": "database", "options": null},
                "odd/": {"type": "custom", "options": {"version": "2"}}
            }
        });
        match data {
            Value::Object(data) => Mounts::parse(data).expect("mounts"),
            _ => Mounts::default(),
        }
    }

    #[test]
    fn data_is_added_for_mounts_with_versions_only_and_only_once() {
        for (path, api) in [
            ("secret/db", "secret/data/db"),
            ("secret/data/db", "secret/data/db"),
            ("secret/data/data/db", "secret/data/data/db"),
            ("secret/metadata/db", "secret/data/metadata/db"),
            ("old/db", "old/db"),
            ("old/data/db", "old/data/db"),
            ("older/db", "older/db"),
            ("team/db", "team/db"),
            ("team/kv/a/b", "team/kv/data/a/b"),
            ("team/kv/data/a", "team/kv/data/a"),
            ("database/creds/app", "database/creds/app"),
            ("odd/data", "odd/data"),
        ] {
            let mounts = mounts();
            let (mount, engine) = mounts.find(path).expect(path);
            assert_eq!(api_path(mount, engine, path), api);
        }
    }

    #[test]
    fn neighbours_of_a_mount_are_not_below_it() {
        for path in ["secrets/db", "secre/db", "nothing/db", "secret"] {
            assert_eq!(mounts().find(path), None, "{path}");
        }
        let mut assumed = mounts();
        assumed.assume("nothing/db", 2);
        assert_eq!(
            assumed.find("nothing/db"),
            Some(("nothing/", Engine::KvVersioned))
        );
        assumed.assume("a/kv/data/db", 2);
        let nested = Some(("a/kv/", Engine::KvVersioned));
        assert_eq!(assumed.find("a/kv/data/db"), nested);
        assumed.assume("b/kv/data/db", 1);
        assert_eq!(assumed.find("b/kv/data/db"), Some(("b/", Engine::Plain)));
    }

    #[test]
    fn wrong_types_are_errors_without_values() {
        for data in [
            json!({"secret": "hunter2"}),
            json!({"secret": {"a/": "hunter2"}}),
        ] {
            let Value::Object(data) = data else { continue };
            let error = Mounts::parse(data).expect_err("wrong");
            assert!(
                error.contains("a text at") && !error.contains("hunter2"),
                "{error}"
            );
        }
    }

    #[test]
    fn h4_paths_that_lead_elsewhere_are_refused() {
        assert_eq!(path_fault("secret/a b/{{x}}"), None);
        for path in [
            "secret",
            "/secret/a",
            "secret/a/",
            "a//b",
            "a/../b",
            "a/./b",
            "..",
        ] {
            assert!(path_fault(path).is_some(), "{path}");
        }
    }
}
