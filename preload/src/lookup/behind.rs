//! The second look, after the kernel found nothing at a path: a symbolic link that points to one of
//! our files, and what would stand below a file. It costs a path that does not exist one system
//! call.

use super::path::trim;
use super::resolve::{Last, Located, canonical, resolve, terminated};
use crate::state::names::{self, Node};
use crate::state::region;
use crate::sys::kernel;
use crate::sys::page::Page;
use core::ffi::CStr;

/// Which time a call asks for a path.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Look {
    /// Before the kernel.
    First,
    /// After the kernel has answered `ENOENT`.
    Again,
}

/// What of ours is meant by a path at which the kernel has nothing. Of a path below a file of ours,
/// that file, as if a directory had been asked for there: `ENOTDIR`.
#[must_use]
#[cold]
#[inline(never)]
pub fn behind(directory: i32, path: &CStr) -> Option<Located> {
    let region = region::region()?;
    let (text, wants_directory) = trim(path.to_bytes());
    if let Some(file) = file_above(directory, text) {
        return Some(file);
    }
    let is_link = |name: &CStr| kernel::readlinkat(directory, name, &mut [0]).ok();
    if wants_directory {
        // With the slash, the kernel would say where the link leads to, which is nowhere.
        is_link(terminated(&mut *Page::new().ok()?, text)?)?;
    } else {
        is_link(path)?;
    }
    let target = canonical(directory, text, Last::Followed)?;
    Some(Located {
        node: names::find(&region, target.bytes())?,
        wants_directory,
    })
}

/// The file of ours that `text` goes through.
fn file_above(directory: i32, text: &[u8]) -> Option<Located> {
    let mut above = text;
    while let Some(slash) = above.iter().rposition(|byte| *byte == b'/') {
        above = above.get(..slash)?;
        if !names::may_end(names::last_component(above)) {
            continue;
        }
        let found = resolve(directory, above, Last::Followed);
        if let Some(Located { node, .. }) = found
            && matches!(node, Node::File(_))
        {
            return Some(Located {
                node,
                wants_directory: true,
            });
        }
    }
    None
}
