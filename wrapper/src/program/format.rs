//! What the kernel makes of a file's first bytes: ELF, a `#!` script, or nothing that it knows.
//!
//! Pure but for [`ReadAt`]: works on any bytes, so that it can be fuzzed. The file system's part
//! (modes, interpreters that exist) is `inspect`'s.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::elf::{Elf, read_elf};

/// Bytes of a file that the kernel looks at for the `#!` line (`BINPRM_BUF_SIZE`,
/// include/uapi/linux/binfmts.h).
const FIRST_BYTES: usize = 256;

/// Something that is read by offset: a file, or bytes in a test.
pub trait ReadAt {
    /// Reads into `buffer` from `offset`; fewer bytes than asked for only near the end.
    ///
    /// # Errors
    ///
    /// As `pread(2)`.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;
}

impl ReadAt for File {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        FileExt::read_at(self, buffer, offset)
    }
}

impl ReadAt for [u8] {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|at| self.get(at..));
        let rest = rest.unwrap_or_default();
        let count = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        Ok(count)
    }
}

/// Why a file's format could not be told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// An ELF file that the kernel refuses (`ENOEXEC`).
    #[error("it is a broken ELF file: {0}")]
    BadElf(&'static str),
    /// A `#!` line that the kernel refuses (`ENOEXEC`).
    #[error("its `#!` line {0}")]
    BadScript(&'static str),
    /// The file could not be read.
    #[error("it cannot be read")]
    Read(#[source] io::Error),
}

/// A file's format, by its first bytes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Format {
    /// An ELF program.
    Elf(Elf),
    /// A script with a `#!` line.
    Script(Shebang),
    /// Neither. The kernel starts it only through a handler of `binfmt_misc`.
    Unknown,
}

/// The `#!` line of a script.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Shebang {
    /// The interpreter's path, absolute or relative to the working directory.
    pub interpreter: Vec<u8>,
    /// The rest of the line without blanks around it: one argument, never split.
    pub argument: Option<Vec<u8>>,
}

/// Tells the format of a file.
///
/// # Errors
///
/// [`FormatError`]: broken files and failing reads. Never panics, whatever the bytes are, and
/// reads a bounded number of them.
pub fn inspect_bytes<R: ReadAt + ?Sized>(file: &R) -> Result<Format, FormatError> {
    let mut buffer = [0; FIRST_BYTES];
    let count = read_up_to(file, 0, &mut buffer)?;
    let first = buffer.get(..count).unwrap_or_default();
    if first.starts_with(b"\x7fELF") {
        return read_elf(file).map(Format::Elf);
    }
    match first.strip_prefix(b"#!") {
        Some(line) => read_shebang(line, count == FIRST_BYTES).map(Format::Script),
        None => Ok(Format::Unknown),
    }
}

/// Parses what follows `#!` as `load_script` (fs/binfmt_script.c) does.
fn read_shebang(rest: &[u8], is_full: bool) -> Result<Shebang, FormatError> {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let end = rest.iter().position(|byte| matches!(byte, b'\n' | 0));
    let line = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
    let line = trim(line, is_blank);
    let name_end = line.iter().position(is_blank);
    if line.is_empty() {
        return Err(FormatError::BadScript("names no interpreter"));
    }
    if end.is_none() && is_full && name_end.is_none() {
        return Err(FormatError::BadScript(
            "is longer than the 256 bytes that the kernel reads",
        ));
    }
    let (name, argument) = line
        .split_at_checked(name_end.unwrap_or(line.len()))
        .unwrap_or((line, &[]));
    let argument = trim(argument, is_blank);
    Ok(Shebang {
        interpreter: name.to_vec(),
        argument: (!argument.is_empty()).then(|| argument.to_vec()),
    })
}

fn trim(bytes: &[u8], is_blank: impl Fn(&u8) -> bool) -> &[u8] {
    let start = bytes.iter().position(|byte| !is_blank(byte));
    let end = bytes.iter().rposition(|byte| !is_blank(byte));
    match (start, end) {
        (Some(start), Some(end)) => bytes.get(start..=end).unwrap_or_default(),
        _ => &[],
    }
}

/// Fills `buffer` from `offset`, or fails.
pub(super) fn read_exactly<R: ReadAt + ?Sized>(
    file: &R,
    offset: u64,
    buffer: &mut [u8],
) -> Result<(), FormatError> {
    if read_up_to(file, offset, buffer)? == buffer.len() {
        Ok(())
    } else {
        Err(FormatError::BadElf("it is cut short"))
    }
}

fn read_up_to<R: ReadAt + ?Sized>(
    file: &R,
    offset: u64,
    buffer: &mut [u8],
) -> Result<usize, FormatError> {
    let mut done = 0;
    while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
        let at = offset.checked_add(done as u64);
        let at = at.ok_or(FormatError::BadElf("an offset in it is impossible"))?;
        match file.read_at(at, rest) {
            Ok(0) => break,
            Ok(count) => done += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // An offset beyond 2^63 is the file's lie, not a failing disk.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => break,
            Err(error) => return Err(FormatError::Read(error)),
        }
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shebang(text: &str) -> (String, Option<String>) {
        let text_of = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        match inspect_bytes(text.as_bytes()).unwrap() {
            Format::Script(found) => (text_of(found.interpreter), found.argument.map(text_of)),
            other => panic!("{text:?} is {other:?}"),
        }
    }

    #[test]
    fn shebang_lines_are_read_as_the_kernel_does() {
        let sh = String::from("/bin/sh");
        assert_eq!(shebang("#!/bin/sh\necho"), (sh.clone(), None));
        assert_eq!(shebang("#! \t/bin/sh  \n"), (sh.clone(), None));
        assert_eq!(shebang("#!/bin/sh"), (sh.clone(), None));
        let argument = Some(String::from("-e -u"));
        assert_eq!(shebang("#!/bin/sh\t-e -u \n"), (sh, argument));
    }

    #[test]
    fn impossible_shebang_lines_are_refused() {
        let long = format!("#!/{}", "x".repeat(300));
        for text in ["#!", "#!\n/bin/sh", "#!  \t\n", &long] {
            let answer = inspect_bytes(text.as_bytes());
            assert!(matches!(answer, Err(FormatError::BadScript(_))), "{text:?}");
        }
    }

    #[test]
    fn other_bytes_are_of_unknown_format() {
        for bytes in [&b""[..], b"echo hi", b"#", b"\x7fEL"] {
            assert_eq!(inspect_bytes(bytes).unwrap(), Format::Unknown);
        }
    }

    /// The start of a real program, read once: the whole file may have 100 MB.
    fn real_program() -> Vec<u8> {
        static START: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| {
            let mut start = vec![0; 65_536];
            let file = File::open("/proc/self/exe").unwrap();
            FileExt::read_exact_at(&file, &mut start, 0).unwrap();
            start
        });
        START.clone()
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>, is_elf: bool) {
            let mut file = if is_elf { b"\x7fELF\x02\x01\x01".to_vec() } else { Vec::new() };
            file.extend(bytes);
            let _answer = inspect_bytes(file.as_slice());
        }

        #[test]
        fn a_changed_program_is_answered(
            changes in proptest::collection::vec((0..1024_usize, any::<u8>()), 1..16),
            length in 0..65_536_usize,
        ) {
            let mut file = real_program();
            for (at, byte) in changes {
                file[at] = byte;
            }
            file.truncate(length);
            let _answer = inspect_bytes(file.as_slice());
        }
    }
}
