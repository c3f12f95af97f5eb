//! A standard input that is virtual: a program was started with a file of ours there (`sort <
//! FILE`). The C library made the stream `stdin` itself, and would read from it without us.

use super::{freopen, wrap};
use crate::descriptor;
use crate::sys::stream;

/// Before `main` and before other constructors, when descriptor 0 was inherited and is virtual.
///
/// In glibc `stdin` is a variable, and gets a stream of ours: the descriptor stays what it is, and
/// reads through it and through the stream share their offset, as with a file. In musl it is not,
/// and its functions know their own stream: there a pipe with the value takes the number, which
/// cannot seek.
///
/// Fails closed: where neither is possible, the stream's reads fail.
pub(crate) fn serve_standard_input() -> Option<()> {
    let found = descriptor::of(0)?.readable().ok()?;
    if stream::is_glibc() {
        let stream = wrap(0).ok()?;
        // SAFETY: made above for reading; we are before `main` and its threads.
        unsafe { stream::set_stdin(stream) };
        return Some(());
    }
    freopen::replace(&found).ok()
}
