//! The protection level of this place, in `cloudtaser doctor`'s own words.

use super::Store;
use super::row::Row;

/// The protection level, and what is missing for the next one.
pub(super) fn protection(store: &Store<'_>) -> Row {
    let what = "protection level";
    let answer = store.command(&["doctor", "--json"]).ask();
    let text = answer.map(|output| output.stdout).unwrap_or_default();
    let report: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
    let said = |name: &str| {
        report
            .get("protection")
            .and_then(|it| it.get(name))
            .and_then(serde_json::Value::as_str)
    };
    match (said("level"), said("missing")) {
        (Some(level), Some(missing)) if !missing.is_empty() => Row::new(
            what,
            true,
            format!("{level}; for the next level: {missing}"),
        ),
        (Some(level), _) => Row::new(what, true, level),
        (None, _) => Row::new(what, false, "`cloudtaser doctor --json` names none"),
    }
}
