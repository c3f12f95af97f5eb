//! What the checks found, as lines for people and as JSON for programs, and the exit status.

use std::fmt::Write;

use cloudtaser_abi::protection::Protection;
use serde::{Serialize, Serializer};

use crate::status;

/// How a check ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Outcome {
    /// As it should be, or a mere fact.
    Ok,
    /// Works, with less protection than there could be.
    Warn,
    /// A start would fail here.
    Fail,
}

/// What a check found.
#[derive(Debug, Serialize)]
pub(super) struct Verdict {
    #[serde(rename = "status")]
    pub(super) outcome: Outcome,
    pub(super) finding: String,
    pub(super) fix: Option<String>,
    /// The exit status that a failure calls for, 0 otherwise.
    #[serde(skip)]
    pub(super) exit_status: u8,
}

impl Verdict {
    pub(super) fn ok(finding: impl Into<String>) -> Self {
        Self {
            outcome: Outcome::Ok,
            finding: finding.into(),
            fix: None,
            exit_status: 0,
        }
    }

    pub(super) fn warn(finding: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            outcome: Outcome::Warn,
            fix: Some(fix.into()),
            ..Self::ok(finding)
        }
    }

    pub(super) fn fail(
        exit_status: u8,
        finding: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self {
            outcome: Outcome::Fail,
            exit_status,
            ..Self::warn(finding, fix)
        }
    }
}

/// A check with its name.
#[derive(Debug, Serialize)]
pub(super) struct Check {
    pub(super) name: &'static str,
    #[serde(flatten)]
    pub(super) verdict: Verdict,
}

/// The protection level of this place.
#[derive(Debug, Serialize)]
pub(super) struct Level {
    #[serde(serialize_with = "by_name")]
    pub(super) level: Protection,
    /// What the next level needs; none at the highest.
    pub(super) missing: Option<String>,
    /// `--min-protection`.
    #[serde(skip)]
    pub(super) demanded: Option<Protection>,
}

fn by_name<S: Serializer>(level: &Protection, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(level.name())
}

/// Everything that was found.
#[derive(Debug, Serialize)]
pub(super) struct Examination {
    pub(super) protection: Level,
    pub(super) checks: Vec<Check>,
}

impl Examination {
    /// The level that is demanded and not reached.
    fn unmet(&self) -> Option<Protection> {
        let Level {
            level, demanded, ..
        } = self.protection;
        demanded.filter(|demanded| level < *demanded)
    }

    /// Of several failures the highest status counts: 77 (policy, or our identity at the server)
    /// before 76 and 75 (the server) before 70 (we) before 69 (store, or no connection) before 64.
    pub(super) fn exit_status(&self) -> u8 {
        let of_level = self.unmet().map_or(0, |_| status::PRIVILEGE);
        let of_checks = self.checks.iter().map(|check| check.verdict.exit_status);
        of_checks.fold(of_level, u8::max)
    }

    pub(super) fn to_json(&self) -> serde_json::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    pub(super) fn to_text(&self, has_colors: bool) -> String {
        let mut text = String::new();
        for Check { name, verdict } in &self.checks {
            line(
                &mut text,
                has_colors,
                verdict.outcome,
                name,
                &verdict.finding,
            );
            if let Some(fix) = &verdict.fix {
                text.push_str("; fix: ");
                text.push_str(fix);
            }
            text.push('\n');
        }
        let Level { level, missing, .. } = &self.protection;
        let mut finding = level.to_string();
        if let Some(demanded) = self.unmet() {
            finding.push_str(&format!(", less than the demanded {demanded}"));
        }
        if let Some(missing) = missing {
            finding.push_str(&format!("; {missing}"));
        }
        let outcome = self.unmet().map_or(Outcome::Ok, |_| Outcome::Fail);
        line(&mut text, has_colors, outcome, "protection", &finding);
        text.push('\n');
        text
    }
}

fn line(text: &mut String, has_colors: bool, outcome: Outcome, name: &str, finding: &str) {
    // Green, yellow, red foreground (ECMA-48, SGR).
    let (word, color) = match outcome {
        Outcome::Ok => ("OK  ", 32),
        Outcome::Warn => ("WARN", 33),
        Outcome::Fail => ("FAIL", 31),
    };
    let written = if has_colors {
        write!(text, "\x1b[{color}m{word}\x1b[0m {name}: {finding}")
    } else {
        write!(text, "{word} {name}: {finding}")
    };
    debug_assert!(written.is_ok(), "a String takes everything");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn examination(demanded: Option<Protection>, verdict: Verdict) -> Examination {
        let name = "swap";
        Examination {
            protection: Level {
                level: Protection::Locked,
                missing: Some(String::from("secretmem needs a newer kernel")),
                demanded,
            },
            checks: vec![Check { name, verdict }],
        }
    }

    #[test]
    fn the_highest_failure_is_the_exit_status() {
        let status = |demanded, verdict| examination(demanded, verdict).exit_status();
        assert_eq!(status(None, Verdict::ok("off")), 0);
        assert_eq!(
            status(None, Verdict::warn("on", "x")),
            0,
            "warnings are allowed"
        );
        assert_eq!(status(None, Verdict::fail(69, "gone", "x")), 69);
        assert_eq!(status(Some(Protection::Locked), Verdict::ok("off")), 0);
        assert_eq!(status(Some(Protection::Secretmem), Verdict::ok("off")), 77);
        assert_eq!(
            status(Some(Protection::Secretmem), Verdict::fail(69, "gone", "x")),
            77
        );
    }

    #[test]
    fn lines_are_for_people_and_colors_for_terminals() {
        let found = examination(Some(Protection::Enforced), Verdict::warn("on", "swapoff"));
        assert_eq!(
            found.to_text(false),
            "WARN swap: on; fix: swapoff\nFAIL protection: locked, less than the demanded \
             enforced; secretmem needs a newer kernel\n"
        );
        assert!(
            found
                .to_text(true)
                .starts_with("\x1b[33mWARN\x1b[0m swap: on")
        );
    }

    #[test]
    fn json_has_the_documented_fields() {
        let json = examination(None, Verdict::ok("off")).to_json().unwrap();
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "protection": {"level": "locked", "missing": "secretmem needs a newer kernel"},
                "checks": [{"name": "swap", "status": "ok", "finding": "off", "fix": null}],
            })
        );
    }
}
