use std::vec;
use std::vec::Vec;

use super::*;

fn look(name: &str, file: &[u8]) -> Format {
    inspect(name.as_bytes(), |offset, out| {
        let rest = file.get(usize::try_from(offset).ok()?..)?;
        let count = rest.len().min(out.len());
        out[..count].copy_from_slice(&rest[..count]);
        Some(count)
    })
}

/// A program with its headers at `table` and, behind them, the linker's path.
fn program(table: usize, linker: Option<&str>) -> Vec<u8> {
    let mut file = vec![0; table];
    file.resize(table.max(64), 0);
    file[..6].copy_from_slice(b"\x7fELF\x02\x01");
    file[16..20].copy_from_slice(&[3, 0, 62, 0]);
    file[32..40].copy_from_slice(&(table as u64).to_le_bytes());
    file[54..58].copy_from_slice(&[56, 0, 2, 0]);
    let mut headers = [0; 112];
    headers[0] = 1;
    if let Some(linker) = linker {
        headers[56] = 3;
        headers[64..72].copy_from_slice(&(table as u64 + 112).to_le_bytes());
        headers[88..96].copy_from_slice(&(linker.len() as u64 + 1).to_le_bytes());
    }
    file.extend(headers);
    file.extend(linker.unwrap_or_default().bytes());
    file.push(0);
    file
}

#[test]
fn the_linkers_that_load_us_are_known_by_name() {
    let long = std::format!("/{}/ld-linux-x86-64.so.2", "x".repeat(300));
    for (linker, wanted) in [
        ("/lib64/ld-linux-x86-64.so.2", Format::Dynamic),
        ("/lib/ld-musl-x86_64.so.1", Format::Dynamic),
        ("ld-linux-x86-64.so.2", Format::Dynamic),
        (&long, Format::Dynamic),
        ("/lib/ld-linux.so.2", Format::Unserved(Unserved::Linker)),
        (
            "/ld-linux-x86-64.so.2/x",
            Format::Unserved(Unserved::Linker),
        ),
        ("/system/bin/linker64", Format::Unserved(Unserved::Linker)),
    ] {
        for table in [64, 900, 5000] {
            assert_eq!(look("x", &program(table, Some(linker))), wanted, "{linker}");
        }
    }
}

#[test]
fn what_no_linker_starts_is_static() {
    let fixed = program(64, None);
    assert_eq!(look("x", &fixed), Format::Unserved(Unserved::Static));
    assert_eq!(look("ld-linux-x86-64.so.2", &fixed), Format::Dynamic);
    assert_eq!(look("ld-musl-x86_64.so.1", &fixed), Format::Dynamic);
}

#[test]
fn other_machines_are_foreign() {
    for (at, byte) in [(4, 1), (5, 2), (18, 3), (19, 1)] {
        let mut file = program(64, Some("/lib64/ld-linux-x86-64.so.2"));
        file[at] = byte;
        assert_eq!(look("x", &file), Format::Unserved(Unserved::Foreign));
    }
}

#[test]
fn a_script_names_its_interpreter() {
    let found = |text: &str| match look("x", text.as_bytes()) {
        Format::Script(found) => {
            let bytes = found.bytes();
            let end = bytes.iter().position(|byte| *byte == 0).unwrap();
            Some(std::string::String::from_utf8(bytes[..end].to_vec()).unwrap())
        }
        Format::Unknown => None,
        other => panic!("{other:?}"),
    };
    for text in [
        "#!/bin/sh",
        "#!/bin/sh\n",
        "#! \t/bin/sh -e x\n",
        "#!/bin/sh\t-e",
        "#!/bin/sh\0",
    ] {
        assert_eq!(found(text).as_deref(), Some("/bin/sh"), "{text}");
    }
    let long = "x".repeat(253);
    assert_eq!(found(&std::format!("#!{long}\n")), Some(long.clone()));
    assert_eq!(found(&std::format!("#!{long}x\n")), None);
    for text in ["#!", "#!\n", "#! \n/bin/sh", "echo", ""] {
        assert_eq!(found(text), None, "{text}");
    }
}

#[test]
fn broken_files_are_the_kernels() {
    let whole = program(64, Some("/lib64/ld-linux-x86-64.so.2"));
    for len in 0..whole.len() {
        // Any answer will do, and no panic; cut before its headers end nothing is told.
        let found = look("x", &whole[..len]);
        assert!(!(6..19).contains(&len) || found == Format::Unknown, "{len}");
        assert_ne!(found, Format::Unserved(Unserved::Static), "{len}");
    }
    for (at, bytes) in [(54, [0; 2]), (54, [0xff; 2])] {
        let mut file = whole.clone();
        file[at..at + 2].copy_from_slice(&bytes);
        assert_eq!(look("x", &file), Format::Unknown);
    }
    for len in [0_u64, 1, 5000, u64::MAX] {
        let mut file = whole.clone();
        file[64 + 88..64 + 96].copy_from_slice(&len.to_le_bytes());
        assert_eq!(look("x", &file), Format::Unknown, "{len}");
    }
}
