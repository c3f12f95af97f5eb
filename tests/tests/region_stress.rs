//! Four readers against a writer that never rests, on the memory that the product uses.
//!
//! Every value says in its first bytes which one it is, and all its other bytes and its length
//! follow from that: a mixture of two values cannot pass for one. The control is a reader that
//! leaves out the second look at the sequence; it must see mixtures, or this test proves nothing.
#![expect(clippy::expect_used, reason = "test code: a panic shows the line")]
#![expect(
    unsafe_code,
    reason = "readers keep the memory while `publish` borrows the region"
)]

use std::slice;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use cloudtaser_abi::protection::Protection;
use cloudtaser_abi::region::Region as Reader;
use cloudtaser_wrapper::region::{EntrySpec, Layout, Region};

const READERS: u64 = 4;
const READS: u64 = 1_000_000;

/// Of eight reads one is of the long value, which takes that much longer.
const LONG_ONE_IN: u64 = 8;

/// Entry 0: up to 48 bytes. Entry 1: up to 4 KiB. Both change their length at each rotation.
fn value(entry: usize, number: u64) -> Vec<u8> {
    let longest = if entry == 0 { 48 } else { 4096 };
    let len = longest - usize::try_from(number % 7).expect("small") * 4;
    let mut value = number.to_le_bytes().to_vec();
    let seed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes()[7];
    value.resize(len, seed);
    value
}

fn is_whole(entry: usize, bytes: &[u8]) -> bool {
    bytes
        .first_chunk()
        .is_some_and(|number| bytes == value(entry, u64::from_le_bytes(*number)))
}

fn region() -> (Region, Layout) {
    let lens = [48, 4096];
    let specs = lens.map(|value_len| EntrySpec {
        reference: "secret/data/stress#value",
        value_len,
        ..EntrySpec::default()
    });
    let layout = Layout::plan(&specs).expect("layout");
    let mut region = Region::create(layout.clone(), Protection::None).expect("memory");
    for entry in 0..2 {
        region.fill(entry, &value(entry, 0)).expect("fill");
    }
    region.seal().expect("seal");
    (region, layout)
}

/// Rotates both entries until `stop`, while `read` runs on every reader thread; gives the sum of
/// the readers' answers and the number of rotations.
fn race(region: &mut Region, read: impl Fn(&[AtomicU64], u64) -> u64 + Sync) -> (u64, u64) {
    let (start, len) = region.range();
    // SAFETY: `from_raw_parts` wants memory that stays mapped and is changed through atomics
    // only: `region` outlives the scope below, and `publish` writes through `AtomicU64`.
    let words = unsafe { slice::from_raw_parts(start.cast::<AtomicU64>(), len / 8) };
    let stop = AtomicBool::new(false);
    let mut rotations = 0;
    let sum = thread::scope(|scope| {
        let readers: Vec<_> = (0..READERS)
            .map(|reader| {
                let read = &read;
                scope.spawn(move || read(words, reader))
            })
            .collect();
        let stop = &stop;
        let counter = scope.spawn(move || {
            let ends: Vec<_> = readers.into_iter().map(|reader| reader.join()).collect();
            // Before a reader's panic is passed on, or the writer would never stop.
            stop.store(true, Ordering::Relaxed);
            let sums = ends.into_iter().map(|end| end.expect("reader"));
            sums.sum::<u64>()
        });
        while !stop.load(Ordering::Relaxed) {
            rotations += 1;
            for entry in 0..2 {
                let next = value(entry, rotations);
                region.publish(entry, &next).expect("publish");
            }
        }
        counter.join().expect("readers")
    });
    (sum, rotations)
}

#[test]
fn no_reader_sees_a_mixture_in_a_million_reads() {
    let (mut region, _) = region();
    if region.protection() != Protection::Secretmem {
        cloudtaser_tests::skip("memfd_secret, for the memory that the product uses");
    }
    let (reads, rotations) = race(&mut region, |words, reader| {
        let open = Reader::open(words).expect("valid");
        let entries: Vec<_> = open.entries().collect();
        let mut out = [0; 8192];
        let mut newest = [0; 2];
        for read in 0..READS / READERS {
            let index = usize::from((read + reader) % LONG_ONE_IN == 0);
            let len = entries[index].read(&mut out).expect("readable");
            assert!(is_whole(index, &out[..len]), "a mixture, {len} bytes");
            let number = u64::from_le_bytes(*out.first_chunk().expect("number"));
            assert!(newest[index] <= number, "an older value after a newer one");
            newest[index] = number;
        }
        READS / READERS
    });
    assert_eq!(reads, READS);
    assert!(rotations > 1_000, "only {rotations} rotations");
}

#[test]
fn control_a_reader_without_the_second_look_sees_mixtures() {
    let (mut region, layout) = region();
    let place = layout.places[1].clone();
    let slots = layout.slots_at.map(|area| (area + place.slot) / 8);
    let sequence = place.directory / 8;
    let lens = place.directory / 8 + 3;
    let (mixtures, _) = race(&mut region, |words, _reader| {
        let mut mixtures = 0;
        for _ in 0..READS {
            let live = usize::from((words[sequence].load(Ordering::Acquire) >> 1) & 1 == 1);
            let len = usize::try_from(words[lens + live].load(Ordering::Relaxed)).expect("len");
            let value = &words[slots[live]..slots[live] + len.div_ceil(8)];
            let bytes = value.iter().map(|word| word.load(Ordering::Relaxed));
            let bytes: Vec<u8> = bytes.flat_map(u64::to_ne_bytes).take(len).collect();
            mixtures += u64::from(!is_whole(1, &bytes));
            if mixtures == 10 {
                break;
            }
        }
        mixtures
    });
    assert!(mixtures > 0, "the test cannot see a mixture");
}
