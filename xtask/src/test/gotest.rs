//! Reads what `go test -v` prints: the lines of tests, their parts, and packages.
//!
//! Pure: text in, cases out. A package that ends without a failed test of its own and is called
//! FAIL all the same (it does not compile, it crashed, the race detector spoke) is a failure.

use super::report::Outcome;

/// Cases as they are found.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    cases: Vec<(String, Outcome)>,
    /// Cases of the current package begin here.
    start: usize,
    /// The last line of a test's own, which says why it was skipped.
    said: String,
}

impl Reader {
    /// Takes the next line of the merged output.
    pub(crate) fn line(&mut self, line: &str) {
        let text = line.trim();
        if let Some(rest) = text.strip_prefix("--- ") {
            self.cases.extend(case(rest, &self.said));
        } else if let Some(package) = package(line, "ok") {
            let _name = package;
            self.start = self.cases.len();
        } else if let Some(package) = package(line, "FAIL") {
            let own = self.cases.iter().skip(self.start);
            let is_seen = own
                .into_iter()
                .any(|(_, outcome)| matches!(outcome, Outcome::Failed(_)));
            if !is_seen {
                let why = "ended without a failed test; see the output above";
                self.cases
                    .push((package.to_owned(), Outcome::Failed(why.to_owned())));
            }
            self.start = self.cases.len();
        } else if !text.is_empty() {
            text.clone_into(&mut self.said);
        }
    }

    /// All cases; `success` is Go's own exit status.
    pub(crate) fn finish(mut self, success: bool) -> Vec<(String, Outcome)> {
        let failed = self
            .cases
            .iter()
            .any(|(_, outcome)| matches!(outcome, Outcome::Failed(_)));
        if !success && !failed {
            let why = "failed before or beside the tests; see its output above";
            self.cases
                .push(("go test".to_owned(), Outcome::Failed(why.to_owned())));
        }
        self.cases
    }
}

/// `PASS: TestName (0.00s)`
fn case(text: &str, said: &str) -> Option<(String, Outcome)> {
    let (word, rest) = text.split_once(": ")?;
    let name = rest.split(" (").next().unwrap_or(rest).to_owned();
    let outcome = match word {
        "PASS" => Outcome::Passed,
        "FAIL" => Outcome::Failed("see the output above".to_owned()),
        "SKIP" => Outcome::Skipped(reason(said).to_owned()),
        _ => return None,
    };
    Some((name, outcome))
}

/// `file_test.go:12: what is missing`: the last part.
fn reason(said: &str) -> &str {
    match said.split_once("_test.go:") {
        Some((_, rest)) => rest.split_once(": ").map_or(rest, |(_, why)| why),
        None => said,
    }
}

/// `ok  \tcloudtaser.io/sdk-go\t0.1s`, `FAIL\tcloudtaser.io/sdk-go [build failed]`
fn package<'l>(line: &'l str, word: &str) -> Option<&'l str> {
    let rest = line.strip_prefix(word)?.trim_start_matches(' ');
    let rest = rest.strip_prefix('\t')?;
    rest.split(['\t', ' ']).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, success: bool) -> Vec<(String, Outcome)> {
        let mut reader = Reader::default();
        text.lines().for_each(|line| reader.line(line));
        reader.finish(success)
    }

    #[test]
    fn tests_parts_and_skips_are_cases() {
        let cases = read(
            "=== RUN   TestA\n=== RUN   TestA/b\n--- PASS: TestA (0.00s)\n    --- PASS: TestA/b \
             (0.00s)\n=== RUN   TestC\n    c_test.go:7: no database here\n--- SKIP: TestC (0.00s)\n\
             PASS\nok  \tcloudtaser.io/sdk-go\t0.1s\n?   \tcloudtaser.io/x\t[no test files]\n",
            true,
        );
        assert_eq!(
            cases,
            [
                ("TestA".to_owned(), Outcome::Passed),
                ("TestA/b".to_owned(), Outcome::Passed),
                (
                    "TestC".to_owned(),
                    Outcome::Skipped("no database here".to_owned())
                ),
            ]
        );
    }

    #[test]
    fn what_fails_without_a_test_is_seen() {
        let failed = |text: &str, success| {
            let cases = read(text, success);
            let names: Vec<_> = cases
                .into_iter()
                .filter(|(_, outcome)| matches!(outcome, Outcome::Failed(_)))
                .map(|(name, _)| name)
                .collect();
            names
        };
        assert_eq!(failed("FAIL\tx/y [build failed]\nFAIL\n", false), ["x/y"]);
        let raced = "--- PASS: TestA (0.00s)\nok  \tx\t0.1s\n--- PASS: TestB (0s)\nFAIL\ty\t0.1s";
        assert_eq!(failed(raced, false), ["y"]);
        let own = "--- FAIL: TestA (0.00s)\nFAIL\nFAIL\tx\t0.1s\n";
        assert_eq!(failed(own, false), ["TestA"]);
        assert_eq!(failed("", false), ["go test"]);
        assert!(failed("ok  \tx\t0.1s\n", true).is_empty());
    }
}
