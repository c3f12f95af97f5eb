//! House rules that a search can keep: SAFETY comments that say something, no notes to oneself,
//! no paths of one developer's machine, no file that outgrew a reader.
//!
//! Pure: a file's name and text in, findings out. The forbidden words are put together from
//! parts, so that this file passes its own check.

use std::path::Path;

/// Production lines (before the tests) at which a Rust file must be split.
const MOST_LINES: usize = 500;

/// Shortest SAFETY text that can name a condition and its keeper, in characters. Chosen: "`fd`
/// is open: we own it" has 23.
const SHORTEST_SAFETY: usize = 20;

/// Notes to oneself, whole words.
const NOTES: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("to", "do!"),
    concat!("un", "implemented!"),
];

/// Beginnings of paths that exist on somebody's machine only.
const PRIVATE_PATHS: &[&str] = &[
    concat!("/ro", "ot/"),
    concat!("/wo", "rk/"),
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
];

/// Stand-ins for a person in examples.
const NOBODY: &[&str] = &["user", "you", "me", "app", "nonroot"];

/// SAFETY texts that say nothing.
const EMPTY_SAFETY: &[&str] = &[
    "always safe",
    "safe because parameters are valid",
    "this is safe",
    "trust me",
    "plain old data",
];

/// What is wrong with a file.
pub(super) fn check(file: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut add =
        |line: usize, what: String| found.push(format!("{}:{line}: {what}", file.display()));
    for (index, line) in text.lines().enumerate() {
        if let Some(note) = NOTES.iter().find(|note| has_word(line, note)) {
            add(index + 1, format!("`{note}`: do it, or write an issue"));
        }
        if let Some(path) = private_path(line) {
            add(index + 1, format!("`{path}` is a path of one machine"));
        }
    }
    if file.extension().is_some_and(|ext| ext == "rs") {
        for (line, what) in empty_safety(text) {
            add(line, what);
        }
        let lines = production_lines(text);
        if lines > MOST_LINES && !text.contains("Long because ") {
            add(
                lines,
                format!(
                    "{lines} production lines, more than {MOST_LINES}: split it, or say \
                                `Long because …` in its head"
                ),
            );
        }
    }
    found
}

/// Lines before the tests at the end of the file.
fn production_lines(text: &str) -> usize {
    text.lines()
        .take_while(|line| *line != "#[cfg(test)]")
        .count()
}

/// Whether `word` stands in `line` with no letter, digit or underscore beside it.
fn has_word(line: &str, word: &str) -> bool {
    let inside = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        let after = line
            .get(at + word.len()..)
            .and_then(|text| text.chars().next());
        !before.is_some_and(inside) && !after.is_some_and(inside)
    })
}

fn private_path(line: &str) -> Option<String> {
    PRIVATE_PATHS.iter().find_map(|start| {
        let (at, _) = line.match_indices(start).find(|(at, _)| {
            // The same inside a longer path is somebody else's folder.
            let before = line.get(..*at).and_then(|text| text.chars().next_back());
            !before.is_some_and(|c| c.is_alphanumeric() || "_-.}$".contains(c))
        })?;
        let path: String = line
            .get(at..)?
            .chars()
            .take_while(|c| c.is_alphanumeric() || "/_-.".contains(*c))
            .collect();
        let person = path.split('/').nth(2).unwrap_or_default();
        (!NOBODY.contains(&person)).then_some(path)
    })
}

/// SAFETY comments that are too short to say anything, or are known phrases.
fn empty_safety(text: &str) -> Vec<(usize, String)> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let Some(first) = line.strip_prefix("// SAFETY:") else {
            continue;
        };
        let more = lines
            .iter()
            .skip(index + 1)
            .map_while(|line| line.strip_prefix("//"));
        let said = std::iter::once(first)
            .chain(more)
            .map(str::trim)
            .collect::<Vec<_>>()
            .join(" ");
        let lower = said.trim().to_lowercase();
        if lower.chars().count() < SHORTEST_SAFETY
            || EMPTY_SAFETY.iter().any(|empty| lower.starts_with(empty))
        {
            found.push((
                index + 1,
                format!("SAFETY comment names no condition and no keeper: `{said}`"),
            ));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(name: &str, text: &str) -> usize {
        check(Path::new(name), text).len()
    }

    #[test]
    fn notes_are_found_as_words_only() {
        for note in NOTES {
            assert_eq!(findings("a.md", &format!("x {note}: y")), 1, "{note}");
        }
        assert_eq!(
            findings("a.sh", &format!("mktemp /tmp/a.{0}{0}", NOTES[2])),
            0
        );
        assert_eq!(findings("a.md", "all is well"), 0);
    }

    #[test]
    fn private_paths_are_found_and_examples_are_not() {
        for start in PRIVATE_PATHS {
            assert_eq!(findings("a.md", &format!("in {start}jane/x")), 1, "{start}");
            assert_eq!(findings("a.md", &format!("in {start}you/x")), 0, "{start}");
            assert_eq!(
                findings("a.md", &format!("in /srv{start}jane/x")),
                0,
                "{start}"
            );
        }
    }

    #[test]
    fn safety_comments_must_say_something() {
        assert_eq!(
            findings("a.rs", "// SAFETY: always safe, as everybody knows well\n"),
            1
        );
        assert_eq!(findings("a.rs", "// SAFETY: POD\n"), 1);
        assert_eq!(
            findings("a.rs", "// SAFETY: `fd` is open:\n// the caller owns it\n"),
            0
        );
    }

    #[test]
    fn long_files_are_found_and_tests_do_not_count() {
        let long = "x\n".repeat(MOST_LINES + 1);
        assert_eq!(findings("a.rs", &long), 1);
        assert_eq!(
            findings("a.rs", &format!("//! Long because of a table.\n{long}")),
            0
        );
        assert_eq!(findings("a.rs", &format!("x\n#[cfg(test)]\n{long}")), 0);
        assert_eq!(findings("a.md", &long), 0);
    }
}
