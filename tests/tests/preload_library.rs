//! The shared object itself: what it exports, what it asks for, and how it is made.
#![expect(clippy::expect_used, reason = "test code: a panic shows the line")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use cloudtaser_tests::elf::hardening;
use cloudtaser_tests::preload::library_file;
use object::elf::{STB_GLOBAL, STB_WEAK};
use object::read::elf::{ElfFile64, FileHeader, SectionHeader, Sym};
use object::{Object, ObjectSection, ObjectSymbol};

/// The bar: 96 KiB.
const MOST_BYTES: u64 = 96 << 10;

/// One exported name a line.
const EXPORTS: &str = include_str!("../../preload/exports.txt");

/// Relatives that the C libraries export and we do not: `NAME reason`.
const LEFT_OUT: &str = include_str!("../../preload/left-out.txt");

type Elf<'data> = ElfFile64<'data, object::Endianness>;

/// The names of functions that a shared object exports to programs.
fn exported(file: &Path) -> BTreeSet<String> {
    let data = std::fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let elf = Elf::parse(&*data).expect("an ELF file");
    let endian = elf.endian();
    let sections = elf.elf_header().sections(endian, &*data).expect("sections");
    let versions = sections.versions(endian, &*data).expect("versions");
    let (_, symbols_index) = sections
        .iter()
        .enumerate()
        .find(|(_, section)| section.sh_type(endian) == object::elf::SHT_DYNSYM)
        .map(|(index, section)| (section, object::SectionIndex(index)))
        .expect("dynamic symbols");
    let table = sections
        .symbol_table_by_index(endian, &*data, symbols_index)
        .expect("symbols");
    let mut names = BTreeSet::new();
    for (index, symbol) in table.enumerate() {
        let is_global = matches!(symbol.st_bind(), STB_GLOBAL | STB_WEAK);
        if !is_global || symbol.is_undefined(endian) || symbol.st_value(endian) == 0 {
            continue;
        }
        let version = versions
            .as_ref()
            .and_then(|versions| {
                let index = versions.version_index(endian, index);
                versions.version(index.into()).ok().flatten()
            })
            .map_or(&b""[..], |version| version.name());
        // Names that the C library's parts keep among themselves.
        if version == b"GLIBC_PRIVATE" {
            continue;
        }
        let name = symbol.name(endian, table.strings()).expect("a name");
        names.insert(String::from_utf8_lossy(name).into_owned());
    }
    names
}

fn listed(text: &str) -> BTreeSet<String> {
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| line.split(' ').next().expect("a word").to_owned())
        .collect()
}

#[test]
fn the_exported_names_are_those_of_the_list() {
    let found = exported(&library_file());
    let listed = listed(EXPORTS);
    let missing: Vec<_> = listed.difference(&found).collect();
    let extra: Vec<_> = found.difference(&listed).collect();
    assert!(
        missing.is_empty() && extra.is_empty(),
        "preload/exports.txt: listed and not exported {missing:?}, exported and not listed {extra:?}"
    );
}

/// The code of each exported function: its address, and up to 16 bytes.
fn code(file: &Path) -> BTreeMap<String, (u64, Vec<u8>)> {
    let data = std::fs::read(file).expect("read");
    let elf = Elf::parse(&*data).expect("an ELF file");
    let text = elf.section_by_name(".text").expect("code");
    let bytes = text.data().expect("code");
    let symbols = elf
        .dynamic_symbols()
        .filter(|symbol| symbol.is_definition());
    symbols
        .filter_map(|symbol| {
            let start = usize::try_from(symbol.address().checked_sub(text.address())?).ok()?;
            let code = bytes.get(start..)?.iter().take(16).copied().collect();
            Some((symbol.name().ok()?.to_owned(), (symbol.address(), code)))
        })
        .collect()
}

/// Where a function that begins with a jump goes on (`jmp rel32`, `jmp rel8`).
fn jumps_to((address, code): &(u64, Vec<u8>)) -> Option<u64> {
    let (length, distance) = match code.as_slice() {
        [0xe9, a, b, c, d, ..] => (5, i64::from(i32::from_le_bytes([*a, *b, *c, *d]))),
        [0xeb, a, ..] => (2, i64::from(i8::from_le_bytes([*a]))),
        _ => return None,
    };
    address.checked_add(length)?.checked_add_signed(distance)
}

#[test]
fn a_second_name_is_a_jump_to_the_first() {
    let code = code(&library_file());
    let pairs = EXPORTS.lines().filter(|line| !line.starts_with('#'));
    let pairs: Vec<_> = pairs.filter_map(|line| line.split_once(" = ")).collect();
    assert!(pairs.len() > 50, "{pairs:?}");
    for (name, first) in pairs {
        let (alias, first) = (&code[name], &code[first]);
        let is_same = alias.0 == first.0 || jumps_to(alias) == Some(first.0);
        assert!(is_same, "{name}: {:x?}", alias.1);
    }
    // The control: these two do different things.
    assert!(code["open"].0 != code["read"].0 && jumps_to(&code["open"]).is_none());
}

/// The name without what tells relatives apart: `__openat64_2` is a relative of `openat`.
fn family(name: &str) -> &str {
    let mut name = name.trim_start_matches('_');
    for prefix in ["libc_", "IO_"] {
        name = name.strip_prefix(prefix).unwrap_or(name);
    }
    loop {
        let suffixes = ["_chk", "_2", "64", "_nocancel", "_unlocked", "_time64"];
        let shorter = suffixes.iter().find_map(|suffix| name.strip_suffix(suffix));
        match shorter {
            Some(shorter) if shorter.len() > 3 => name = shorter,
            _ => return name,
        }
    }
}

/// The C libraries of this machine.
fn c_libraries() -> Vec<PathBuf> {
    let output = Command::new("ldd").arg("/bin/sh").output().expect("ldd");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let glibc = text
        .split_whitespace()
        .find(|word| word.starts_with('/') && word.contains("libc.so"));
    let musl = Path::new("/lib/ld-musl-x86_64.so.1");
    assert!(musl.exists(), "no musl here; run `cargo xtask setup`");
    vec![PathBuf::from(glibc.expect("glibc")), musl.to_owned()]
}

#[test]
fn every_relative_of_an_exported_name_is_exported_or_left_out_for_a_reason() {
    let exports = listed(EXPORTS);
    let families: BTreeSet<&str> = exports.iter().map(|name| family(name)).collect();
    let left_out = listed(LEFT_OUT);
    let mut unknown = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for file in c_libraries() {
        for name in exported(&file) {
            if families.contains(family(&name)) && !exports.contains(&name) {
                if !left_out.contains(&name) {
                    unknown.insert(name.clone());
                }
                seen.insert(name);
            }
        }
    }
    assert!(
        unknown.is_empty(),
        "the C libraries export these relatives, we do not, and preload/left-out.txt gives no \
         reason: {unknown:?}"
    );
    let idle: Vec<_> = left_out.difference(&seen).collect();
    assert!(idle.is_empty(), "left out and exported by nobody: {idle:?}");
}

#[test]
fn control_relatives_are_recognised() {
    for name in ["open64", "__open_2", "__open64_2", "open"] {
        assert_eq!(family(name), "open", "{name}");
    }
    assert_eq!(family("__fxstat64"), "fxstat");
    assert_eq!(family("fileno_unlocked"), "fileno");
}

#[test]
fn it_is_small_and_hardened_and_needs_nothing() {
    let file = library_file();
    let data = std::fs::read(&file).expect("read");
    let size = u64::try_from(data.len()).expect("a size");
    assert!(size <= MOST_BYTES, "{size} bytes");
    let holds = hardening(&data);
    for property in [
        "position-independent",
        "no-interpreter",
        "no-library",
        "relro",
        "bind-now",
        "stack-not-executable",
        "no-writable-code",
        "stripped",
    ] {
        assert!(holds.contains(property), "{property}: {holds:?}");
    }
}
