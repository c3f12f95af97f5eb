//! Writes a region's bytes: format, first values, rotation. Works on any memory that is given as
//! atomic words; there must be one writer only.

use std::sync::atomic::{AtomicU64, Ordering, fence};

use cloudtaser_abi::protection::Protection;
use cloudtaser_abi::region::layout::{
    ENTRY_SIZE, FLAG_ENVIRON, FLAG_OWNER, HEADER_SIZE, MAGIC, MAJOR, MINOR, entry, header,
};

use super::layout::{Layout, Place};

/// The region's memory did not fit its layout: a defect of ours.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("secret region is smaller than its layout; please report this")]
pub struct OutOfBounds;

type Written = Result<(), OutOfBounds>;

/// Writes header, directory and texts into zeroed memory. Values follow by [`fill`].
///
/// # Errors
///
/// [`OutOfBounds`] when `words` are fewer than the layout's capacity.
pub fn format(words: &[AtomicU64], layout: &Layout, protection: Protection) -> Written {
    put(words, header::MAGIC, &MAGIC)?;
    put(words, header::MAJOR, &MAJOR.to_le_bytes())?;
    put(words, header::MINOR, &MINOR.to_le_bytes())?;
    put_u32(words, header::HEADER_SIZE, HEADER_SIZE)?;
    put_u64(words, header::CAPACITY, layout.capacity)?;
    put_u32(words, header::ENTRY_COUNT, layout.places.len())?;
    put_u32(words, header::ENTRY_SIZE, ENTRY_SIZE)?;
    put_u64(words, header::DIRECTORY, HEADER_SIZE)?;
    put_u64(words, header::STRINGS, layout.strings_at)?;
    put_u64(words, header::STRINGS_LEN, layout.strings.len())?;
    let [slots_0, slots_1] = layout.slots_at;
    put_u64(words, header::SLOTS_0, slots_0)?;
    put_u64(words, header::SLOTS_1, slots_1)?;
    put_u64(words, header::SLOTS_LEN, layout.slots_len)?;
    let level = protection.number().to_le_bytes();
    put(words, header::PROTECTION, &level)?;
    put(words, header::FLAGS, &layout.flags.to_le_bytes())?;
    put(words, header::CREATED_NS, &layout.created_ns.to_le_bytes())?;
    put(words, layout.strings_at, &layout.strings)?;
    layout
        .places
        .iter()
        .try_for_each(|place| put_entry(words, place))
}

fn put_entry(words: &[AtomicU64], place: &Place) -> Written {
    let at = place.directory;
    put_u64(words, at + entry::SLOT, place.slot)?;
    put_u64(words, at + entry::SLOT_CAPACITY, place.capacity)?;
    let fields = [entry::REFERENCE, entry::PATH, entry::VARIABLE];
    for (field, (offset, len)) in fields.into_iter().zip(place.texts) {
        put(words, at + field, &offset.to_le_bytes())?;
        put(words, at + field + 4, &len.to_le_bytes())?;
    }
    let mut flags = 0;
    if !place.prefix.is_empty() {
        flags |= FLAG_ENVIRON;
    }
    if place.file.owner.is_some() {
        flags |= FLAG_OWNER;
    }
    let (uid, gid) = place.file.owner.unwrap_or_default();
    for (field, number) in [
        (entry::FLAGS, flags),
        (entry::MODE, place.file.mode),
        (entry::UID, uid),
        (entry::GID, gid),
        (entry::OPENS, place.file.opens),
    ] {
        put(words, at + field, &number.to_le_bytes())?;
    }
    Ok(())
}

/// Writes an entry's first value, version 0, while nobody reads yet.
///
/// # Errors
///
/// [`OutOfBounds`]; also when the value is longer than the place's capacity.
pub fn fill(words: &[AtomicU64], layout: &Layout, place: &Place, value: &[u8]) -> Written {
    put_slot(words, layout, place, 0, value)
}

/// Publishes an entry's next version while others read: writes the idle slot, makes it the live
/// one, counts the generation up, wipes the slot that was live. `changed_ns` is the time, in
/// nanoseconds since 1970.
///
/// # Errors
///
/// [`OutOfBounds`]; also when the value is longer than the place's capacity.
pub fn publish(
    words: &[AtomicU64],
    layout: &Layout,
    place: &Place,
    value: &[u8],
    changed_ns: u64,
) -> Written {
    let sequence = begin(words, place)?;
    let idle = slot_of(sequence + 1);
    put_slot(words, layout, place, idle, value)?;
    let changed = counter(words, place.directory + entry::CHANGED_NS)?;
    changed.store(changed_ns.to_le(), Ordering::Relaxed);
    flip(words, place)?;
    wipe(words, layout, place, 1 - idle)
}

/// First step of a rotation: makes the sequence odd and answers it.
///
/// # Errors
///
/// [`OutOfBounds`].
#[doc(hidden)]
pub fn begin(words: &[AtomicU64], place: &Place) -> Result<u64, OutOfBounds> {
    let sequence = counter(words, place.directory + entry::SEQUENCE)?;
    let odd = u64::from_le(sequence.load(Ordering::Relaxed)) | 1;
    sequence.store(odd.to_le(), Ordering::Relaxed);
    // Whoever sees a byte of the new value sees the odd sequence too, and that the version before
    // it ended the life of the slot that we now write.
    fence(Ordering::Release);
    Ok(odd)
}

/// Third step of a rotation: the idle slot becomes the live one.
///
/// # Errors
///
/// [`OutOfBounds`].
#[doc(hidden)]
pub fn flip(words: &[AtomicU64], place: &Place) -> Written {
    let sequence = counter(words, place.directory + entry::SEQUENCE)?;
    let odd = u64::from_le(sequence.load(Ordering::Relaxed));
    sequence.store(odd.wrapping_add(1).to_le(), Ordering::Release);
    let generation = counter(words, header::GENERATION)?;
    let next = u64::from_le(generation.load(Ordering::Relaxed)).wrapping_add(1);
    generation.store(next.to_le(), Ordering::Release);
    // Whoever sees a byte of the wipe that follows sees the flip too.
    fence(Ordering::Release);
    Ok(())
}

/// Zeroes one slot of an entry: prefix, value and terminator. The stores are atomic, which the
/// compiler does not leave out.
///
/// # Errors
///
/// [`OutOfBounds`].
#[doc(hidden)]
pub fn wipe(words: &[AtomicU64], layout: &Layout, place: &Place, slot: usize) -> Written {
    let value = value_at(layout, place, slot)?;
    let start = value
        .checked_sub(place.prefix.len())
        .map(|start| start / 8)
        .ok_or(OutOfBounds)?;
    let end = (value + place.capacity + 1).div_ceil(8);
    let slot_words = words.get(start..end).ok_or(OutOfBounds)?;
    for word in slot_words {
        word.store(0, Ordering::Relaxed);
    }
    put_len(words, place, slot, 0)
}

/// Second step of a rotation: writes prefix, value and terminator, and the slot's length.
///
/// # Errors
///
/// [`OutOfBounds`]; also when the value is longer than the place's capacity.
#[doc(hidden)]
pub fn put_slot(
    words: &[AtomicU64],
    layout: &Layout,
    place: &Place,
    slot: usize,
    value: &[u8],
) -> Written {
    if value.len() > place.capacity {
        return Err(OutOfBounds);
    }
    let at = value_at(layout, place, slot)?;
    let prefix_at = at.checked_sub(place.prefix.len()).ok_or(OutOfBounds)?;
    put(words, prefix_at, place.prefix.as_bytes())?;
    put(words, at, value)?;
    put(words, at + value.len(), &[0])?;
    put_len(words, place, slot, value.len())
}

/// The live slot for a sequence number.
#[doc(hidden)]
#[must_use]
pub const fn slot_of(sequence: u64) -> usize {
    if (sequence >> 1) & 1 == 0 { 0 } else { 1 }
}

/// Where the place's value starts in a slot, from the region's start.
pub(super) fn value_at(layout: &Layout, place: &Place, slot: usize) -> Result<usize, OutOfBounds> {
    let area = layout.slots_at.get(slot).ok_or(OutOfBounds)?;
    area.checked_add(place.slot).ok_or(OutOfBounds)
}

fn put_len(words: &[AtomicU64], place: &Place, slot: usize, len: usize) -> Written {
    let field = if slot == 0 {
        entry::LEN_0
    } else {
        entry::LEN_1
    };
    put_u64(words, place.directory + field, len)
}

/// Stores `bytes` at `offset`. Bytes of the same word that are not ours are stored again as they
/// are, which is right because there is one writer only.
pub(super) fn put(words: &[AtomicU64], offset: usize, bytes: &[u8]) -> Written {
    let mut at = offset;
    let mut rest = bytes;
    while !rest.is_empty() {
        let word = words.get(at / 8).ok_or(OutOfBounds)?;
        let mut held = word.load(Ordering::Relaxed).to_ne_bytes();
        let mut count = 0;
        for (old, new) in held.iter_mut().skip(at % 8).zip(rest) {
            *old = *new;
            count += 1;
        }
        word.store(u64::from_ne_bytes(held), Ordering::Relaxed);
        at += count;
        rest = rest.get(count..).ok_or(OutOfBounds)?;
    }
    Ok(())
}

fn put_u32(words: &[AtomicU64], offset: usize, number: usize) -> Written {
    let Ok(number) = u32::try_from(number) else {
        return Err(OutOfBounds);
    };
    put(words, offset, &number.to_le_bytes())
}

/// One store for the whole number, so that a reader sees the old or the new one.
fn put_u64(words: &[AtomicU64], offset: usize, number: usize) -> Written {
    let Ok(number) = u64::try_from(number) else {
        return Err(OutOfBounds);
    };
    counter(words, offset)?.store(number.to_le(), Ordering::Relaxed);
    Ok(())
}

fn counter(words: &[AtomicU64], offset: usize) -> Result<&AtomicU64, OutOfBounds> {
    if !offset.is_multiple_of(8) {
        return Err(OutOfBounds);
    }
    words.get(offset / 8).ok_or(OutOfBounds)
}
