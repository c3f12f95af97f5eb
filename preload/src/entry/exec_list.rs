//! The variadic ones of exec(3): `execl`, `execlp`, `execle`.
//!
//! Their arguments become an array in place: the five that came in registers are pushed to where
//! the others lie, whose first one the return address makes room for. It is put back when the call
//! comes back, which it does only when it failed.

use core::arch::naked_asm;
use core::ffi::{c_char, c_int};

use super::exec::{self, Strings};
use crate::sys::environ;

unsafe extern "C" fn execute(path: *const c_char, arguments: Strings) -> c_int {
    // SAFETY: execl(3) demands the same, and `arguments` is its list.
    unsafe { exec::execv(path, arguments) }
}

unsafe extern "C" fn search(name: *const c_char, arguments: Strings) -> c_int {
    // SAFETY: execlp(3) demands the same, and `arguments` is its list.
    unsafe { exec::execvp(name, arguments) }
}

unsafe extern "C" fn execute_with(path: *const c_char, arguments: Strings) -> c_int {
    // SAFETY: execle(3) demands a list that ends with a null pointer.
    let count = (0..).take_while(|index| unsafe { environ::element(arguments, *index) }.is_some());
    let end = count.count();
    // SAFETY: behind the null pointer is the environment.
    let environment = unsafe { arguments.wrapping_add(end).wrapping_add(1).read() };
    // SAFETY: execle(3) demands the same.
    unsafe { exec::execve(path, arguments, environment.cast()) }
}

/// Defines an exported function that calls another one with its first argument and an array of the
/// rest.
macro_rules! list {
    ($($(#[$meta:meta])* fn $name:ident => $function:path;)*) => {
        $(
            $(#[$meta])*
            ///
            /// # Safety
            ///
            /// What exec(3) demands of its caller. The declaration leaves out what is variadic.
            #[cfg_attr(feature = "shared-object", unsafe(no_mangle))]
            #[unsafe(naked)]
            pub unsafe extern "C" fn $name(path: *const c_char, first: *const c_char) -> c_int {
                naked_asm!(
                    "pop rax",
                    "push r9",
                    "push r8",
                    "push rcx",
                    "push rdx",
                    "push rsi",
                    "mov rsi, rsp",
                    // The return address, which also aligns the stack.
                    "push rax",
                    "call {function}",
                    "pop rcx",
                    "add rsp, 40",
                    "push rcx",
                    "ret",
                    function = sym $function,
                )
            }
        )*
    };
}

list! {
    /// execl(3).
    fn execl => execute;

    /// execlp(3).
    fn execlp => search;

    /// execle(3).
    fn execle => execute_with;
}
