//! Our descriptors on the way to the next program, which takes them over.

use core::sync::atomic::{AtomicBool, Ordering};

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

/// This process has had descriptors open for another program. Never taken back: a child gets the
/// descriptors of one moment and the memory of a later one.
static HAD: AtomicBool = AtomicBool::new(false);

/// Numbers without a file behind which no duplicate is looked for. Chosen: each call takes the
/// lowest free numbers, three at most.
const GAP: u32 = 16;

/// Has closed on exec what other threads have for their calls: of this process, of the one that it
/// was forked from, or, at the start of a program, of the one that started it.
pub fn keep_copies(is_start: bool) {
    if !is_start && !HAD.load(Ordering::Relaxed) {
        return;
    }
    // A thread that executes has opened its own.
    if let Some(own) = Handed::live() {
        own.set_close_on_exec(true);
    }
    let is_low = hidden::number(Role::Region).is_some_and(|own| own < kernel::HIGH);
    let mut number = if is_low { 3 } else { kernel::HIGH };
    let mut missing = 0;
    while missing < GAP {
        if hidden::keep_copy(number).is_err() {
            missing = u32::wrapping_add(missing, 1);
        } else {
            missing = 0;
        }
        number = number.wrapping_add(1);
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
        HAD.store(true, Ordering::Relaxed);
        let all = [Some(self.region), self.report, self.ledger];
        for number in all.into_iter().flatten() {
            let _changed = kernel::set_close_on_exec(number, is_set);
        }
    }

    /// Duplicates that go through `exec`; `None` when there is no number left.
    #[must_use]
    pub fn duplicate(&self) -> Option<Duplicates> {
        let duplicate = |number| kernel::dupfd_high(number, false).ok();
        HAD.store(true, Ordering::Relaxed);
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
