//! Words for capabilities: which paths a token lacks, and the lines of a policy that give them.
//! Pure.

use super::report::Verdict;
use super::status;
use crate::source::openbao::probe::{Fault, Grant};

/// Judges what the references need.
pub(super) fn judge(grants: &[Grant]) -> Verdict {
    let denied: Vec<_> = grants.iter().filter(|grant| !grant.is_allowed).collect();
    if denied.is_empty() {
        return Verdict::ok(format!("all {} path(s) are allowed", grants.len()));
    }
    let findings: Vec<_> = denied.iter().map(|grant| finding(grant)).collect();
    let fixes: Vec<_> = denied.iter().map(|grant| fix(grant)).collect();
    let is_forbidden = denied
        .iter()
        .any(|grant| matches!(grant.need.fault, None | Some(Fault::NoMount)));
    Verdict::fail(
        if is_forbidden {
            status::PRIVILEGE
        } else {
            status::USAGE
        },
        format!(
            "{} of {} path(s) cannot be used: {}",
            denied.len(),
            grants.len(),
            findings.join(", ")
        ),
        fixes.join("; "),
    )
}

fn finding(grant: &Grant) -> String {
    let need = &grant.need;
    match need.fault {
        None => format!("{} ({} is not allowed)", need.path, need.capability),
        Some(Fault::NoMount) => format!(
            "{} (no policy touches its mount, or there is none)",
            need.path
        ),
        Some(Fault::BadPath(reason)) => format!("`{}` ({reason})", need.path),
        Some(Fault::NoKey) => format!("{} (a ciphertext without the name of a key)", need.path),
    }
}

fn fix(grant: &Grant) -> String {
    let need = &grant.need;
    match need.fault {
        None => rule(&need.path, need.capability),
        Some(Fault::NoMount) => {
            let (mount, rest) = need.path.split_once('/').unwrap_or((&need.path, ""));
            let rest = rest.strip_prefix("data/").unwrap_or(rest);
            format!(
                "{} for KV version 2 mounted at {mount}/, {} for others",
                rule(&format!("{mount}/data/{rest}"), need.capability),
                rule(&need.path, need.capability)
            )
        }
        Some(Fault::BadPath(_)) => String::from("correct the reference"),
        Some(Fault::NoKey) => String::from("give --transit-key"),
    }
}

/// A line of a policy.
fn rule(path: &str, capability: &str) -> String {
    format!("path \"{path}\" {{ capabilities = [\"{capability}\"] }}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::report::Outcome;
    use crate::source::openbao::probe::Need;

    fn grant(path: &str, fault: Option<Fault>, is_allowed: bool) -> Grant {
        let need = Need {
            path: path.to_owned(),
            capability: "read",
            fault,
        };
        Grant { need, is_allowed }
    }

    #[test]
    fn what_is_lacking_is_named_with_the_line_that_gives_it() {
        let fine = grant("secret/data/a", None, true);
        assert_eq!(judge(std::slice::from_ref(&fine)).outcome, Outcome::Ok);
        let verdict = judge(&[fine, grant("secret/data/b", None, false)]);
        assert_eq!(verdict.exit_status, status::PRIVILEGE);
        assert!(verdict.finding.contains("1 of 2"), "{verdict:?}");
        assert!(!verdict.finding.contains("secret/data/a"), "{verdict:?}");
        let line = r#"path "secret/data/b" { capabilities = ["read"] }"#;
        assert_eq!(verdict.fix.as_deref(), Some(line));
    }

    #[test]
    fn without_a_mount_both_versions_are_offered() {
        for path in ["kv/db", "kv/data/db"] {
            let verdict = judge(&[grant(path, Some(Fault::NoMount), false)]);
            assert_eq!(verdict.exit_status, status::PRIVILEGE);
            let fix = verdict.fix.unwrap_or_default();
            assert!(fix.contains(r#""kv/data/db""#), "{fix}");
        }
    }

    #[test]
    fn a_bad_reference_is_ours_to_correct() {
        for fault in [Fault::BadPath("it is none"), Fault::NoKey] {
            let verdict = judge(&[grant("a", Some(fault), false)]);
            assert_eq!(verdict.exit_status, status::USAGE);
        }
    }
}
