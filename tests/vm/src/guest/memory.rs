//! All that a process has in memory and in descriptors.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;

use crate::{action, sys};

/// Most that is read of one mapping, in bytes. Chosen: heaps and stacks here are smaller.
const MOST: usize = 4 << 20;
/// Descriptors below this number are tried: the usual limit of a process.
const DESCRIPTORS: usize = 1024;

/// Reads all mappings that are writable or shared, by `read(address, buffer)`. A mapping that
/// cannot be read, as that of secret memory, is left out.
pub(crate) fn all(
    target: u32,
    mut read: impl FnMut(usize, &mut [u8]) -> io::Result<usize>,
) -> io::Result<Vec<u8>> {
    let maps = fs::read_to_string(format!("/proc/{target}/maps"))?;
    let mut found = Vec::new();
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        let (range, rights) = (words.next().unwrap(), words.next().unwrap());
        if !rights.starts_with("rw") && !rights.ends_with('s') {
            continue;
        }
        let (from, to) = range.split_once('-').unwrap();
        let number = |text| usize::from_str_radix(text, 16).unwrap();
        let (from, to) = (number(from), number(to));
        let mut buffer = vec![0; (to - from).min(MOST)];
        if let Ok(length) = read(from, &mut buffer) {
            found.extend_from_slice(&buffer[..length]);
        }
    }
    Ok(found)
}

/// By `mem`. The file is opened first: that is what is refused.
pub(crate) fn by_file(target: u32) -> io::Result<Vec<u8>> {
    let file = File::open(format!("/proc/{target}/mem"))?;
    all(target, |at, buffer| {
        file.read_at(buffer, u64::try_from(at).unwrap())
    })
}

/// By `process_vm_readv`; of our own mappings where those of the target cannot be had, so that the
/// call itself is refused or not.
pub(crate) fn by_call(target: u32) -> io::Result<Vec<u8>> {
    let known = fs::read(format!("/proc/{target}/maps")).is_ok();
    let maps_of = if known { target } else { std::process::id() };
    let mut last = Ok(());
    let found = all(maps_of, |at, buffer| {
        let bytes = action::vm(libc::SYS_process_vm_readv, target, at, buffer.len());
        match bytes {
            Ok(bytes) => {
                buffer.copy_from_slice(&bytes);
                Ok(buffer.len())
            }
            Err(error) => {
                last = Err(io::Error::from_raw_os_error(
                    error.raw_os_error().unwrap_or(-1),
                ));
                Err(error)
            }
        }
    })?;
    if found.is_empty() {
        last?;
    }
    Ok(found)
}

/// Takes every descriptor by `pidfd_getfd`, and reads or maps each.
pub(crate) fn descriptors(target: u32) -> io::Result<Vec<u8>> {
    let pidfd = action::pidfd(target)?;
    let mut found = Vec::new();
    let mut taken = 0;
    let mut last = Ok(());
    for number in 0..DESCRIPTORS {
        match sys::call(libc::SYS_pidfd_getfd, [pidfd, number, 0, 0, 0, 0]) {
            Ok(fd) => {
                taken += 1;
                found.extend(content(i32::try_from(fd).unwrap()));
            }
            Err(error) if error.raw_os_error() == Some(libc::EBADF) => {}
            Err(error) => last = Err(error),
        }
    }
    if taken == 0 {
        last?;
    }
    Ok(found)
}

/// Of a file; secret memory can be mapped only.
fn content(fd: i32) -> Vec<u8> {
    let file = File::from(sys::owned(fd));
    let Ok(facts) = file.metadata() else {
        return Vec::new();
    };
    if !facts.is_file() {
        return Vec::new();
    }
    let length = usize::try_from(facts.len()).unwrap().min(MOST);
    let mut buffer = vec![0; length];
    match file.read_at(&mut buffer, 0) {
        Ok(read) => buffer.truncate(read),
        Err(_) => buffer = sys::shared(fd, length),
    }
    buffer
}
