//! Our descriptors on the way to the next program, which takes them over.

use core::sync::atomic::{AtomicI32, Ordering};

use cloudtaser_abi::handover::Handover;

use crate::descriptor;
use crate::lookup::root;
use crate::state::hidden::{self, Role};
use crate::sys::kernel::{self, Fd};

/// Their numbers.
#[derive(Clone, Copy, Debug)]
pub struct Handed {
    /// The secret region.
    pub region: i32,
    report: Option<i32>,
    ledger: Option<i32>,
}

/// What the lowest number that a duplicate ever had is below `i32::MAX`.
static BELOW_MAX: AtomicI32 = AtomicI32::new(0);
/// The highest one.
static HIGHEST: AtomicI32 = AtomicI32::new(0);

/// A duplicate that goes through `exec` as soon as a child would find it ([`close_copies`]).
fn duplicate(number: i32) -> Option<Fd> {
    let made = kernel::dupfd_high(number).ok()?;
    let below = i32::MAX.wrapping_sub(made.number());
    BELOW_MAX.fetch_max(below, Ordering::Relaxed);
    HIGHEST.fetch_max(made.number(), Ordering::Relaxed);
    kernel::set_close_on_exec(made.number(), false).ok()?;
    Some(made)
}

/// In a child: closes the duplicates that other threads of its parent had when it was made.
pub fn close_copies() {
    let lowest = i32::MAX.wrapping_sub(BELOW_MAX.load(Ordering::Relaxed));
    for number in lowest..=HIGHEST.load(Ordering::Relaxed) {
        hidden::close_copy(number);
    }
}

/// Descriptors for one call; closed when dropped.
#[derive(Debug)]
pub struct Duplicates {
    region: Fd,
    report: Option<Fd>,
    ledger: Option<Fd>,
}

impl Handed {
    /// Those of this process; `None` when the region's is not there any more: a program can close
    /// it by a raw system call.
    #[must_use]
    pub fn live() -> Option<Self> {
        Some(Self {
            region: hidden::live(Role::Region)?,
            report: hidden::live(Role::Report),
            ledger: hidden::live(Role::Ledger),
        })
    }

    /// Whether they go through `exec`, or end there.
    pub fn set_close_on_exec(&self, is_set: bool) {
        let all = [Some(self.region), self.report, self.ledger];
        for number in all.into_iter().flatten() {
            let _changed = kernel::set_close_on_exec(number, is_set);
        }
    }

    /// Duplicates that go through `exec`; `None` when there is no number left.
    #[must_use]
    pub fn duplicate(&self) -> Option<Duplicates> {
        Some(Duplicates {
            region: duplicate(self.region)?,
            report: self.report.and_then(duplicate),
            ledger: self.ledger.and_then(duplicate),
        })
    }

    /// What the next program is told.
    #[must_use]
    pub fn handover(&self) -> Handover {
        let number = |number: i32| u32::try_from(number).ok();
        Handover {
            report: self.report.and_then(number),
            ledger: self.ledger.and_then(number),
            root: root::expected(),
            scan: descriptor::highest(),
        }
    }
}

impl Duplicates {
    /// Their numbers.
    #[must_use]
    pub fn numbers(&self) -> Handed {
        Handed {
            region: self.region.number(),
            report: self.report.as_ref().map(Fd::number),
            ledger: self.ledger.as_ref().map(Fd::number),
        }
    }
}
