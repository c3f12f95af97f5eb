//! CloudTaser's admission webhook: a pod goes in, a patch comes out.
#![forbid(unsafe_code)]

pub mod image;
