//! What a program's file says about how it is started: a decision on bytes alone.
//!
//! References: System V ABI, chapter 4 and 5 (`Elf64_Ehdr`, `Elf64_Phdr`); `load_elf_binary` and
//! `load_script` (fs/binfmt_elf.c, fs/binfmt_script.c).

use cloudtaser_abi::handover::Unserved;

use crate::lookup::path::PATH_MAX;
use crate::state::names::last_component;

/// Bytes that the kernel reads of a script's first line (`BINPRM_BUF_SIZE`, linux/binfmts.h).
const SCRIPT_BYTES: usize = 256;

/// Bytes that are read at once. Chosen: what linkers put first, headers and the interpreter's name,
/// lies within.
const FIRST_BYTES: usize = 1024;

/// `EM_X86_64` (linux/elf-em.h).
const X86_64: u16 = 62;
/// `PT_INTERP`.
const INTERPRETER: u32 = 3;
/// Bytes of an `Elf64_Phdr`.
const PROGRAM_HEADER: usize = 56;

/// Program headers that are looked at, at most. Chosen: the kernel takes one page of them at least;
/// linkers make about a dozen.
const MAX_HEADERS: u16 = 1024;

/// How a file is started.
#[expect(clippy::large_enum_variant, reason = "nothing is allocated")]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Format {
    /// By a dynamic linker that loads us.
    Dynamic,
    /// By no linker, or by one that does not load us.
    Unserved(Unserved),
    /// By another program.
    Script(Interpreter),
    /// We cannot tell, and the kernel decides.
    Unknown,
}

/// The path in a script's first line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Interpreter {
    bytes: [u8; SCRIPT_BYTES],
}

impl Interpreter {
    /// The path, ended by a NUL.
    #[must_use]
    pub const fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The path without it.
    #[must_use]
    pub fn path(&self) -> &[u8] {
        let end = self.bytes.iter().position(|byte| *byte == 0);
        end.and_then(|end| self.bytes.get(..end))
            .unwrap_or(&self.bytes)
    }
}

/// Looks at a file called `name`. `read` reads from an offset and answers how many bytes it got.
#[must_use]
pub fn inspect(name: &[u8], read: impl Fn(u64, &mut [u8]) -> Option<usize>) -> Format {
    let mut first = [0_u8; FIRST_BYTES];
    let count = read(0, &mut first).unwrap_or(0);
    let first = first.get(..count).unwrap_or_default();
    if let Some(line) = first.strip_prefix(b"#!") {
        let line = line.get(..SCRIPT_BYTES - 2).unwrap_or(line);
        return script(line).map_or(Format::Unknown, Format::Script);
    }
    if !first.starts_with(b"\x7fELF") {
        return Format::Unknown;
    }
    elf(name, first, read).unwrap_or(Format::Unknown)
}

fn script(line: &[u8]) -> Option<Interpreter> {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = line.iter().position(|byte| !is_blank(byte))?;
    let path = line.get(start..)?;
    let end = path
        .iter()
        .position(|byte| matches!(byte, b' ' | b'\t' | b'\n' | 0));
    // Without an end it is cut off, and the kernel refuses it, unless the file ends there.
    let path = match end {
        Some(end) => path.get(..end)?,
        None if line.len() < SCRIPT_BYTES - 2 => path,
        None => return None,
    };
    let mut bytes = [0; SCRIPT_BYTES];
    let room = bytes.get_mut(..path.len())?;
    for (to, from) in room.iter_mut().zip(path) {
        *to = *from;
    }
    (!path.is_empty()).then_some(Interpreter { bytes })
}

fn elf(
    name: &[u8],
    first: &[u8],
    read: impl Fn(u64, &mut [u8]) -> Option<usize>,
) -> Option<Format> {
    let is_64 = *first.get(4)? == 2;
    let is_little = *first.get(5)? == 1;
    if !is_64 || !is_little || u16_at(first, 18)? != X86_64 {
        return Some(Format::Unserved(Unserved::Foreign));
    }
    if usize::from(u16_at(first, 54)?) != PROGRAM_HEADER {
        return None;
    }
    let table = u64_at(first, 32)?;
    let exact = |offset: u64, out: &mut [u8]| {
        let start = usize::try_from(offset).ok()?;
        let here = first.get(start..).and_then(|rest| rest.get(..out.len()));
        match here {
            Some(bytes) => {
                for (to, from) in out.iter_mut().zip(bytes) {
                    *to = *from;
                }
                Some(())
            }
            None => (read(offset, out)? == out.len()).then_some(()),
        }
    };
    for index in 0..u16_at(first, 56)?.min(MAX_HEADERS) {
        let mut header = [0_u8; PROGRAM_HEADER];
        let offset = u64::from(index).checked_mul(PROGRAM_HEADER as u64)?;
        exact(table.checked_add(offset)?, &mut header)?;
        if u32_at(&header, 0)? != INTERPRETER {
            continue;
        }
        let (start, len) = (u64_at(&header, 8)?, u64_at(&header, 32)?);
        return linker(start, len, exact);
    }
    // The linker itself, called as a program, loads us into the program that it is told to start.
    Some(if is_linker(name) {
        Format::Dynamic
    } else {
        Format::Unserved(Unserved::Static)
    })
}

/// Reads the end of the linker's path, `len` bytes from `start` with its NUL.
fn linker(start: u64, len: u64, exact: impl Fn(u64, &mut [u8]) -> Option<()>) -> Option<Format> {
    let mut bytes = [0_u8; 64];
    if len < 2 || len > PATH_MAX as u64 {
        return None;
    }
    let count = len.min(bytes.len() as u64);
    let end = bytes.get_mut(..usize::try_from(count).ok()?)?;
    exact(start.checked_add(len)?.checked_sub(count)?, end)?;
    let path = end.strip_suffix(b"\0").unwrap_or(end);
    Some(if is_linker(last_component(path)) {
        Format::Dynamic
    } else {
        Format::Unserved(Unserved::Linker)
    })
}

/// Whether a file name is that of glibc's or musl's dynamic linker for this machine.
fn is_linker(name: &[u8]) -> bool {
    let musl = |name: &[u8]| name.starts_with(b"ld-musl-") && name.ends_with(b".so.1");
    name == b"ld-linux-x86-64.so.2" || musl(name)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
#[path = "format_tests.rs"]
mod tests;
