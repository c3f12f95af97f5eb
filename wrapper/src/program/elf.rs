//! Reads from an ELF file what decides how secrets can reach it: interpreter, Go or not, machine.
//!
//! Reads the file header, the program headers, the interpreter's name and what tells Go apart, by
//! offset and with the kernel's own bounds; a program of 300 MB costs some KiB. The file may be
//! hostile: whatever it says leads to an answer or to a [`FormatError`], never to a panic or to a
//! read of unbounded size. Sections are looked at only for Go, since a program runs without them.

use object::elf;
use object::endian::Endianness;
use object::pod::{Pod, from_bytes, slice_from_all_bytes};
use object::read::elf::{FileHeader, NoteIterator, ProgramHeader, SectionHeader};

use super::format::{FormatError, ReadAt, read_exactly};

/// Largest program-header table that the kernel loads, in bytes (`load_elf_phdrs`,
/// fs/binfmt_elf.c).
const MAX_HEADERS_BYTES: u64 = 65_536;
/// Longest interpreter name with its NUL, in bytes (`PATH_MAX`, checked in `load_elf_binary`).
const MAX_INTERPRETER_BYTES: u64 = 4096;
/// Most bytes of notes that we read. Chosen: real programs have under 1 KiB of them.
const MAX_NOTES_BYTES: u64 = 65_536;
/// Largest section-header and section-name tables that we read, in bytes each. Chosen: Go's have
/// under 4 KiB; a program with more is not asked whether it is a Go program without a note.
const MAX_SECTIONS_BYTES: u64 = 262_144;

/// The module of the Go SDK (`sdk-go/go.mod`).
const SDK_MODULE: &[u8] = b"cloudtaser.io/sdk-go";

/// What an ELF file says about itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Elf {
    /// The dynamic linker that the kernel starts it with (`PT_INTERP`), none for a static program.
    pub interpreter: Option<Vec<u8>>,
    /// It was linked by the Go tool chain.
    pub is_go: bool,
    /// A Go program into which the module of the Go SDK was linked.
    pub has_sdk: bool,
    /// Machine and word size, when they are not this wrapper's own.
    pub foreign: Option<Machine>,
}

/// A machine that is not the one this wrapper was built for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Machine {
    /// `e_machine` of the ELF header, such as 3 for i386 and 183 for arm64.
    pub number: u16,
    /// Word size: 32 or 64.
    pub bits: u8,
}

impl Machine {
    const NATIVE: Self = Self {
        number: if cfg!(target_arch = "aarch64") {
            elf::EM_AARCH64.0
        } else {
            elf::EM_X86_64.0
        },
        bits: 64,
    };

    /// The usual name of the machine, if we know one.
    #[must_use]
    pub fn name(self) -> &'static str {
        match (elf::Machine(self.number), self.bits) {
            (elf::EM_X86_64, 64) => "x86-64",
            (elf::EM_X86_64, 32) => "x32",
            (elf::EM_386, _) => "32-bit x86",
            (elf::EM_AARCH64, _) => "arm64",
            (elf::EM_ARM, _) => "32-bit arm",
            (elf::EM_RISCV, 64) => "riscv64",
            (elf::EM_S390, _) => "s390x",
            (elf::EM_PPC64, _) => "ppc64",
            (_, 32) => "another 32-bit machine",
            _ => "another machine",
        }
    }
}

/// Reads an ELF file whose first bytes are `\x7fELF`.
///
/// # Errors
///
/// [`FormatError::BadElf`] for what the kernel would refuse with `ENOEXEC`; [`FormatError::Read`].
pub(super) fn read_elf<R: ReadAt + ?Sized>(file: &R) -> Result<Elf, FormatError> {
    let [.., class] = {
        let mut start = [0; 5];
        read_exactly(file, 0, &mut start)?;
        start
    };
    match elf::FileClass(class) {
        elf::ELFCLASS64 => read_class::<elf::FileHeader64<Endianness>, R>(file, 64),
        elf::ELFCLASS32 => read_class::<elf::FileHeader32<Endianness>, R>(file, 32),
        _ => Err(FormatError::BadElf("its class is neither 32 nor 64 bits")),
    }
}

fn read_class<H, R>(file: &R, bits: u8) -> Result<Elf, FormatError>
where
    H: FileHeader<Endian = Endianness>,
    R: ReadAt + ?Sized,
{
    let bytes = read_range(file, 0, size_of::<H>() as u64)?;
    let header: &H = first(&bytes)?;
    let endian = match header.endian() {
        Ok(endian) if header.is_supported() => endian,
        _ => return Err(FormatError::BadElf("its header is of no known version")),
    };
    if !matches!(header.e_type(endian), elf::ET_EXEC | elf::ET_DYN) {
        return Err(FormatError::BadElf(
            "it is no program but an object or core file",
        ));
    }
    if usize::from(header.e_phentsize(endian)) != size_of::<H::ProgramHeader>() {
        return Err(FormatError::BadElf(
            "its program headers are of the wrong size",
        ));
    }
    let size = u64::from(header.e_phnum(endian)) * u64::from(header.e_phentsize(endian));
    if size == 0 || size > MAX_HEADERS_BYTES {
        return Err(FormatError::BadElf("it has no program headers or too many"));
    }
    let table = read_range(file, header.e_phoff(endian).into(), size)?;
    let segments: &[H::ProgramHeader] = all(&table)?;

    let machine = Machine {
        number: header.e_machine(endian).0,
        bits,
    };
    let section = find_go_section(file, endian, header);
    Ok(Elf {
        interpreter: read_interpreter(file, endian, segments)?,
        is_go: has_go_note::<H, R>(file, endian, segments) || section.is_some(),
        has_sdk: section.is_some_and(|range| names_sdk(file, range)),
        foreign: (machine != Machine::NATIVE || endian != Endianness::Little).then_some(machine),
    })
}

/// The first `PT_INTERP` counts, as in the kernel.
fn read_interpreter<P, R>(
    file: &R,
    endian: Endianness,
    segments: &[P],
) -> Result<Option<Vec<u8>>, FormatError>
where
    P: ProgramHeader<Endian = Endianness>,
    R: ReadAt + ?Sized,
{
    let Some(segment) = segments
        .iter()
        .find(|segment| segment.p_type(endian) == elf::PT_INTERP)
    else {
        return Ok(None);
    };
    let (offset, size) = segment.file_range(endian);
    if !(2..=MAX_INTERPRETER_BYTES).contains(&size) {
        return Err(FormatError::BadElf(
            "the length of its interpreter's name is impossible",
        ));
    }
    let name = read_range(file, offset, size)?;
    match name.split(|byte| *byte == 0).next() {
        Some(path) if name.last() == Some(&0) => Ok(Some(path.to_vec())),
        _ => Err(FormatError::BadElf("its interpreter's name has no end")),
    }
}

/// Go's linker writes a note with the owner `Go`; `-buildid=` leaves it out.
fn has_go_note<H, R>(file: &R, endian: Endianness, segments: &[H::ProgramHeader]) -> bool
where
    H: FileHeader<Endian = Endianness>,
    R: ReadAt + ?Sized,
{
    let mut left = MAX_NOTES_BYTES;
    segments
        .iter()
        .filter(|segment| segment.p_type(endian) == elf::PT_NOTE)
        .any(|segment| {
            let (offset, size) = segment.file_range(endian);
            left = left.saturating_sub(size);
            if left == 0 {
                return false;
            }
            let Ok(bytes) = read_range(file, offset, size) else {
                return false;
            };
            NoteIterator::<H>::new(endian, segment.p_align(endian), &bytes)
                .is_ok_and(|notes| notes.flatten().any(|note| note.name() == b"Go"))
        })
}

/// Every Go program since 1.18 has a section `.go.buildinfo`, unless its sections were removed:
/// its place and size in the file.
fn find_go_section<H, R>(file: &R, endian: Endianness, header: &H) -> Option<(u64, u64)>
where
    H: FileHeader<Endian = Endianness>,
    R: ReadAt + ?Sized,
{
    let bounded = |size: u64| (1..=MAX_SECTIONS_BYTES).contains(&size);
    let size = u64::from(header.e_shnum(endian)) * size_of::<H::SectionHeader>() as u64;
    if !bounded(size) {
        return None;
    }
    let table = read_range(file, header.e_shoff(endian).into(), size).ok()?;
    let sections: &[H::SectionHeader] = all(&table).ok()?;
    let names = sections.get(usize::from(header.e_shstrndx(endian).index()?))?;
    let (offset, size) = (names.sh_offset(endian).into(), names.sh_size(endian).into());
    if !bounded(size) {
        return None;
    }
    let names = read_range(file, offset, size).ok()?;
    let section = sections.iter().find(|section| {
        let at = usize::try_from(section.sh_name(endian)).unwrap_or(usize::MAX);
        let name = names.get(at..);
        name.is_some_and(|name| name.starts_with(b".go.buildinfo\0"))
    })?;
    Some((
        section.sh_offset(endian).into(),
        section.sh_size(endian).into(),
    ))
}

/// Go's linker lists the modules that a program is made of in that section, a line each (package
/// `debug/buildinfo`): `dep`, or `mod` for the program's own, then the path and the version.
fn names_sdk<R: ReadAt + ?Sized>(file: &R, (offset, size): (u64, u64)) -> bool {
    let Ok(text) = read_range(file, offset, size.min(MAX_SECTIONS_BYTES)) else {
        return false;
    };
    let mut lines = text.split(|byte| *byte == b'\n');
    lines.any(|line| {
        let of = line
            .strip_prefix(b"dep\t")
            .or_else(|| line.strip_prefix(b"mod\t"));
        of.and_then(|rest| rest.strip_prefix(SDK_MODULE))
            .is_some_and(|rest| rest.starts_with(b"\t"))
    })
}

/// Reads `size` bytes, which the caller has bounded.
fn read_range<R: ReadAt + ?Sized>(
    file: &R,
    offset: u64,
    size: u64,
) -> Result<Vec<u8>, FormatError> {
    let size = usize::try_from(size)
        .map_err(|_too_large| FormatError::BadElf("it speaks of more bytes than memory has"))?;
    let mut bytes = vec![0; size];
    read_exactly(file, offset, &mut bytes)?;
    Ok(bytes)
}

fn first<T: Pod>(bytes: &[u8]) -> Result<&T, FormatError> {
    from_bytes(bytes)
        .map(|(value, _rest)| value)
        .map_err(|()| FormatError::BadElf("its header is cut short"))
}

fn all<T: Pod>(bytes: &[u8]) -> Result<&[T], FormatError> {
    slice_from_all_bytes(bytes).map_err(|()| FormatError::BadElf("its headers are cut short"))
}
