//! What an ELF file says of its own hardening, by the names that `tests/binary.toml` uses.
//!
//! Reads program headers and the dynamic section, which is what the kernel and the loader read;
//! section headers only for the symbol table.

use std::collections::BTreeSet;

use object::elf;
use object::read::elf::{Dyn, FileHeader, ProgramHeader, SectionHeader};

type Header = elf::FileHeader64<object::Endianness>;

/// The hardening properties that hold of the ELF file `data`.
///
/// # Panics
///
/// When it is not a readable 64-bit ELF file.
#[must_use]
pub fn hardening(data: &[u8]) -> BTreeSet<&'static str> {
    let header = Header::parse(data).expect("an ELF header");
    let endian = header.endian().expect("a known byte order");
    let segments = header
        .program_headers(endian, data)
        .expect("program headers");
    let sections = header
        .section_headers(endian, data)
        .expect("section headers");
    let with = |kind| {
        segments
            .iter()
            .find(move |segment| segment.p_type(endian) == kind)
    };
    let flags = |segment: &elf::ProgramHeader64<_>| segment.p_flags(endian);
    let loads = || {
        segments
            .iter()
            .filter(|segment| segment.p_type(endian) == elf::PT_LOAD)
    };
    let dynamic: Vec<_> = segments
        .iter()
        .find_map(|segment| segment.dynamic(endian, data).expect("a dynamic section"))
        .unwrap_or_default()
        .iter()
        .map(|entry| (entry.tag(endian), entry.val(endian)))
        .collect();
    let has_bit = |tag, bit| {
        dynamic
            .iter()
            .any(|(t, value)| *t == tag && value & bit == bit)
    };

    let properties = [
        ("position-independent", header.e_type(endian) == elf::ET_DYN),
        ("no-interpreter", with(elf::PT_INTERP).is_none()),
        (
            "no-library",
            !dynamic.iter().any(|(tag, _)| *tag == elf::DT_NEEDED),
        ),
        ("relro", with(elf::PT_GNU_RELRO).is_some()),
        (
            "bind-now",
            has_bit(elf::DT_FLAGS, elf::DF_BIND_NOW.0) || has_bit(elf::DT_FLAGS_1, elf::DF_1_NOW.0),
        ),
        // Without this header the kernel makes the stack executable.
        (
            "stack-not-executable",
            with(elf::PT_GNU_STACK).is_some_and(|segment| !flags(segment).contains(elf::PF_X)),
        ),
        (
            "no-writable-code",
            !loads().any(|s| flags(s).contains(elf::PF_W.with(elf::PF_X))),
        ),
        (
            "stripped",
            !sections
                .iter()
                .any(|section| section.sh_type(endian) == elf::SHT_SYMTAB),
        ),
    ];
    properties
        .into_iter()
        .filter_map(|(name, holds)| holds.then_some(name))
        .collect()
}
