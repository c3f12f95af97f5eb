//! What cannot be served, each with the reason; the README tells the same.
//!
//! The program sees what it would see without files, and the wrapper says so on its standard
//! error, once.

use crate::row::{Expected, Library, ROW, Row};

/// No C library to load into, or none that is asked.
const STATIC: Row = Row {
    library: Library::None,
    status: 0,
    expected: Expected::Unserved("not served"),
    ..ROW
};

rows! {
    // A static program loads nothing.
    static_glibc: Row { command: &["c-static", "read", "{dir}/password"], ..STATIC };
    static_musl: Row { command: &["c-musl-static", "read", "{dir}/password"], ..STATIC };
    static_go: Row { command: &["go-static", "read", "{dir}/password"], ..STATIC };
    // Go asks the kernel itself, even where the C library is there: `os.ReadFile`.
    go_cgo_read: Row { command: &["go-cgo", "read", "{dir}/password"], ..STATIC };
}
