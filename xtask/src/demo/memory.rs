//! Search of another process's memory through `/proc/PID/mem`, mapping by mapping.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;

use super::needle::{Needle, WINDOW};

/// Bytes that are read at a time; a page multiple.
const CHUNK: usize = 1 << 20;

/// One readable mapping (proc_pid_maps(5)).
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Mapping {
    start: u64,
    end: u64,
    /// `[heap]`, a file, or empty.
    name: String,
}

impl Mapping {
    /// Whether this is the memory that holds the secrets: memory of `memfd_secret(2)`, or the
    /// shared memory that stands in for it (which the kernel names /dev/zero, or as a file by
    /// ours).
    pub(super) fn is_region(&self) -> bool {
        ["/secretmem", "/dev/zero", "/memfd:cloudtaser"]
            .iter()
            .any(|name| self.name.starts_with(name))
    }
}

/// What a search found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) mappings: usize,
    pub(super) bytes: u64,
    /// Names of mappings that held the value, and the marker.
    pub(super) value: Vec<String>,
    pub(super) marker: Vec<String>,
    /// Mappings that could not be read, with the kernel's reason.
    pub(super) refused: Vec<String>,
}

/// Searches every readable mapping outside of the region.
///
/// # Errors
///
/// When the kernel does not let us have the process's maps or memory at all.
pub(super) fn search(pid: u32, value: &Needle, marker: &Needle) -> io::Result<Found> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps"))?;
    let memory = File::open(format!("/proc/{pid}/mem"))?;
    let mut found = Found::default();
    for mapping in parse(&maps).iter().filter(|mapping| !mapping.is_region()) {
        found.mappings += 1;
        if let Err(error) = one(&memory, mapping, value, marker, &mut found) {
            found.refused.push(format!("{} ({error})", mapping.name));
        }
    }
    Ok(found)
}

/// Tries to read the region itself, as an attacker would. Answers one text for each of its
/// mappings: what the kernel said, or that it was read.
///
/// # Errors
///
/// As [`search`].
pub(super) fn read_region(pid: u32) -> io::Result<Vec<Result<(), String>>> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps"))?;
    let memory = File::open(format!("/proc/{pid}/mem"))?;
    let attempt = |mapping: &Mapping| {
        memory
            .read_at(&mut [0; 64], mapping.start)
            .map(|_| ())
            .map_err(|error| error.to_string())
    };
    Ok(parse(&maps)
        .iter()
        .filter(|mapping| mapping.is_region())
        .map(attempt)
        .collect())
}

fn one(
    memory: &File,
    mapping: &Mapping,
    value: &Needle,
    marker: &Needle,
    found: &mut Found,
) -> io::Result<()> {
    // Each chunk begins with the end of the one before, so that no run is torn.
    let mut buffer = vec![0; CHUNK];
    let (mut at, mut has_value, mut has_marker) = (mapping.start, false, false);
    while at < mapping.end {
        let left = usize::try_from(mapping.end - at)
            .unwrap_or(CHUNK)
            .min(CHUNK);
        let Some(part) = buffer.get_mut(..left) else {
            break;
        };
        let read = memory.read_at(part, at)?;
        let data = buffer.get(..read).unwrap_or_default();
        has_value |= value.is_in(data);
        has_marker |= marker.is_in(data);
        found.bytes += read as u64;
        if read <= WINDOW {
            break;
        }
        let last = at + read as u64 >= mapping.end;
        at += if last {
            read as u64
        } else {
            (read - WINDOW) as u64
        };
    }
    let name = if mapping.name.is_empty() {
        "anonymous"
    } else {
        &mapping.name
    };
    if has_value {
        found.value.push(name.to_owned());
    }
    if has_marker {
        found.marker.push(name.to_owned());
    }
    Ok(())
}

/// The readable mappings, less those that are the kernel's own and not memory.
fn parse(maps: &str) -> Vec<Mapping> {
    let line = |line: &str| {
        let mut fields = line.split_whitespace();
        let (start, end) = fields.next()?.split_once('-')?;
        let readable = fields.next()?.starts_with('r');
        let name = fields.skip(3).collect::<Vec<_>>().join(" ");
        // These belong to the kernel and hold no data of the process.
        let kernel = name.starts_with("[vvar") || name == "[vsyscall]";
        let (start, end) = (
            u64::from_str_radix(start, 16).ok()?,
            u64::from_str_radix(end, 16).ok()?,
        );
        (readable && !kernel).then_some(Mapping { start, end, name })
    };
    maps.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_are_read() {
        let maps = "1000-3000 r--p 00000000 08:01 42   /bin/a b\n\
                    4000-5000 ---p 00000000 00:00 0 \n\
                    6000-7000 rw-s 00000000 00:0e 1 /secretmem (deleted)\n\
                    8000-9000 r--p 00000000 00:00 0 [vvar]\n";
        let maps = parse(maps);
        assert_eq!(maps.len(), 2);
        assert_eq!(
            maps[0],
            Mapping {
                start: 0x1000,
                end: 0x3000,
                name: "/bin/a b".into()
            }
        );
        assert!(!maps[0].is_region() && maps[1].is_region());
    }

    #[test]
    fn our_own_memory_holds_what_we_hold() {
        let (held, other) = (Needle::random().unwrap(), Needle::random().unwrap());
        let found = search(std::process::id(), &held, &other).unwrap();
        // Both needles are in our heap; a search that finds neither finds nothing ever.
        assert!(
            !found.value.is_empty() && !found.marker.is_empty(),
            "{found:?}"
        );
        assert!(found.bytes > 0);
    }
}
