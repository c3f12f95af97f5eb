//! The start: takes over what the wrapper handed, and puts the secrets' variables into place.
//!
//! Runs as the library's constructor, or earlier when a constructor of another library calls one of
//! our functions before. It changes the array that the kernel made, in place: the C library, `main`
//! and whoever kept the pointer see the same.
#![expect(
    unsafe_code,
    reason = "the environment's array before anybody reads it"
)]

use core::ffi::{CStr, c_char, c_int};
use core::sync::atomic::{AtomicU8, Ordering};

use cloudtaser_abi::handover::{Handover, read_decimal};
use cloudtaser_abi::names::{ENV_PRELOAD, ENV_REGION_FD, ENV_SLOT};

use super::hidden::{self, Role};
use super::{names, process, region, variables};
use crate::descriptor;
use crate::launch::handed;
use crate::launch::names::{LD_PRELOAD, without_own};
use crate::lookup::root;
use crate::sys::kernel::{self, Fd};
use crate::sys::{environ, next};

const NEW: u8 = 0;
const RUNNING: u8 = 1;
const DONE: u8 = 2;

static PROGRESS: AtomicU8 = AtomicU8::new(NEW);

/// Makes sure that the start has run, if it can run already.
#[inline(always)]
pub fn ensure() {
    if PROGRESS.load(Ordering::Acquire) == NEW {
        start(environ::array());
    }
}

/// The constructor. glibc passes `main`'s arguments; musl passes nothing.
#[cfg(feature = "shared-object")]
#[used]
#[unsafe(link_section = ".init_array")]
static CONSTRUCTOR: unsafe extern "C" fn(c_int, *mut *mut c_char, *mut *mut c_char) = constructor;

/// What the dynamic linker calls before `main`.
///
/// # Safety
///
/// For the dynamic linker alone.
#[cold]
pub unsafe extern "C" fn constructor(
    _count: c_int,
    _arguments: *mut *mut c_char,
    environment: *mut *mut c_char,
) {
    let known = environ::array();
    // Only glibc sets `environ` after us, and only glibc passes it.
    let array = if known.is_null() { environment } else { known };
    start(array);
}

#[cold]
fn start(array: *mut *mut c_char) {
    if array.is_null() {
        return;
    }
    let begun = PROGRESS.compare_exchange(NEW, RUNNING, Ordering::Acquire, Ordering::Relaxed);
    if begun.is_err() {
        return;
    }
    process::adopt();
    next::collect();
    let found = take(array);
    if let Some(found) = found {
        open(&found);
    }
    // SAFETY: the array that the kernel made, before `main`.
    unsafe { fill_slots(array) };
    PROGRESS.store(DONE, Ordering::Release);
}

/// What was handed to us.
#[derive(Default)]
struct Found {
    region: Option<i32>,
    handover: Handover,
}

/// Reads our variables.
fn take(array: *mut *mut c_char) -> Option<Found> {
    let mut found = Found::default();
    let mut is_ours = false;
    for text in strings(array) {
        let text = text.to_bytes();
        if let Some(number) = value(text, ENV_REGION_FD) {
            found.region = read_decimal(number).and_then(|number| i32::try_from(number).ok());
        } else if let Some(handover) = value(text, ENV_PRELOAD) {
            is_ours = true;
            found.handover = Handover::parse(handover).unwrap_or_default();
        }
    }
    is_ours.then_some(found)
}

/// Maps the region and takes the descriptors over.
fn open(found: &Found) -> Option<()> {
    let Handover {
        report,
        ledger,
        root,
        scan,
    } = found.handover;
    for (role, number) in [(Role::Report, report), (Role::Ledger, ledger)] {
        if let Some(number) = number.and_then(|number| i32::try_from(number).ok()) {
            take_over(role, number);
        }
    }
    let number = found.region?;
    region::open(number)?;
    take_over(Role::Region, number);
    handed::keep_copies(true);
    root::expect(root);
    names::fill(&region::region()?);
    if let Some(last) = scan {
        descriptor::find_inherited(last);
        let _served = crate::entry::stdio::serve_standard_input();
    }
    Some(())
}

/// Takes a descriptor over that was inherited, close-on-exec from now on.
fn take_over(role: Role, number: i32) {
    if kernel::set_close_on_exec(number, true).is_ok() {
        if number < 64 {
            hidden::keep(role, Fd::from_number(number));
        } else {
            hidden::adopt(role, number);
        }
    }
}

/// Takes our variables out of the array, and puts environment strings into the slots.
///
/// # Safety
///
/// `array` is the array that the kernel made, and no other thread runs yet that reads it.
unsafe fn fill_slots(array: *mut *mut c_char) {
    // Without room for them there are no variables: fails closed.
    let _filled = variables::fill(strings(array).filter_map(|text| slot(text.to_bytes())));
    let mut to = 0;
    for from in 0.. {
        // SAFETY: the loop ends at the null pointer.
        let Some(text) = (unsafe { environ::element(array.cast(), from) }) else {
            break;
        };
        // SAFETY: `from` is below the null pointer's place.
        let original = unsafe { array.wrapping_add(from).read() };
        let Some(kept) = replace(text, original) else {
            continue;
        };
        // SAFETY: `to` is not beyond `from`.
        unsafe { environ::set_element(array, to, kept) };
        to = to.wrapping_add(1);
    }
    // SAFETY: `to` is not beyond the old null pointer.
    unsafe { environ::set_element(array, to, core::ptr::null_mut()) };
}

/// The entry that a slot names.
fn slot(text: &[u8]) -> Option<usize> {
    usize::try_from(read_decimal(value(text, ENV_SLOT)?)?).ok()
}

/// The strings of an environment's array.
fn strings(array: *mut *mut c_char) -> impl Iterator<Item = &'static CStr> + Clone {
    // SAFETY: the array ends with a null pointer, where this iterator ends.
    (0..).map_while(move |index| unsafe { environ::element(array.cast(), index) })
}

/// What stands in the array instead of `text`; `None` for what is taken out.
fn replace(text: &CStr, original: *mut c_char) -> Option<*mut c_char> {
    let bytes = text.to_bytes();
    if value(bytes, ENV_SLOT).is_some() {
        return variables::address(slot(bytes)?);
    }
    if value(bytes, ENV_REGION_FD).is_some() || value(bytes, ENV_PRELOAD).is_some() {
        return None;
    }
    match value(bytes, LD_PRELOAD) {
        Some(list) => strip_own(list, original),
        None => Some(original),
    }
}

/// `LD_PRELOAD` without ourselves: the user's own libraries stay, and are what the program sees.
fn strip_own(list: &[u8], original: *mut c_char) -> Option<*mut c_char> {
    let user = without_own(list, next::own_path()?.to_bytes());
    if user.is_empty() {
        return None;
    }
    if user.len() < list.len() {
        // SAFETY: `user` is the end of this same string, moved towards its start.
        unsafe { environ::overwrite(original, LD_PRELOAD.len().wrapping_add(1), user) };
    }
    Some(original)
}

/// The value in `NAME=value`, if the name is `name`.
#[must_use]
pub fn value<'a>(text: &'a [u8], name: &str) -> Option<&'a [u8]> {
    text.strip_prefix(name.as_bytes())?.strip_prefix(b"=")
}

/// The value of variable `name` in the program's environment.
#[must_use]
pub fn variable(name: &str) -> Option<&'static [u8]> {
    strings(environ::array()).find_map(|text| value(text.to_bytes(), name))
}
