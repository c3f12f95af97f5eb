//! The preload library: brings secrets out of the secret region into a program that nobody changed.
//!
//! The dynamic linker loads it before the C library, glibc or musl, so that the program's calls
//! of `open`, `read`, `getenv`, `execve` and their relatives come here first. `entry` has the
//! exported functions, each a decision and a way on to the *next* function; `lookup` decides which
//! paths are ours, and `descriptor` what a read from them gives; `launch` what the next
//! program gets; `state` is what this process knows,
//! in static memory; `sys` touches the C library and the kernel.
//!
//! It allocates nothing, takes no lock, prints nothing and cannot panic: the shared object is built
//! only if no panic path is left. `docs/preload.md` says what works and what does not.
#![no_std]

#[cfg(test)]
extern crate std;

#[macro_use]
pub mod macros;

pub mod descriptor;
pub mod entry;
pub mod launch;
pub mod lookup;
pub mod state;
pub mod sys;

/// No panic path may be left: this symbol is defined nowhere, and the build refuses a library that
/// asks for it.
#[cfg(all(feature = "shared-object", not(test)))]
#[panic_handler]
#[expect(unsafe_code, reason = "a symbol that nobody defines")]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    unsafe extern "C" {
        fn cloudtaser_preload_has_a_panic_path() -> !;
    }
    // SAFETY: the symbol is defined nowhere, so no program with this call is linked.
    unsafe { cloudtaser_preload_has_a_panic_path() }
}
