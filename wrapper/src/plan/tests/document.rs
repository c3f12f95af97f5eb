//! Runs every example of `docs/references.md`: the page's own tables are the test's data.

use std::path::Path;

use super::*;
use crate::config::files;

const PAGE: &str = include_str!("../../../../docs/references.md");

/// The rows of the table under the heading `title`, each cell without its backquotes.
fn rows(title: &str) -> Vec<Vec<String>> {
    let section = PAGE
        .split("\n## ")
        .find(|section| section.starts_with(title));
    let section = section.unwrap_or_else(|| panic!("no heading {title}"));
    let lines = section.lines().filter(|line| line.starts_with('|')).skip(2);
    let cells = |line: &str| {
        let inner = line.trim_matches('|').split('|');
        inner
            .map(|cell| cell.trim().trim_matches('`').into())
            .collect()
    };
    let rows: Vec<Vec<String>> = lines.map(cells).collect();
    assert!(rows.len() >= 3, "{title}: the table was not found");
    rows
}

/// The page's secrets: path, field, value.
fn answers(plan: &Plan) -> Answers {
    let secrets = rows("The secrets of the examples");
    let mut answers = Answers::default();
    for source in plan.sources() {
        let requests = plan.requests(&source);
        let results = requests.iter().map(|request| {
            let path = match &request.action {
                Action::Read {
                    version: Some(version),
                } => format!("{} version {version}", request.path),
                Action::Write { parameters } => format!("{} given {parameters}", request.path),
                _ => request.path.clone(),
            };
            let fields = secrets.iter().filter(|row| row[0] == path);
            let values: BTreeMap<_, _> = fields
                .map(|row| (row[1].clone(), Secret::from(row[2].clone())))
                .collect();
            match values.is_empty() {
                true => Err(ReadError::NoSecret { path }),
                false => Ok(Fields {
                    canonical_path: path,
                    values,
                }),
            }
        });
        let results = results.collect();
        answers.add(&source, requests, results);
    }
    answers
}

/// What the page's right column says of a draft.
fn outcome(draft: Draft) -> String {
    let resolved = draft.finish("local").and_then(|plan| {
        let literals = plan.literals();
        let mut set: Vec<String> = literals
            .map(|(name, text)| format!("{name}={}", String::from_utf8_lossy(text.expose())))
            .collect();
        let answers = answers(&plan);
        set.extend(shown(&plan.resolve(answers)?));
        set.sort();
        Ok(set.join(", "))
    });
    match resolved {
        Ok(set) if set.is_empty() => "left out".into(),
        Ok(set) => set,
        Err(errors) => format!("error: {errors}"),
    }
}

fn check(text: &str, expected: &str, actual: &str) {
    match expected.strip_prefix("error: ") {
        Some(part) => {
            assert!(actual.starts_with("error: "), "{text}: {actual}");
            assert!(actual.contains(part), "{text}: {actual}");
        }
        None => assert_eq!(actual, expected, "{text}"),
    }
}

#[test]
fn every_example_of_a_value_is_true() {
    for title in [
        "Whole values",
        "Inside a longer value",
        "References that write",
        "Transit ciphertexts",
        "Missing secrets",
        "Faults",
    ] {
        for row in rows(title) {
            let mut draft = draft();
            draft.deliver("X", &row[0], Origin::File);
            let outcome = outcome(draft);
            check(
                &row[0],
                &row[1],
                outcome.strip_prefix("X=").unwrap_or(&outcome),
            );
        }
    }
}

#[test]
fn every_example_of_a_file_is_true() {
    for row in rows("Files") {
        let outcome = match files::parse_option(&row[0]) {
            Ok(option) => {
                let mut draft = draft();
                let wish = files::wish(option, Path::new("")).expect("no template");
                draft.file(&wish, Origin::Flag);
                outcome(draft)
            }
            Err(problem) => format!("error: {problem}"),
        };
        check(&row[0], row[1].trim_end(), &outcome);
    }
}

#[test]
fn every_line_for_users_of_bank_vaults_is_true() {
    for row in rows("For users of bank-vaults") {
        let mut draft = draft();
        draft.deliver("X", &row[0], Origin::File);
        let read = draft.finish("local").map(drop);
        match row[1].as_str() {
            "the same" => assert!(read.is_ok(), "{row:?}: {read:?}"),
            "refused" => assert!(read.is_err(), "{row:?}"),
            other => panic!("{other}"),
        }
        if row[2].starts_with("${") {
            let mut draft = super::draft();
            draft.deliver("X", &row[2], Origin::File);
            assert!(draft.finish("local").is_ok(), "{row:?}");
        }
    }
}

#[test]
fn every_example_of_all_keys_is_true() {
    for row in rows("All keys of a path") {
        let mut draft = draft();
        for entry in row[0].split("`, `") {
            draft.env_from(entry);
        }
        check(&row[0], &row[1], &outcome(draft));
    }
}
