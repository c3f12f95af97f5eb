//! Vectors that a reader must read: by the real writer, in every state that it can leave behind.

use std::sync::atomic::{AtomicU64, Ordering};

use cloudtaser_abi::protection::Protection;
use cloudtaser_abi::region::layout::{ENTRY_SIZE, HEADER_SIZE, entry, header};
use cloudtaser_wrapper::region::{EntrySpec, Growth, Layout, writer};

use crate::expected::{EntryReading, Expected, Reading, Vector};

/// Reference, path, variable and value of an entry.
type Secret<'a> = (&'a str, &'a str, &'a str, &'a [u8]);

pub(crate) const DB: Secret<'static> = (
    "secret/data/db#password",
    "/run/secrets/db",
    "PGPASSWORD",
    b"hunter2",
);
pub(crate) const KEY: Secret<'static> = (
    "secret/data/tls#key",
    "/run/secrets/tls.key",
    "",
    b"-----BEGIN KEY-----\0binary\n",
);

/// A region under construction, with the reading that goes with it.
pub(crate) struct Built {
    pub(crate) words: Vec<AtomicU64>,
    pub(crate) layout: Layout,
    pub(crate) reading: Reading,
}

impl Built {
    pub(crate) fn new(secrets: &[Secret<'_>], growth: Growth) -> Self {
        let specs: Vec<EntrySpec<'_>> = secrets
            .iter()
            .map(|(reference, path, variable, value)| EntrySpec {
                reference,
                path: Some(path),
                variable: Some(*variable).filter(|name| !name.is_empty()),
                value_len: value.len(),
                ..EntrySpec::default()
            })
            .collect();
        let layout = Layout::plan_with(&specs, growth).expect("layout");
        let mut words = Vec::new();
        words.resize_with(layout.capacity / 8, AtomicU64::default);
        writer::format(&words, &layout, Protection::Secretmem).expect("format");
        let mut reading = Reading {
            protection: 2,
            ..Reading::default()
        };
        for (place, secret) in layout.places.iter().zip(secrets) {
            writer::fill(&words, &layout, place, secret.3).expect("fill");
            let start = layout.slots_at[0] + place.slot - place.prefix.len();
            reading.entries.push(EntryReading {
                version: 0,
                reference: secret.0.to_owned(),
                path: secret.1.to_owned(),
                variable: secret.2.to_owned(),
                value: Ok(secret.3.to_vec()),
                environ: (!secret.2.is_empty()).then_some(Ok(start)),
            });
        }
        Self {
            words,
            layout,
            reading,
        }
    }

    pub(crate) fn two() -> Self {
        Self::new(&[DB, KEY], Growth::RESERVE)
    }

    /// Notes that entry 0 must now be read as `value`, of `version`.
    fn expect(&mut self, version: u64, value: &[u8]) {
        let place = &self.layout.places[0];
        let slot = usize::from(version % 2 == 1);
        let start = self.layout.slots_at[slot] + place.slot - place.prefix.len();
        let entry = &mut self.reading.entries[0];
        entry.version = version;
        entry.value = Ok(value.to_vec());
        entry.environ = Some(Ok(start));
        self.reading.generation = version;
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let words = self.words.iter();
        words
            .flat_map(|word| word.load(Ordering::Relaxed).to_ne_bytes())
            .collect()
    }

    fn vector(self, name: &'static str, about: &'static str) -> Vector {
        Vector {
            name,
            about,
            bytes: self.bytes(),
            expected: Expected::Open(self.reading),
        }
    }
}

pub(crate) fn vectors() -> Vec<Vector> {
    let mut all = vec![
        Built::new(&[], Growth::RESERVE).vector("empty", "no entry"),
        Built::new(&[DB], Growth::RESERVE).vector("one-entry", "one entry, delivered twice"),
        Built::two().vector(
            "two-entries",
            "the region that the hostile ones are made from",
        ),
        Built::new(&[("", "/run/secrets/none", "", b""), DB], Growth::NONE).vector(
            "empty-value",
            "an entry without reference whose value is empty",
        ),
        unicode(),
        thousand(),
        largest(),
        newer_minor(),
    ];
    all.extend(rotations());
    all
}

fn unicode() -> Vector {
    let secrets: [Secret<'_>; 3] = [
        (
            "secret/data/größe#пароль",
            "/run/secrets/秘密",
            "ПАРОЛЬ",
            "naïve 🔑".as_bytes(),
        ),
        (
            "secret/data/e\u{301}",
            "/a",
            "",
            b"e and a combining accent",
        ),
        (
            "secret/data/\u{e9}",
            "/b",
            "",
            b"one precomposed letter: another name",
        ),
    ];
    Built::new(&secrets, Growth::RESERVE).vector("unicode", "names and values beyond ASCII")
}

fn thousand() -> Vector {
    let texts: Vec<[String; 2]> = (0..1000)
        .map(|n| [format!("kv/app{n}#token"), format!("value {n}")])
        .collect();
    let secrets: Vec<Secret<'_>> = texts
        .iter()
        .map(|[reference, value]| (reference.as_str(), "", "", value.as_bytes()))
        .collect();
    Built::new(&secrets, Growth::NONE).vector("thousand", "1,000 entries")
}

fn largest() -> Vector {
    let value: Vec<u8> = (0..1 << 20_u32).map(|n: u32| n.to_le_bytes()[0]).collect();
    let secrets: [Secret<'_>; 1] = [("kv/large#blob", "/run/secrets/blob", "", &value)];
    Built::new(&secrets, Growth::NONE).vector("largest", "a value of 1 MiB")
}

/// A rotation of entry 0, stopped after each of its steps.
fn rotations() -> Vec<Vector> {
    let new = b"correct horse battery staple";
    let rotated = |steps: usize| {
        let mut built = Built::two();
        let (words, layout) = (&built.words, &built.layout);
        let place = &layout.places[0];
        if steps > 0 {
            writer::begin(words, place).expect("begin");
        }
        if steps == 2 {
            writer::put_slot(words, layout, place, 1, &new[..14]).expect("half");
        }
        if steps > 2 {
            writer::put_slot(words, layout, place, 1, new).expect("whole");
        }
        if steps > 3 {
            writer::flip(words, place).expect("flip");
        }
        if steps > 4 {
            writer::wipe(words, layout, place, 0).expect("wipe");
        }
        if steps > 3 {
            built.expect(1, new);
        }
        built
    };
    let mut twice = rotated(5);
    let place = &twice.layout.places[0];
    writer::publish(&twice.words, &twice.layout, place, b"third", 0).expect("publish");
    twice.expect(2, b"third");
    vec![
        rotated(1).vector("rotation-begun", "odd sequence, idle slot untouched"),
        rotated(2).vector("rotation-half", "odd sequence, idle slot half written"),
        rotated(3).vector("rotation-written", "odd sequence, idle slot written"),
        rotated(4).vector("rotation-flipped", "new value live, old one not wiped yet"),
        rotated(5).vector("rotation-done", "new value live, old one wiped"),
        twice.vector("rotation-twice", "slot 0 is live again, with version 2"),
    ]
}

/// The same entries in the layout of a later minor version: larger header and entries, unknown
/// optional flags, bytes in what is reserved now.
fn newer_minor() -> Vector {
    let built = Built::two();
    let old = built.bytes();
    let more = 32;
    let count = built.layout.places.len();
    let shift = more * (1 + count);
    let mut bytes = old[..HEADER_SIZE].to_vec();
    bytes.resize(HEADER_SIZE + more, 0xEE);
    for index in 0..count {
        let at = HEADER_SIZE + index * ENTRY_SIZE;
        let start = bytes.len();
        bytes.extend_from_slice(&old[at..at + ENTRY_SIZE]);
        bytes.resize(bytes.len() + more, 0xEE);
        bytes[start + entry::FLAGS + 1] |= 0x80;
        bytes[start + entry::FLAGS + 4..start + ENTRY_SIZE].fill(0xEE);
    }
    bytes.extend_from_slice(&old[HEADER_SIZE + count * ENTRY_SIZE..]);
    bytes[header::MINOR] = 7;
    bytes[header::HEADER_SIZE] = u8::try_from(HEADER_SIZE + more).expect("small");
    bytes[header::ENTRY_SIZE] = u8::try_from(ENTRY_SIZE + more).expect("small");
    bytes[header::FLAGS] = 0x10;
    bytes[header::FLAGS + 4..HEADER_SIZE].fill(0xEE);
    let mut moved = |field: usize, by: usize| {
        let number: [u8; 8] = bytes[field..field + 8].try_into().expect("8 bytes");
        let number = u64::from_le_bytes(number) + u64::try_from(by).expect("small");
        bytes[field..field + 8].copy_from_slice(&number.to_le_bytes());
    };
    moved(header::DIRECTORY, more);
    for field in [
        header::CAPACITY,
        header::STRINGS,
        header::SLOTS_0,
        header::SLOTS_1,
    ] {
        moved(field, shift);
    }
    let mut reading = built.reading;
    if let Some(Ok(offset)) = &mut reading.entries[0].environ {
        *offset += shift;
    }
    Vector {
        name: "newer-minor",
        about: "minor version 7: larger header and entries, unknown optional flags",
        bytes,
        expected: Expected::Open(reading),
    }
}
