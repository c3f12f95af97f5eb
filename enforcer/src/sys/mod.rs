//! System calls that rustix does not have, each in a file of its name.

pub(crate) mod prctl;
