//! What `lint` and `why` print.

use std::fmt::Write;

use serde_json::{Value, json};
use similar::TextDiff;

use super::args::Output;
use super::judge::Judgement;
use super::{CliError, report_live, yaml};
use crate::annotation::printable;

/// How a report looks.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Colours, for a terminal.
    pub has_colour: bool,
    /// The difference of each pod.
    pub has_diff: bool,
}

impl Style {
    pub(super) fn paint(self, code: &str, text: &str) -> String {
        if self.has_colour {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

pub(super) const RED: &str = "31";
const GREEN: &str = "32";
const YELLOW: &str = "33";
const CYAN: &str = "36";
const BOLD: &str = "1";

/// The report of `lint`.
///
/// # Errors
///
/// [`CliError`]: what cannot be written as YAML.
pub fn lint(judgements: &[Judgement], output: Output, style: Style) -> Result<String, CliError> {
    if output != Output::Table {
        let items: Vec<Value> = judgements.iter().map(record).collect();
        return structured(&items.into(), output);
    }
    let mut text = table(judgements, style);
    for judgement in judgements {
        let has_notes = judgement.is_refused() || !judgement.warnings.is_empty();
        let has_diff = style.has_diff && !judgement.outcome.patch.is_empty();
        if has_notes || has_diff {
            text.push('\n');
            line(&mut text, &style.paint(BOLD, &title(judgement)));
        }
        notes(&mut text, judgement, style);
        if has_diff {
            text.push_str(&diff(judgement, style)?);
        }
    }
    Ok(text)
}

/// The report of `why`.
///
/// # Errors
///
/// As [`lint`].
pub fn why(judgements: &[Judgement], output: Output, style: Style) -> Result<String, CliError> {
    if output != Output::Table {
        let items: Vec<Value> = judgements.iter().map(explained).collect();
        return structured(&items.into(), output);
    }
    let mut text = String::new();
    for judgement in judgements {
        if !text.is_empty() {
            text.push('\n');
        }
        line(&mut text, &style.paint(BOLD, &title(judgement)));
        let word = coloured(judgement, style);
        line(
            &mut text,
            &format!("  decision: {word} ({})", judgement.outcome.reason()),
        );
        let explanation = &judgement.explanation;
        if let Some(profile) = &explanation.profile {
            line(&mut text, &format!("  profile: {}", printable(profile)));
        }
        for (name, value) in &explanation.settings {
            line(&mut text, &format!("    {name}: {}", printable(value)));
        }
        for note in &explanation.containers {
            let word = if note.is_wrapped {
                "wrapped"
            } else {
                "left alone"
            };
            let container = printable(&note.container);
            let mut told = format!("  container {container}: {word}: {}", printable(note.cause));
            if !note.command.is_empty() {
                told.push_str("; its command is from ");
                told.push_str(note.command);
            }
            line(&mut text, &told);
        }
        notes(&mut text, judgement, style);
        if let Some(live) = &judgement.live {
            report_live::shown(&mut text, live, style);
        }
    }
    Ok(text)
}

pub(super) fn structured(value: &Value, output: Output) -> Result<String, CliError> {
    match output {
        Output::Yaml => yaml::write(value).map_err(CliError::Write),
        Output::Json | Output::Table => Ok(format!("{value:#}\n")),
    }
}

fn record(judgement: &Judgement) -> Value {
    let workload = &judgement.workload;
    json!({
        "file": workload.file.display().to_string(),
        "kind": workload.kind,
        "namespace": workload.namespace,
        "name": workload.name,
        "decision": judgement.word(),
        "reason": judgement.outcome.reason(),
        "message": judgement.message(),
        "warnings": judgement.warnings,
        "patch": judgement.outcome.patch,
    })
}

fn explained(judgement: &Judgement) -> Value {
    let mut record = record(judgement);
    let explanation = &judgement.explanation;
    let settings = explanation.settings.iter();
    let settings = settings.map(|(name, value)| ((*name).to_owned(), value.clone().into()));
    let containers = explanation.containers.iter().map(|note| {
        json!({
            "container": note.container,
            "wrapped": note.is_wrapped,
            "cause": note.cause,
            "command": note.command,
        })
    });
    if let Some(fields) = record.as_object_mut() {
        fields.insert("profile".to_owned(), explanation.profile.clone().into());
        fields.insert(
            "settings".to_owned(),
            settings.collect::<serde_json::Map<_, _>>().into(),
        );
        fields.insert(
            "containers".to_owned(),
            containers.collect::<Vec<_>>().into(),
        );
        if let Some(live) = &judgement.live {
            fields.insert("live".to_owned(), report_live::record(live));
        }
    }
    record
}

fn title(judgement: &Judgement) -> String {
    let workload = &judgement.workload;
    let (kind, namespace, name) = (&workload.kind, &workload.namespace, &workload.name);
    let file = workload.file.display();
    printable(&format!("{kind} {namespace}/{name} ({file})"))
}

fn coloured(judgement: &Judgement, style: Style) -> String {
    let code = match judgement.word() {
        "deny" => RED,
        "inject" | "complete" | "unchanged" => GREEN,
        _ => CYAN,
    };
    style.paint(code, judgement.word())
}

fn table(judgements: &[Judgement], style: Style) -> String {
    const HEAD: [&str; 5] = ["KIND", "NAMESPACE", "NAME", "DECISION", "REASON"];
    let cells = |judgement: &Judgement| {
        let workload = &judgement.workload;
        [
            printable(&workload.kind),
            printable(&workload.namespace),
            printable(&workload.name),
            judgement.word().to_owned(),
            judgement.outcome.reason().to_owned(),
        ]
    };
    let head = HEAD.map(str::to_owned);
    let rows: Vec<_> = judgements.iter().map(cells).collect();
    columns(&head, &rows, style)
}

/// Rows below a head, each column as wide as its widest cell.
pub(super) fn columns<const N: usize>(
    head: &[String; N],
    rows: &[[String; N]],
    style: Style,
) -> String {
    let mut widths = [0_usize; N];
    for row in rows.iter().chain([head]) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for (index, row) in [head].into_iter().chain(rows).enumerate() {
        let padded = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:<width$}"));
        let told = padded.collect::<Vec<_>>().join("  ");
        let told = told.trim_end();
        if index == 0 {
            line(&mut text, &style.paint(BOLD, told));
        } else {
            line(&mut text, told);
        }
    }
    text
}

fn notes(text: &mut String, judgement: &Judgement, style: Style) {
    if let Some(message) = judgement.message() {
        line(
            text,
            &format!("  {} {}", style.paint(RED, "error:"), printable(&message)),
        );
    }
    for warning in &judgement.warnings {
        line(
            text,
            &format!(
                "  {} {}",
                style.paint(YELLOW, "warning:"),
                printable(warning)
            ),
        );
    }
}

/// The pod before and after, as a unified difference of YAML.
fn diff(judgement: &Judgement, style: Style) -> Result<String, CliError> {
    let before = yaml::write(&judgement.workload.pod).map_err(CliError::Write)?;
    let after = yaml::write(&judgement.after).map_err(CliError::Write)?;
    let diff = TextDiff::from_lines(before.as_str(), after.as_str());
    let mut text = String::new();
    for told in diff.unified_diff().context_radius(3).to_string().lines() {
        let code = match told.as_bytes().first() {
            Some(b'+') => GREEN,
            Some(b'-') => RED,
            Some(b'@') => CYAN,
            _ => "0",
        };
        let told = printable(told);
        let told = if code == "0" {
            told
        } else {
            style.paint(code, &told)
        };
        line(&mut text, &told);
    }
    Ok(text)
}

pub(super) fn line(text: &mut String, told: &str) {
    // Writing to a String cannot fail.
    let _infallible = writeln!(text, "{told}");
}
