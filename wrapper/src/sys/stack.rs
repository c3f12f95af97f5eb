//! Wipes the part of the stack that finished calls have left behind.
#![expect(
    unsafe_code,
    reason = "a wipe that the compiler keeps takes a raw pointer"
)]

use std::hint::black_box;

use rustix::process::{Resource, getrlimit};

/// How much of the stack is wiped, in bytes.
///
/// Chosen: decryption, parsing and argument handling were seen to use less than 100 KiB below
/// `start`'s frame; the kernel's default limit is 8 MiB (`RLIMIT_STACK`).
const WIPED: usize = 256 * 1024;

/// How much is wiped of a stack that is limited to less than 1 MiB, in bytes. Chosen: a quarter of
/// what the decryption uses; a larger frame would end the process (SIGSEGV).
const WIPED_OF_SMALL: usize = 24 * 1024;

/// Overwrites the stack below the caller's frame, where calls that have returned kept their
/// locals: key material of the decryption, parts of values on their way into the region.
///
/// Call it from the function whose callees handled the secrets, or from one above it. What still
/// lives in the caller's own frame is not touched.
pub fn wipe_finished_calls() {
    let limit = getrlimit(Resource::Stack).current;
    if limit.is_none_or(|limit| limit >= 4 * WIPED as u64) {
        wipe::<WIPED>();
    } else {
        wipe::<WIPED_OF_SMALL>();
    }
}

#[inline(never)]
fn wipe<const BYTES: usize>() {
    let mut area = [0_u8; BYTES];
    // SAFETY: `explicit_bzero(3)` writes `BYTES` bytes from the start of `area`, which has just
    // that size and lives until the end of this function.
    unsafe { libc::explicit_bzero(area.as_mut_ptr().cast(), BYTES) };
    black_box(&area);
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKER: [u8; 32] = *b"a-marker-left-on-the-stack-12345";

    #[inline(never)]
    fn leave_marker() -> usize {
        let mut local = [0_u8; 4096];
        for chunk in local.chunks_exact_mut(32) {
            chunk.copy_from_slice(&MARKER);
        }
        black_box(&mut local).as_ptr().addr()
    }

    #[inline(never)]
    fn marker_is_at(address: usize) -> bool {
        let bytes: Vec<u8> = (0..4096)
            // SAFETY: the address lies in this thread's mapped stack, below the live frames;
            // volatile reads of plain bytes.
            .map(|at| unsafe {
                std::ptr::with_exposed_provenance::<u8>(address + at).read_volatile()
            })
            .collect();
        bytes.windows(32).any(|window| window == MARKER)
    }

    #[test]
    fn locals_of_finished_calls_are_wiped() {
        std::thread::Builder::new()
            .stack_size(1 << 20)
            .spawn(|| {
                let address = leave_marker();
                assert!(
                    marker_is_at(address),
                    "control: a finished call leaves its locals"
                );
                wipe_finished_calls();
                assert!(!marker_is_at(address));
            })
            .expect("a thread")
            .join()
            .expect("no panic");
    }
}
