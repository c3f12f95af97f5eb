//! What `why` is asked about: a file, or an object of a cluster. Told apart by the text alone, so
//! that a folder that happens to be there changes nothing.

use std::path::PathBuf;
use std::str::FromStr;

/// One argument of `why`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Target {
    /// Manifests.
    File(PathBuf),
    /// Something in a cluster.
    Object(ObjectName),
}

/// An object of a cluster.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ObjectName {
    /// Its kind.
    pub kind: &'static Kind,
    /// Its namespace, where the argument says one.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

/// A kind of the API that has or makes pods.
#[derive(Debug, Eq, PartialEq)]
pub struct Kind {
    /// As manifests write it.
    pub kind: &'static str,
    /// Group and version, as `apiVersion` writes them.
    pub version: &'static str,
    /// As paths and rights write it.
    pub plural: &'static str,
    /// Other words for it, kubectl's own.
    words: &'static [&'static str],
}

/// Pods.
pub const POD: Kind = kind("Pod", "v1", "pods", &["po", "pod"]);
/// What a Deployment makes.
pub const REPLICA_SET: Kind = kind(
    "ReplicaSet",
    "apps/v1",
    "replicasets",
    &["rs", "replicaset"],
);
/// What a CronJob makes.
pub const JOB: Kind = kind("Job", "batch/v1", "jobs", &["job"]);

static KINDS: [Kind; 8] = [
    POD,
    kind(
        "Deployment",
        "apps/v1",
        "deployments",
        &["deploy", "deployment"],
    ),
    kind(
        "StatefulSet",
        "apps/v1",
        "statefulsets",
        &["sts", "statefulset"],
    ),
    kind("DaemonSet", "apps/v1", "daemonsets", &["ds", "daemonset"]),
    REPLICA_SET,
    kind(
        "ReplicationController",
        "v1",
        "replicationcontrollers",
        &["rc", "replicationcontroller"],
    ),
    JOB,
    kind("CronJob", "batch/v1", "cronjobs", &["cj", "cronjob"]),
];

const fn kind(
    kind: &'static str,
    version: &'static str,
    plural: &'static str,
    words: &'static [&'static str],
) -> Kind {
    Kind {
        kind,
        version,
        plural,
        words,
    }
}

impl Kind {
    fn of(word: &str) -> Option<&'static Self> {
        let word = word.to_ascii_lowercase();
        let is_it = |kind: &&Self| kind.plural == word || kind.words.contains(&word.as_str());
        KINDS.iter().find(is_it)
    }

    /// The group, as rights write it: empty for the first one.
    #[must_use]
    pub fn group(&self) -> &'static str {
        self.version.split_once('/').map_or("", |(group, _)| group)
    }
}

/// Why an argument names nothing.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// Too many parts, or an empty one.
    #[error("write NAMESPACE/POD, KIND/NAME or POD; for a file, ./FILE or `-f FILE`")]
    Form,
    /// No name of an object has such characters (RFC 1123).
    #[error("`{0}` is no name of an object: small letters, digits, `-` and `.` only")]
    Name(String),
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let is_file = text == "-"
            || text.starts_with(['.', '/'])
            || [".yaml", ".yml", ".json"]
                .iter()
                .any(|end| text.ends_with(end));
        if is_file {
            return Ok(Self::File(text.into()));
        }
        let parts: Vec<&str> = text.split('/').collect();
        let (kind, namespace, name) = match parts.as_slice() {
            [name] => (&POD, None, *name),
            // A namespace that is called like a kind: `-n deploy pod/web`.
            [word, name] => match Kind::of(word) {
                Some(kind) => (kind, None, *name),
                None => (&POD, Some(checked(word)?), *name),
            },
            _ => return Err(TargetError::Form),
        };
        Ok(Self::Object(ObjectName {
            kind,
            namespace,
            name: checked(name)?,
        }))
    }
}

fn checked(name: &str) -> Result<String, TargetError> {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
    if name.is_empty() {
        return Err(TargetError::Form);
    }
    if !name.chars().all(is_part) || !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return Err(TargetError::Name(name.escape_debug().to_string()));
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(text: &str) -> (&'static str, Option<String>, String) {
        match text.parse() {
            Ok(Target::Object(ObjectName {
                kind,
                namespace,
                name,
            })) => (kind.kind, namespace, name),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn files_and_objects_are_told_apart_by_their_text() {
        for text in [
            "-", "a.yaml", "a/b.yml", "./shop", "../a/b", "/tmp/x", "x.json",
        ] {
            assert_eq!(text.parse(), Ok(Target::File(text.into())), "{text}");
        }
        let of = |kind, namespace: Option<&str>, name: &str| {
            (kind, namespace.map(str::to_owned), name.to_owned())
        };
        assert_eq!(object("web"), of("Pod", None, "web"));
        assert_eq!(object("shop/web-1"), of("Pod", Some("shop"), "web-1"));
        assert_eq!(object("pod/web"), of("Pod", None, "web"));
        for word in ["deploy", "deployment", "deployments", "Deployment"] {
            let text = format!("{word}/web");
            assert_eq!(object(&text), of("Deployment", None, "web"));
        }
        assert_eq!(object("cj/report"), of("CronJob", None, "report"));
    }

    #[test]
    fn what_no_object_is_called_is_bad_usage() {
        for text in ["", "a/", "/a/b/c/d/", "a/b/c", "a//b"] {
            let read: Result<Target, _> = text.parse();
            assert!(!matches!(read, Ok(Target::Object(_))), "{text}: {read:?}");
        }
        for text in ["Web", "a b", "a?x", "a%2f", "-x", "shop/..", "x\u{1b}[1m"] {
            let read: Result<Target, _> = text.parse();
            assert!(
                matches!(read, Err(TargetError::Name(_))),
                "{text}: {read:?}"
            );
        }
    }
}
