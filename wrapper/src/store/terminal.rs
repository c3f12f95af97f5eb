//! Reading from and writing to the caller: values in, values out, notes, questions.
//!
//! Values go through descriptors directly: the standard library's buffers are never wiped.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::os::fd::AsFd;
use std::path::Path;

use rustix::termios::{self, LocalModes, OptionalActions};
use zeroize::Zeroizing;

use super::StoreError;

/// Reads standard input to its end, at most `limit` bytes and one more.
///
/// # Errors
///
/// [`StoreError::Io`].
pub fn read_input(limit: u64) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    let fail = |source| StoreError::Io {
        call: "reading standard input",
        source,
    };
    let input = File::from(io::stdin().as_fd().try_clone_to_owned().map_err(fail)?);
    read_all(input, limit).map_err(fail)
}

/// Reads a file that was named on the command line, at most `limit` bytes and one more.
///
/// # Errors
///
/// [`StoreError::Read`].
pub fn read_file(file: &Path, limit: u64) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    File::open(file)
        .and_then(|opened| read_all(opened, limit))
        .map_err(|error| StoreError::read(file, error))
}

fn read_all(input: File, limit: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    let size = input
        .metadata()
        .map_or(0, |metadata| metadata.len())
        .min(limit);
    let capacity = usize::try_from(size)
        .unwrap_or(0)
        .saturating_add(1)
        .max(4096);
    let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
    input
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Writes to standard output.
///
/// # Errors
///
/// [`StoreError::Io`].
pub fn write_output(bytes: &[u8]) -> Result<(), StoreError> {
    let fail = |source| StoreError::Io {
        call: "writing to standard output",
        source,
    };
    let mut output = File::from(io::stdout().as_fd().try_clone_to_owned().map_err(fail)?);
    output.write_all(bytes).map_err(fail)
}

/// Writes `value` as JSON with indentation and a newline.
///
/// # Errors
///
/// [`StoreError::Io`].
pub fn write_json(value: &impl serde::Serialize) -> Result<(), StoreError> {
    write_output(&pretty(value)?)
}

/// `value` as JSON with indentation and a newline.
///
/// # Errors
///
/// [`StoreError::Io`] when it cannot be JSON.
pub fn pretty(value: &impl serde::Serialize) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    let fail = |error: serde_json::Error| StoreError::Io {
        call: "writing JSON",
        source: error.into(),
    };
    let mut text = Zeroizing::new(serde_json::to_vec_pretty(value).map_err(fail)?);
    text.push(b'\n');
    Ok(text)
}

/// Says something that is no result, on standard error. If nobody reads it, nothing is lost.
pub fn note(text: &str) {
    drop(writeln!(io::stderr(), "cloudtaser: {text}"));
}

/// Whether standard input is a terminal.
#[must_use]
pub fn is_input() -> bool {
    io::stdin().is_terminal()
}

/// Whether standard output is a terminal.
#[must_use]
pub fn is_output() -> bool {
    io::stdout().is_terminal()
}

/// Asks for a value twice without showing it.
///
/// # Errors
///
/// [`StoreError::Io`]; [`StoreError::Usage`] when the two differ.
pub fn ask_value(field: &str) -> Result<Zeroizing<String>, StoreError> {
    let ask = |prompt: String| {
        hidden(&prompt).map_err(|source| StoreError::Io {
            call: "reading from the terminal",
            source,
        })
    };
    let first = ask(format!("Value of {field}: "))?;
    let again = ask(format!("Value of {field} once more: "))?;
    if *first != *again {
        return Err(StoreError::Usage(format!(
            "the two values of `{field}` that were typed differ"
        )));
    }
    Ok(first)
}

/// Asks on the terminal without showing what is typed, not even what is typed too early.
///
/// # Errors
///
/// What the kernel answered; `ENXIO` when there is no terminal.
pub fn hidden(prompt: &str) -> io::Result<Zeroizing<String>> {
    // The prompt's own library shows the prompt first and switches the echo off afterwards, so a
    // fast or pasting user would see the value.
    let terminal = File::options().read(true).write(true).open("/dev/tty")?;
    let before = termios::tcgetattr(&terminal)?;
    let mut silent = before.clone();
    silent.local_modes -= LocalModes::ECHO | LocalModes::ISIG;
    termios::tcsetattr(&terminal, OptionalActions::Now, &silent)?;
    let answer = rpassword::prompt_password(prompt).map(Zeroizing::new);
    termios::tcsetattr(&terminal, OptionalActions::Now, &before)?;
    answer
}

/// Asks a yes-or-no question on the terminal; `false` when there is none.
#[must_use]
pub fn confirm(question: &str) -> bool {
    if !is_input() {
        return false;
    }
    note(&format!("{question} [Y/n]"));
    let Ok(terminal) = File::open("/dev/tty") else {
        return false;
    };
    let mut answer = String::new();
    let read = BufReader::new(terminal).read_line(&mut answer);
    read.is_ok_and(|length| length > 0)
        && matches!(
            answer.trim().to_ascii_lowercase().as_str(),
            "" | "y" | "yes"
        )
}
