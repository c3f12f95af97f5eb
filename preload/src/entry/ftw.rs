//! Walks through a tree: ftw(3), nftw(3). The C libraries' own use calls that do not come here; so
//! a walk that begins at a directory of ours, or at one with such a directory right below it, is
//! done here. One that begins further up shows what the kernel has. fts(3) always does.

use core::ffi::{c_char, c_int};

use super::dir::{closedir, directory_at, name_of, opendir, readdir};
use super::open::CURRENT;
use super::stat::{lstat, stat};
use crate::macros::Outcome;
use crate::state::directories::Dirent;
use crate::state::region;
use crate::sys::errno::{self, Errno};
use crate::sys::kernel::Stat;
use crate::sys::page::Page;
use crate::sys::{stream, string};

/// Flags of nftw(3).
const PHYS: c_int = 1;
const MOUNT: c_int = 2;
const CHDIR: c_int = 4;
const DEPTH: c_int = 8;
/// glibc's: the answer of the program's function says how to go on.
const ACTIONRETVAL: c_int = 16;

const SKIP_SUBTREE: c_int = 2;
const SKIP_SIBLINGS: c_int = 3;

/// What the program's function is told; glibc counts from 0, musl from 1.
#[derive(Clone, Copy)]
enum Kind {
    File = 0,
    Directory = 1,
    Unreadable = 2,
    Unknown = 3,
    Link = 4,
    DirectoryAfter = 5,
    LinkToNothing = 6,
}

/// `struct FTW`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Place {
    base: c_int,
    level: c_int,
}

/// The program's function. That of ftw(3) takes no fourth argument, and is given one: in the
/// calling convention of this architecture it does not see it.
pub type Callback = unsafe extern "C" fn(*const c_char, *const Stat, c_int, *mut Place) -> c_int;

struct Walk {
    path: Page,
    call: Callback,
    flags: c_int,
    device: Option<u64>,
}

/// A directory that the walk is in.
struct Above<'a> {
    device: u64,
    inode: u64,
    above: Option<&'a Above<'a>>,
}

impl Above<'_> {
    fn has(&self, stat: &Stat) -> bool {
        let is_here = self.device == stat.st_dev && self.inode == stat.st_ino;
        is_here || self.above.is_some_and(|above| above.has(stat))
    }
}

impl Walk {
    /// Puts `name` behind the first `len` bytes of the path, and answers the new length.
    fn enter(&mut self, len: usize, name: &[u8]) -> Result<usize, Errno> {
        let slash: &[u8] = if len == 0 || self.path.get(len.wrapping_sub(1)) == Some(&b'/') {
            b""
        } else {
            b"/"
        };
        let end = len.saturating_add(slash.len()).saturating_add(name.len());
        let room = self.path.get_mut(len..=end).ok_or(Errno::NAMETOOLONG)?;
        for (to, from) in room.iter_mut().zip(slash.iter().chain(name).chain(&[0])) {
            *to = *from;
        }
        Ok(end)
    }

    fn attributes(&self) -> Result<(Kind, Stat), Errno> {
        // SAFETY: a structure of integers, for which zeros are valid.
        let mut out: Stat = unsafe { core::mem::zeroed() };
        let path = self.path.as_ptr().cast::<c_char>();
        let is_physical = self.flags & PHYS != 0;
        let place = &raw mut out;
        let call = if is_physical { lstat } else { stat };
        // SAFETY: the path ends with NUL, and there is room for the answer.
        let answer = unsafe { call(path, place) };
        if answer == 0 {
            let kind = match out.st_mode & 0o170_000 {
                0o040_000 => Kind::Directory,
                0o120_000 => Kind::Link,
                _ => Kind::File,
            };
            return Ok((kind, out));
        }
        let error = errno::get();
        // SAFETY: lstat(2) demands a string, which `path` is, and room, which `place` has.
        if !is_physical && unsafe { lstat(path, place) } == 0 {
            return Ok((Kind::LinkToNothing, out));
        }
        if error == Errno::ACCESS {
            Ok((Kind::Unknown, out))
        } else {
            Err(error)
        }
    }

    fn tell(&self, kind: Kind, stat: &Stat, mut place: Place) -> c_int {
        let first = c_int::from(!stream::is_glibc());
        let kind = (kind as c_int).wrapping_add(first);
        // SAFETY: the program's function, with what nftw(3) promises it.
        unsafe { (self.call)(self.path.as_ptr().cast(), stat, kind, &raw mut place) }
    }

    /// Visits what the path names, `len` bytes, and everything below it; answers what the program's
    /// function ended the walk with.
    fn visit(
        &mut self,
        len: usize,
        place: Place,
        above: Option<&Above<'_>>,
    ) -> Result<c_int, Errno> {
        let (mut kind, stat) = self.attributes()?;
        let device = *self.device.get_or_insert(stat.st_dev);
        // What lies in the region counts as part of the file system around it.
        let is_same = stat.st_dev == device || stat.st_dev == region::device();
        let is_elsewhere = self.flags & MOUNT != 0 && !is_same;
        if is_elsewhere || above.is_some_and(|above| above.has(&stat)) {
            return Ok(0);
        }
        if !matches!(kind, Kind::Directory) {
            return Ok(self.tell(kind, &stat, place));
        }
        // SAFETY: the path ends with NUL.
        let stream = unsafe { opendir(self.path.as_ptr().cast()) };
        if stream.is_null() {
            match errno::get() {
                Errno::ACCESS => kind = Kind::Unreadable,
                error => return Err(error),
            }
            return Ok(self.tell(kind, &stat, place));
        }
        let this = Above {
            device: stat.st_dev,
            inode: stat.st_ino,
            above,
        };
        let is_first = self.flags & DEPTH == 0;
        let begun = if is_first {
            self.tell(kind, &stat, place)
        } else {
            0
        };
        let walked = if begun == 0 {
            self.below(stream, len, place, &this)
        } else if self.flags & ACTIONRETVAL != 0 && begun == SKIP_SUBTREE {
            Ok(0)
        } else {
            Ok(begun)
        };
        // SAFETY: open, and not used any more.
        unsafe { closedir(stream) };
        match walked {
            Ok(0) if !is_first => {
                self.cut(len);
                Ok(self.tell(Kind::DirectoryAfter, &stat, place))
            }
            other => other,
        }
    }

    fn cut(&mut self, len: usize) {
        if let Some(end) = self.path.get_mut(len) {
            *end = 0;
        }
    }

    fn below(
        &mut self,
        stream: *mut super::dir::Dir,
        len: usize,
        place: Place,
        this: &Above<'_>,
    ) -> Result<c_int, Errno> {
        loop {
            errno::set(Errno(0));
            // SAFETY: readdir(3) demands a stream that is open: `Walk` closes it last.
            let entry: *mut Dirent = unsafe { readdir(stream) };
            if entry.is_null() {
                return match errno::get() {
                    Errno(0) => Ok(0),
                    error => Err(error),
                };
            }
            let name = name_of(entry);
            if matches!(name, b"." | b"..") {
                continue;
            }
            let end = self.enter(len, name)?;
            let base = end.saturating_sub(name.len());
            let place = Place {
                base: c_int::try_from(base).unwrap_or(0),
                level: place.level.wrapping_add(1),
            };
            let answer = self.visit(end, place, Some(this))?;
            self.cut(len);
            match answer {
                0 => {}
                SKIP_SUBTREE if self.flags & ACTIONRETVAL != 0 => {}
                SKIP_SIBLINGS if self.flags & ACTIONRETVAL != 0 => return Ok(0),
                end => return Ok(end),
            }
        }
    }
}

/// # Safety
///
/// As nftw(3).
#[inline(never)]
unsafe fn decide(path: *const c_char, call: Callback, flags: c_int) -> Outcome<c_int> {
    // SAFETY: the caller's promise.
    let _ours = unsafe { directory_at(CURRENT, path) }?;
    if flags & CHDIR != 0 {
        // Nobody can be in a directory of ours.
        return Some(Err(Errno::OPNOTSUPP));
    }
    // SAFETY: the caller's promise.
    let text = unsafe { string::bytes(path) }?;
    let path = match Page::new() {
        Ok(path) => path,
        Err(error) => return Some(Err(error)),
    };
    let mut walk = Walk {
        path,
        call,
        flags,
        device: None,
    };
    let base = text.iter().rposition(|byte| *byte == b'/');
    let base = base.map_or(0, |slash| slash.wrapping_add(1));
    let place = Place {
        base: c_int::try_from(base).unwrap_or(0),
        level: 0,
    };
    let walked = walk
        .enter(0, text)
        .and_then(|len| walk.visit(len, place, None));
    Some(walked.map(|answer| match answer {
        SKIP_SUBTREE | SKIP_SIBLINGS if flags & ACTIONRETVAL != 0 => 0,
        answer => answer,
    }))
}

interpose! {
    /// nftw(3).
    fn nftw(path: *const c_char, call: Callback, most_open: c_int, flags: c_int) -> c_int {
        // SAFETY: nftw(3) demands the same.
        unsafe { decide(path, call, flags) }
    }

    /// ftw(3).
    fn ftw(path: *const c_char, call: Callback, most_open: c_int) -> c_int {
        // SAFETY: ftw(3) demands the same, but for the fourth argument ([`Callback`]).
        unsafe { decide(path, call, 0) }
    }
}

same! {
    /// nftw(3) for large files.
    fn nftw64 = nftw(path: *const c_char, call: Callback, most_open: c_int, flags: c_int) -> c_int;
    /// ftw(3) for large files.
    fn ftw64 = ftw(path: *const c_char, call: Callback, most_open: c_int) -> c_int;
}
