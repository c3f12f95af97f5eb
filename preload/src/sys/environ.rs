//! The environment's array of strings, as the C library has it.
#![expect(unsafe_code, reason = "the C library's array of pointers")]

use core::ffi::{CStr, c_char};

unsafe extern "C" {
    /// environ(7). The same place as `__environ`.
    static mut environ: *mut *mut c_char;
}

/// The array, ended by a null pointer; null itself before the C library was initialised, and after
/// `clearenv`.
#[must_use]
pub fn array() -> *mut *mut c_char {
    let place = &raw const environ;
    // SAFETY: reads a pointer; whoever changes the environment while others read it breaks the
    // rules of the C library (getenv(3)).
    unsafe { place.read() }
}

/// A null-ended array of strings, such as execve(2) takes.
#[derive(Clone, Copy, Debug)]
pub struct Array(*const *const c_char);

impl Array {
    /// # Safety
    ///
    /// `array` is null or ends with a null pointer, and its strings end with NUL, as execve(2)
    /// demands, as long as the value is used.
    #[must_use]
    pub const unsafe fn new(array: *const *const c_char) -> Self {
        Self(array)
    }

    /// The program's environment. Who changes it meanwhile breaks the C library's rules.
    #[must_use]
    pub fn own() -> Self {
        Self(array().cast())
    }

    /// What it was made of.
    #[must_use]
    pub const fn pointer(self) -> *const *const c_char {
        self.0
    }

    /// The strings.
    pub fn strings(self) -> impl Iterator<Item = &'static CStr> {
        // SAFETY: the promise of `new`; the iterator ends at the null pointer.
        (0..).map_while(move |index| unsafe { element(self.0, index) })
    }
}

/// The element at `index` of a null-ended array of strings; `None` at its end or for a null array.
///
/// # Safety
///
/// `array` is null or ended by a null pointer, `index` is not beyond that.
#[must_use]
pub unsafe fn element<'a>(array: *const *const c_char, index: usize) -> Option<&'a CStr> {
    if array.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    let string = unsafe { array.wrapping_add(index).read() };
    // SAFETY: the strings of such an array end with NUL.
    unsafe { super::string::cstr(string) }
}

/// Puts `string` into place `index` of `array`.
///
/// # Safety
///
/// `index` lies within the array, its null pointer included, and nobody else reads it meanwhile.
pub unsafe fn set_element(array: *mut *mut c_char, index: usize, string: *mut c_char) {
    // SAFETY: the caller's promise.
    unsafe { array.wrapping_add(index).write(string) };
}

/// Puts `value` where a string's bytes from `offset` on were, with a NUL behind it.
///
/// # Safety
///
/// The string has room for `offset + value.len()` bytes and its NUL, and is writable.
pub unsafe fn overwrite(string: *mut c_char, offset: usize, value: &[u8]) {
    let start = string.wrapping_add(offset).cast::<u8>();
    // SAFETY: the caller's promise; `copy` allows the ranges to overlap.
    unsafe { core::ptr::copy(value.as_ptr(), start, value.len()) };
    // SAFETY: the NUL is within the room that the caller promises.
    unsafe { start.wrapping_add(value.len()).write(0) };
}
