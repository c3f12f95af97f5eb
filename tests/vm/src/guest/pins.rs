//! The enforcer's pins: what an attacker does to them, and how the operator removes them.

use std::fs;
use std::io;
use std::path::PathBuf;

use crate::{AGENT, PINS, PINS_MOUNTS, perf, sys};

/// Mounts what is not mounted.
pub(crate) fn mount() {
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("mountinfo");
    for (kind, at) in PINS_MOUNTS {
        if !mounts.contains(&format!(" {at} ")) {
            fs::create_dir_all(at).expect("a folder");
            sys::mount(kind, at, 0).expect(kind);
        }
    }
}

/// Removes all pins, from the control group that the enforcer trusts.
pub(crate) fn remove() {
    fs::write(format!("{AGENT}/cgroup.procs"), "0").expect("cgroup.procs");
    fs::remove_dir_all(PINS).expect("no pins any more");
}

/// A pin; where there is no enforcer, one of our own.
fn one() -> io::Result<PathBuf> {
    mount();
    if fs::metadata(PINS).is_err() {
        fs::create_dir(PINS)?;
        perf::pin(&format!("{PINS}/own"))?;
    }
    let entry = fs::read_dir(PINS)?.next();
    Ok(entry.ok_or(io::ErrorKind::NotFound)??.path())
}

/// Removes a pin.
pub(crate) fn unlink() -> io::Result<Vec<u8>> {
    fs::remove_file(one()?)?;
    // The folder must not stay empty for the next attack.
    let _others = fs::remove_dir(PINS);
    Ok(Vec::new())
}

/// Moves a pin out of the folder, and back.
pub(crate) fn rename() -> io::Result<Vec<u8>> {
    let (pin, other) = (one()?, "/pins/bpf/other");
    fs::rename(&pin, other)?;
    fs::rename(other, &pin)?;
    Ok(Vec::new())
}

/// Renames the folder, and back.
pub(crate) fn rename_folder() -> io::Result<Vec<u8>> {
    one()?;
    fs::rename(PINS, "/pins/bpf/other")?;
    fs::rename("/pins/bpf/other", PINS)?;
    Ok(Vec::new())
}

/// Unmounts one of the file systems, with flags; what was below is there anew afterwards.
pub(crate) fn unmount(at: &str, flags: i32) -> io::Result<Vec<u8>> {
    one()?;
    let mut path = sys::text(at);
    let path = sys::address(path.as_mut_slice());
    let flags = usize::try_from(flags).unwrap();
    sys::call(libc::SYS_umount2, [path, flags, 0, 0, 0, 0])?;
    mount();
    Ok(Vec::new())
}
