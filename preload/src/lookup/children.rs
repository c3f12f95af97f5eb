//! What is directly below a directory of ours: files, and directories that lie above files.

use cloudtaser_abi::region::Region;

use super::path::PATH_MAX;
use crate::state::names::{self, Node};
use crate::state::{ledger, region};

/// A path of ours, whole.
#[derive(Debug)]
pub struct NodePath {
    bytes: [u8; PATH_MAX],
    len: usize,
}

impl NodePath {
    /// The path of a node; empty for the root directory.
    #[must_use]
    pub fn of(node: Node) -> Option<Self> {
        let (index, cut) = match node {
            Node::File(index) => (index, None),
            Node::Directory { index, len } => (index, Some(len)),
        };
        let mut bytes = [0; PATH_MAX];
        let text = region::region()?.entry(index)?.path()?;
        let len = text.copy_to(&mut bytes).ok()?;
        Some(Self {
            bytes,
            len: cut.unwrap_or(len),
        })
    }

    /// The path.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// The path with a NUL, and what stands behind it overwritten; `/` for the root.
    #[must_use]
    pub fn terminated(&mut self) -> &core::ffi::CStr {
        if self.len == 0 {
            return c"/";
        }
        if let Some(end) = self.bytes.get_mut(self.len) {
            *end = 0;
        }
        core::ffi::CStr::from_bytes_until_nul(&self.bytes).unwrap_or(c"/")
    }

    /// The last component.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        names::last_component(self.bytes())
    }
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
    let path = NodePath::of(Node::File(index))?;
    let rest = path.bytes().strip_prefix(parent)?.strip_prefix(b"/")?;
    let slash = rest.iter().position(|byte| *byte == b'/');
    let end = slash.map(|slash| parent.len().wrapping_add(1).wrapping_add(slash));
    let node = match end {
        Some(len) => Node::Directory { index, len },
        None if !ledger::is_left(index, &entry) => return None,
        None => Node::File(index),
    };
    let known = names::find(region, path.bytes().get(..end.unwrap_or(path.len))?);
    known.is_none_or(|known| known == node).then_some(node)
}

/// Whether a file of ours is called `name` in the directory `parent`.
#[must_use]
pub fn has_file(parent: &[u8], name: &[u8]) -> bool {
    if !names::may_end(name) {
        return false;
    }
    let mut path = super::path::PathBuf::default();
    let region = region::region();
    let joined = path.append(parent).and_then(|()| path.append(name));
    let found = region
        .zip(joined)
        .and_then(|(region, ())| names::find(&region, path.bytes()));
    matches!(found, Some(Node::File(_)))
}
