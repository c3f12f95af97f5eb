//! The result of a run: cases, the table of tiers, and the last line `N passed, N failed, N
//! skipped`.

use std::time::Duration;

use crate::table::{Table, Tone};
use crate::term::{self, Paint};

/// How a case ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    Passed,
    /// Why, in one line.
    Failed(String),
    /// What is missing.
    Skipped(String),
}

/// One test, lint or fuzz target.
#[derive(Debug)]
pub(crate) struct Case {
    tier: &'static str,
    pub(crate) name: String,
    pub(crate) outcome: Outcome,
}

/// All cases of a run.
#[derive(Debug, Default)]
pub(crate) struct Report {
    cases: Vec<Case>,
    tiers: Vec<(&'static str, Duration)>,
}

/// Passed, failed, skipped.
type Counts = (usize, usize, usize);

impl Report {
    /// Cases that follow belong to this tier.
    pub(crate) fn begin(&mut self, tier: &'static str) {
        println!("{}", term::stdout().bold(&format!("== {tier}")));
        self.tiers.push((tier, Duration::ZERO));
    }

    /// The tier that was begun last took this long.
    pub(crate) fn end(&mut self, took: Duration) {
        if let Some(last) = self.tiers.last_mut() {
            last.1 = took;
        }
    }

    /// Adds a case to the tier that was begun last.
    pub(crate) fn add(&mut self, name: &str, outcome: Outcome) {
        let tier = self.tiers.last().map_or("", |tier| tier.0);
        self.cases.push(Case {
            tier,
            name: name.to_owned(),
            outcome,
        });
    }

    /// Every case, for rules that change outcomes.
    pub(crate) fn cases_mut(&mut self) -> &mut [Case] {
        &mut self.cases
    }

    /// Prints table, failures, skips and the last line; answers whether all is well: nothing
    /// failed, and at least one test ran.
    pub(crate) fn conclude(&self) -> bool {
        print!("\n{}", self.text(term::stdout()));
        let (passed, failed, _) = self.count(|_| true);
        failed == 0 && passed > 0
    }

    fn text(&self, paint: Paint) -> String {
        let mut table = Table::new(&["tier", "passed", "failed", "skipped", "seconds"]);
        for (tier, took) in &self.tiers {
            let (passed, failed, skipped) = self.count(|case| case.tier == *tier);
            table.row(vec![
                ((*tier).to_owned(), Tone::Plain),
                (passed.to_string(), Tone::Good),
                (
                    failed.to_string(),
                    if failed > 0 { Tone::Bad } else { Tone::Plain },
                ),
                (
                    skipped.to_string(),
                    if skipped > 0 { Tone::Warn } else { Tone::Plain },
                ),
                (format!("{:.1}", took.as_secs_f64()), Tone::Plain),
            ]);
        }
        let mut text = table.render(paint);
        for case in &self.cases {
            if let Outcome::Failed(why) = &case.outcome {
                text += &format!(
                    "{} {}: {}: {why}\n",
                    paint.red("failed"),
                    case.tier,
                    case.name
                );
            }
        }
        for case in &self.cases {
            if let Outcome::Skipped(why) = &case.outcome {
                text += &format!(
                    "{} {}: {}: {why}\n",
                    paint.yellow("skipped"),
                    case.tier,
                    case.name
                );
            }
        }
        let (passed, failed, skipped) = self.count(|_| true);
        if passed + failed == 0 {
            text += "no test ran: is the filter right?\n";
        }
        text + &format!("{passed} passed, {failed} failed, {skipped} skipped\n")
    }

    fn count(&self, wanted: impl Fn(&Case) -> bool) -> Counts {
        let mut counts = (0, 0, 0);
        for case in self.cases.iter().filter(|case| wanted(case)) {
            match case.outcome {
                Outcome::Passed => counts.0 += 1,
                Outcome::Failed(_) => counts.1 += 1,
                Outcome::Skipped(_) => counts.2 += 1,
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_with_the_counts_and_names_what_failed() {
        let mut report = Report::default();
        report.begin("unit");
        report.add("good", Outcome::Passed);
        report.add("bad", Outcome::Failed("broke".into()));
        report.add("lame", Outcome::Skipped("no leg".into()));
        let text = report.text(term::stdout());
        assert!(
            text.ends_with("\n1 passed, 1 failed, 1 skipped\n"),
            "{text}"
        );
        assert!(text.contains("failed unit: bad: broke\n"), "{text}");
        assert!(text.contains("skipped unit: lame: no leg\n"), "{text}");
        assert!(!report.conclude());
    }

    #[test]
    fn nothing_run_is_not_success() {
        let mut report = Report::default();
        report.begin("unit");
        assert!(!report.conclude());
        report.add("lame", Outcome::Skipped("no leg".into()));
        assert!(!report.conclude());
        report.add("good", Outcome::Passed);
        assert!(report.conclude());
    }
}
