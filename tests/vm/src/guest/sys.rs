//! System calls, each with its error as an `errno`.
#![expect(unsafe_code, reason = "a test of system calls makes them")]

use std::ffi::CString;
use std::io;
use std::os::fd::{FromRawFd as _, OwnedFd};

/// Turns the C library's answer into a result.
fn check(rc: i64) -> io::Result<i64> {
    if rc < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(rc)
    }
}

/// Any system call, by number, with words.
pub(crate) fn call(number: libc::c_long, args: [usize; 6]) -> io::Result<i64> {
    let [a, b, c, d, e, f] = args;
    // SAFETY: words go by value; those that are addresses were made from live buffers by the
    // functions below, and the kernel checks every one of them.
    check(unsafe { libc::syscall(number, a, b, c, d, e, f) })
}

/// The address of a buffer, for [`call`].
pub(crate) fn address<T: ?Sized>(buffer: &mut T) -> usize {
    std::ptr::from_mut(buffer).cast::<u8>().addr()
}

/// A text with a zero behind.
pub(crate) fn text(text: &str) -> Vec<u8> {
    CString::new(text).unwrap().into_bytes_with_nul()
}

/// `mount(2)`.
pub(crate) fn mount(kind: &str, at: &str, flags: u64) -> io::Result<()> {
    let (mut kind, mut at) = (text(kind), text(at));
    let (kind, at) = (address(kind.as_mut_slice()), address(at.as_mut_slice()));
    let flags = usize::try_from(flags).unwrap();
    call(libc::SYS_mount, [kind, at, kind, flags, 0, 0]).map(drop)
}

/// `fork(2)` where nothing else runs: 0 in the child.
pub(crate) fn fork() -> i32 {
    // SAFETY: the program has one thread, so the child is as good as its parent.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "fork: {}", io::Error::last_os_error());
    pid
}

/// `fork(2)` with the id that the child is to have (`clone3(2)`, `set_tid`).
pub(crate) fn fork_as(pid: i32) -> io::Result<i32> {
    let mut ids = [pid];
    let ids = u64::try_from(address(&mut ids)).unwrap();
    let signal = u64::try_from(libc::SIGCHLD).unwrap();
    // `struct clone_args`: the fifth word is the exit signal, the ninth and tenth are the ids.
    let mut args = [0, 0, 0, 0, signal, 0, 0, 0, ids, 1, 0];
    let pid = call(libc::SYS_clone3, [address(&mut args), 88, 0, 0, 0, 0])?;
    Ok(i32::try_from(pid).unwrap())
}

/// Waits for a child; its raw status.
pub(crate) fn wait(pid: i32) -> i32 {
    let mut status = 0;
    // SAFETY: `status` is a live int of ours.
    unsafe { libc::waitpid(pid, &raw mut status, libc::__WALL) };
    status
}

/// Makes the marker's page at its address, and answers it.
pub(crate) fn page(at: usize, content: &[u8]) {
    // SAFETY: a new anonymous mapping; nothing else of ours is at an address that low in the middle
    // of nowhere, and `MAP_FIXED_NOREPLACE` refuses if it were.
    let page = unsafe {
        libc::mmap(
            std::ptr::without_provenance_mut(at),
            4096,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE,
            -1,
            0,
        )
    };
    assert_eq!(page.addr(), at, "{}", io::Error::last_os_error());
    // SAFETY: the page is 4096 bytes, writable and ours; `content` is shorter.
    unsafe { std::ptr::copy_nonoverlapping(content.as_ptr(), page.cast(), content.len()) };
}

/// A descriptor that the kernel has just made for us.
pub(crate) fn owned(fd: i32) -> OwnedFd {
    assert!(fd >= 0, "a descriptor");
    // SAFETY: by this function's use: each caller gives what a system call answered, once.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// A copy of what a descriptor's shared mapping shows; empty where it cannot be mapped.
pub(crate) fn shared(fd: i32, length: usize) -> Vec<u8> {
    // SAFETY: a new mapping where the kernel likes.
    let page = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            length,
            libc::PROT_READ,
            libc::MAP_SHARED,
            fd,
            0,
        )
    };
    if page == libc::MAP_FAILED {
        return Vec::new();
    }
    // SAFETY: the kernel has just mapped `length` bytes there, and the file is as long.
    unsafe { std::slice::from_raw_parts(page.cast::<u8>(), length) }.to_vec()
}

/// A shared page of 32-bit words, which the kernel or a child writes too.
pub(crate) struct Words(*mut u32);

impl Words {
    /// Maps the first page at an offset of a descriptor; -1 is a page of no file.
    pub(crate) fn map(fd: i32, offset: i64) -> Self {
        let kind = if fd < 0 { libc::MAP_ANONYMOUS } else { 0 };
        // SAFETY: a new mapping where the kernel likes.
        let page = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                4096,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED | kind,
                fd,
                offset,
            )
        };
        assert_ne!(page, libc::MAP_FAILED, "{}", io::Error::last_os_error());
        Self(page.cast())
    }

    fn at(&self, word: u32) -> *mut u32 {
        assert!(word < 1024, "a word of the page");
        self.0.wrapping_add(usize::try_from(word).unwrap())
    }

    pub(crate) fn get(&self, word: u32) -> u32 {
        // SAFETY: within the page, which stays mapped; others write it, hence volatile.
        unsafe { self.at(word).read_volatile() }
    }

    pub(crate) fn set(&self, word: u32, value: u32) {
        // SAFETY: `at` keeps it within the page, which stays mapped; others read it too.
        unsafe { self.at(word).write_volatile(value) };
    }
}

/// Ignores a signal.
pub(crate) fn ignore(signal: i32) {
    // SAFETY: no handler is installed, only the disposition to ignore.
    unsafe { libc::signal(signal, libc::SIG_IGN) };
}

/// `ptrace(2)` with words.
pub(crate) fn ptrace(request: libc::c_uint, pid: i32, at: usize) -> io::Result<i64> {
    // SAFETY: PEEK answers the word; no request used here writes through a pointer of ours.
    let rc = unsafe { libc::ptrace(request, pid, at, 0_usize) };
    check(rc)
}
