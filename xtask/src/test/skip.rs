//! Skips: a test that finds something missing says so through `cloudtaser_tests::skip`, which
//! writes a line into a log; here those lines turn passes into skips.

use super::report::{Outcome, Report};

/// Skips that CI may have: the test's name and why CI cannot have what it needs. Everything else
/// that is skipped there is a failure.
const ALLOWED_IN_CI: &[(&str, &str)] = &[
    (
        "cargo deny check advisories",
        "the advisory database is a git repository that CI may be unable to reach",
    ),
    (
        "govulncheck",
        "the database of known defects is a web server that CI may be unable to reach",
    ),
];

/// Applies a skip log (`name<TAB>reason` lines) to the cases of the same run.
pub(crate) fn apply(log: &str, cases: &mut Vec<(String, Outcome)>) {
    for line in log.lines() {
        let (name, reason) = line.split_once('\t').unwrap_or((line, "no reason given"));
        let mine = |case: &&mut (String, Outcome)| case.0 == name;
        if let Some(case) = cases
            .iter_mut()
            .filter(mine)
            .find(|case| case.1 == Outcome::Passed)
        {
            case.1 = Outcome::Skipped(reason.to_owned());
        } else if !cases.iter().any(|case| case.0 == name) {
            // The log speaks of a test that nobody saw: one of the two is wrong.
            let why = format!("skipped ({reason}), but no test of that name was seen");
            cases.push((name.to_owned(), Outcome::Failed(why)));
        }
    }
}

/// With `CI=true`, turns skips that are not allowed there into failures.
pub(crate) fn forbid_in_ci(report: &mut Report) {
    if std::env::var_os("CI").is_some_and(|value| value == "true" || value == "1") {
        forbid(report);
    }
}

fn forbid(report: &mut Report) {
    for case in report.cases_mut() {
        if let Outcome::Skipped(reason) = &case.outcome
            && !ALLOWED_IN_CI.iter().any(|(name, _)| *name == case.name)
        {
            case.outcome = Outcome::Failed(format!("CI should have this: {reason}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(name: &str) -> (String, Outcome) {
        (name.to_owned(), Outcome::Passed)
    }

    #[test]
    fn a_logged_pass_becomes_a_skip_and_a_failure_stays() {
        let mut cases = vec![
            passed("a"),
            passed("b"),
            ("c".into(), Outcome::Failed("x".into())),
        ];
        apply("a\tno kernel\nc\tno kernel\n", &mut cases);
        assert_eq!(cases[0].1, Outcome::Skipped("no kernel".into()));
        assert_eq!(cases[1].1, Outcome::Passed);
        assert_eq!(cases[2].1, Outcome::Failed("x".into()));
    }

    #[test]
    fn a_skip_of_an_unseen_test_is_a_failure() {
        let mut cases = vec![passed("a")];
        apply("main\twhy\n", &mut cases);
        assert!(matches!(&cases[1], (name, Outcome::Failed(_)) if name == "main"));
    }

    #[test]
    fn ci_allows_only_what_is_listed() {
        let mut report = Report::default();
        report.begin("x");
        report.add("y", Outcome::Skipped("no y".into()));
        report.add(
            "cargo deny check advisories",
            Outcome::Skipped("no database".into()),
        );
        forbid(&mut report);
        let outcomes: Vec<_> = report
            .cases_mut()
            .iter()
            .map(|case| &case.outcome)
            .collect();
        assert!(matches!(outcomes[0], Outcome::Failed(why) if why.contains("no y")));
        assert!(matches!(outcomes[1], Outcome::Skipped(_)));
    }
}
