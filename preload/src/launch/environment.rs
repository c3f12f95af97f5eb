//! Builds the environment of the next program: the array that the kernel is given, without a secret
//! in it, in memory that the caller has.

use core::ffi::{CStr, c_char};
use core::mem::MaybeUninit;

use cloudtaser_abi::handover::{HANDOVER_MAX, write_decimal};
use cloudtaser_abi::names::{ENV_PRELOAD, ENV_REGION_FD, ENV_SLOT};

use super::handed::Handed;
use super::names::{LD_PRELOAD, Owner, owner, without_own};
use crate::state::variables;
use crate::sys::environ::Array;

/// Bytes of a slot's or a descriptor's string, at most: the longer name, `=`, 20 digits, a NUL.
const NUMBER_BYTES: usize = ENV_REGION_FD.len() + 22;

/// What the next program gets.
#[derive(Clone, Copy, Debug)]
pub struct Gift<'a> {
    /// Our descriptors and the library's path; `None` for a program that does not load us.
    pub ours: Option<(Handed, &'a CStr)>,
    /// The secret variables stay as they are: plain.
    pub is_plain: bool,
    /// Descriptors may be moved on the way, up to this number.
    pub scan_at_least: u32,
}

/// What an environment needs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Size {
    /// Pointers, with the null at the end.
    pub pointers: usize,
    /// Bytes of new strings.
    pub text: usize,
}

impl Gift<'_> {
    /// Room for the environment that [`Gift::write`] makes of `old`.
    #[must_use]
    pub fn measure(&self, old: Array) -> Size {
        let mut size = Size {
            pointers: 4,
            text: 0,
        };
        let mut libraries = 0;
        for string in old.strings() {
            size.pointers = size.pointers.saturating_add(1);
            let text = string.to_bytes();
            match owner(text) {
                Owner::Libraries(list) => libraries = list.len(),
                Owner::Program if is_secret(string) => {
                    size.text = size.text.saturating_add(NUMBER_BYTES);
                }
                Owner::Program | Owner::Ours => {}
            }
        }
        let Some((_, library)) = self.ours else {
            return size;
        };
        let rest = [
            LD_PRELOAD.len() + 3,
            library.count_bytes(),
            libraries,
            NUMBER_BYTES,
            ENV_PRELOAD.len() + 2 + HANDOVER_MAX,
        ];
        size.text = rest
            .into_iter()
            .fold(size.text, |sum, len| sum.saturating_add(len));
        size
    }

    /// Writes the environment; `None` when there is no room, because another thread has changed
    /// the old one meanwhile.
    #[must_use]
    pub fn write<'m>(
        &self,
        old: Array,
        pointers: &'m mut [MaybeUninit<*const c_char>],
        text: &'m mut [u8],
    ) -> Option<*const *const c_char> {
        let mut out = Writer {
            pointers,
            count: 0,
            text,
        };
        let mut libraries: &[u8] = &[];
        for string in old.strings() {
            match owner(string.to_bytes()) {
                Owner::Ours => {}
                Owner::Libraries(list) if self.ours.is_some() => libraries = list,
                Owner::Program if !self.is_plain => match index_of(string) {
                    None => out.push(string.as_ptr())?,
                    Some(index) if self.ours.is_some() => out.number(ENV_SLOT, index as u64)?,
                    Some(_) => {}
                },
                Owner::Program | Owner::Libraries(_) => out.push(string.as_ptr())?,
            }
        }
        if let Some((handed, library)) = self.ours {
            out.ours(&handed, library, libraries, self.scan_at_least)?;
        }
        out.push(core::ptr::null())?;
        Some(pointers.as_ptr().cast())
    }
}

fn index_of(string: &CStr) -> Option<usize> {
    variables::index_of(string.as_ptr(), string.to_bytes())
}

fn is_secret(string: &CStr) -> bool {
    index_of(string).is_some()
}

struct Writer<'m, 'w> {
    pointers: &'w mut [MaybeUninit<*const c_char>],
    count: usize,
    text: &'m mut [u8],
}

impl Writer<'_, '_> {
    fn push(&mut self, string: *const c_char) -> Option<()> {
        self.pointers.get_mut(self.count)?.write(string);
        self.count = self.count.checked_add(1)?;
        Some(())
    }

    /// `NAME=` and the pieces one after the other.
    fn string(&mut self, name: &str, pieces: &[&[u8]]) -> Option<()> {
        let start = self.text.as_ptr().cast();
        let bytes = [name.as_bytes(), b"="]
            .into_iter()
            .chain(pieces.iter().copied())
            .chain([b"\0".as_slice()]);
        for piece in bytes {
            let text = core::mem::take(&mut self.text);
            let (out, rest) = text.split_at_mut_checked(piece.len())?;
            for (to, from) in out.iter_mut().zip(piece) {
                *to = *from;
            }
            self.text = rest;
        }
        self.push(start)
    }

    fn number(&mut self, name: &str, number: u64) -> Option<()> {
        let mut digits = [0; 20];
        let len = write_decimal(number, &mut digits)?;
        self.string(name, &[digits.get(..len)?])
    }

    fn ours(
        &mut self,
        handed: &Handed,
        library: &CStr,
        libraries: &[u8],
        scan_at_least: u32,
    ) -> Option<()> {
        let own = library.to_bytes();
        let users = without_own(libraries, own);
        if users.is_empty() {
            self.string(LD_PRELOAD, &[own])?;
        } else {
            self.string(LD_PRELOAD, &[own, b":", users])?;
        }
        self.number(ENV_REGION_FD, u64::try_from(handed.region).ok()?)?;
        let mut handover = handed.handover();
        handover.scan = handover.scan.map(|scan| scan.max(scan_at_least));
        let mut words = [0; HANDOVER_MAX];
        let len = handover.write(&mut words)?;
        self.string(ENV_PRELOAD, &[words.get(..len)?])
    }
}
