//! One entry of the region: its names, and its value under a sequence lock.
//!
//! The writer writes a new value into the idle one of two slots, so the live one stays readable
//! all the time: a reader never waits. It only has to find out whether the slot that it copied
//! was retired meanwhile, and then copies the other one.

use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering, fence};

use super::error::{EntryFault, ReadError};
use super::layout::{self, entry as at};
use super::reader::Region;
use super::text::Text;
use super::words;

/// How often a read starts again when the value is rotated under it. Chosen: a rotation writes
/// more bytes than a read copies, so even a writer that never pauses loses this race long before.
const ATTEMPTS: u32 = 1_000;

/// One version of an entry's value, for reading it piece by piece.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Snapshot {
    /// Rotations of this entry so far: 0 is the value that the program started with.
    pub version: u64,
    /// Bytes of the value.
    pub len: usize,
}

/// Where an entry's environment string stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Environ {
    /// Of the first byte of `NAME=`, in bytes from the region's start.
    pub offset: usize,
    /// Bytes of `NAME=value`, without the NUL after it.
    pub len: usize,
    /// The version of the value; the string is wiped when it is rotated.
    pub version: u64,
}

/// One secret of a region.
#[derive(Clone, Copy)]
pub struct Entry<'a> {
    words: &'a [AtomicU64],
    /// Offset of the directory entry.
    base: usize,
    /// Offsets of the value in the two slot areas.
    values: [usize; 2],
    capacity: usize,
    /// Bytes of `NAME=` before the value, 0 without [`layout::FLAG_ENVIRON`].
    prefix: usize,
    reference: Option<Text<'a>>,
    path: Option<Text<'a>>,
    variable: Option<Text<'a>>,
}

/// The part of each slot area that an entry occupies, prefix and terminator included.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl<'a> Entry<'a> {
    /// Reads and checks the directory entry at `base`, in the order of `docs/region.md`.
    pub(super) fn decode(region: &Region<'a>, base: usize) -> Result<(Self, Bounds), EntryFault> {
        let words = region.words;
        let size = |offset| words::size_at(words, base.checked_add(offset)?);
        let flags = base
            .checked_add(at::FLAGS)
            .and_then(|offset| words::u32_pair_at(words, offset))
            .ok_or(EntryFault::Flags)?
            .0;
        if flags & layout::INCOMPATIBLE_FLAGS != 0 {
            return Err(EntryFault::Flags);
        }
        let reference = text(region, base, at::REFERENCE)?;
        let path = text(region, base, at::PATH)?;
        let variable = text(region, base, at::VARIABLE)?;
        let prefix = match (flags & layout::FLAG_ENVIRON != 0, &variable) {
            (false, _) => 0,
            (true, None) => return Err(EntryFault::Variable),
            (true, Some(name)) => name.len().saturating_add(1),
        };
        let slot = size(at::SLOT).ok_or(EntryFault::Slot)?;
        if !slot.is_multiple_of(8) {
            return Err(EntryFault::Unaligned);
        }
        let capacity = size(at::SLOT_CAPACITY).ok_or(EntryFault::Slot)?;
        let bounds = bounds(slot, prefix, capacity).ok_or(EntryFault::Slot)?;
        if bounds.end > region.slots_len {
            return Err(EntryFault::Slot);
        }
        let [slots_0, slots_1] = region.slots;
        let values = [
            slots_0.checked_add(slot).ok_or(EntryFault::Slot)?,
            slots_1.checked_add(slot).ok_or(EntryFault::Slot)?,
        ];
        let entry = Self {
            words,
            base,
            values,
            capacity,
            prefix,
            reference,
            path,
            variable,
        };
        Ok((entry, bounds))
    }

    /// The canonical reference, such as `secret/data/db#password`.
    #[must_use]
    pub const fn reference(&self) -> Option<Text<'a>> {
        self.reference
    }

    /// The path of the file as which the value is delivered.
    #[must_use]
    pub const fn path(&self) -> Option<Text<'a>> {
        self.path
    }

    /// The name of the variable as which the value is delivered.
    #[must_use]
    pub const fn variable(&self) -> Option<Text<'a>> {
        self.variable
    }

    /// Permission bits of the file, such as `0o400`.
    #[must_use]
    pub fn mode(&self) -> u32 {
        match self.pair(at::FLAGS).map(|(_, mode)| mode & 0o7777) {
            None | Some(0) => layout::DEFAULT_MODE,
            Some(mode) => mode,
        }
    }

    /// User and group id of the file's owner; `None` when it belongs to whoever looks.
    #[must_use]
    pub fn owner(&self) -> Option<(u32, u32)> {
        let (flags, _) = self.pair(at::FLAGS)?;
        if flags & layout::FLAG_OWNER == 0 {
            return None;
        }
        self.pair(at::UID)
    }

    /// How often the file can be opened, all processes together; `None` for no limit.
    #[must_use]
    pub fn open_limit(&self) -> Option<u32> {
        let (limit, _) = self.pair(at::OPENS)?;
        (limit != 0).then_some(limit)
    }

    /// When the live value was published, in nanoseconds since 1970; 0 for the first value.
    #[must_use]
    pub fn changed_ns(&self) -> u64 {
        let field = self.base.checked_add(at::CHANGED_NS);
        field
            .and_then(|offset| words::u64_at(self.words, offset))
            .unwrap_or(0)
    }

    fn pair(&self, field: usize) -> Option<(u32, u32)> {
        words::u32_pair_at(self.words, self.base.checked_add(field)?)
    }

    /// The most bytes that a value of this entry can have.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// The version that is live now, and its length.
    ///
    /// # Errors
    ///
    /// [`ReadError::Damaged`], [`ReadError::Contended`].
    pub fn snapshot(&self) -> Result<Snapshot, ReadError> {
        for _ in 0..ATTEMPTS {
            let version = self.version()?;
            let len = self.len_of(version)?;
            if self.is_still(version)? {
                let len = len.filter(|len| *len <= self.capacity);
                let len = len.ok_or(ReadError::Damaged)?;
                return Ok(Snapshot { version, len });
            }
            core::hint::spin_loop();
        }
        Err(ReadError::Contended)
    }

    /// Bytes of the live value.
    ///
    /// # Errors
    ///
    /// Those of [`Entry::snapshot`].
    pub fn value_len(&self) -> Result<usize, ReadError> {
        Ok(self.snapshot()?.len)
    }

    /// Copies the whole live value to the start of `out` and says how many bytes it has: never a
    /// mixture of two versions.
    ///
    /// # Errors
    ///
    /// [`ReadError::TooSmall`], [`ReadError::Damaged`], [`ReadError::Contended`].
    pub fn read(&self, out: &mut [u8]) -> Result<usize, ReadError> {
        for _ in 0..ATTEMPTS {
            let snapshot = self.snapshot()?;
            let needed = snapshot.len;
            let out = out
                .get_mut(..needed)
                .ok_or(ReadError::TooSmall { needed })?;
            match self.read_at(snapshot, 0, out) {
                Err(ReadError::Stale) => core::hint::spin_loop(),
                result => return result,
            }
        }
        Err(ReadError::Contended)
    }

    /// Copies what the snapshot's version has from `offset` (bytes) on into `out`, as much as
    /// fits, and says how much that was; 0 at or beyond the value's end.
    ///
    /// # Errors
    ///
    /// [`ReadError::Stale`] when the value was rotated since the snapshot; then, and for
    /// [`ReadError::Damaged`], `out` is zeroed.
    pub fn read_at(
        &self,
        snapshot: Snapshot,
        offset: usize,
        out: &mut [u8],
    ) -> Result<usize, ReadError> {
        let result = self.copy_at(snapshot, offset, out);
        if result.is_err() {
            out.fill(0);
        }
        result
    }

    /// Where the live environment string stands, if the entry is one; its prefix and its
    /// terminator have been checked. The caller must not use it beyond a change of the version.
    ///
    /// # Errors
    ///
    /// [`ReadError::Damaged`] when `NAME=` does not stand before the value or no NUL after it;
    /// [`ReadError::Contended`].
    pub fn environ(&self) -> Result<Option<Environ>, ReadError> {
        let (Some(name), false) = (self.variable, self.prefix == 0) else {
            return Ok(None);
        };
        for _ in 0..ATTEMPTS {
            let snapshot = self.snapshot()?;
            let framed = self.frame(name, snapshot);
            if self.is_still(snapshot.version)? {
                return framed.map(Some).ok_or(ReadError::Damaged);
            }
            core::hint::spin_loop();
        }
        Err(ReadError::Contended)
    }

    fn copy_at(
        &self,
        snapshot: Snapshot,
        offset: usize,
        out: &mut [u8],
    ) -> Result<usize, ReadError> {
        if snapshot.len > self.capacity {
            return Err(ReadError::Damaged);
        }
        if self.version()? != snapshot.version {
            return Err(ReadError::Stale);
        }
        let count = snapshot.len.saturating_sub(offset).min(out.len());
        if count == 0 {
            return Ok(0);
        }
        let out = out.get_mut(..count).ok_or(ReadError::Damaged)?;
        let start = self.value_of(snapshot.version).checked_add(offset);
        let start = start.ok_or(ReadError::Damaged)?;
        words::copy(self.words, start, out).ok_or(ReadError::Damaged)?;
        if self.is_still(snapshot.version)? {
            Ok(count)
        } else {
            Err(ReadError::Stale)
        }
    }

    fn frame(&self, name: Text<'a>, snapshot: Snapshot) -> Option<Environ> {
        let value = self.value_of(snapshot.version);
        let offset = value.checked_sub(self.prefix)?;
        let name_matches = (0..name.len())
            .zip(offset..)
            .all(|(index, at)| words::byte_at(self.words, at) == name.byte(index));
        let equals = words::byte_at(self.words, value.checked_sub(1)?)?;
        let end = words::byte_at(self.words, value.checked_add(snapshot.len)?)?;
        (name_matches && equals == b'=' && end == 0).then_some(Environ {
            offset,
            len: self.prefix.checked_add(snapshot.len)?,
            version: snapshot.version,
        })
    }

    /// Loads the version; what is read after this call is at least as new.
    fn version(&self) -> Result<u64, ReadError> {
        let sequence = self
            .base
            .checked_add(at::SEQUENCE)
            .and_then(|offset| words::u64_at(self.words, offset))
            .ok_or(ReadError::Damaged)?;
        fence(Ordering::Acquire);
        Ok(sequence >> 1)
    }

    /// Whether everything read before this call belongs to `version`.
    ///
    /// The fence pairs with the writer's release fences: had one of our loads seen a byte of a
    /// wipe or of a newer version, the load after the fence would see the newer sequence.
    fn is_still(&self, version: u64) -> Result<bool, ReadError> {
        fence(Ordering::Acquire);
        Ok(self.version()? == version)
    }

    fn value_of(&self, version: u64) -> usize {
        let [even, odd] = self.values;
        if version & 1 == 0 { even } else { odd }
    }

    /// The length field of the version's slot; `None` inside when no value can be that long.
    fn len_of(&self, version: u64) -> Result<Option<usize>, ReadError> {
        let field = if version & 1 == 0 {
            at::LEN_0
        } else {
            at::LEN_1
        };
        let field = self.base.checked_add(field).ok_or(ReadError::Damaged)?;
        let len = words::u64_at(self.words, field).ok_or(ReadError::Damaged)?;
        Ok(usize::try_from(len).ok())
    }
}

impl fmt::Debug for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("base", &self.base)
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}

/// The text whose offset and length stand at `field` of the directory entry; length 0 is none.
fn text<'a>(
    region: &Region<'a>,
    base: usize,
    field: usize,
) -> Result<Option<Text<'a>>, EntryFault> {
    let pair = base
        .checked_add(field)
        .and_then(|offset| words::u32_pair_at(region.words, offset));
    let (offset, len) = pair.ok_or(EntryFault::Text)?;
    let offset = usize::try_from(offset).ok().ok_or(EntryFault::Text)?;
    let len = usize::try_from(len).ok().ok_or(EntryFault::Text)?;
    if len == 0 {
        return Ok(None);
    }
    let end = offset.checked_add(len).ok_or(EntryFault::Text)?;
    if end > region.strings_len {
        return Err(EntryFault::Text);
    }
    let start = region.strings.checked_add(offset).ok_or(EntryFault::Text)?;
    Ok(Some(Text::new(region.words, start, len)))
}

fn bounds(slot: usize, prefix: usize, capacity: usize) -> Option<Bounds> {
    Some(Bounds {
        start: slot.checked_sub(prefix)?,
        end: slot.checked_add(capacity)?.checked_add(1)?,
    })
}
