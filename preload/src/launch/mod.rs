//! What the next program gets: `exec` and `posix_spawn` lead here. [`format`], [`privilege`] and
//! [`names`] decide on bytes and numbers; [`target`] looks at files, [`environment`] builds the
//! array, [`handed`] has our descriptors, [`search`] goes through `PATH`.
//!
//! No secret is in the array, unless the policy gives it to programs that do not load us.

pub mod environment;
pub mod format;
pub mod frame;
pub mod handed;
pub mod names;
pub mod privilege;
pub mod quiet;
mod report;
pub mod search;
pub mod streams;
pub mod target;

use core::ffi::{c_char, c_int};

use cloudtaser_abi::handover::Unserved;
use cloudtaser_abi::region::Region;

use crate::descriptor;
use crate::state::{init, process, region};
use crate::sys::environ::Array;
use crate::sys::errno::{self, Errno};
use crate::sys::kernel::{self, CURRENT};
use crate::sys::next;
use environment::Gift;
use handed::Handed;
use target::{Target, Verdict};

/// `R_OK` (unistd.h).
const READABLE: u32 = 4;

/// Numbers that a started program's descriptors may be moved to. Chosen: what redirections name,
/// and few enough to be looked at in 0.1 ms.
const MOVED_TO: u32 = 255;

/// Calls `execute` with the environment for `target`, made of `old`; it comes back only when it
/// failed.
pub fn exec(
    target: Option<Target<'_>>,
    old: Array,
    execute: &dyn Fn(*const *const c_char) -> c_int,
) -> c_int {
    init::ensure();
    let Some(region) = region::region() else {
        return execute(old.pointer());
    };
    frame::release_left();
    let gift = choose(&region, target.as_ref(), Handed::live, 0);
    if gift.ours.is_some() {
        descriptor::fill(false);
    }
    handed::keep_copies(false);
    with_environment(old, &gift, &|array| {
        // Whatever another thread has in hand: in a child the table is a copy of that moment's.
        let own = Handed::live();
        own.iter()
            .for_each(|own| own.set_close_on_exec(gift.ours.is_none()));
        let answer = execute(array);
        own.iter().for_each(|own| own.set_close_on_exec(true));
        answer
    })
}

/// Calls `start`, which starts `target` in a process of its own, with the environment for it.
pub fn spawn(
    target: Option<Target<'_>>,
    old: Array,
    start: &dyn Fn(*const *const c_char) -> c_int,
) -> c_int {
    init::ensure();
    let Some(region) = region::region() else {
        return start(old.pointer());
    };
    if !process::owns_memory() {
        handed::keep_copies(false);
    }
    // Open until the program has started: those of this process end on exec.
    let mut duplicates = None;
    let hand = || {
        duplicates = Handed::live()?.duplicate();
        duplicates.as_ref().map(handed::Duplicates::numbers)
    };
    let gift = choose(&region, target.as_ref(), hand, MOVED_TO);
    if gift.ours.is_some() {
        // What is closed on exec may be moved to a number that is not.
        descriptor::fill(true);
    }
    let answer = with_environment(old, &gift, start);
    // posix_spawn(3) answers an error number, and this cannot be one.
    if answer < 0 { errno::get().0 } else { answer }
}

/// What `target` gets; `None` is a file that we know nothing of. `hand` is asked for our
/// descriptors only if it gets them.
fn choose<'a>(
    region: &Region<'_>,
    target: Option<&Target<'_>>,
    hand: impl FnOnce() -> Option<Handed>,
    scan_at_least: u32,
) -> Gift<'a> {
    let mut gift = Gift {
        ours: None,
        is_plain: false,
        scan_at_least,
    };
    if !region.follows_children() {
        return gift;
    }
    match target.map_or(Verdict::Serves, Target::look) {
        // The kernel says so itself, and nothing is handed to it meanwhile.
        Verdict::Missing(_) => {}
        Verdict::Serves => {
            let library = next::own_path().filter(|path| {
                // After chroot(2) it may not be there.
                kernel::faccessat(CURRENT, path, READABLE).is_ok()
            });
            match library {
                Some(library) => gift.ours = hand().map(|hand| (hand, library)),
                None => report::send(Unserved::Library, path_of(target)),
            }
        }
        Verdict::Unserved(reason, interpreter) => {
            gift.is_plain = region.gives_static_plain();
            let path = match &interpreter {
                Some(interpreter) => interpreter.path(),
                None => path_of(target),
            };
            report::send(reason, path);
        }
    }
    gift
}

fn path_of<'a>(target: Option<&Target<'a>>) -> &'a [u8] {
    target.map_or(b"".as_slice(), |target| target.path.to_bytes())
}

/// Calls `run` with the array; -1 and `errno` when it cannot be made. `errno` is what `run` left.
fn with_environment(
    old: Array,
    gift: &Gift<'_>,
    run: &dyn Fn(*const *const c_char) -> c_int,
) -> c_int {
    let answer = frame::with(gift.measure(old), &|(pointers, text)| {
        let Some(array) = gift.write(old, pointers, text) else {
            errno::set(Errno::AGAIN);
            return -1;
        };
        run(array)
    });
    answer.unwrap_or_else(|error| {
        errno::set(error);
        -1
    })
}
