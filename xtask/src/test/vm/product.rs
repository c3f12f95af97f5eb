//! The cases of `cloudtaser run` in the machine. Pure, as [`judge`](super::judge).

use cloudtaser_vm::product::{ATTACKED, ATTEMPTS, STARTS, TARGETS, ends, modes};

use super::judge::verdict;
use crate::test::report::Outcome;

/// From `start RUN MODE STATUS MARK` and `guard RUN TARGET ID ERRNO BYTES MARK`.
pub(super) fn judge(ours: &[&str]) -> Vec<(String, Outcome)> {
    let mut cases = Vec::new();
    for run in STARTS {
        for mode in modes(run) {
            let (status, has_secret) = ends(run, mode);
            let mark = if has_secret { "secret" } else { "refusal" };
            let wanted = format!("start {run} {mode} {status} {mark}");
            let found = ours.contains(&wanted.as_str());
            let name = format!("--enforcer {mode} in the run `{run}` ends with {status}");
            cases.push((name, verdict(found, || lines(ours, "start ", run))));
        }
    }
    for target in TARGETS {
        for run in ATTACKED {
            let is_right = |id: &&str| guarded(ours, run, target, id);
            let wrong: Vec<_> = ATTEMPTS.iter().filter(|id| !is_right(id)).collect();
            let how = if run == "control" {
                "open without an enforcer"
            } else {
                "guarded"
            };
            let why = || format!("{wrong:?}: {}", lines(ours, "guard ", run));
            cases.push((format!("{target} is {how}"), verdict(wrong.is_empty(), why)));
        }
        let marker = |line: &&str| {
            line.starts_with(&format!("guard control {target} ")) && line.ends_with(" marker")
        };
        // The wrapper's copy is in secret memory, which its descriptor or nothing shows.
        if !target.ends_with("wrapper") {
            let name = format!("the secret is found in {target} without an enforcer");
            let found = ours.iter().any(marker);
            cases.push((name, verdict(found, || lines(ours, "guard ", "control"))));
        }
    }
    cases
}

/// Whether an attempt ended as it must: a success in the run `control`; else EPERM or EACCES and
/// nothing in hand.
fn guarded(ours: &[&str], run: &str, target: &str, id: &str) -> bool {
    let begin = format!("guard {run} {target} {id} ");
    let Some(rest) = ours.iter().find_map(|line| line.strip_prefix(&begin)) else {
        return false;
    };
    if run == "control" {
        rest.starts_with("0 ")
    } else {
        matches!(rest, "1 0 clean" | "13 0 clean")
    }
}

fn lines(ours: &[&str], kind: &str, run: &str) -> String {
    let begin = format!("{kind}{run} ");
    let found = ours.iter().filter(|line| line.starts_with(&begin));
    found.copied().collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(line: &str, name: &str) -> bool {
        let cases = judge(&[line]);
        let found = cases.into_iter().find(|case| case.0 == name);
        found.unwrap().1 == Outcome::Passed
    }

    #[test]
    fn a_start_that_ends_otherwise_fails() {
        let name = "--enforcer require in the run `observe` ends with 77";
        assert!(passes("start observe require 77 refusal", name));
        assert!(!passes("start observe require 0 secret", name));
        assert!(!passes("start observe require 77 secret", name));
    }

    #[test]
    fn what_was_got_fails_and_so_does_a_lost_line() {
        assert!(guarded(
            &["guard enforced static A 1 0 clean"],
            "enforced",
            "static",
            "A"
        ));
        for line in [
            "",
            "guard enforced static A 1 0 marker",
            "guard enforced static A 0 7 clean",
        ] {
            assert!(!guarded(&[line], "enforced", "static", "A"), "{line}");
        }
        assert!(!passes("", "static is guarded"));
        assert!(!passes("", "static is open without an enforcer"));
    }
}
