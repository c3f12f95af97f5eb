//! Which capability each request needs of the token's policies, and whether it has it. Pure.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::mounts::{Mounts, api_path, path_fault};
use super::settings::TransitSettings;
use crate::source::{Action, Request};

/// What one request or several need.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Need {
    /// The path as the API has it; as the user wrote it when no mount is known for it.
    pub path: String,
    /// `read` or `update`.
    pub capability: &'static str,
    /// What is in the way whatever the policies say.
    pub fault: Option<Fault>,
}

/// Why a request cannot be made.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Fault {
    /// No mount above the path is visible to the token: none is there, or no policy touches it.
    NoMount,
    /// It is no path.
    BadPath(&'static str),
    /// A ciphertext, and no key is named.
    NoKey,
}

/// A need, and whether it is met.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Grant {
    /// What is needed.
    pub need: Need,
    /// Whether the policies allow it.
    pub is_allowed: bool,
}

/// What `requests` need, each once.
pub(super) fn needs(
    requests: &[Request],
    mounts: &Mounts,
    transit: &TransitSettings,
) -> BTreeSet<Need> {
    let need = |path: String, capability, fault| Need {
        path,
        capability,
        fault,
    };
    let each = requests.iter().map(|request| {
        let path = request.path.as_str();
        let bad = path_fault(path).map(Fault::BadPath);
        match &request.action {
            Action::Decrypt => match &transit.key {
                Some(key) => need(format!("{}/decrypt/{key}", transit.mount), "update", None),
                None => need(
                    format!("{}/decrypt/KEY", transit.mount),
                    "update",
                    Some(Fault::NoKey),
                ),
            },
            Action::Write { .. } => need(path.to_owned(), "update", bad),
            _ => match mounts.find(path) {
                _ if bad.is_some() => need(path.to_owned(), "read", bad),
                None => need(path.to_owned(), "read", Some(Fault::NoMount)),
                Some((mount, engine)) => need(api_path(mount, engine, path), "read", None),
            },
        }
    });
    each.collect()
}

/// Whether `data` of `sys/capabilities-self` allows it.
pub(super) fn is_allowed(data: &Map<String, Value>, need: &Need) -> bool {
    let capabilities = data.get(&need.path).and_then(Value::as_array);
    let has = |word| capabilities.is_some_and(|all| all.iter().any(|one| one == word));
    // Fails closed: what is not said is not allowed, and `deny` beats everything.
    !has("deny") && (has("root") || has(need.capability))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn mounts() -> Mounts {
        let Value::Object(data) = json!({"secret": {
            "secret/": {"type": "kv", "options": {"version": "2"}},
            "old/": {"type": "kv", "options": {"version": "1"}},
        }}) else {
            return Mounts::default();
        };
        Mounts::parse(data).expect("mounts")
    }

    fn decrypt() -> Request {
        Request {
            path: String::from("vault:v1:x"),
            action: Action::Decrypt,
        }
    }

    #[test]
    fn reads_need_read_and_all_else_needs_update_once_each() {
        let write = Request {
            path: String::from("pki/issue/web"),
            action: Action::Write {
                parameters: String::from("{}"),
            },
        };
        let requests = [
            Request::read("secret/db", None),
            Request::read("secret/data/db", Some(2)),
            Request::read("old/db", None),
            write,
            decrypt(),
            decrypt(),
        ];
        let transit = TransitSettings {
            key: Some(String::from("app")),
            ..TransitSettings::default()
        };
        let found: Vec<_> = needs(&requests, &mounts(), &transit)
            .into_iter()
            .map(|need| (need.path, need.capability, need.fault))
            .collect();
        let plain = |path: &str, capability| (path.to_owned(), capability, None);
        assert_eq!(
            found,
            [
                plain("old/db", "read"),
                plain("pki/issue/web", "update"),
                plain("secret/data/db", "read"),
                plain("transit/decrypt/app", "update"),
            ]
        );
    }

    #[test]
    fn what_no_policy_can_allow_is_told() {
        let requests = [
            Request::read("other/db", None),
            Request::read("secret//db", None),
            decrypt(),
        ];
        let found: Vec<_> = needs(&requests, &mounts(), &TransitSettings::default())
            .into_iter()
            .map(|need| need.fault)
            .collect();
        assert!(
            matches!(
                found.as_slice(),
                [
                    Some(Fault::NoMount),
                    Some(Fault::BadPath(_)),
                    Some(Fault::NoKey)
                ]
            ),
            "{found:?}"
        );
    }

    #[test]
    fn only_what_is_said_is_allowed() {
        let allowed = |capabilities: Value| {
            let need = Need {
                path: String::from("a/b"),
                capability: "read",
                fault: None,
            };
            is_allowed(
                &Map::from_iter([(String::from("a/b"), capabilities)]),
                &need,
            )
        };
        assert!(allowed(json!(["list", "read"])) && allowed(json!(["root"])));
        for no in [
            json!(["deny"]),
            json!(["read", "deny"]),
            json!(["update", "list"]),
            json!([]),
            json!("read"),
            json!(null),
        ] {
            assert!(!allowed(no.clone()), "{no}");
        }
    }
}
