//! The questions that the demo asks while the programs run, and their answers as rows.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result};

use super::needle::Needle;
use super::outputs::Outputs;
use super::place::Place;
use super::row::Row;
use super::session::{PGPASS, Session, Way};
use super::{files, memory};
use crate::process;

/// What is looked for: the password, and the marker that must be found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sought<'a> {
    pub(super) value: &'a Needle,
    pub(super) marker: &'a Needle,
}

/// All questions to a session while it lives.
pub(super) fn collect(session: &Session, sought: Sought<'_>) -> Result<Vec<Row>> {
    let way = session.way();
    let wrapper = session.wrapper();
    let tree = process::descendants(wrapper);
    let program = *tree.first().context("the wrapper has no child")?;
    if way == Way::Plain {
        return Ok(vec![shown(program, sought.value)]);
    }
    let mut rows = Vec::new();
    if way == Way::File {
        rows.push(not_there(program, sought)?);
    }
    rows.extend([
        environments(way, &tree, sought),
        environments(way, &[wrapper], sought),
        command_lines(way, wrapper, &tree, sought)?,
        heap(way, wrapper, sought),
        region(way, wrapper),
    ]);
    if way == Way::File {
        rows.push(own_memory(program, sought));
    }
    Ok(rows)
}

/// From outside, in our root and in psql's: nothing stands at the path, nor above it.
fn not_there(program: u32, sought: Sought<'_>) -> Result<Row> {
    let what = format!("{}: {PGPASS}, looked for from outside", Way::File);
    let folder = Path::new(PGPASS)
        .parent()
        .context("the file is in a folder")?;
    let inside = |path: &Path| format!("/proc/{program}/root{}", path.display());
    let places = [PGPASS.to_owned(), inside(Path::new(PGPASS)), inside(folder)];
    for place in &places {
        match fs::symlink_metadata(place) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Ok(Row::refused(what, &error)),
            Ok(_) => return Ok(Row::new(what, false, format!("FOUND: {place}"))),
        }
    }
    // The control: psql has no other place for its password.
    let environ = fs::read(format!("/proc/{program}/environ"))?;
    let named = format!("PGPASSFILE={PGPASS}");
    let is_named = environ
        .split(|byte| *byte == 0)
        .any(|one| one == named.as_bytes());
    let is_named = is_named && sought.marker.is_in(&environ);
    let result = if is_named {
        "no such file or directory; control found: psql's PGPASSFILE is it"
    } else {
        "no such file, but THE PROGRAM DOES NOT ASK FOR IT"
    };
    Ok(Row::new(what, is_named, result))
}

/// The kernel's copies of the environments, of each process.
fn environments(way: Way, pids: &[u32], sought: Sought<'_>) -> Row {
    let names: Vec<String> = pids.iter().map(|pid| process::name(*pid)).collect();
    let what = format!("{way}: /proc/PID/environ of {}", names.join(", "));
    let (mut found, mut control, mut bytes) = (Vec::new(), !pids.is_empty(), 0);
    for (pid, name) in pids.iter().zip(&names) {
        match fs::read(format!("/proc/{pid}/environ")) {
            Ok(data) => {
                bytes += data.len();
                control &= sought.marker.is_in(&data);
                if sought.value.is_in(&data) {
                    found.push(format!("/proc/{pid}/environ of {name}"));
                }
            }
            Err(error) => return Row::refused(what, &error),
        }
    }
    Row::search(what, &format!("{bytes} bytes"), &found, control)
}

/// The same search, where the password is in the environment.
fn shown(program: u32, value: &Needle) -> Row {
    let what = format!("{}: /proc/PID/environ of psql", Way::Plain);
    match fs::read(format!("/proc/{program}/environ")) {
        Ok(data) => {
            let because = "the same search finds what `--delivery environ` shows";
            Row::expected(what, value.is_in(&data), because)
        }
        Err(error) => Row::refused(what, &error),
    }
}

fn command_lines(way: Way, wrapper: u32, tree: &[u32], sought: Sought<'_>) -> Result<Row> {
    let (mut found, mut marked, mut bytes) = (Vec::new(), 0, 0);
    for pid in [&[wrapper], tree].concat() {
        let data =
            fs::read(format!("/proc/{pid}/cmdline")).context("cannot read a command line")?;
        bytes += data.len();
        marked += usize::from(sought.marker.is_in(&data));
        if sought.value.is_in(&data) {
            found.push(format!("/proc/{pid}/cmdline"));
        }
    }
    let searched = format!("{} command lines, {bytes} bytes", 1 + tree.len());
    // The wrapper's and psql's hold the marker; what psql starts has a line of its own.
    let what = format!("{way}: argv of wrapper and programs");
    Ok(Row::search(what, &searched, &found, marked >= 2))
}

fn heap(way: Way, wrapper: u32, sought: Sought<'_>) -> Row {
    let what = format!("{way}: the wrapper's heap and every mapping outside the region");
    match memory::search(wrapper, sought.value, sought.marker) {
        Ok(found) => {
            let searched = format!("{} mappings, {} KiB", found.mappings, found.bytes / 1024);
            let mut row = Row::search(what, &searched, &found.value, !found.marker.is_empty());
            if !found.refused.is_empty() {
                row.good = false;
                row.result += &format!("; COULD NOT READ {}", found.refused.join(", "));
            }
            row
        }
        Err(error) => Row::refused(what, &error),
    }
}

/// The honest row: who logs in with a password has it.
fn own_memory(program: u32, sought: Sought<'_>) -> Row {
    let what = format!("{}: psql's own memory", Way::File);
    match memory::search(program, sought.value, sought.marker) {
        Ok(found) => {
            let because = "libpq keeps a copy of its own, which no delivery can prevent";
            Row::expected(what, !found.value.is_empty(), because)
        }
        Err(error) => Row::refused(what, &error),
    }
}

fn region(way: Way, wrapper: u32) -> Row {
    let what = format!("{way}: the region itself, read through /proc/PID/mem");
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
            Row::new(what, !tries.is_empty(), result)
        }
        Err(error) => Row::refused(what, &error),
    }
}

/// Every file on every writable mount, while the sessions live.
pub(super) fn file_system(place: &Place, sought: Sought<'_>) -> Result<Row> {
    let planted = place.private("marker");
    fs::write(&planted, sought.marker.text()).context("cannot plant the marker")?;
    // In whole seconds: what changed in the second in which the demo began counts.
    let since = place.began()?;
    let found = files::search(since, sought.value, sought.marker).context("cannot list mounts")?;
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
    let control = found.marker.contains(&planted);
    Ok(Row::search("the file system", &searched, &places, control))
}

/// What all programs printed.
pub(super) fn output(outputs: &Outputs, sought: Sought<'_>) -> Row {
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
    let marked = holding(sought.marker);
    let control = [Way::File, Way::Variable, Way::Plain]
        .iter()
        .all(|way| marked.contains(&way.program().to_owned()));
    Row::search("all output", &searched, &holding(sought.value), control)
}
