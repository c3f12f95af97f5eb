//! Vectors that somebody made who wishes the reader ill: one change each to a valid region.

use cloudtaser_abi::region::layout::{ENTRY_SIZE, HEADER_SIZE, entry, header};

use crate::expected::{Expected, Vector};
use crate::valid::Built;

/// Name, what is wrong, field (offset, bytes), number written into it, expected error, entry.
type Refusal = (
    &'static str,
    &'static str,
    (usize, usize),
    u64,
    &'static str,
    Option<usize>,
);

/// Offset of a field of the directory entry at `index`.
const fn field(index: usize, field: usize) -> usize {
    HEADER_SIZE + index * ENTRY_SIZE + field
}

pub(crate) fn vectors() -> Vec<Vector> {
    let mut all = cuts();
    let bytes = Built::two().bytes();
    for (name, about, (offset, len), number, error, entry) in refusals() {
        let mut bytes = bytes.clone();
        bytes[offset..offset + len].copy_from_slice(&number.to_le_bytes()[..len]);
        all.push(Vector {
            name,
            about,
            bytes,
            expected: Expected::Refused(error, entry),
        });
    }
    all.extend(readable());
    all
}

fn cuts() -> Vec<Vector> {
    let built = Built::two();
    let whole = built.bytes();
    let layout = &built.layout;
    let cut = |name, about, len: usize| Vector {
        name,
        about,
        bytes: whole[..len].to_vec(),
        expected: Expected::Refused("truncated", None),
    };
    vec![
        cut("cut-nothing-left", "no byte at all", 0),
        cut("cut-header", "ends within the header", HEADER_SIZE - 1),
        cut("cut-directory", "ends within the directory", field(1, 40)),
        cut(
            "cut-strings",
            "ends within the texts",
            layout.strings_at + 9,
        ),
        cut("cut-slots", "ends within slots 0", layout.slots_at[0] + 16),
        cut("cut-end", "one byte is missing", whole.len() - 1),
    ]
}

#[rustfmt::skip]
fn refusals() -> Vec<Refusal> {
    let built = Built::two();
    let number = |n: usize| u64::try_from(n).expect("small");
    let layout = &built.layout;
    let capacity = number(layout.capacity);
    let strings = number(layout.strings_at);
    let slots = [number(layout.slots_at[0]), number(layout.slots_at[1])];
    let first = &layout.places[0];
    let next = number(layout.places[1].slot - first.slot);
    // The highest multiple of 8: any sum with a size of ours wraps.
    let wrap = u64::MAX - 7;
    vec![
        ("magic", "wrong magic number", (header::MAGIC, 8), 0, "magic", None),
        ("major-2", "the next major version", (header::MAJOR, 2), 2, "version", None),
        ("major-0", "no major version", (header::MAJOR, 2), 0, "version", None),
        ("flag-incompatible", "a header flag that must be known", (header::FLAGS, 4), 1 << 16, "flags", None),
        ("header-size-small", "header of 120 bytes", (header::HEADER_SIZE, 4), 120, "header-size", None),
        ("header-size-unaligned", "header of 132 bytes", (header::HEADER_SIZE, 4), 132, "header-size", None),
        ("header-size-large", "header larger than the region", (header::HEADER_SIZE, 4), 0xffff_fff8, "header-size", None),
        ("capacity-large", "capacity beyond the file", (header::CAPACITY, 8), capacity + 8, "truncated", None),
        ("capacity-huge", "the largest capacity", (header::CAPACITY, 8), u64::MAX, "truncated", None),
        ("capacity-unaligned", "capacity no multiple of 8", (header::CAPACITY, 8), capacity - 4, "header-size", None),
        ("capacity-zero", "capacity below the header", (header::CAPACITY, 8), 0, "header-size", None),
        ("capacity-short", "capacity ends within slots 1", (header::CAPACITY, 8), capacity - 8, "slots", None),
        ("entry-size-small", "entries of 88 bytes", (header::ENTRY_SIZE, 4), 88, "entry-size", None),
        ("entry-size-unaligned", "entries of 100 bytes", (header::ENTRY_SIZE, 4), 100, "entry-size", None),
        ("entry-size-zero", "entries of no size", (header::ENTRY_SIZE, 4), 0, "entry-size", None),
        ("entry-size-huge", "entries of 4 GiB", (header::ENTRY_SIZE, 4), 0xffff_fff8, "directory", None),
        ("entry-count-huge", "4294967295 entries", (header::ENTRY_COUNT, 4), 0xffff_ffff, "directory", None),
        ("entry-count-3", "directory reaches into the texts", (header::ENTRY_COUNT, 4), 3, "strings", None),
        ("directory-in-header", "directory overlaps the header", (header::DIRECTORY, 8), 64, "directory", None),
        ("directory-unaligned", "directory at no multiple of 8", (header::DIRECTORY, 8), 132, "directory", None),
        ("directory-outside", "directory beyond the region", (header::DIRECTORY, 8), capacity, "directory", None),
        ("directory-wraps", "end of the directory wraps", (header::DIRECTORY, 8), wrap, "directory", None),
        ("strings-in-directory", "texts overlap the directory", (header::STRINGS, 8), strings - 1, "strings", None),
        ("strings-outside", "texts beyond the region", (header::STRINGS, 8), capacity + 1, "strings", None),
        ("strings-wrap", "end of the texts wraps", (header::STRINGS_LEN, 8), u64::MAX - strings + 1, "strings", None),
        ("slots-in-strings", "slots 0 overlap the texts", (header::SLOTS_0, 8), strings & !7, "slots", None),
        ("slots-overlap", "slots 1 overlap slots 0", (header::SLOTS_1, 8), slots[1] - 8, "slots", None),
        ("slots-same", "both areas are the same", (header::SLOTS_1, 8), slots[0], "slots", None),
        ("slots-outside", "slots 1 end beyond the region", (header::SLOTS_1, 8), slots[1] + 8, "slots", None),
        ("slots-unaligned", "slots 0 at no multiple of 8", (header::SLOTS_0, 8), slots[0] - 1, "slots", None),
        ("slots-wrap", "end of slots 0 wraps", (header::SLOTS_LEN, 8), wrap, "slots", None),
        ("entry-flag-incompatible", "an entry flag that must be known", (field(1, entry::FLAGS), 4), 1 << 31, "entry-flags", Some(1)),
        ("entry-text-outside", "a path beyond the texts", (field(0, entry::PATH), 4), number(layout.strings.len()), "entry-text", Some(0)),
        ("entry-text-long", "a reference of 4 GiB", (field(1, entry::REFERENCE + 4), 4), 0xffff_ffff, "entry-text", Some(1)),
        ("entry-text-wraps", "end of a name wraps in 32 bits", (field(0, entry::VARIABLE), 4), 0xffff_fffc, "entry-text", Some(0)),
        ("entry-no-variable", "environment string without a name", (field(0, entry::VARIABLE + 4), 4), 0, "entry-variable", Some(0)),
        ("entry-slot-unaligned", "slot at no multiple of 8", (field(0, entry::SLOT), 8), number(first.slot) + 1, "entry-unaligned", Some(0)),
        ("entry-slot-no-prefix", "no room for NAME= before the slot", (field(0, entry::SLOT), 8), 8, "entry-slot", Some(0)),
        ("entry-slot-outside", "slot beyond the slot area", (field(1, entry::SLOT), 8), number(layout.slots_len), "entry-slot", Some(1)),
        ("entry-slot-wraps", "end of the slot wraps", (field(1, entry::SLOT), 8), wrap, "entry-slot", Some(1)),
        ("entry-capacity-wraps", "terminator of the slot wraps", (field(0, entry::SLOT_CAPACITY), 8), u64::MAX - number(first.slot), "entry-slot", Some(0)),
        ("entry-capacity-outside", "slot without room for the terminator", (field(1, entry::SLOT_CAPACITY), 8), number(layout.slots_len - layout.places[1].slot), "entry-slot", Some(1)),
        ("entry-overlap", "slot reaches one byte into the next one", (field(0, entry::SLOT_CAPACITY), 8), next, "entry-overlap", Some(1)),
        ("entry-same-slot", "two entries with one slot", (field(1, entry::SLOT), 8), number(first.slot), "entry-overlap", Some(1)),
    ]
}

/// Regions that open, and hold one value or frame that cannot be right, or a writer's last breath.
fn readable() -> Vec<Vector> {
    let damage = |name, about, offset: usize, number: u64, len: usize| {
        let built = Built::two();
        let mut bytes = built.bytes();
        bytes[offset..offset + len].copy_from_slice(&number.to_le_bytes()[..len]);
        (name, about, bytes, built.reading)
    };
    let layout = Built::two().layout;
    let first = &layout.places[0];
    let value = layout.slots_at[0] + first.slot;
    let too_long = u64::try_from(first.capacity).expect("small") + 1;
    let mut all = vec![
        damage(
            "length-too-long",
            "length one above the capacity",
            field(0, entry::LEN_0),
            too_long,
            8,
        ),
        damage(
            "length-huge",
            "the largest length",
            field(0, entry::LEN_0),
            u64::MAX,
            8,
        ),
        damage(
            "environ-prefix",
            "another name before the value",
            value - 3,
            u64::from(b'X'),
            1,
        ),
        damage(
            "environ-no-equals",
            "no = before the value",
            value - 1,
            0,
            1,
        ),
        damage(
            "environ-no-nul",
            "no NUL after the value",
            value + 7,
            u64::from(b'X'),
            1,
        ),
        damage(
            "odd-for-ever",
            "the writer died within its first rotation",
            field(1, entry::SEQUENCE),
            1,
            8,
        ),
        damage(
            "sequence-last",
            "the highest sequence: slot 1 is live, and empty",
            field(1, entry::SEQUENCE),
            u64::MAX,
            8,
        ),
        damage(
            "protection-unknown",
            "a level from the future counts as none",
            header::PROTECTION,
            99,
            4,
        ),
    ];
    for (name, _, _, reading) in &mut all {
        match *name {
            "length-too-long" | "length-huge" => {
                reading.entries[0].value = Err("damaged");
                reading.entries[0].environ = Some(Err("damaged"));
            }
            "sequence-last" => {
                reading.entries[1].version = u64::MAX >> 1;
                reading.entries[1].value = Ok(Vec::new());
            }
            "protection-unknown" => reading.protection = 0,
            "odd-for-ever" => {}
            _ => reading.entries[0].environ = Some(Err("damaged")),
        }
    }
    all.into_iter()
        .map(|(name, about, bytes, reading)| Vector {
            name,
            about,
            bytes,
            expected: Expected::Open(reading),
        })
        .collect()
}
