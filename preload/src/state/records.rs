//! The secret variables of this process as one run of bytes: text alone, without memory of its own.
//!
//! One record after the other: the entry's index and the string's length, 32 bits each, then
//! `NAME=value` and a NUL.

/// Bytes before a record's string.
pub const HEAD: usize = 8;

/// One variable.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Record<'a> {
    /// The region's entry.
    pub index: usize,
    /// Where its string starts, in bytes from the start of all records.
    pub start: usize,
    /// `NAME=value`.
    pub text: &'a [u8],
}

impl Record<'_> {
    /// Whether `offset` lies in the string or at its NUL.
    #[must_use]
    pub fn holds(&self, offset: usize) -> bool {
        offset.wrapping_sub(self.start) <= self.text.len()
    }
}

/// Goes through `bytes`; ends at the first record that is none.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// The records in `bytes`.
#[must_use]
pub const fn read(bytes: &[u8]) -> Records<'_> {
    Records { bytes, at: 0 }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        let rest = self.bytes.get(self.at..)?;
        let (index, rest) = rest.split_first_chunk::<4>()?;
        let (len, rest) = rest.split_first_chunk::<4>()?;
        let len = usize::try_from(u32::from_ne_bytes(*len)).ok()?;
        let (text, rest) = rest.split_at_checked(len)?;
        if text.is_empty() || rest.first() != Some(&0) {
            return None;
        }
        let start = self.at.checked_add(HEAD)?;
        self.at = start.checked_add(len)?.checked_add(1)?;
        Some(Record {
            index: usize::try_from(u32::from_ne_bytes(*index)).ok()?,
            start,
            text,
        })
    }
}

/// Writes a record to the start of `out`, and answers its length. `fill` writes the string and
/// answers the string's length.
pub fn write(
    out: &mut [u8],
    index: usize,
    fill: impl FnOnce(&mut [u8]) -> Option<usize>,
) -> Option<usize> {
    let (head, rest) = out.split_first_chunk_mut::<HEAD>()?;
    let len = fill(rest)?;
    *rest.get_mut(len)? = 0;
    let index = u32::try_from(index).ok()?.to_ne_bytes();
    let numbers = index
        .into_iter()
        .chain(u32::try_from(len).ok()?.to_ne_bytes());
    for (to, from) in head.iter_mut().zip(numbers) {
        *to = from;
    }
    HEAD.checked_add(len)?.checked_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(out: &mut [u8], at: usize, index: usize, text: &[u8]) -> usize {
        let fill = |rest: &mut [u8]| {
            rest.get_mut(..text.len())?.copy_from_slice(text);
            Some(text.len())
        };
        at + write(&mut out[at..], index, fill).unwrap()
    }

    #[test]
    fn what_is_written_is_read() {
        let mut bytes = [0; 64];
        let end = put(&mut bytes, 0, 7, b"A=1");
        let end = put(&mut bytes, end, 65_535, b"LONGER=");
        let found: std::vec::Vec<_> = read(&bytes).collect();
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].index, found[0].text), (7, b"A=1".as_slice()));
        assert_eq!(
            (found[1].index, found[1].text),
            (65_535, b"LONGER=".as_slice())
        );
        for record in &found {
            assert_eq!(&bytes[record.start..][..record.text.len()], record.text);
            assert!(record.holds(record.start) && record.holds(record.start + record.text.len()));
            assert!(!record.holds(record.start - 1));
        }
        assert_eq!(found[1].start + found[1].text.len() + 1, end);
    }

    #[test]
    fn a_record_that_does_not_fit_is_none() {
        let fill = |rest: &mut [u8]| rest.get_mut(..3).map(|_room| 3);
        assert_eq!(write(&mut [0; 12], 0, fill), Some(12));
        assert_eq!(write(&mut [0; 11], 0, fill), None);
        assert_eq!(write(&mut [0; 7], 0, fill), None);
        assert_eq!(read(&[1, 0, 0, 0, 9, 0, 0, 0, b'A']).count(), 0);
    }
}
