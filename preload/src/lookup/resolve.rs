//! From what the program wrote to a node of ours. The kernel is asked only when the last component
//! is one of our names and the path is not written as in the configuration.

use core::ffi::CStr;

use cloudtaser_abi::handover::{read_decimal, write_decimal};
use linux_raw_sys::general::{O_CLOEXEC, O_DIRECTORY, O_PATH};

use super::path::{PathBuf, is_normal, trim};
use super::root;
use crate::descriptor;
use crate::state::names::{self, Node};
use crate::state::{marks, region};
use crate::sys::kernel::{self, CURRENT};
use crate::sys::page::Page;

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
pub fn resolve(directory: i32, path: &[u8], follow: Last) -> Option<Located> {
    if !names::may_be(path) {
        return None;
    }
    let (text, has_slash) = trim(path);
    let last = names::last_component(text);
    let is_itself = matches!(last, b"." | b"..");
    if !names::may_end(last) && !is_itself {
        return None;
    }
    let wants_directory = has_slash || is_itself;
    let region = region::region()?;
    if root::is_same()
        && is_normal(text)
        && let Some(node) = names::find(&region, text)
    {
        return Some(Located {
            node,
            wants_directory,
        });
    }
    let node = search(directory, text, follow)?;
    Some(Located {
        node,
        wants_directory,
    })
}

/// Whether `path` starts in a directory that exists in the region only: what is not found there is
/// nowhere.
#[must_use]
pub fn starts_in_virtual(directory: i32, path: &[u8]) -> bool {
    !path.is_empty() && !path.starts_with(b"/") && descriptor::of(directory).is_some()
}

#[cold]
#[inline(never)]
fn search(directory: i32, text: &[u8], follow: Last) -> Option<Node> {
    let is_hinted = text.split(|byte| *byte == b'/').any(names::may_end);
    if !is_hinted && descriptor::of(directory).is_none() {
        return None;
    }
    let region = region::region()?;
    let path = canonical(directory, text, follow)?;
    if let Some(node) = names::find(&region, path.bytes()) {
        return Some(node);
    }
    if !root::is_same() {
        return None;
    }
    // The configuration may have written the directory in another way.
    let last = names::last_component(path.bytes());
    let mut compared = 0;
    for (index, entry) in region.entries().enumerate() {
        if names::is_canonical(index) {
            continue;
        }
        let Some(text) = entry.path() else {
            continue;
        };
        // The cheapest look first: most entries have another name.
        let start = text.len().wrapping_sub(last.len());
        let is_named = |(at, byte): (usize, &u8)| text.byte(start.wrapping_add(at)) == Some(*byte);
        if !last.iter().enumerate().all(is_named) {
            continue;
        }
        let own = PathBuf::of_text(text, text.len())?;
        if own.name() != last {
            continue;
        }
        compared = usize::wrapping_add(compared, 1);
        if compared > MOST_ALIASES {
            return None;
        }
        let real = canonical(CURRENT, own.bytes(), Last::Kept)?;
        if real.bytes() == path.bytes() {
            return Some(Node::File(index));
        }
        if real.bytes() == own.bytes() {
            names::set_canonical(index);
        }
    }
    None
}

/// Whether a symbolic link at the end of a path is followed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Last {
    /// It stands for what it points to.
    Followed,
    /// It stands for itself, as for lstat(2) and readlink(2).
    Kept,
}

/// Links that point to what exists in the region only, at most, one behind the other (the kernel's
/// own bound for all links of a path, path_resolution(7)).
const MOST_LINKS: u32 = 40;

/// `text`, seen from `directory`, as an absolute path in the wrapper's root whose directories are
/// no symbolic links. What does not exist is taken as it is written.
#[must_use]
pub fn canonical(directory: i32, text: &[u8], last: Last) -> Option<PathBuf> {
    if !text.starts_with(b"/")
        && let Some(found) = descriptor::of(directory)
    {
        let mut path = found.path()?;
        path.append(text)?;
        return Some(path);
    }
    let mut target = match step(directory, text, last)? {
        Step::Arrived(path) => return Some(path),
        Step::Link(target) => target,
    };
    for _ in 0..MOST_LINKS {
        target = match step(CURRENT, target.bytes(), last)? {
            Step::Arrived(path) => return Some(path),
            Step::Link(target) => target,
        };
    }
    None
}

/// Where a path leads to, once a symbolic link in it is looked at.
enum Step {
    /// There is no link in what the kernel does not have.
    Arrived(PathBuf),
    /// The whole path with a link's target in the link's place.
    Link(PathBuf),
}

#[inline(never)]
fn step(directory: i32, text: &[u8], last: Last) -> Option<Step> {
    let (real, rest) = deepest_directory(directory, text)?;
    if let Some(target) = link_target(&real, rest, last) {
        return Some(Step::Link(target));
    }
    let mut path = root::prefix()?;
    path.append(real.bytes())?;
    let region = region::region()?;
    for component in rest.split(|byte| *byte == b'/') {
        // A file has no parent to go back to: `FILE/..` is no directory.
        let is_file = || matches!(names::find(&region, path.bytes()), Some(Node::File(_)));
        if component == b".." && is_file() {
            return None;
        }
        path.append(component)?;
    }
    Some(Step::Arrived(path))
}

/// The longest directory of `text` that exists, as the kernel writes it, and what stands behind it.
fn deepest_directory(directory: i32, text: &[u8]) -> Option<(PathBuf, &[u8])> {
    let mut cut = Page::new().ok()?;
    let mut end = text.len();
    loop {
        let slash = text.get(..end)?.iter().rposition(|byte| *byte == b'/');
        let (name, rest): (&[u8], &[u8]) = match slash {
            None => (b".", text),
            Some(0) => return Some((PathBuf::new()?, text)),
            Some(slash) => (text.get(..slash)?, text.get(slash..)?),
        };
        if let Some(real) = real_directory(directory, terminated(&mut *cut, name)?) {
            return Some((real, rest));
        }
        end = slash?;
    }
}

/// When the first component of `rest`, in the directory `real`, is a symbolic link to be followed:
/// the whole path with its target in its place.
#[inline(never)]
fn link_target(real: &PathBuf, rest: &[u8], last: Last) -> Option<PathBuf> {
    let start = rest.iter().position(|byte| *byte != b'/')?;
    let rest = rest.get(start..)?;
    let end = rest.iter().position(|byte| *byte == b'/');
    let (name, behind) = rest.split_at_checked(end.unwrap_or(rest.len()))?;
    if matches!(name, b"." | b"..") || (behind.is_empty() && last == Last::Kept) {
        return None;
    }
    let mut link = PathBuf::of(real.bytes())?;
    link.append(name)?;
    let mut target = Page::new().ok()?;
    let len = kernel::readlink(link.with_nul()?, target.as_mut_slice()).ok()?;
    let target = target.get(..len)?;
    let from: &[u8] = if target.starts_with(b"/") {
        b""
    } else {
        real.bytes()
    };
    let mut path = PathBuf::of(from)?;
    path.append(target)?;
    path.append(behind)?;
    Some(path)
}

/// `text` with a NUL behind it, in `out`.
pub(super) fn terminated<'b>(out: &'b mut [u8], text: &[u8]) -> Option<&'b CStr> {
    put(out, text)?;
    *out.get_mut(text.len())? = 0;
    CStr::from_bytes_until_nul(out).ok()
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
    let real = link_of(opened.number());
    if real.is_some() || !name.to_bytes().starts_with(b"/") {
        return real;
    }
    // Without /proc, as in many a `chroot`, the path is taken as it is written.
    PathBuf::of(name.to_bytes())
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
    let mut target = Page::new().ok()?;
    let name = CStr::from_bytes_until_nul(&name).ok()?;
    let len = kernel::readlink(name, target.as_mut_slice()).ok()?;
    let found = target.get(..len)?;
    if !found.starts_with(b"/") {
        return None;
    }
    PathBuf::of(found)
}

/// The descriptor that `path` names (`/proc/self/fd/N`, `/dev/fd/N`, `/dev/stdin`, …), when it is a
/// virtual one.
#[must_use]
#[inline(always)]
pub fn descriptor_named(path: &[u8]) -> Option<descriptor::Virtual> {
    let may_be = marks::any() && matches!(path, [b'/', b'p' | b'd', b'r' | b'e', ..]);
    if may_be { descriptor_in(path) } else { None }
}

#[cold]
#[inline(never)]
fn descriptor_in(path: &[u8]) -> Option<descriptor::Virtual> {
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
