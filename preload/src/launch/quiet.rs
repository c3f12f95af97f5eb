//! The time in which system(3) has a shell running: the terminal's signals are the shell's. Several
//! threads may have one at once; the first one changes the dispositions, the last one puts them
//! back.

use core::sync::atomic::{AtomicU32, Ordering};

use crate::sys::process::sched_yield;

/// Shells that run.
static RUNNING: AtomicU32 = AtomicU32::new(0);
/// Somebody changes the dispositions.
static IS_CHANGING: AtomicU32 = AtomicU32::new(0);

/// How often the other thread is given way. Chosen: it makes two system calls meanwhile; after a
/// `fork` it may not exist, and then it is not waited for longer.
const ATTEMPTS: u32 = 1000;

/// One more shell: `change` is called when it is the only one.
pub fn begin(change: impl FnOnce()) {
    alone(|| {
        if RUNNING.fetch_add(1, Ordering::Relaxed) == 0 {
            change();
        }
    });
}

/// One shell less: `restore` is called when it was the only one.
pub fn end(restore: impl FnOnce()) {
    alone(|| {
        if RUNNING.fetch_sub(1, Ordering::Relaxed) == 1 {
            restore();
        }
    });
}

/// Not a lock: it is given up after a while.
fn alone(run: impl FnOnce()) {
    for _ in 0..ATTEMPTS {
        let free = IS_CHANGING.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed);
        if free.is_ok() {
            break;
        }
        sched_yield();
    }
    run();
    IS_CHANGING.store(0, Ordering::Release);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_changes_and_the_last_restores() {
        let changes = AtomicU32::new(0);
        let add = |count: u32| {
            changes.fetch_add(count, Ordering::Relaxed);
        };
        begin(|| add(1));
        begin(|| add(10));
        end(|| add(100));
        assert_eq!(changes.load(Ordering::Relaxed), 1);
        end(|| add(1000));
        assert_eq!(changes.load(Ordering::Relaxed), 1001);
    }
}
