//! From what the program wrote to a node of ours. The kernel is asked only when the last component
//! is one of our names and the path is not written as in the configuration.

use core::ffi::CStr;

use cloudtaser_abi::handover::{read_decimal, write_decimal};
use linux_raw_sys::general::{O_CLOEXEC, O_DIRECTORY, O_PATH};

use super::path::{PATH_MAX, PathBuf, is_normal, trim};
use super::root;
use crate::descriptor;
use crate::state::names::{self, Node};
use crate::state::{marks, region};
use crate::sys::kernel::{self, CURRENT};

/// Entries of one last name whose directories are compared by the kernel's identity, at most.
const MOST_ALIASES: usize = 64;

/// A path that is ours.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Located {
    /// What stands there.
    pub node: Node,
    /// The path ends with a slash: only a directory may stand there.
    pub wants_directory: bool,
}

/// What stands at `path`, seen from `directory` (a descriptor, or [`CURRENT`]); `None` when it is
/// not ours, and the call goes on to the kernel.
#[must_use]
#[inline]
pub fn resolve(directory: i32, path: &[u8]) -> Option<Located> {
    let (text, wants_directory) = trim(path);
    let last = names::last_component(text);
    if !names::may_end(last) && !matches!(last, b"." | b"..") {
        return None;
    }
    let region = region::region()?;
    if root::is_same() && is_normal(text) {
        if let Some(node) = names::find(&region, text) {
            return Some(Located {
                node,
                wants_directory,
            });
        }
    }
    let node = search(directory, text)?;
    Some(Located {
        node,
        wants_directory,
    })
}

#[cold]
#[inline(never)]
fn search(directory: i32, text: &[u8]) -> Option<Node> {
    let is_hinted = text
        .split(|byte| *byte == b'/')
        .any(|component| names::may_end(component));
    if !is_hinted && descriptor::of(directory).is_none() {
        return None;
    }
    let region = region::region()?;
    let path = canonical(directory, text)?;
    if let Some(node) = names::find(&region, path.bytes()) {
        return Some(node);
    }
    // The configuration may have written the directory in another way.
    let last = names::last_component(path.bytes());
    let mut compared = 0;
    for (index, entry) in region.entries().enumerate() {
        let mut bytes = [0_u8; PATH_MAX];
        let Some(len) = entry.path().and_then(|text| text.copy_to(&mut bytes).ok()) else {
            continue;
        };
        let own = bytes.get(..len).unwrap_or_default();
        if names::last_component(own) != last {
            continue;
        }
        compared = usize::wrapping_add(compared, 1);
        if compared > MOST_ALIASES {
            return None;
        }
        if canonical(CURRENT, own)?.bytes() == path.bytes() {
            return Some(Node::File(index));
        }
    }
    None
}

/// `text`, seen from `directory`, as an absolute path in the wrapper's root whose directories are
/// no symbolic links. What does not exist is taken as it is written.
#[must_use]
pub fn canonical(directory: i32, text: &[u8]) -> Option<PathBuf> {
    let mut path = root::prefix()?;
    if !text.starts_with(b"/") {
        if let Some(found) = descriptor::of(directory) {
            found.path_into(&mut path)?;
            path.append(text)?;
            return Some(path);
        }
    }
    // The longest directory that exists, from the whole one down.
    let mut end = text.len();
    loop {
        let slash = text.get(..end)?.iter().rposition(|byte| *byte == b'/');
        let (name, rest): (&[u8], &[u8]) = match slash {
            None => (b".", text),
            Some(0) => (b"/", text),
            Some(slash) => (text.get(..slash)?, text.get(slash..)?),
        };
        let mut cut = [0_u8; PATH_MAX];
        put(&mut cut, name)?;
        if let Some(real) = real_directory(directory, CStr::from_bytes_until_nul(&cut).ok()?) {
            path.append(real.bytes())?;
            path.append(rest)?;
            return Some(path);
        }
        end = slash.filter(|slash| *slash > 0)?;
    }
}

/// Puts `text` to the start of `out`, which must have room for a NUL behind it.
fn put(out: &mut [u8], text: &[u8]) -> Option<()> {
    out.get(text.len())?;
    for (to, from) in out.iter_mut().zip(text) {
        *to = *from;
    }
    Some(())
}

/// Where directory `name` really is, below the process's root.
fn real_directory(directory: i32, name: &CStr) -> Option<PathBuf> {
    let flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
    let opened = kernel::openat(directory, name, flags).ok()?;
    link_of(opened.number())
}

/// `/proc/self/fd/NUMBER`, with its NUL.
#[must_use]
pub fn descriptor_path(number: i32) -> [u8; 32] {
    const PREFIX: &[u8] = b"/proc/self/fd/";
    let mut name = [0_u8; 32];
    let _fits = put(&mut name, PREFIX);
    // A NUL must be left behind the digits.
    let digits = name.get_mut(PREFIX.len()..31);
    if let (Some(digits), Ok(number)) = (digits, u64::try_from(number)) {
        let _digits = write_decimal(number, digits);
    }
    name
}

/// What `/proc/self/fd/NUMBER` points to, if that is a path.
fn link_of(number: i32) -> Option<PathBuf> {
    let name = descriptor_path(number);
    let mut target = [0_u8; PATH_MAX];
    let name = CStr::from_bytes_until_nul(&name).ok()?;
    let len = kernel::readlink(name, &mut target).ok()?;
    let found = target.get(..len)?;
    if !found.starts_with(b"/") {
        return None;
    }
    let mut path = PathBuf::default();
    path.append(found)?;
    Some(path)
}

/// The descriptor that `path` names (`/proc/self/fd/N`, `/dev/fd/N`, `/dev/stdin`, …), when it is a
/// virtual one.
#[must_use]
pub fn descriptor_named(path: &[u8]) -> Option<descriptor::Virtual> {
    if !marks::any() {
        return None;
    }
    let number = match path {
        b"/dev/stdin" => 0,
        _ => i32::try_from(read_decimal(descriptor_digits(path)?)?).ok()?,
    };
    descriptor::of(number)
}

fn descriptor_digits(path: &[u8]) -> Option<&[u8]> {
    if let Some(digits) = path.strip_prefix(b"/dev/fd/") {
        return Some(digits);
    }
    let rest = path.strip_prefix(b"/proc/")?;
    let slash = rest.iter().position(|byte| *byte == b'/')?;
    let (process, rest) = rest.split_at_checked(slash)?;
    let is_own = match process {
        b"self" | b"thread-self" => true,
        digits => {
            let own = u64::try_from(kernel::getpid()).ok()?;
            read_decimal(digits)? == own
        }
    };
    rest.strip_prefix(b"/fd/").filter(|_digits| is_own)
}
