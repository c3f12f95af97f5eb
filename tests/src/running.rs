//! A wrapper that supervises a program, and the search through its memory.

use std::io::{Read, Write};
use std::process::{Child, Stdio};

use crate::process::{eventually, only_child, state};
use crate::search::{Pieces, Searched, search};
use crate::{Wrapper, skip};

/// Secret memory's mappings in `/proc/PID/maps`, or where the kernel has none, shared memory's,
/// which is a file when the program is handed it.
const REGIONS: [&str; 3] = ["/secretmem", "/dev/zero", "/memfd:cloudtaser"];

/// A wrapper whose program (`cat`) runs and has the secrets. Killed when dropped.
#[derive(Debug)]
pub struct Running {
    wrapper: Child,
    /// The program's process id.
    pub program: i32,
    _folder: Wrapper,
}

impl Running {
    /// Starts it and waits until the program runs and the wrapper waits for signals.
    ///
    /// # Panics
    ///
    /// When it does not come to that.
    #[must_use]
    pub fn start(wrapper: Wrapper) -> Self {
        let mut command = wrapper.command(&["cat"]);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("started");
        let program = only_child(pid_of(&child));
        // A line that went through `cat` means that it runs; the wrapper then waits for signals.
        let stdin = child.stdin.as_mut().expect("a pipe");
        stdin.write_all(b"x").expect("written");
        let stdout = child.stdout.as_mut().expect("a pipe");
        stdout.read_exact(&mut [0]).expect("read");
        let is_waiting = || state(pid_of(&child)) == Some('S');
        assert!(eventually(is_waiting));
        Self {
            wrapper: child,
            program,
            _folder: wrapper,
        }
    }

    /// The wrapper's process id.
    #[must_use]
    pub fn pid(&self) -> i32 {
        pid_of(&self.wrapper)
    }

    /// Ends the program, and waits for the wrapper's end.
    ///
    /// # Panics
    ///
    /// When the wrapper does not end with status 0.
    pub fn end(mut self) {
        drop(self.wrapper.stdin.take());
        let status = self.wrapper.wait().expect("waited for");
        assert!(status.success(), "{status}");
    }

    /// Searches the wrapper's memory but for its secret mappings, of which there must be just
    /// `secret`; heap, stack and data are seen.
    ///
    /// # Panics
    ///
    /// When the mappings are not what they should be.
    #[must_use]
    pub fn search(&self, pieces: &Pieces, secret: usize) -> Searched {
        let searched = search_outside(self.pid(), pieces);
        assert_eq!(searched.left_out.len(), secret, "{:?}", searched.left_out);
        for name in ["[heap]", "[stack]"] {
            let is_read = searched.read.iter().any(|read| read == name);
            assert!(is_read, "{name} was not read");
        }
        let bytes = searched.bytes;
        assert!(bytes > 1 << 20, "{bytes} bytes were read");
        searched
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.wrapper.kill());
        drop(self.wrapper.wait());
    }
}

/// Searches a process's memory but for its secret mappings, if it has any.
///
/// # Panics
///
/// When the process is not there or its memory may not be read.
#[must_use]
pub fn search_outside(pid: i32, pieces: &Pieces) -> Searched {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).expect("maps");
    let region = REGIONS.into_iter().find(|name| maps.contains(name));
    search(pid, pieces, region)
}

/// A child's process id.
///
/// # Panics
///
/// Never: process ids fit.
#[must_use]
pub fn pid_of(child: &Child) -> i32 {
    i32::try_from(child.id()).expect("a process id")
}

/// Whether we are root, who alone may read the wrapper's memory; else the test is skipped.
#[must_use]
pub fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        skip("root, who alone may read the wrapper's memory");
    }
    is_root
}
