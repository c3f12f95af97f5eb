//! What can be built in a package, as `cargo metadata` tells it.

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::exec::Cmd;

/// A target: `kind` is cargo's word, such as `bin` or `test`.
#[derive(Debug, PartialEq)]
pub(super) struct Target {
    pub(super) package: String,
    pub(super) kind: String,
    pub(super) name: String,
    /// Whether plain `cargo test` runs its tests: it may have none, or wait for a feature.
    pub(super) is_tested: bool,
}

/// The targets of this package or workspace.
///
/// # Errors
///
/// When cargo cannot read the manifest.
pub(super) fn of(manifest: &Path) -> Result<Vec<Target>> {
    let output = Cmd::new("cargo")
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .arg("--manifest-path")
        .arg(manifest)
        .ask()?;
    if !output.status.success() {
        bail!(
            "cargo metadata failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    read(&output.stdout)
}

fn read(metadata: &[u8]) -> Result<Vec<Target>> {
    let metadata: Value =
        serde_json::from_slice(metadata).context("cannot read cargo's metadata")?;
    let mut targets = Vec::new();
    for package in list(&metadata, "packages") {
        for target in list(package, "targets") {
            targets.push(Target {
                package: text(package.get("name")),
                kind: text(target.pointer("/kind/0")),
                name: text(target.get("name")),
                is_tested: target.get("test") == Some(&Value::Bool(true))
                    && list(target, "required-features").is_empty(),
            });
        }
    }
    Ok(targets)
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value
        .get(key)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn text(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_and_condition_of_each_target_are_read() {
        let metadata = br#"{"packages":[{"name":"p","targets":[
            {"kind":["bin"],"name":"b","test":false},
            {"kind":["test"],"name":"t","test":true},
            {"kind":["test"],"name":"u","test":true,"required-features":["server"]}]}]}"#;
        let target = |kind: &str, name: &str, is_tested| Target {
            package: "p".to_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            is_tested,
        };
        let expected = [
            target("bin", "b", false),
            target("test", "t", true),
            target("test", "u", false),
        ];
        assert_eq!(read(metadata).unwrap(), expected);
        assert!(read(b"no json").is_err());
    }
}
