//! What is directly below a directory of ours: files, and directories that lie above files.

use cloudtaser_abi::region::Region;

use super::path::PathBuf;
use crate::state::names::{self, Node};
use crate::state::{ledger, region};

/// The path of a node; empty for the root directory.
#[must_use]
pub fn path_of(node: Node) -> Option<PathBuf> {
    let (index, cut) = match node {
        Node::File(index) => (index, None),
        Node::Directory { index, len } => (index, Some(len)),
    };
    let text = region::region()?.entry(index)?.path()?;
    PathBuf::of_text(text, cut.unwrap_or(text.len()))
}

/// The first child of the directory `parent` from place `from` of the region on, and the place
/// behind it. Each child comes once.
#[must_use]
pub fn next(parent: &[u8], from: usize) -> Option<(Node, usize)> {
    let region = region::region()?;
    let count = region.entries().count();
    (from..count).find_map(|index| Some((child(&region, parent, index)?, index.wrapping_add(1))))
}

/// The child of `parent` that leads to entry `index`, if no entry before leads to it too.
fn child(region: &Region<'_>, parent: &[u8], index: usize) -> Option<Node> {
    let entry = region.entry(index)?;
    let text = entry.path()?;
    // The cheapest look first: most entries lie elsewhere.
    if text.len() <= parent.len() || text.byte(parent.len()) != Some(b'/') {
        return None;
    }
    let path = path_of(Node::File(index))?;
    let rest = path.bytes().strip_prefix(parent)?.strip_prefix(b"/")?;
    let slash = rest.iter().position(|byte| *byte == b'/');
    let end = slash.map(|slash| parent.len().wrapping_add(1).wrapping_add(slash));
    let node = match end {
        Some(len) => Node::Directory { index, len },
        None if !ledger::is_left(index, &entry) => return None,
        None => Node::File(index),
    };
    let known = names::find(
        region,
        path.bytes()
            .get(..end.unwrap_or_else(|| path.bytes().len()))?,
    );
    known.is_none_or(|known| known == node).then_some(node)
}

/// Whether a file of ours is called `name` in the directory `parent`.
#[must_use]
pub fn has_file(parent: &[u8], name: &[u8]) -> bool {
    if !names::may_end(name) {
        return false;
    }
    let find = || {
        let mut path = PathBuf::of(parent)?;
        path.append(name)?;
        names::find(&region::region()?, path.bytes())
    };
    matches!(find(), Some(Node::File(_)))
}
