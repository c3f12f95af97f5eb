//! Search of the file system: every regular file on a writable mount that changed since the demo
//! began.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::needle::{Needle, WINDOW};

/// Bytes that are read at a time.
const CHUNK: usize = 1 << 20;

/// File systems that store files: on disk, in memory, layered. Others are windows into the kernel
/// or belong to another machine.
const STORING: &[&str] = &[
    "ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "zfs", "tmpfs", "ramfs", "devtmpfs", "overlay",
    "vfat", "exfat", "bcachefs",
];

/// What a search found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) mounts: usize,
    /// Files that were looked at, and of these the ones that changed and were read.
    pub(super) seen: u64,
    pub(super) read: u64,
    pub(super) bytes: u64,
    pub(super) value: Vec<PathBuf>,
    pub(super) marker: Vec<PathBuf>,
    /// Changed files and folders that we may not read.
    pub(super) refused: u64,
}

/// Searches every writable mount. `since` is in seconds of the Unix clock.
///
/// # Errors
///
/// When the mounts cannot be listed.
pub(super) fn search(since: i64, value: &Needle, marker: &Needle) -> io::Result<Found> {
    let mut found = Found::default();
    let mut done = Vec::new();
    for mount in writable(&fs::read_to_string("/proc/self/mounts")?) {
        let Ok(meta) = fs::metadata(&mount) else {
            continue;
        };
        // The same file system may be mounted at several places.
        if !done.contains(&(meta.dev(), meta.ino())) {
            done.push((meta.dev(), meta.ino()));
            found.mounts += 1;
            walk(
                &mount,
                meta.dev(),
                &Search {
                    since,
                    value,
                    marker,
                },
                &mut found,
            );
        }
    }
    Ok(found)
}

struct Search<'a> {
    since: i64,
    value: &'a Needle,
    marker: &'a Needle,
}

/// Mount points of `/proc/self/mounts` (proc_pid_mounts(5)) that store files and can be written.
fn writable(mounts: &str) -> Vec<PathBuf> {
    let mount = |line: &str| {
        let mut fields = line.split(' ').skip(1);
        let (dir, kind, options) = (fields.next()?, fields.next()?, fields.next()?);
        let storing = STORING.contains(&kind) && options.split(',').any(|option| option == "rw");
        storing.then(|| PathBuf::from(dir.replace("\\040", " ")))
    };
    mounts.lines().filter_map(mount).collect()
}

/// Everything below `top` on the same file system.
fn walk(top: &Path, device: u64, search: &Search<'_>, found: &mut Found) {
    let mut folders = vec![top.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            found.refused += 1;
            continue;
        };
        for entry in entries.flatten() {
            // Gone in between: a file of somebody else's that no longer exists.
            let Ok(meta) = entry.metadata() else { continue };
            if meta.dev() != device {
                continue;
            }
            if meta.is_dir() {
                folders.push(entry.path());
            } else if meta.is_file() {
                found.seen += 1;
                if meta.mtime().max(meta.ctime()) >= search.since {
                    look_into(&entry.path(), search, found);
                }
            }
        }
    }
}

fn look_into(file: &Path, search: &Search<'_>, found: &mut Found) {
    match contents(file, search) {
        Ok((bytes, has_value, has_marker)) => {
            found.read += 1;
            found.bytes += bytes;
            if has_value {
                found.value.push(file.to_path_buf());
            }
            if has_marker {
                found.marker.push(file.to_path_buf());
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(_) => found.refused += 1,
    }
}

/// Bytes read, and whether value and marker are in them.
fn contents(file: &Path, search: &Search<'_>) -> io::Result<(u64, bool, bool)> {
    let mut file = File::open(file)?;
    let (mut total, mut has_value, mut has_marker) = (0, false, false);
    let mut data = Vec::new();
    loop {
        // Keep the end of the chunk before, so that no run is torn.
        data.drain(..data.len().saturating_sub(WINDOW));
        let read = file.by_ref().take(CHUNK as u64).read_to_end(&mut data)?;
        if read == 0 {
            return Ok((total, has_value, has_marker));
        }
        total += read as u64;
        has_value |= search.value.is_in(&data);
        has_marker |= search.marker.is_in(&data);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_writable_mounts_that_store_files() {
        let mounts = "proc /proc proc rw 0 0\n/dev/a / ext4 rw,relatime 0 0\n\
                      tmpfs /ro tmpfs ro 0 0\ntmpfs /a\\040b tmpfs rw,nosuid 0 0\n";
        assert_eq!(
            writable(mounts),
            [PathBuf::from("/"), PathBuf::from("/a b")]
        );
    }

    #[test]
    fn a_needle_across_two_chunks_is_found() {
        let (value, marker) = (Needle::random().unwrap(), Needle::random().unwrap());
        let file = crate::paths::target()
            .unwrap()
            .join(format!("needle-{}", std::process::id()));
        let mut data = vec![b'.'; CHUNK - 8];
        data.extend(&value.text().as_bytes()[..WINDOW]);
        data.extend([b'.'; 99]);
        fs::write(&file, &data).unwrap();
        let search = Search {
            since: 0,
            value: &value,
            marker: &marker,
        };
        let found = contents(&file, &search).unwrap();
        fs::remove_file(&file).unwrap();
        assert_eq!(found, (data.len() as u64, true, false));
    }
}
