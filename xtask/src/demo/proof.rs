//! The questions that the demo asks while the program runs, and their answers as rows.
//!
//! Every search looks for two texts at once: the password, which must not be there, and a marker
//! that was put there on purpose. A search that does not find the marker proves nothing and fails.

use std::fs;

use anyhow::{Context, Result};

use super::needle::Needle;
use super::place::Place;
use super::session::{Outputs, Session};
use super::{files, memory};
use crate::{paths, process};

/// One line of the table.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) what: &'static str,
    pub(super) good: bool,
    pub(super) result: String,
}

impl Row {
    /// The usual search: the value is not there, the marker is.
    fn search(what: &'static str, searched: &str, value: &[String], marker: bool) -> Self {
        let control = if marker {
            "control found"
        } else {
            "but the CONTROL WAS NOT FOUND"
        };
        let result = match value {
            [] => format!("not found in {searched}; {control}"),
            places => format!("FOUND in {}", places.join(", ")),
        };
        Self {
            what,
            good: value.is_empty() && marker,
            result,
        }
    }
}

/// The query's answer.
pub(super) fn answer(answer: &str) -> Row {
    Row {
        what: "the query's answer",
        good: true,
        result: answer.to_owned(),
    }
}

/// All searches while the program lives.
pub(super) fn collect(
    place: &Place,
    session: &Session,
    value: &Needle,
    marker: &Needle,
) -> Result<Vec<Row>> {
    let wrapper = session.wrapper();
    let program = process::child_of(wrapper).context("the wrapper has no child")?;
    Ok(vec![
        command_lines(&[wrapper, program], value, marker)?,
        environment(wrapper, value, marker),
        heap(wrapper, value, marker),
        region(wrapper),
        file_system(place, value, marker)?,
        program_environment(program, value),
    ])
}

fn command_lines(pids: &[u32], value: &Needle, marker: &Needle) -> Result<Row> {
    let (mut found, mut control, mut bytes) = (Vec::new(), true, 0);
    for pid in pids {
        let data =
            fs::read(format!("/proc/{pid}/cmdline")).context("cannot read a command line")?;
        bytes += data.len();
        if value.is_in(&data) {
            found.push(format!("/proc/{pid}/cmdline"));
        }
        control &= marker.is_in(&data);
    }
    let searched = format!("{} command lines, {bytes} bytes", pids.len());
    Ok(Row::search(
        "argv of wrapper and program",
        &searched,
        &found,
        control,
    ))
}

fn environment(wrapper: u32, value: &Needle, marker: &Needle) -> Row {
    let what = "the wrapper's environment";
    let file = format!("/proc/{wrapper}/environ");
    match fs::read(&file) {
        Ok(data) => {
            let found: &[String] = if value.is_in(&data) { &[file] } else { &[] };
            Row::search(
                what,
                &format!("{} bytes", data.len()),
                found,
                marker.is_in(&data),
            )
        }
        Err(error) => refused(what, &error),
    }
}

/// The kernel does not let us look: no find, but no search either, and said so.
fn refused(what: &'static str, error: &std::io::Error) -> Row {
    let root = paths::is_root();
    let result = format!("the kernel refuses the search: {error}; as root it can be searched");
    // As root it must be possible, or the row proves nothing.
    Row {
        what,
        good: !root && error.kind() == std::io::ErrorKind::PermissionDenied,
        result,
    }
}

fn heap(wrapper: u32, value: &Needle, marker: &Needle) -> Row {
    let what = "the wrapper's heap and every mapping outside the region";
    match memory::search(wrapper, value, marker) {
        Ok(found) => {
            let searched = format!("{} mappings, {} KiB", found.mappings, found.bytes / 1024);
            let mut row = Row::search(what, &searched, &found.value, !found.marker.is_empty());
            if !found.refused.is_empty() {
                row.good = false;
                row.result += &format!("; COULD NOT READ {}", found.refused.join(", "));
            }
            row
        }
        Err(error) => refused(what, &error),
    }
}

fn region(wrapper: u32) -> Row {
    let what = "the region itself, read through /proc/PID/mem";
    match memory::read_region(wrapper) {
        Ok(tries) => {
            let reasons: Vec<&str> = tries
                .iter()
                .filter_map(|one| one.as_ref().err())
                .map(String::as_str)
                .collect();
            let good = !tries.is_empty() && reasons.len() == tries.len();
            let result = match (tries.is_empty(), good, reasons.first()) {
                (true, ..) => "the wrapper has no region".to_owned(),
                (_, true, Some(reason)) => format!("refused by the kernel: {reason}"),
                _ => "readable: this kernel gave no memfd_secret (see the protection level)"
                    .to_owned(),
            };
            // Readable memory is a lower level, which the last row names; no region is a defect.
            Row {
                what,
                good: !tries.is_empty(),
                result,
            }
        }
        Err(error) => refused(what, &error),
    }
}

fn file_system(place: &Place, value: &Needle, marker: &Needle) -> Result<Row> {
    let planted = place.private("marker");
    fs::write(&planted, marker.text()).context("cannot plant the marker")?;
    // In whole seconds: what changed in the second in which the demo began counts.
    let since = place.began()?;
    let found = files::search(since, value, marker).context("cannot list the mounts")?;
    let searched = format!(
        "{} files changed since the start ({} KiB) of {} on {} writable mounts, {} unreadable",
        found.read,
        found.bytes / 1024,
        found.seen,
        found.mounts,
        found.refused,
    );
    let places: Vec<String> = found
        .value
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    Ok(Row::search(
        "the file system",
        &searched,
        &places,
        found.marker.contains(&planted),
    ))
}

/// The honest row: at this level of delivery the program's own environment holds the value.
fn program_environment(program: u32, value: &Needle) -> Row {
    let what = "the program's own environment";
    match fs::read(format!("/proc/{program}/environ")) {
        Ok(data) if value.is_in(&data) => Row {
            what,
            good: true,
            result: "found, as expected: delivery `environ` does not hide it from root and the \
                     same user"
                .to_owned(),
        },
        Ok(_) => Row {
            what,
            good: false,
            result: "NOT found: how did psql log in?".to_owned(),
        },
        Err(error) => refused(what, &error),
    }
}

/// What all programs printed.
pub(super) fn output(outputs: &Outputs, value: &Needle, marker: &Needle) -> Row {
    let all = outputs.all();
    let holding = |needle: &Needle| -> Vec<String> {
        all.iter()
            .filter(|(_, bytes)| needle.is_in(bytes))
            .map(|(name, _)| name.clone())
            .collect()
    };
    let names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
    let bytes: usize = all.iter().map(|(_, bytes)| bytes.len()).sum();
    let searched = format!("{bytes} bytes of {}", names.join(", "));
    Row::search(
        "all output",
        &searched,
        &holding(value),
        holding(marker).contains(&"psql".to_owned()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_without_its_control_fails() {
        assert!(Row::search("x", "y", &[], true).good);
        assert!(!Row::search("x", "y", &[], false).good);
        assert!(!Row::search("x", "y", &["z".to_owned()], true).good);
    }
}
