//! New processes without a new program: fork(2), vfork(2), clone(2).

use core::arch::naked_asm;
use core::ffi::{c_char, c_int, c_void};
use core::sync::atomic::{AtomicUsize, Ordering};

use crate::launch::{frame, handed};
use crate::macros::{Failure, Outcome};
use crate::state::{init, process};
use crate::sys::errno::{self, Errno};
use crate::sys::next;

/// Before a process is made.
pub(super) fn prepare() {
    init::ensure();
    frame::release_left();
}

/// After it was: `child` is 0 in it.
fn follow(child: c_int) -> Outcome<c_int> {
    if child == 0 {
        process::adopt();
        handed::keep_copies(false);
    }
    if child < 0 {
        Some(Err(errno::get()))
    } else {
        Some(Ok(child))
    }
}

interpose! {
    /// fork(2).
    fn fork() -> c_int {
        prepare();
        follow(next!(fn fork() -> c_int))
    }

    /// _Fork(3).
    #[cfg_attr(not(feature = "shared-object"), expect(non_snake_case, reason = "its name"))]
    fn _Fork() -> c_int {
        prepare();
        follow(next!(fn _Fork() -> c_int))
    }

    /// forkpty(3).
    fn forkpty(
        main: *mut c_int,
        name: *mut c_char,
        settings: *const c_void,
        size: *const c_void,
    ) -> c_int {
        prepare();
        follow(next!(fn forkpty(
            main: *mut c_int,
            name: *mut c_char,
            settings: *const c_void,
            size: *const c_void,
        ) -> c_int))
    }

    /// daemon(3), which comes back in the child.
    fn daemon(stays: c_int, keeps: c_int) -> c_int {
        prepare();
        follow(next!(fn daemon(stays: c_int, keeps: c_int) -> c_int))
    }
}

same! {
    /// `fork` under another name of glibc.
    fn __fork = fork() -> c_int;
}

/// The address of the next function of `name`; 0 and `ENOSYS` when there is none.
fn after(cache: &AtomicUsize, name: *const u8) -> usize {
    prepare();
    let address = match cache.load(Ordering::Relaxed) {
        0 => next::resolve(cache, name, 0),
        known => known,
    };
    if address == 0 {
        errno::set(Errno::NOSYS);
    }
    address
}

extern "C" fn next_vfork() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    after(&NEXT, c"vfork".as_ptr().cast())
}

extern "C" fn next_clone() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    after(&NEXT, c"clone".as_ptr().cast())
}

extern "C" fn next_dlopen() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    prepare();
    match NEXT.load(Ordering::Relaxed) {
        0 => <*mut c_void>::resolve(&NEXT, c"dlopen".as_ptr().cast()),
        known => known,
    }
}

/// Defines an exported function that prepares, and then jumps to the next one with stack and
/// registers as they came: it returns twice, or into another stack.
macro_rules! jump {
    ($($(#[$meta:meta])* fn $name:ident => $next:path $(, $change:literal)?;)*) => {
        $(
            $(#[$meta])*
            ///
            /// # Safety
            ///
            /// What the C library's function of this name demands of its caller. The declaration
            /// leaves out the arguments.
            #[cfg_attr(feature = "shared-object", unsafe(no_mangle))]
            #[unsafe(naked)]
            pub unsafe extern "C" fn $name() -> c_int {
                naked_asm!(
                    "push rdi",
                    "push rsi",
                    "push rdx",
                    "push rcx",
                    "push r8",
                    "push r9",
                    // `al` counts vector registers of a variadic call; this also aligns the stack.
                    "push rax",
                    "call {next}",
                    "mov r11, rax",
                    "pop rax",
                    "pop r9",
                    "pop r8",
                    "pop rcx",
                    "pop rdx",
                    "pop rsi",
                    "pop rdi",
                    $($change,)?
                    "test r11, r11",
                    "jz 2f",
                    "jmp r11",
                    "2:",
                    "mov eax, -1",
                    "ret",
                    next = sym $next,
                )
            }
        )*
    };
}

jump! {
    /// vfork(2).
    fn vfork => next_vfork;

    /// `vfork` under another name of glibc.
    fn __vfork => next_vfork;

    /// clone(2).
    fn clone => next_clone;

    /// dlopen(3), without `RTLD_DEEPBIND`: a library that was loaded with it would call the C
    /// library past us, and a shell that it starts would have the secret variables in the kernel's
    /// copy.
    fn dlopen => next_dlopen, "and esi, ~8";
}
