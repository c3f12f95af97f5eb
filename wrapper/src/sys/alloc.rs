//! The global allocator: the C library's, with every freed block wiped.
//!
//! Decrypted documents, parsed JSON and network buffers pass through the heap in many small
//! blocks that nobody wipes by hand. Wiping where memory is freed covers all of them, those of
//! the libraries included. It does not cover the stack (see [`super::stack`]) nor blocks that are
//! still in use.
#![expect(
    unsafe_code,
    reason = "`GlobalAlloc` is an unsafe trait, and a wipe takes a raw pointer"
)]

use std::alloc::{GlobalAlloc, Layout, System};

/// Wipes a block before it goes back to the C library.
#[derive(Debug)]
pub struct WipingAllocator;

// SAFETY: every block comes from `System` and goes back to it with the layout that it was
// requested with; `realloc` is the trait's own (allocate, copy, free), so that a block that moves
// is wiped in its old place. `System` keeps the contract of `GlobalAlloc`.
unsafe impl GlobalAlloc for WipingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: `System::alloc` asks for a layout of non-zero size, which our caller keeps.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: `System::alloc_zeroed` asks for a layout of non-zero size, which our caller
        // keeps.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: `explicit_bzero(3)` writes `size` bytes from `block`; our caller owns a live
        // block of just that size and gives it up with this call.
        unsafe { libc::explicit_bzero(block.cast(), layout.size()) };
        // SAFETY: `System::dealloc` asks for a live block of `System` with its layout: `block`
        // was made by `alloc` above and is handed on with the caller's layout.
        unsafe { System.dealloc(block, layout) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The block's first 16 bytes hold the C library's list pointers after a free; what stands
    /// behind them is what the user wrote, unless somebody wiped it.
    fn rest_after_free(allocator: &impl GlobalAlloc) -> Vec<u8> {
        let layout = Layout::from_size_align(64, 8).expect("a valid layout");
        // SAFETY: the layout has a non-zero size.
        let block = unsafe { allocator.alloc(layout) };
        // SAFETY: `block` has 64 bytes.
        unsafe { block.write_bytes(b'S', 64) };
        // SAFETY: allocated above with the same layout.
        unsafe { allocator.dealloc(block, layout) };
        // SAFETY: the C library keeps small freed blocks mapped; raw bytes are read, volatile so
        // that the compiler takes what is there.
        (16..64)
            .map(|at| unsafe { block.wrapping_add(at).read_volatile() })
            .collect()
    }

    #[test]
    fn freed_memory_is_wiped() {
        assert_eq!(rest_after_free(&WipingAllocator), vec![0; 48]);
        // Control: the C library alone leaves the bytes.
        assert_eq!(rest_after_free(&System), vec![b'S'; 48]);
    }
}
