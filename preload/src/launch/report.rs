//! Tells the wrapper of a program that it gets no secrets, and why: one line in the report pipe.

use cloudtaser_abi::handover::{REPORT_MAX, Unserved};

use crate::state::hidden::{self, Role};
use crate::sys::page::{self, Page};
use crate::sys::{kernel, signal};

const _: () = assert!(REPORT_MAX == page::SIZE, "a page is a line");

/// Writes the line. The pipe does not wait: when it is full or gone, nothing is told.
pub(super) fn send(reason: Unserved, path: &[u8]) {
    let Some(pipe) = hidden::live(Role::Report) else {
        return;
    };
    let Ok(mut line) = Page::new() else {
        return;
    };
    let len = write(reason, path, line.as_mut_slice());
    let line = line.get(..len).unwrap_or_default();
    signal::without_pipe_signal(|| kernel::write(pipe, line));
}

/// `WORD PATH\n`, the path cut off where it is too long, with `?` for what would end the line.
fn write(reason: Unserved, path: &[u8], out: &mut [u8]) -> usize {
    let word = reason.word().bytes().chain([b' ']);
    let path = path.iter().map(|byte| match byte {
        b'\n' => b'?',
        other => *other,
    });
    let text = word.chain(path).take(out.len().saturating_sub(1));
    let mut len = 0;
    for (to, from) in out.iter_mut().zip(text.chain([b'\n'])) {
        *to = from;
        len = usize::wrapping_add(len, 1);
    }
    len
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line_and_fits() {
        let mut out = [0; 20];
        let len = write(Unserved::Static, b"/bin/x\ny", &mut out);
        assert_eq!(&out[..len], b"static /bin/x?y\n");
        let len = write(Unserved::Foreign, b"/a/long/path/to/somewhere", &mut out);
        assert_eq!(&out[..len], b"foreign /a/long/pat\n");
    }
}
