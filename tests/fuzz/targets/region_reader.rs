//! The region's reader over any bytes, and over memory that changes after it was opened.
//!
//! Input: a region; its last 16 bytes are also a change (which word, what it becomes) that is made
//! between two readings. Besides not crashing, what is read must lie within the region.
#![no_main]

use std::sync::atomic::{AtomicU64, Ordering};

use cloudtaser_abi::region::{Entry, Region, Snapshot};
use libfuzzer_sys::fuzz_target;

/// Entries that are read of one input: more say nothing new and take time.
const ENTRIES: usize = 16;

fn read_entry(entry: &Entry<'_>, size: usize, out: &mut [u8]) {
    for text in [entry.reference(), entry.path(), entry.variable()]
        .into_iter()
        .flatten()
    {
        let len = text.copy_to(out).expect("a text lies within the region");
        assert!(len == text.len() && len <= size);
    }
    assert!(entry.capacity() < size);
    if let Ok(len) = entry.read(out) {
        assert!(len <= entry.capacity());
    }
    if let Ok(Some(environ)) = entry.environ() {
        assert!(environ.offset + environ.len < size);
    }
    let hostile = Snapshot {
        version: 1,
        len: usize::MAX,
    };
    let _ = entry.read_at(hostile, size, out);
    if let Ok(snapshot) = entry.snapshot() {
        let half = snapshot.len / 2;
        if let Ok(count) = entry.read_at(snapshot, half, out) {
            assert_eq!(count, snapshot.len - half);
        }
    }
}

fn read_all(region: &Region<'_>, size: usize, out: &mut [u8]) {
    for entry in region.entries().take(ENTRIES) {
        read_entry(&entry, size, out);
    }
    let _ = (region.generation(), region.protection());
    let _ = region.find_reference(b"secret/data/db#password");
}

fuzz_target!(|data: &[u8]| {
    let (chunks, _) = data.as_chunks::<8>();
    let words: Vec<AtomicU64> = chunks
        .iter()
        .map(|chunk| AtomicU64::new(u64::from_ne_bytes(*chunk)))
        .collect();
    let size = words.len() * 8;
    let Ok(region) = Region::open(&words) else {
        return;
    };
    let mut out = vec![0; size];
    read_all(&region, size, &mut out);
    let opened: Vec<_> = region.entries().take(ENTRIES).collect();

    if let [.., index, value] = chunks {
        let index = usize::from_ne_bytes(*index) % words.len();
        words[index].store(u64::from_ne_bytes(*value), Ordering::Relaxed);
    }
    for entry in &opened {
        read_entry(entry, size, &mut out);
    }
    read_all(&region, size, &mut out);
});
