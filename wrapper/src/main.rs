//! The `cloudtaser` binary.

fn main() {}
