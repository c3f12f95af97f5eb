//! Reads what `cargo test` prints: the lines of many libtest binaries and doc tests.
//!
//! Pure: text in, cases out. Each binary's own summary line is compared with the lines that were
//! understood, so that a line that was torn by a child's output is still counted, and a binary
//! that died without a summary is a failure.

use super::report::Outcome;

/// Cases as they are found.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    cases: Vec<(String, Outcome)>,
    /// Where the cases of the current binary begin.
    start: usize,
    /// The current binary, as cargo names it, and whether it still owes a summary.
    binary: String,
    running: bool,
}

impl Reader {
    /// Takes the next line of the merged output.
    pub(crate) fn line(&mut self, line: &str) {
        let text = line.trim();
        if let Some(rest) = text
            .strip_prefix("Running ")
            .or_else(|| text.strip_prefix("Doc-tests "))
        {
            // `unittests src/lib.rs (target/debug/deps/x-0123)`, `tests/a.rs (…)`, a crate name.
            self.close();
            self.binary = rest.split(" (").next().unwrap_or(rest).to_owned();
        } else if text
            .strip_prefix("running ")
            .is_some_and(|rest| rest.ends_with(" tests") || rest.ends_with(" test"))
        {
            self.start = self.cases.len();
            self.running = true;
        } else if let Some(rest) = text.strip_prefix("test result: ") {
            self.summary(rest);
        } else if let Some(case) = case(text) {
            self.cases.push(case);
        }
    }

    /// All cases; `success` is cargo's own exit status.
    pub(crate) fn finish(mut self, success: bool) -> Vec<(String, Outcome)> {
        self.close();
        let failed = self
            .cases
            .iter()
            .any(|(_, outcome)| matches!(outcome, Outcome::Failed(_)));
        if !success && !failed {
            let why = "cargo test failed before or beside the tests; see its output above";
            self.cases
                .push(("cargo test".to_owned(), Outcome::Failed(why.to_owned())));
        }
        self.cases
    }

    /// A binary that began and gave no summary has died.
    fn close(&mut self) {
        if self.running {
            let why = "ended without a result (crashed or was killed)";
            self.cases
                .push((self.binary.clone(), Outcome::Failed(why.to_owned())));
            self.running = false;
        }
        self.start = self.cases.len();
    }

    /// `ok. 3 passed; 0 failed; 1 ignored; 0 measured; …`
    fn summary(&mut self, text: &str) {
        self.running = false;
        for (word, make) in OUTCOMES {
            let said = count_before(text, word);
            let seen = self
                .cases
                .iter()
                .skip(self.start)
                .filter(|case| kind(&case.1) == *word)
                .count();
            for _ in seen..said {
                self.cases.push((
                    format!("{}: a test whose line was torn", self.binary),
                    make(),
                ));
            }
        }
        self.start = self.cases.len();
    }
}

/// Makes the outcome of a case that only the summary knows.
type Make = fn() -> Outcome;

/// Words of the summary line, and what a case counted there but not seen becomes.
const OUTCOMES: &[(&str, Make)] = &[
    ("passed", || Outcome::Passed),
    ("failed", || {
        Outcome::Failed("see the output above".to_owned())
    }),
    ("ignored", || Outcome::Skipped("ignored".to_owned())),
];

fn kind(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "passed",
        Outcome::Failed(_) => "failed",
        Outcome::Skipped(_) => "ignored",
    }
}

/// `test name ... ok`, `… FAILED`, `… ignored[, why]`; anything else is not a case.
fn case(text: &str) -> Option<(String, Outcome)> {
    let (name, result) = text.strip_prefix("test ")?.rsplit_once(" ... ")?;
    let outcome = match result.split_once(", ").map_or((result, ""), |pair| pair) {
        ("ok", "") => Outcome::Passed,
        ("FAILED", "") => Outcome::Failed("see the output above".to_owned()),
        ("ignored", "") => Outcome::Skipped("ignored".to_owned()),
        ("ignored", why) => Outcome::Skipped(why.to_owned()),
        _ => return None,
    };
    Some((name.to_owned(), outcome))
}

/// The number in front of `word` in a summary line; 0 when it is not there.
fn count_before(text: &str, word: &str) -> usize {
    let mut before = 0;
    for token in text
        .split([' ', ';', '.'])
        .filter(|token| !token.is_empty())
    {
        if token == word {
            return before;
        }
        before = token.parse().unwrap_or(0);
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, success: bool) -> Vec<(String, Outcome)> {
        let mut reader = Reader::default();
        text.lines().for_each(|line| reader.line(line));
        reader.finish(success)
    }

    fn counts(cases: &[(String, Outcome)]) -> (usize, usize, usize) {
        let of = |word| cases.iter().filter(|case| kind(&case.1) == word).count();
        (of("passed"), of("failed"), of("ignored"))
    }

    #[test]
    fn several_binaries_and_doc_tests() {
        let cases = read(
            "     Running unittests src/lib.rs (target/debug/deps/a-1)\n\nrunning 3 tests\n\
             test a::b ... ok\ntest a::c - should panic ... ok\ntest a::d ... ignored, needs root\n\n\
             test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out\n\
             \x20  Doc-tests a\n\nrunning 1 test\ntest src/lib.rs - f (line 5) ... FAILED\n\n\
             test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured\n",
            false,
        );
        assert_eq!(counts(&cases), (2, 1, 1));
        assert_eq!(cases[2].1, Outcome::Skipped("needs root".to_owned()));
        assert_eq!(cases[3].0, "src/lib.rs - f (line 5)");
    }

    #[test]
    fn torn_line_is_counted_by_the_summary() {
        let cases = read(
            "running 2 tests\ntest a ... some child spoke\nok\ntest b ... ok\n\
             test result: ok. 2 passed; 0 failed; 0 ignored",
            true,
        );
        assert_eq!(counts(&cases), (2, 0, 0));
        let failed = read(
            "running 1 test\ntest result: FAILED. 0 passed; 1 failed;",
            false,
        );
        assert_eq!(counts(&failed), (0, 1, 0));
    }

    #[test]
    fn crash_and_compile_error_are_failures() {
        let cases = read(
            "Running tests/x.rs (t)\nrunning 2 tests\ntest a ... ok\n",
            false,
        );
        assert_eq!(counts(&cases), (1, 1, 0));
        assert_eq!(cases[1].0, "tests/x.rs");
        assert_eq!(
            counts(&read("error: could not compile `x`\n", false)),
            (0, 1, 0)
        );
        assert_eq!(counts(&read("", true)), (0, 0, 0));
    }
}
