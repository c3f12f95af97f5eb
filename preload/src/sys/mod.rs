//! Where the C library and the kernel are touched: one file for each of their words.

pub mod environ;
pub mod errno;
pub mod kernel;
pub mod next;
pub mod string;
