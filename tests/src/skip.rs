//! Skips that are counted: a test that finds something missing says so instead of passing.

use std::fs::OpenOptions;
use std::io::Write;

/// Names the file that `cargo xtask test` reads skips from.
const SKIP_LOG: &str = "CLOUDTASER_SKIP_LOG";

/// Records that the calling test cannot run here because of `missing`; the test then returns.
///
/// `cargo xtask test` counts the test as skipped and prints the reason; in CI a skip that is not
/// allowed is a failure. Under a plain `cargo test` the reason goes to standard error. The test
/// is known by its thread's name, so call this on the test's own thread.
///
/// # Panics
///
/// When the log cannot be written: a skip that is not counted would look like a pass.
pub fn skip(missing: &str) {
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("unnamed");
    let Some(log) = std::env::var_os(SKIP_LOG) else {
        // Whoever runs the test without xtask sees the reason all the same.
        assert!(
            writeln!(std::io::stderr(), "skipped {name}: {missing}").is_ok(),
            "cannot say that {name} was skipped: {missing}"
        );
        return;
    };
    let line = line(name, missing);
    // One write of a whole line in append mode: tests in parallel do not mix theirs.
    let written = OpenOptions::new()
        .append(true)
        .create(true)
        .open(&log)
        .and_then(|mut file| file.write_all(line.as_bytes()));
    assert!(
        written.is_ok(),
        "cannot record the skip of {name} in {log:?}: {written:?}"
    );
}

/// `name<TAB>reason`, one line.
fn line(name: &str, missing: &str) -> String {
    format!("{name}\t{}\n", missing.replace(['\n', '\t'], " "))
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn a_reason_stays_on_one_line() {
        assert_eq!(line("a::b", "no\tthis\nno that"), "a::b\tno this no that\n");
    }
}
