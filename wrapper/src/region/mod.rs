//! The secret region: the one place of this process that holds values after start.
//!
//! [`Layout`] works out sizes, [`Region::create`] gets the memory, [`Region::fill`] writes the
//! first values, [`Region::seal`] ends that, and [`Region::publish`] rotates. Readers are in
//! `cloudtaser_abi::region`; the layout is described in `docs/region.md`.

mod layout;
mod memory;
#[cfg(test)]
mod tests;
pub mod writer;

use std::ffi::c_char;
use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::AtomicU64;

use cloudtaser_abi::protection::Protection;
use rustix::time::{ClockId, clock_gettime};

pub use layout::{EntrySpec, FileAttributes, Growth, Layout, LayoutError, Place};
pub use memory::{Memory, Refusal, RefusalReason, acquire, acquire_shared};

use crate::status;
use crate::sys::mmap::GuardedMapping;
use writer::OutOfBounds;

/// Why the region could not be made or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegionError {
    /// This place protects memory less well than demanded. Exit status 77.
    #[error(
        "secret memory would be at level `{level}`, and `{minimum}` is demanded \
         (--min-protection, CLOUDTASER_MIN_PROTECTION): {}", list(.refusals)
    )]
    TooWeak {
        /// What there is.
        level: Protection,
        /// What was demanded.
        minimum: Protection,
        /// Why there is no more.
        refusals: Vec<Refusal>,
    },
    /// A value is longer than the room that was reserved at start.
    #[error(
        "the new value of `{reference}` has {len} bytes and the entry was reserved for {limit}; \
         restart the program to make room"
    )]
    Outgrown {
        /// The entry's canonical reference.
        reference: String,
        /// Bytes of the value.
        len: usize,
        /// Bytes that fit.
        limit: usize,
    },
    /// A value with a NUL byte cannot be an environment variable.
    #[error(
        "the value of `{reference}` holds a NUL byte and cannot be the variable `{variable}`; \
         deliver it as a file"
    )]
    Nul {
        /// The entry's canonical reference.
        reference: String,
        /// The variable's name.
        variable: String,
    },
    /// A variable has a new value: the program keeps pointers to the old one.
    #[error(
        "the variable `{variable}` (`{reference}`) keeps its start value as long as the program \
         runs; deliver it as a file to follow its rotation"
    )]
    Environ {
        /// The entry's canonical reference.
        reference: String,
        /// The variable's name.
        variable: String,
    },
    /// There is no entry of that number, or the region was sealed before: a defect of ours.
    #[error("secret region has no entry {index} to be {action}; please report this")]
    NoEntry {
        /// The entry's number, from 0.
        index: usize,
        /// `filled` or `published`.
        action: &'static str,
    },
    /// A write beyond the region: a defect of ours.
    #[error(transparent)]
    OutOfBounds(#[from] OutOfBounds),
    /// A system call failed. Exit status 70.
    #[error("{call} of the secret region failed")]
    Syscall {
        /// The kernel's name of the call.
        call: &'static str,
        /// What the kernel answered.
        #[source]
        source: io::Error,
    },
}

impl RegionError {
    /// The exit status of `cloudtaser` for this error.
    #[must_use]
    pub const fn exit_status(&self) -> u8 {
        match self {
            Self::TooWeak { .. } => status::PRIVILEGE,
            Self::Nul { .. } => status::USAGE,
            _ => status::INTERNAL,
        }
    }
}

/// A region and its memory. Wiped and unmapped when dropped.
#[derive(Debug)]
pub struct Region {
    mapping: GuardedMapping,
    layout: Layout,
    protection: Protection,
    refusals: Vec<Refusal>,
    /// The memory as a file, of a region that is handed over.
    file: Option<OwnedFd>,
    is_sealed: bool,
}

/// The address of an entry's environment string (`NAME=value`, NUL) in the region. Valid until
/// the region is dropped: what is a variable is never published again.
#[derive(Clone, Copy, Debug)]
pub struct EnvironString<'a> {
    start: *const c_char,
    region: PhantomData<&'a Region>,
}

impl EnvironString<'_> {
    /// What `execve(2)` takes.
    #[must_use]
    pub const fn as_ptr(self) -> *const c_char {
        self.start
    }
}

impl Region {
    /// Makes a region for `layout`, with zeros for values. `minimum` turns weaker memory into an
    /// error; [`Protection::Enforced`] counts as [`Protection::Secretmem`] here, because the
    /// region does not know about the enforcer.
    ///
    /// # Errors
    ///
    /// [`RegionError::TooWeak`], [`RegionError::Syscall`].
    pub fn create(layout: Layout, minimum: Protection) -> Result<Self, RegionError> {
        Self::of(acquire(layout.capacity), layout, minimum)
    }

    /// As [`Region::create`], with a descriptor of the memory to hand over ([`Region::file`]).
    ///
    /// # Errors
    ///
    /// As [`Region::create`].
    pub fn create_shared(layout: Layout, minimum: Protection) -> Result<Self, RegionError> {
        Self::of(acquire_shared(layout.capacity), layout, minimum)
    }

    fn of(
        memory: Result<Memory, (&'static str, io::Error)>,
        layout: Layout,
        minimum: Protection,
    ) -> Result<Self, RegionError> {
        let Memory {
            mapping,
            protection,
            refusals,
            file,
        } = memory.map_err(|(call, source)| RegionError::Syscall { call, source })?;
        if protection < minimum.min(Protection::Secretmem) {
            return Err(RegionError::TooWeak {
                level: protection,
                minimum,
                refusals,
            });
        }
        writer::format(mapping.words(), &layout, protection)?;
        Ok(Self {
            mapping,
            layout,
            protection,
            refusals,
            file,
            is_sealed: false,
        })
    }

    /// States a lower level than the memory has, for values whose way here was less protected. For
    /// the time before the first [`Region::fill`].
    ///
    /// # Errors
    ///
    /// [`RegionError::OutOfBounds`].
    pub fn lower(&mut self, ceiling: Protection) -> Result<(), RegionError> {
        self.protection = self.protection.min(ceiling);
        writer::format(self.mapping.words(), &self.layout, self.protection)?;
        Ok(())
    }

    /// Writes the first value of the entry at `index`: version 0, generation 0. For the time
    /// before anybody else can see the region.
    ///
    /// # Errors
    ///
    /// [`RegionError::Outgrown`], [`RegionError::Nul`], [`RegionError::NoEntry`] (also after
    /// [`Region::seal`]).
    pub fn fill(&mut self, index: usize, value: &[u8]) -> Result<(), RegionError> {
        let missing = RegionError::NoEntry {
            index,
            action: "filled",
        };
        if self.is_sealed {
            return Err(missing);
        }
        let place = self.layout.places.get(index).ok_or(missing)?;
        check(place, value)?;
        writer::fill(self.mapping.words(), &self.layout, place, value)?;
        Ok(())
    }

    /// Ends the filling: from now on the memory is read-only for this process too, except within
    /// [`Region::publish`].
    ///
    /// # Errors
    ///
    /// [`RegionError::Syscall`].
    pub fn seal(&mut self) -> Result<(), RegionError> {
        self.is_sealed = true;
        self.set_writable(false)
    }

    /// Rotates the entry at `index`: readers see the old value or the new one, whole.
    ///
    /// # Errors
    ///
    /// [`RegionError::Environ`], [`RegionError::Outgrown`], [`RegionError::NoEntry`],
    /// [`RegionError::Syscall`]. The old value stays after every error except that of making the
    /// memory read-only again.
    pub fn publish(&mut self, index: usize, value: &[u8]) -> Result<(), RegionError> {
        let missing = || RegionError::NoEntry {
            index,
            action: "published",
        };
        let place = self.layout.places.get(index).ok_or_else(missing)?;
        if !place.prefix.is_empty() {
            return Err(RegionError::Environ {
                reference: place.reference.clone(),
                variable: variable(place),
            });
        }
        check(place, value)?;
        if self.is_sealed {
            self.set_writable(true)?;
        }
        let place = self.layout.places.get(index).ok_or_else(missing)?;
        let words = self.mapping.words();
        let written = writer::publish(words, &self.layout, place, value, now_ns());
        if self.is_sealed {
            self.set_writable(false)?;
        }
        Ok(written?)
    }

    /// The environment string of the entry at `index`, for `execve`. `None` when the entry is not
    /// delivered as a variable.
    #[must_use]
    pub fn environ_string(&self, index: usize) -> Option<EnvironString<'_>> {
        let place = self.layout.places.get(index)?;
        if place.prefix.is_empty() {
            return None;
        }
        let value = writer::value_at(&self.layout, place, 0).ok()?;
        let offset = value.checked_sub(place.prefix.len())?;
        Some(EnvironString {
            start: self.mapping.as_ptr().wrapping_byte_add(offset).cast(),
            region: PhantomData,
        })
    }

    /// The name of the variable that the entry at `index` is delivered as; `None` when it is none.
    #[must_use]
    pub fn variable(&self, index: usize) -> Option<&str> {
        self.layout.places.get(index)?.prefix.strip_suffix('=')
    }

    /// The memory as a file, closed on exec; of a region made by [`Region::create_shared`] until
    /// [`Region::hand_over`].
    #[must_use]
    pub fn file(&self) -> Option<BorrowedFd<'_>> {
        self.file.as_ref().map(AsFd::as_fd)
    }

    /// Notes that a program has the descriptor now. Ours is closed, since whoever steals one maps
    /// the same pages; and the values stay when this region is dropped, because what the program
    /// has started may outlive us. The kernel wipes secret memory when its last user goes.
    pub fn hand_over(&mut self) {
        if self.file.take().is_some() {
            self.mapping.keep_content();
        }
    }

    /// How well the memory is protected.
    #[must_use]
    pub const fn protection(&self) -> Protection {
        self.protection
    }

    /// Why it is not better protected; empty when it is secret memory.
    #[must_use]
    pub fn refusals(&self) -> &[Refusal] {
        &self.refusals
    }

    /// The memory, for a reader. Includes the rest of the last page.
    #[must_use]
    pub fn words(&self) -> &[AtomicU64] {
        self.mapping.words()
    }

    /// Address and length (bytes) of the memory between the guards, to tell it from other
    /// mappings in `/proc/self/maps`.
    #[must_use]
    pub fn range(&self) -> (*const u8, usize) {
        (self.mapping.as_ptr(), self.mapping.len())
    }

    /// Children forked from now on do not have the region. Not to be called before the program's
    /// own fork when its environment comes from the region: the child needs it until `execve`.
    ///
    /// # Errors
    ///
    /// [`RegionError::Syscall`].
    pub fn exclude_from_children(&self) -> Result<(), RegionError> {
        let advised = self.mapping.exclude_from_children();
        advised.map_err(|source| RegionError::Syscall {
            call: "madvise",
            source,
        })
    }

    fn set_writable(&mut self, is_writable: bool) -> Result<(), RegionError> {
        let changed = self.mapping.set_writable(is_writable);
        changed.map_err(|source| RegionError::Syscall {
            call: "mprotect",
            source,
        })
    }
}

fn check(place: &Place, value: &[u8]) -> Result<(), RegionError> {
    if value.len() > place.capacity {
        return Err(RegionError::Outgrown {
            reference: place.reference.clone(),
            len: value.len(),
            limit: place.capacity,
        });
    }
    if !place.prefix.is_empty() && value.contains(&0) {
        return Err(RegionError::Nul {
            reference: place.reference.clone(),
            variable: variable(place),
        });
    }
    Ok(())
}

fn variable(place: &Place) -> String {
    place.prefix.trim_end_matches('=').to_owned()
}

/// The clock by which file systems note times, in nanoseconds since 1970; 0, "not told", for one
/// that stands before that. It is a tick behind the exact one: by that, files of ours would look
/// newer than what the program writes after it has read them.
#[must_use]
pub fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::RealtimeCoarse);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    let nanoseconds = u64::try_from(now.tv_nsec).unwrap_or(0);
    seconds
        .saturating_mul(1_000_000_000)
        .saturating_add(nanoseconds)
}

fn list(refusals: &[Refusal]) -> String {
    let lines = refusals
        .iter()
        .map(|refusal| format!("{refusal} ({})", refusal.fix()));
    lines.collect::<Vec<_>>().join("; ")
}
