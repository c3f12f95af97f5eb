//! What the preload library is handed at a program's start, beside the region's descriptor, and
//! what it reports back. Written by the wrapper, and by the library itself on the way to the next
//! program; `docs/preload.md` is the same in words.
//!
//! None of it is secret, and all of it is hostile input to whoever reads it: a program can write
//! what it likes into the environment of its child and into the report pipe.

/// Bytes that [`Handover::write`] needs at most: five numbers of 20 digits and what separates them.
pub const HANDOVER_MAX: usize = 128;

/// The value of [`crate::names::ENV_PRELOAD`]: `REPORT:LEDGER:DEV:INO:SCAN`, decimal numbers, `-`
/// for what is absent.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Handover {
    /// Descriptor of the pipe to the wrapper's report; see [`Unserved`].
    pub report: Option<u32>,
    /// Descriptor of the ledger: shared memory with one `u64` for each entry of the region, how
    /// often its file was opened. Present when an entry has a limit.
    pub ledger: Option<u32>,
    /// Device and inode number of the root directory that the paths of the region are meant for.
    pub root: Option<(u64, u64)>,
    /// The program may inherit virtual descriptors, and none above this number.
    pub scan: Option<u32>,
}

impl Handover {
    /// Reads what [`Handover::write`] wrote; `None` for anything else.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let mut parts = text.split(|byte| *byte == b':');
        let mut next = || optional(parts.next()?);
        let (report, ledger, dev, ino, scan) = (next()?, next()?, next()?, next()?, next()?);
        if parts.next().is_some() {
            return None;
        }
        let small = |number: Option<u64>| match number {
            None => Some(None),
            Some(number) => u32::try_from(number).ok().map(Some),
        };
        Some(Self {
            report: small(report)?,
            ledger: small(ledger)?,
            root: dev.zip(ino),
            scan: small(scan)?,
        })
    }

    /// Writes the text to the start of `out` and says how many bytes it has; `None` when `out` is
    /// too short ([`HANDOVER_MAX`] bytes always suffice).
    #[must_use]
    pub fn write(&self, out: &mut [u8]) -> Option<usize> {
        let numbers = [
            self.report.map(u64::from),
            self.ledger.map(u64::from),
            self.root.map(|(dev, _)| dev),
            self.root.map(|(_, ino)| ino),
            self.scan.map(u64::from),
        ];
        let mut at = 0;
        for (index, number) in numbers.into_iter().enumerate() {
            if index > 0 {
                *out.get_mut(at)? = b':';
                at = at.checked_add(1)?;
            }
            let rest = out.get_mut(at..)?;
            let len = match number {
                None => {
                    *rest.first_mut()? = b'-';
                    1
                }
                Some(number) => write_decimal(number, rest)?,
            };
            at = at.checked_add(len)?;
        }
        Some(at)
    }
}

/// Why a program gets no virtual files and no secret variables: the first word of a line in the
/// report pipe, `WORD PATH\n`, at most [`REPORT_MAX`] bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unserved {
    /// It is statically linked.
    Static,
    /// Set-user-ID, set-group-ID or file capabilities: the linker ignores preload libraries.
    Privileged,
    /// It is built for another machine.
    Foreign,
    /// Its dynamic linker is none that we know.
    Linker,
    /// Its file cannot be read.
    Unreadable,
    /// The preload library cannot be read by it.
    Library,
}

/// Bytes of a line in the report pipe, at most: what a pipe takes in one piece (`PIPE_BUF`).
pub const REPORT_MAX: usize = 4096;

impl Unserved {
    /// Every reason.
    pub const ALL: [Self; 6] = [
        Self::Static,
        Self::Privileged,
        Self::Foreign,
        Self::Linker,
        Self::Unreadable,
        Self::Library,
    ];

    /// The word in the report pipe.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::Privileged => "privileged",
            Self::Foreign => "foreign",
            Self::Linker => "linker",
            Self::Unreadable => "unreadable",
            Self::Library => "library",
        }
    }

    /// The reason for a word, if there is one.
    #[must_use]
    pub fn from_word(word: &[u8]) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|reason| reason.word().as_bytes() == word)
    }
}

/// Reads an unsigned decimal number without sign and without blanks; `None` for anything else,
/// and for one that is too large.
#[must_use]
pub fn read_decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit <= 9)?;
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// Writes `number` in decimal to the start of `out` and says how many bytes it has (1 to 20);
/// `None` when `out` is too short.
#[must_use]
pub fn write_decimal(number: u64, out: &mut [u8]) -> Option<usize> {
    let mut digits = [0_u8; 20];
    let mut rest = number;
    let mut len = 0_usize;
    for digit in digits.iter_mut().rev() {
        *digit = b'0'.checked_add(u8::try_from(rest % 10).ok()?)?;
        rest /= 10;
        len = len.checked_add(1)?;
        if rest == 0 {
            break;
        }
    }
    let written = digits.get(digits.len().checked_sub(len)?..)?;
    for (to, from) in out.get_mut(..len)?.iter_mut().zip(written) {
        *to = *from;
    }
    Some(len)
}

fn optional(text: &[u8]) -> Option<Option<u64>> {
    if text == b"-" {
        return Some(None);
    }
    read_decimal(text).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(handover: Handover, out: &mut [u8]) -> &[u8] {
        let len = handover.write(out).unwrap();
        &out[..len]
    }

    #[test]
    fn what_is_written_is_read_again() {
        let full = Handover {
            report: Some(u32::MAX),
            ledger: Some(0),
            root: Some((u64::MAX, u64::MAX)),
            scan: Some(10),
        };
        let mut out = [0; HANDOVER_MAX];
        for handover in [Handover::default(), full] {
            let text = written(handover, &mut out);
            assert_eq!(Handover::parse(text), Some(handover));
        }
        assert_eq!(written(Handover::default(), &mut out), b"-:-:-:-:-");
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "-",
            "1:2:3:4",
            "1:2:3:4:5:6",
            "1:2:3:4:x",
            "1:2:3:4:",
            "+1:-:-:-:-",
            "4294967296:-:-:-:-",
            "18446744073709551616:-:-:-:-",
        ] {
            assert_eq!(Handover::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_short_buffer_is_refused() {
        let mut out = [0; 8];
        assert_eq!(Handover::default().write(&mut out), None);
        assert_eq!(write_decimal(100, &mut out[..2]), None);
        assert_eq!(write_decimal(100, &mut out[..3]), Some(3));
        assert_eq!(read_decimal(&out[..3]), Some(100));
    }

    #[test]
    fn words_go_both_ways() {
        for reason in Unserved::ALL {
            assert_eq!(Unserved::from_word(reason.word().as_bytes()), Some(reason));
        }
        assert_eq!(Unserved::from_word(b"Static"), None);
    }
}
