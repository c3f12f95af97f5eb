//! What the preload library reports: programs that it cannot reach. Every process of the program
//! can write into the pipe, so what is read is hostile: lines are bounded, known words only, paths
//! escaped, and each thing is told once, a limited number of times.

use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use cloudtaser_abi::handover::{REPORT_MAX, Unserved};
use rustix::event::{PollFd, PollFlags, Timespec};

use crate::report::Report;
use crate::sys::fcntl::signal_when_readable;

/// Different lines that are told, at most. Chosen: more than a container has programs of that
/// kind, and a screenful for whoever writes nonsense.
const TOLD_MAX: usize = 64;

/// Characters of a path that are shown, at most. Chosen: a few lines.
const SHOWN_CHARS: usize = 300;

/// Reads in a row, at most: a writer that never rests must not keep signals waiting. Chosen: what
/// a pipe holds (64 KiB, pipe(7)).
const READS_MAX: usize = 16;

/// The pipe's read end, and what was told already.
#[derive(Debug)]
pub struct ReportPipe {
    reader: OwnedFd,
    lines: Lines,
    /// What is to be told and was not yet; [`Lines`] gives a limited number.
    untold: VecDeque<String>,
    report: Report,
}

impl ReportPipe {
    /// Tells by `report` what comes out of `reader`, which must not wait.
    #[must_use]
    pub fn new(reader: OwnedFd, report: Report) -> Self {
        Self {
            reader,
            lines: Lines::default(),
            untold: VecDeque::new(),
            report,
        }
    }

    /// Has the kernel send SIGIO to this process when there is something to read.
    ///
    /// # Errors
    ///
    /// What `fcntl(2)` answers.
    pub fn watch(&self) -> io::Result<()> {
        signal_when_readable(self.reader.as_fd())
    }

    /// Tells what is there, as far as standard error takes it at once: a report never holds up the
    /// program's signals. What cannot be read is not told.
    pub fn drain(&mut self) {
        self.read();
        while let Some(line) = self.untold.front() {
            if !is_ready() {
                return;
            }
            self.report.warn(line);
            self.untold.pop_front();
        }
    }

    fn read(&mut self) {
        let mut buffer = [0; REPORT_MAX];
        for _ in 0..READS_MAX {
            let count = match rustix::io::read(&self.reader, &mut buffer) {
                Ok(count @ 1..) => count,
                _ => return,
            };
            let read = buffer.get(..count).unwrap_or_default();
            self.untold.extend(self.lines.take(read));
        }
    }
}

/// Whether standard error takes a line now; a pipe then has room for one (`PIPE_BUF`).
fn is_ready() -> bool {
    let stderr = io::stderr();
    let mut ends = [PollFd::new(&stderr, PollFlags::OUT)];
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // A closed one is ready to fail.
    rustix::event::poll(&mut ends, Some(&now)).is_ok_and(|ready| ready > 0)
}

/// Cuts what is read into lines, and leaves out what is no line of ours or was told before.
#[derive(Debug, Default)]
struct Lines {
    /// The start of a line whose end has not come yet.
    start: Vec<u8>,
    /// That start is of a line that is too long.
    is_skipped: bool,
    told: BTreeSet<(&'static str, Vec<u8>)>,
    is_full: bool,
}

impl Lines {
    fn take(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut texts = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (part, is_end) = match piece.strip_suffix(b"\n") {
                Some(part) => (part, true),
                None => (piece, false),
            };
            // With its newline a line has REPORT_MAX bytes at most.
            self.is_skipped |= self.start.len() + part.len() >= REPORT_MAX;
            if !self.is_skipped {
                self.start.extend_from_slice(part);
            }
            if is_end {
                let line = std::mem::take(&mut self.start);
                if !std::mem::take(&mut self.is_skipped) {
                    texts.extend(self.line(&line));
                }
            }
        }
        texts
    }

    /// The text for a line of ours that is new.
    fn line(&mut self, line: &[u8]) -> Option<String> {
        let space = line.iter().position(|byte| *byte == b' ')?;
        let (word, path) = line.split_at_checked(space)?;
        let reason = Unserved::from_word(word)?;
        let path = path.strip_prefix(b" ").filter(|path| !path.is_empty())?;
        let key = (reason.word(), path.to_vec());
        if self.is_full || self.told.contains(&key) {
            return None;
        }
        if self.told.len() == TOLD_MAX {
            self.is_full = true;
            return Some(String::from(
                "more programs without files and secret variables are not told",
            ));
        }
        self.told.insert(key);
        Some(format!(
            "`{}` {}: it gets no files, and no secret variables but by --env-static plain",
            shown(path),
            phrase(reason)
        ))
    }
}

const fn phrase(reason: Unserved) -> &'static str {
    match reason {
        Unserved::Static => "is statically linked",
        Unserved::Privileged => {
            "has a set-user-ID bit, a set-group-ID bit or file capabilities, with which the \
             dynamic linker ignores preload libraries"
        }
        Unserved::Foreign => "is built for another machine",
        Unserved::Linker => "has a dynamic linker that is not known",
        Unserved::Unreadable => "cannot be read, so that nobody knows whether it loads a library",
        Unserved::Library => {
            "is started where the preload library cannot be read (another user, another root)"
        }
    }
}

/// A path that cannot drive a terminal.
fn shown(path: &[u8]) -> String {
    let text = String::from_utf8_lossy(path);
    let mut shown: String = text.chars().take(SHOWN_CHARS).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown.escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_told_once_whatever_pieces_it_comes_in() {
        let mut lines = Lines::default();
        let told = lines.take(b"static /usr/sbin/nginx\nforeign /a b\nsta");
        assert_eq!(
            told,
            [
                "`/usr/sbin/nginx` is statically linked: it gets no files, and no secret variables but by --env-static plain",
                "`/a b` is built for another machine: it gets no files, and no secret variables but by --env-static plain",
            ]
        );
        assert!(lines.take(b"tic /usr/sbin/").is_empty());
        assert!(lines.take(b"nginx\n").is_empty(), "told before");
        assert_eq!(
            lines.take(b"linker /usr/sbin/nginx\n").len(),
            1,
            "another reason"
        );
        for reason in Unserved::ALL {
            let line = format!("{} /new\n", reason.word());
            assert_eq!(lines.take(line.as_bytes()).len(), 1, "{line}");
        }
    }

    #[test]
    fn what_is_no_line_of_ours_is_not_told() {
        let mut lines = Lines::default();
        for line in [
            "",
            " ",
            "static",
            "static ",
            "Static /a",
            "staticx /a",
            "hello world",
        ] {
            assert!(
                lines.take(format!("{line}\n").as_bytes()).is_empty(),
                "{line}"
            );
        }
        let long = "a".repeat(REPORT_MAX - 8);
        assert_eq!(lines.take(format!("static {long}\n").as_bytes()).len(), 1);
        assert!(
            lines
                .take(format!("static {long}b\n").as_bytes())
                .is_empty()
        );
        for _ in 0..100 {
            assert!(lines.take(&[b'x'; 1000]).is_empty());
        }
        assert!(lines.start.len() < REPORT_MAX);
        assert!(lines.take(b"\n").is_empty());
        assert_eq!(
            lines.take(b"static /b\n").len(),
            1,
            "after a line that was too long"
        );
    }

    #[test]
    fn a_path_is_shown_printable_and_cut() {
        let mut lines = Lines::default();
        let told = lines.take(b"static /\x1b[2J\xff\n").join("");
        assert!(told.starts_with("`/\\u{1b}[2J\u{fffd}`"), "{told}");
        let told = lines
            .take(format!("static /{}\n", "a".repeat(2000)).as_bytes())
            .join("");
        assert!(told.contains("a…`") && told.len() < 400, "{told}");
    }

    #[test]
    fn the_number_of_lines_is_limited() {
        let mut lines = Lines::default();
        let mut told = Vec::new();
        for number in 0..1000 {
            told.extend(lines.take(format!("static /{number}\n").as_bytes()));
        }
        assert_eq!(told.len(), TOLD_MAX + 1);
        assert!(
            told.last()
                .is_some_and(|line| line.contains("are not told"))
        );
        assert_eq!(lines.told.len(), TOLD_MAX);
    }

    #[test]
    fn the_pipe_is_drained_without_waiting() {
        let flags = rustix::pipe::PipeFlags::NONBLOCK | rustix::pipe::PipeFlags::CLOEXEC;
        let (reader, writer) = rustix::pipe::pipe_with(flags).expect("pipe");
        let mut pipe = ReportPipe::new(reader, Report::default());
        pipe.drain();
        rustix::io::write(&writer, b"static /a\n").expect("written");
        pipe.drain();
        assert_eq!(pipe.lines.told.len(), 1);
        drop(writer);
        pipe.drain();
    }
}
