//! Programs that no one here wrote read secrets through the preload library.
//!
//! A row of a table is a program, the files and variables that it needs, and its command; see
//! [`row::Row`]. [`check`] runs each three times: with real files and without us, with nothing, and
//! with us and nothing on disk. The tables are [`languages`], [`compiled`], [`shell`], [`clients`],
//! [`permissions`], [`servers`], [`children`] and [`limits`], which holds what cannot be served and
//! why; [`judge`] runs the tests that CPython brings, [`old_glibc`] the library in an older C
//! library.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "test code: a panic shows the line"
)]

#[macro_use]
mod row;

mod check;
mod children;
mod clients;
mod compiled;
mod disk;
mod fill;
mod judge;
mod languages;
mod limits;
mod materials;
mod old_glibc;
mod permissions;
mod programs;
mod served;
mod servers;
mod shell;
mod watch;
