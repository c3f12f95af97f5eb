//! Checks that every relative link in a Markdown file leads somewhere, anchors included.
//!
//! A small scan, not a Markdown parser: inline links, images and reference definitions, outside
//! of code fences and code spans. Links with a scheme are not followed: a check that needs the
//! network fails for reasons that are not ours.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, Result};

/// What is wrong with the links of the file at `file`, a path relative to `root`.
///
/// # Errors
///
/// When the file cannot be read.
pub(super) fn check(root: &Path, file: &Path) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(root.join(file))
        .with_context(|| format!("cannot read {}", file.display()))?;
    let found = links(&text).into_iter().filter_map(|(line, link)| {
        let why = broken(root, file, &text, &link)?;
        Some(format!("{}:{line}: link `{link}`: {why}", file.display()))
    });
    Ok(found.collect())
}

/// Why a link leads nowhere, if so.
fn broken(root: &Path, file: &Path, text: &str, link: &str) -> Option<String> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) = link
        .split_once('#')
        .map_or((link, None), |(path, anchor)| (path, Some(anchor)));
    let target = match path {
        "" => root.join(file),
        _ => root.join(file).parent()?.join(path),
    };
    if !target.exists() {
        return Some("there is no such file".to_owned());
    }
    let anchor = anchor?;
    let headings = if path.is_empty() {
        anchors(text)
    } else if target.extension().is_some_and(|ext| ext == "md") {
        anchors(&std::fs::read_to_string(&target).ok()?)
    } else {
        return None;
    };
    let missing = !headings.iter().any(|known| known == anchor);
    missing.then(|| "no heading has this anchor".to_owned())
}

/// The lines outside of code fences, with their numbers from 1.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fence = None;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let start = line.trim_start();
        let mark = ["```", "~~~"]
            .into_iter()
            .find(|mark| start.starts_with(mark));
        match (fence, mark) {
            (None, Some(mark)) => fence = Some(mark),
            (Some(open), Some(mark)) if open == mark => fence = None,
            (None, None) => return Some((index + 1, line)),
            _ => {}
        }
        None
    })
}

/// Every link's target with its line number.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in prose(text) {
        let line = without_code(line);
        if let Some(target) = definition(&line) {
            found.push((number, target.to_owned()));
        }
        for (at, _) in line.match_indices("](") {
            let rest = line.get(at + 2..).unwrap_or_default();
            let Some(end) = closing(rest) else { continue };
            let inside = rest.get(..end).unwrap_or_default();
            // `(target "title")`, `(<target>)`
            let target = inside.split_whitespace().next().unwrap_or_default();
            found.push((number, target.trim_matches(['<', '>']).to_owned()));
        }
    }
    found.retain(|(_, target)| !target.is_empty());
    found
}

/// The target of a reference definition, `[name]: target`.
fn definition(line: &str) -> Option<&str> {
    let (name, target) = line.trim_start().strip_prefix('[')?.split_once("]: ")?;
    (!name.contains(']')).then(|| target.split_whitespace().next().unwrap_or_default())
}

/// Where the parenthesis that was open before `text` closes.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' if depth == 0 => return Some(at),
            ')' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// The line with its code spans blanked.
fn without_code(line: &str) -> String {
    // Pieces between backticks: every second one is code, unless the last span stays open.
    let pieces: Vec<&str> = line.split('`').collect();
    let closed = pieces.len() - usize::from(pieces.len().is_multiple_of(2));
    let keep = |(index, piece): (usize, &&str)| {
        if index.is_multiple_of(2) || index >= closed {
            (*piece).to_owned()
        } else {
            String::from(" ")
        }
    };
    pieces
        .iter()
        .enumerate()
        .map(keep)
        .collect::<Vec<_>>()
        .join("`")
}

/// The anchors of all headings, as the common forges make them: lower case, punctuation gone,
/// spaces to hyphens, a number after a repeated one.
fn anchors(text: &str) -> Vec<String> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let headings = prose(text).filter_map(|(_, line)| {
        let title = line.trim_start_matches('#');
        let level = line.len() - title.len();
        (1..=6)
            .contains(&level)
            .then(|| title.strip_prefix(' '))
            .flatten()
    });
    let name = |title: &str| {
        let slug: String = title
            .trim()
            .to_lowercase()
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect();
        let times = seen.entry(slug.clone()).or_default();
        *times += 1;
        if *times == 1 {
            slug
        } else {
            format!("{slug}-{}", *times - 1)
        }
    };
    headings.map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_outside_of_code() {
        let text = "[a](x.md \"t\") ![i](<i.png>) `[no](n)`\n```\n[no](n)\n```\n[r]: y.md#z\n\
                    [w](p(1).md)\n";
        let targets: Vec<_> = links(text)
            .into_iter()
            .map(|(line, link)| format!("{line} {link}"))
            .collect();
        assert_eq!(targets, ["1 x.md", "1 i.png", "5 y.md#z", "6 p(1).md"]);
    }

    #[test]
    fn anchors_follow_the_forges() {
        let text =
            "# What it does *not* do\n## `run`: options, 2\n## A_b\n## A_b\n```\n# no\n```\n";
        assert_eq!(
            anchors(text),
            ["what-it-does-not-do", "run-options-2", "a_b", "a_b-1"]
        );
    }

    #[test]
    fn broken_links_are_told_from_good_ones() {
        let root = crate::paths::root();
        let file = Path::new("abi/Cargo.toml");
        let why = |link: &str| broken(root, file, "# Here\n", link);
        assert_eq!(why("../LICENSE"), None);
        assert_eq!(why("#here"), None);
        assert_eq!(why("https://example.org/x"), None);
        assert!(why("../LICENCE").is_some());
        assert!(why("#there").is_some());
    }
}
