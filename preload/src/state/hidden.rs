//! Our own descriptors: region, report and ledger.
//!
//! They have high numbers, and the program does not see them: it cannot close them, and gets
//! `EBADF` for them as for every number that it did not open. A program that wants the number gets
//! it, and ours moves.

use core::sync::atomic::{AtomicI32, AtomicU64, Ordering};

use super::process;
use crate::sys::errno::Errno;
use crate::sys::kernel::{self, Fd};

/// What a descriptor of ours is for; its place in the list.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// The secret region.
    Region,
    /// The pipe to the wrapper's report.
    Report,
    /// The counts of opened files.
    Ledger,
}

const ROLES: [Role; 3] = [Role::Region, Role::Report, Role::Ledger];

// Zero at first, as all our memory is: then the file has no data to be mapped and copied.

/// One more than the number; 0 for none.
static NUMBERS: [AtomicI32; ROLES.len()] = [const { AtomicI32::new(0) }; ROLES.len()];
/// What the lowest number that was ever ours is below `i32::MAX`.
static BELOW_MAX: AtomicI32 = AtomicI32::new(0);

/// Device and inode numbers of the region, the report and the ledger.
static IDENTITIES: [[AtomicU64; 2]; ROLES.len()] =
    [const { [const { AtomicU64::new(0) }; 2] }; ROLES.len()];

impl Role {
    const fn index(self) -> usize {
        match self {
            Self::Region => 0,
            Self::Report => 1,
            Self::Ledger => 2,
        }
    }

    fn identity(self) -> Option<&'static [AtomicU64; 2]> {
        IDENTITIES.get(self.index())
    }

    fn place(self) -> Option<&'static AtomicI32> {
        NUMBERS.get(self.index())
    }
}

/// The number of a descriptor of ours; `None` when there is none.
#[must_use]
pub fn number(role: Role) -> Option<i32> {
    let number = role.place()?.load(Ordering::Acquire);
    number.checked_sub(1).filter(|number| *number >= 0)
}

/// The number of a descriptor of ours that is what it was when it was taken over: a program can
/// close it by a raw system call, and open another file under that number.
#[must_use]
pub fn live(role: Role) -> Option<i32> {
    let number = number(role)?;
    is_that_of(role, identity(number)).then_some(number)
}

fn is_that_of(role: Role, found: Result<[u64; 2], Errno>) -> bool {
    let expected = role.identity().map(|numbers| numbers.each_ref().map(read));
    found.ok() == expected
}

/// Has `fd` closed on exec if it is a number of one of ours.
///
/// # Errors
///
/// `EBADF`.
pub fn keep_copy(fd: i32) -> Result<(), Errno> {
    let found = identity(fd)?;
    if ROLES.into_iter().any(|role| is_that_of(role, Ok(found))) {
        kernel::set_close_on_exec(fd, true)?;
    }
    Ok(())
}

/// Device and inode number of what is behind `fd`.
fn identity(fd: i32) -> Result<[u64; 2], Errno> {
    let stat = kernel::fstat(fd)?;
    Ok([stat.st_dev, stat.st_ino])
}

fn read(number: &AtomicU64) -> u64 {
    number.load(Ordering::Relaxed)
}

/// Whether `fd` is one of ours.
#[inline(always)]
#[must_use]
pub fn has(fd: i32) -> bool {
    fd >= i32::MAX.wrapping_sub(BELOW_MAX.load(Ordering::Relaxed)) && is_listed(fd)
}

#[cold]
#[inline(never)]
fn is_listed(fd: i32) -> bool {
    ROLES.into_iter().any(|role| is_at(role, fd))
}

/// Whether the descriptor of that role still has the number `fd`.
fn is_at(role: Role, fd: i32) -> bool {
    if number(role) != Some(fd) {
        return false;
    }
    let found = identity(fd);
    // Where a sandbox forbids to look, it is ours.
    let is_unknown = matches!(found, Err(error) if error != Errno::BADF);
    let is_ours = is_unknown || is_that_of(role, found);
    // A child in its parent's memory has closed its own descriptors, not the parent's.
    if !is_ours && process::owns_memory() {
        adopt(role, -1);
    }
    is_ours
}

/// Keeps `fd` under a high number, close-on-exec, and answers that; under its own number where no
/// other is free. The descriptor that had the role is not closed.
pub fn keep(role: Role, fd: Fd) -> i32 {
    let number = match kernel::dupfd_high(fd.number(), true) {
        Ok(raised) => raised.into_number(),
        Err(_no_room) => fd.into_number(),
    };
    adopt(role, number);
    number
}

/// Takes over the number `fd`, which stays as it is. Negative for none.
pub fn adopt(role: Role, fd: i32) {
    if let Some(place) = role.place() {
        place.store(fd.wrapping_add(1), Ordering::Release);
        if fd >= 0 {
            if let (Some(places), Ok(numbers)) = (role.identity(), identity(fd)) {
                for (place, number) in places.iter().zip(numbers) {
                    place.store(number, Ordering::Relaxed);
                }
            }
            BELOW_MAX.fetch_max(i32::MAX.wrapping_sub(fd), Ordering::Relaxed);
        }
    }
}

/// Moves ours away from number `fd`, which the program is about to take.
///
/// # Errors
///
/// `EMFILE`: there is no other number; the program then does not get this one.
pub fn yield_number(fd: i32) -> Result<(), Errno> {
    // A child in its parent's memory loses its own one, and what it executes gets nothing.
    if !has(fd) || !process::owns_memory() {
        return Ok(());
    }
    for role in ROLES {
        if number(role) == Some(fd) {
            let moved = kernel::dupfd_high(fd, true)?;
            adopt(role, moved.into_number());
        }
    }
    Ok(())
}

/// Each number of ours within `first..=last`, in ascending order, for calls that close a range.
pub fn next_within(first: u32, last: u32) -> Option<u32> {
    ROLES
        .into_iter()
        .filter_map(|role| u32::try_from(live(role)?).ok())
        .filter(|number| (first..=last).contains(number))
        .min()
}
