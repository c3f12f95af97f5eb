//! Decides which paths are ours: [`path`] is text alone, [`root`] knows the root directory that the
//! paths are meant for, [`resolve()`] asks the kernel where it must, for names that can be ours
//! only.

mod behind;
pub mod children;
pub mod path;
mod resolve;
pub mod root;

pub use behind::{Look, behind};
pub use resolve::{
    Last, Located, canonical, descriptor_named, descriptor_path, resolve, starts_in_virtual,
};
