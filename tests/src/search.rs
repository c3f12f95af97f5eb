//! A search for secrets in a process's memory, as root sees it: every readable mapping, every
//! piece of 16 bytes, in the forms that a value takes on its way.
//!
//! It reads `/proc/PID/mem`, which needs `CAP_SYS_PTRACE` for a process like the wrapper. Pieces
//! shorter than 16 bytes are not told from chance; registers of the process are not looked at.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;

/// Length of a piece, in bytes. Chosen: what one vector register holds.
const PIECE: usize = 16;

/// Characters of [`random_text`], none with a meaning anywhere.
const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// `len` random bytes of the kernel.
///
/// # Panics
///
/// Without `/dev/urandom`.
#[must_use]
pub fn random_bytes(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    let mut source = File::open("/dev/urandom").expect("/dev/urandom");
    source.read_exact(&mut bytes).expect("random bytes");
    bytes
}

/// `len` random letters and digits.
#[must_use]
pub fn random_text(len: usize) -> String {
    let bytes = random_bytes(len).into_iter();
    bytes
        .map(|byte| char::from(LETTERS[usize::from(byte) % LETTERS.len()]))
        .collect()
}

/// What is searched for: every piece of every form of some values.
#[derive(Debug)]
pub struct Pieces {
    /// Sorted by the piece; with the number of the value that it is of.
    pieces: Vec<(u128, Form, usize)>,
    /// Bit n: some piece begins with the three bytes n. Most places are told by it alone.
    beginnings: Vec<u64>,
}

/// In which form a value is found.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Form {
    /// As it is.
    Plain,
    /// In base64, in one of the three alignments.
    Base64,
    /// With JSON's escapes.
    Json,
}

impl Pieces {
    /// The pieces of all `values`, each of which must have 16 bytes at least.
    ///
    /// # Panics
    ///
    /// When one is shorter, since it would not be searched for.
    #[must_use]
    pub fn of<V: AsRef<[u8]>>(values: &[V]) -> Self {
        let mut pieces = Vec::new();
        for (of, value) in values.iter().enumerate() {
            let mut add = |text: &[u8], form: Form| {
                pieces.extend(text.windows(PIECE).map(|piece| (number(piece), form, of)));
            };
            let value = value.as_ref();
            assert!(value.len() >= PIECE, "a value of {} bytes", value.len());
            add(value, Form::Plain);
            for skipped in 0..3 {
                add(&base64(&value[skipped..]), Form::Base64);
            }
            if let Ok(text) = str::from_utf8(value) {
                let escaped = serde_json::to_string(text).expect("JSON of a text");
                add(escaped.trim_matches('"').as_bytes(), Form::Json);
            }
        }
        pieces.sort_unstable();
        pieces.dedup_by_key(|(piece, ..)| *piece);
        let mut beginnings = vec![0; (1 << 24) / 64];
        for (piece, ..) in &pieces {
            // The first three bytes.
            let beginning = usize::try_from(piece >> 104).expect("24 bits");
            beginnings[beginning / 64] |= 1 << (beginning % 64);
        }
        Self { pieces, beginnings }
    }

    /// Every place in `memory` where a piece stands.
    fn places(&self, memory: &[u8]) -> Vec<(usize, Form, usize)> {
        let mut places = Vec::new();
        for (offset, piece) in memory.windows(PIECE).enumerate() {
            let [first, second, third] = [piece[0], piece[1], piece[2]].map(usize::from);
            let beginning = (first << 16) | (second << 8) | third;
            if (self.beginnings[beginning / 64] >> (beginning % 64)) & 1 == 0 {
                continue;
            }
            let wanted = number(piece);
            let at = self
                .pieces
                .binary_search_by_key(&wanted, |(piece, ..)| *piece);
            if let Ok(at) = at {
                let (_, form, of) = self.pieces[at];
                places.push((offset, form, of));
            }
        }
        places
    }
}

fn number(piece: &[u8]) -> u128 {
    u128::from_be_bytes(piece.try_into().expect("16 bytes"))
}

/// Without padding, and without what the last incomplete group would give.
fn base64(bytes: &[u8]) -> Vec<u8> {
    let groups = bytes.chunks_exact(3);
    let encoded = groups.flat_map(|group| {
        let bits = group
            .iter()
            .fold(0, |bits, byte| (bits << 8) | usize::from(*byte));
        [18, 12, 6, 0].map(|shift| BASE64[(bits >> shift) & 63])
    });
    encoded.collect()
}

/// One place where a piece was found.
#[derive(Clone)]
pub struct Place {
    /// The mapping's line in `/proc/PID/maps`.
    pub mapping: String,
    /// Bytes from the start of the mapping.
    pub offset: usize,
    /// In which form.
    pub form: Form,
    /// The bytes around it.
    surroundings: String,
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n{:?} at {:#x} ", self.form, self.offset)?;
        write!(f, "of {}: {}", self.mapping, self.surroundings)
    }
}

/// What a search saw.
#[derive(Debug, Default)]
pub struct Searched {
    /// Names of the mappings that were read.
    pub read: Vec<String>,
    /// Lines of the mappings left out because they are the region.
    pub left_out: Vec<String>,
    /// Bytes that were read.
    pub bytes: usize,
    /// Places of pieces; of neighbouring ones the first.
    pub places: Vec<Place>,
    /// Which values were found, as they were numbered for [`Pieces::of`].
    pub values: BTreeSet<usize>,
}

/// Searches every readable mapping of `pid` except those whose name begins with `region`.
///
/// # Panics
///
/// When the process is not there or its memory may not be read.
#[must_use]
pub fn search(pid: i32, pieces: &Pieces, region: Option<&str>) -> Searched {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).expect("maps");
    let memory = File::open(format!("/proc/{pid}/mem")).expect("mem");
    let mut searched = Searched::default();
    for line in maps.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        let (range, mode) = (words[0], words[1]);
        let name = words[5..].join(" ");
        let is_region = region.is_some_and(|region| name.starts_with(region));
        if is_region {
            searched.left_out.push(line.into());
        }
        // The kernel's own pages ([vvar], [vsyscall]) cannot be read this way.
        if is_region || !mode.starts_with('r') || name.starts_with("[v") {
            continue;
        }
        let (start, end) = range.split_once('-').expect("a range");
        let address = |text| u64::from_str_radix(text, 16).expect("an address");
        let (start, end) = (address(start), address(end));
        let mut bytes = vec![0; usize::try_from(end - start).expect("64 bits")];
        let read = memory.read_exact_at(&mut bytes, start);
        read.unwrap_or_else(|error| panic!("cannot read {line}: {error}"));
        searched.bytes += bytes.len();
        searched.read.push(name);
        searched.add(line, &bytes, pieces);
    }
    searched
}

impl Searched {
    fn add(&mut self, mapping: &str, bytes: &[u8], pieces: &Pieces) {
        let mut end = 0;
        for (offset, form, of) in pieces.places(bytes) {
            self.values.insert(of);
            let is_next = offset < end;
            end = offset + PIECE;
            if is_next {
                continue;
            }
            let around = offset.saturating_sub(48)..(offset + 80).min(bytes.len());
            self.places.push(Place {
                mapping: mapping.into(),
                offset,
                form,
                surroundings: bytes[around].escape_ascii().to_string(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_piece_is_found() {
        let value = format!("{}\n\"{}\\", random_text(20), random_text(20));
        let pieces = Pieces::of(&[&value]);
        let found = |memory: &[u8]| {
            let places = pieces.places(memory).into_iter();
            places.map(|(_, form, _)| form).collect::<Vec<_>>()
        };
        assert_eq!(found(&value.as_bytes()[3..19]), [Form::Plain]);
        assert_eq!(found(&value.as_bytes()[3..18]), [], "too short");
        let json = serde_json::to_string(&value).expect("JSON");
        assert!(found(&json.as_bytes()[15..40]).contains(&Form::Json));
        for before in ["", "x", "xx"] {
            let encoded = base64(format!("{before}{value}").as_bytes());
            assert!(found(&encoded).contains(&Form::Base64));
        }
        assert_eq!(found(random_text(4096).as_bytes()), []);
    }

    #[test]
    fn the_values_that_are_found_are_told_apart() {
        let values = [0; 3].map(|_| random_text(20));
        let memory = [&values[2], &values[0]].map(String::as_str).concat();
        let mut searched = Searched::default();
        searched.add("here", memory.as_bytes(), &Pieces::of(&values));
        assert_eq!(searched.values, BTreeSet::from([0, 2]));
    }

    #[test]
    fn base64_is_that_of_the_rfc() {
        assert_eq!(base64(b"foobar"), b"Zm9vYmFy");
    }
}
