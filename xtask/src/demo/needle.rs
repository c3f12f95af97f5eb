//! What is looked for: a random text, in every form in which it might lie about.
//!
//! Forms: as it is, in hexadecimal, and in base64 at each of the three alignments that it can
//! have inside a longer text. Any run of [`WINDOW`] bytes of a form counts, so a half-wiped copy
//! is found too. Pure, but for the source of random bytes.

use std::collections::HashSet;
use std::fmt;
use std::fs::File;
use std::io::Read;

use anyhow::{Context, Result};

/// Random bytes in a text; shown in hexadecimal it has twice as many characters.
const RANDOM_BYTES: usize = 32;
/// Length of a run that counts as a find, in bytes.
pub(super) const WINDOW: usize = 16;
/// A run of [`WINDOW`] bytes holds one whole word of this many, wherever it begins.
const WORD: usize = WINDOW / 2;

/// A random text and its forms. `Debug` shows nothing of it.
pub(crate) struct Needle {
    text: String,
    forms: Vec<Vec<u8>>,
    /// Every word of every form.
    words: HashSet<[u8; WORD]>,
    /// First two bytes of every word, as a number: nearly all data ends here, without a hash.
    starts: Vec<bool>,
}

impl fmt::Debug for Needle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Needle(…)")
    }
}

impl Needle {
    /// A new one from the kernel's random bytes.
    pub(crate) fn random() -> Result<Self> {
        let mut bytes = [0; RANDOM_BYTES];
        File::open("/dev/urandom")
            .and_then(|mut file| file.read_exact(&mut bytes))
            .context("cannot read /dev/urandom")?;
        Ok(Self::new(&hex(&bytes)))
    }

    fn new(text: &str) -> Self {
        let raw = text.as_bytes();
        let lower = hex(raw);
        let mut forms = vec![
            raw.to_vec(),
            lower.to_uppercase().into_bytes(),
            lower.into_bytes(),
        ];
        forms.extend((0..3).map(|shift| base64(raw, shift)));
        let words: HashSet<[u8; WORD]> = forms
            .iter()
            .flat_map(|form| form.windows(WORD))
            .filter_map(|word| word.try_into().ok())
            .collect();
        let mut starts = vec![false; 1 << 16];
        for start in words.iter().map(|word| start_of(word)) {
            if let Some(place) = starts.get_mut(start) {
                *place = true;
            }
        }
        Self {
            text: text.to_owned(),
            forms,
            words,
            starts,
        }
    }

    /// The text itself; for pipes, never for argv.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether [`WINDOW`] bytes in a row of any form stand in `data`.
    pub(super) fn is_in(&self, data: &[u8]) -> bool {
        for (index, word) in data.chunks_exact(WORD).enumerate() {
            if self.starts.get(start_of(word)) == Some(&true)
                && <&[u8; WORD]>::try_from(word).is_ok_and(|word| self.words.contains(word))
                && self.run_around(data, index * WORD)
            {
                return true;
            }
        }
        false
    }

    /// Whether a long enough run of a form covers the word at `at`.
    fn run_around(&self, data: &[u8], at: usize) -> bool {
        let first = at.saturating_sub(WINDOW - WORD);
        let around = data
            .get(first..data.len().min(at + WINDOW))
            .unwrap_or_default();
        around.windows(WINDOW).any(|window| {
            self.forms
                .iter()
                .any(|form| form.windows(WINDOW).any(|part| part == window))
        })
    }
}

/// The first two bytes of a word as a number.
fn start_of(word: &[u8]) -> usize {
    match word {
        [first, second, ..] => usize::from(u16::from_le_bytes([*first, *second])),
        _ => 0,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The characters of base64 (RFC 4648) that depend on `raw` alone when `shift` bytes stand in
/// front of it: those of the whole groups of three bytes.
fn base64(raw: &[u8], shift: usize) -> Vec<u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let groups = raw
        .get((3 - shift) % 3..)
        .unwrap_or_default()
        .chunks_exact(3);
    let digit = |bits: u32| ALPHABET.get((bits & 63) as usize).copied().unwrap_or(b'=');
    let of = |group: &[u8]| {
        let bits = group
            .iter()
            .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        [
            digit(bits >> 18),
            digit(bits >> 12),
            digit(bits >> 6),
            digit(bits),
        ]
    };
    groups.flat_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "0123456789abcdef-an-example-of-a-text";

    #[test]
    fn base64_is_the_rfc_s() {
        assert_eq!(base64(b"foobar", 0), b"Zm9vYmFy");
        // "xfoobar" is eGZvb2Jhcg==: the whole group "oba" after two bytes "fo".
        assert_eq!(base64(b"foobar", 1), b"b2Jh");
        assert_eq!(base64(b"foobar", 2), b"b29i");
    }

    #[test]
    fn every_form_is_found_at_every_place() {
        let needle = Needle::new(TEXT);
        for form in needle.forms.clone() {
            for before in 0..17 {
                let mut data = vec![b' '; before];
                data.extend(&form[3..3 + WINDOW]);
                data.extend([b' '; 9]);
                assert!(needle.is_in(&data), "{before}");
            }
        }
    }

    #[test]
    fn shorter_runs_and_other_texts_are_not_found() {
        let needle = Needle::new(TEXT);
        for before in 0..17 {
            let mut data = vec![b' '; before];
            data.extend(&TEXT.as_bytes()[3..3 + WINDOW - 1]);
            data.extend([b' '; 9]);
            assert!(!needle.is_in(&data), "{before}");
        }
        assert!(!needle.is_in(Needle::random().unwrap().text().as_bytes()));
        assert!(!format!("{needle:?}").contains(TEXT));
    }
}
