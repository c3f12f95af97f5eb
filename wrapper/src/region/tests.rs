//! Writer and reader together: round trips, and hostile memory made from valid regions.

use std::ffi::CStr;
use std::sync::atomic::{AtomicU64, Ordering};

use cloudtaser_abi::protection::Protection;
use cloudtaser_abi::region::layout::FLAG_FOLLOW_CHILDREN;
use cloudtaser_abi::region::{ReadError, Region as Reader, Snapshot};
use proptest::prelude::*;

use super::*;

fn memory(layout: &Layout) -> Vec<AtomicU64> {
    let mut words = Vec::new();
    words.resize_with(layout.capacity / 8, AtomicU64::default);
    writer::format(&words, layout, Protection::Locked).expect("format");
    words
}

fn value_of(entry: &cloudtaser_abi::region::Entry<'_>) -> Vec<u8> {
    let mut value = vec![0xAA; entry.capacity()];
    let len = entry.read(&mut value).expect("readable");
    value.truncate(len);
    value
}

fn password() -> EntrySpec<'static> {
    EntrySpec {
        reference: "secret/data/db#password",
        path: Some("/run/secrets/db"),
        variable: Some("PGPASSWORD"),
        value_len: 7,
        ..EntrySpec::default()
    }
}

/// A file alone, which is rotated.
fn file() -> EntrySpec<'static> {
    EntrySpec {
        variable: None,
        ..password()
    }
}

/// Takes a result that does not matter: what counts is that it came.
fn attempt<T>(result: T) {
    std::hint::black_box(result);
}

/// Reads everything that a reader can read; the result does not matter, only that it ends.
fn read_all(words: &[AtomicU64]) {
    let Ok(region) = Reader::open(words) else {
        return;
    };
    let mut out = vec![0; words.len() * 8];
    attempt((region.protection(), region.generation(), region.is_empty()));
    for index in 0..=region.len() {
        let Some(entry) = region.entry(index) else {
            continue;
        };
        let texts = [entry.reference(), entry.path(), entry.variable()];
        for text in texts.into_iter().flatten() {
            let len = text.copy_to(&mut out).expect("texts were checked");
            assert!(text.is(&out[..len]));
        }
        attempt((entry.read(&mut out), entry.environ(), entry.value_len()));
        let hostile = Snapshot {
            version: 0,
            len: usize::MAX,
        };
        attempt(entry.read_at(hostile, usize::MAX, &mut out));
        attempt(entry.read_at(hostile, 1, &mut out));
    }
    attempt(region.find_reference(b"secret/data/db#password"));
}

#[test]
fn a_region_is_filled_sealed_and_rotated() {
    let layout = Layout::plan(&[file()]).expect("layout");
    let mut region = Region::create(layout, Protection::None).expect("memory");
    region.fill(0, b"hunter2").expect("fill");
    region.seal().expect("seal");
    assert!(matches!(
        region.fill(0, b"again"),
        Err(RegionError::NoEntry { .. })
    ));

    for version in 0_u64..4 {
        let expected = if version == 0 {
            b"hunter2".to_vec()
        } else {
            format!("value-{version}").into_bytes()
        };
        if version > 0 {
            region.publish(0, &expected).expect("publish");
        }
        let reader = Reader::open(region.words()).expect("valid");
        assert_eq!(reader.generation(), version);
        assert_eq!(reader.protection(), region.protection());
        let entry = reader.entry(0).expect("entry");
        assert_eq!(entry.snapshot().expect("snapshot").version, version);
        assert_eq!(value_of(&entry), expected);
        assert_eq!(entry.changed_ns() > 0, version > 0);
    }
}

#[test]
fn a_variable_stays_what_it_was_at_the_start() {
    let layout = Layout::plan(&[password()]).expect("layout");
    let mut region = Region::create(layout, Protection::None).expect("memory");
    region.fill(0, b"hunter2").expect("fill");
    region.seal().expect("seal");
    let error = region.publish(0, b"hunter3").expect_err("a variable");
    assert!(
        error.to_string().contains("keeps its start value"),
        "{error}"
    );
    let reader = Reader::open(region.words()).expect("valid");
    let entry = reader.find_variable(b"PGPASSWORD").expect("entry");
    assert_eq!(value_of(&entry), b"hunter2");
    let environ = entry.environ().expect("framed").expect("environ");
    let pointer = region.environ_string(0).expect("environ").as_ptr();
    assert_eq!(
        pointer.cast::<u8>().addr() - region.range().0.addr(),
        environ.offset
    );
}

#[test]
fn header_and_files_say_what_they_were_given() {
    let attributes = FileAttributes {
        mode: 0o440,
        owner: Some((7, 8)),
        opens: 3,
    };
    let spec = EntrySpec {
        file: attributes,
        ..file()
    };
    let mut layout = Layout::plan(&[spec, file()]).expect("layout");
    layout.flags = FLAG_FOLLOW_CHILDREN;
    layout.created_ns = 5;
    let region = Region::create(layout, Protection::None).expect("memory");
    let reader = Reader::open(region.words()).expect("valid");
    assert!(reader.follows_children() && !reader.gives_static_plain());
    assert_eq!(reader.created_ns(), 5);
    let entry = reader.entry(0).expect("entry");
    assert_eq!((entry.mode(), entry.owner()), (0o440, Some((7, 8))));
    assert_eq!(entry.open_limit(), Some(3));
    let plain = reader.entry(1).expect("entry");
    assert_eq!((plain.mode(), plain.owner()), (0o400, None));
    assert_eq!(plain.open_limit(), None);
}

#[test]
fn a_shared_region_has_a_descriptor_until_it_is_handed_over() {
    let layout = || Layout::plan(&[file()]).expect("layout");
    let alone = Region::create(layout(), Protection::None).expect("memory");
    assert!(alone.file().is_none());
    let mut shared = Region::create_shared(layout(), Protection::None).expect("memory");
    shared.fill(0, b"hunter2").expect("fill");
    shared.seal().expect("seal");
    let file = shared.file().expect("descriptor");
    assert!(
        rustix::io::fcntl_getfd(file)
            .expect("fcntl")
            .contains(rustix::io::FdFlags::CLOEXEC)
    );
    let program = file.try_clone_to_owned().expect("dup");
    shared.hand_over();
    assert!(shared.file().is_none());
    drop(shared);
    let len = usize::try_from(rustix::fs::fstat(&program).expect("fstat").st_size).expect("small");
    let mapping = GuardedMapping::new(len, Some(program.as_fd())).expect("mmap");
    let reader = Reader::open(mapping.words()).expect("still valid");
    assert_eq!(value_of(&reader.entry(0).expect("entry")), b"hunter2");
}

#[test]
fn a_value_that_outgrows_its_slot_is_refused_and_the_old_one_stays() {
    let layout = Layout::plan(&[file(), password()]).expect("layout");
    let mut region = Region::create(layout, Protection::None).expect("memory");
    region.fill(0, b"hunter2").expect("fill");
    let error = region.fill(1, b"a\0b").expect_err("NUL in a variable");
    assert!(matches!(error, RegionError::Nul { .. }), "{error}");
    region.seal().expect("seal");
    let error = region.publish(0, &[b'x'; 80]).expect_err("too long");
    assert_eq!(
        error.to_string(),
        "the new value of `secret/data/db#password` has 80 bytes and the entry was reserved for \
         79; restart the program to make room"
    );
    let reader = Reader::open(region.words()).expect("valid");
    assert_eq!(value_of(&reader.entry(0).expect("entry")), b"hunter2");
}

#[test]
fn a_rotated_value_is_wiped_and_an_open_snapshot_goes_stale() {
    let layout = Layout::plan(&[password()]).expect("layout");
    let words = memory(&layout);
    let place = &layout.places[0];
    writer::fill(&words, &layout, place, b"hunter2").expect("fill");
    let reader = Reader::open(&words).expect("valid");
    let entry = reader.entry(0).expect("entry");
    let snapshot = entry.snapshot().expect("snapshot");
    let mut part = [0; 3];
    assert_eq!(entry.read_at(snapshot, 4, &mut part), Ok(3));
    assert_eq!(&part, b"er2");

    let holds_old = || {
        let bytes = words.iter().map(|word| word.load(Ordering::Relaxed));
        let bytes: Vec<u8> = bytes.flat_map(u64::to_ne_bytes).collect();
        bytes.windows(7).any(|window| window == b"hunter2")
    };
    assert!(holds_old());
    writer::publish(&words, &layout, place, b"correct horse", 0).expect("publish");
    assert!(!holds_old());
    assert_eq!(entry.read_at(snapshot, 4, &mut part), Err(ReadError::Stale));
    assert_eq!(part, [0; 3]);
}

#[test]
fn every_state_of_a_rotation_is_readable() {
    let layout = Layout::plan(&[password()]).expect("layout");
    let words = memory(&layout);
    let place = &layout.places[0];
    writer::fill(&words, &layout, place, b"hunter2").expect("fill");
    let reader = Reader::open(&words).expect("valid");
    let entry = reader.entry(0).expect("entry");
    let read = || (value_of(&entry), entry.snapshot().expect("live").version);
    writer::begin(&words, place).expect("begin");
    assert_eq!(read(), (b"hunter2".to_vec(), 0));
    writer::put_slot(&words, &layout, place, 1, b"half").expect("write");
    assert_eq!(read(), (b"hunter2".to_vec(), 0));
    writer::flip(&words, place).expect("flip");
    assert_eq!(read(), (b"half".to_vec(), 1));
    writer::wipe(&words, &layout, place, 0).expect("wipe");
    assert_eq!(read(), (b"half".to_vec(), 1));
}

/// Reference, path, variable, and the values one after the other.
type Written = (String, String, Option<String>, Vec<Vec<u8>>);

fn specs() -> impl Strategy<Value = Vec<Written>> {
    let value = || prop::collection::vec(1_u8.., 0..80);
    let entry = (
        "[a-zäß/#]{0,20}",
        "(/[a-z]{1,9}){0,3}",
        prop::option::of("[A-Z_]{1,30}"),
        prop::collection::vec(value(), 1..5),
    );
    prop::collection::vec(entry, 0..12)
}

proptest! {
    #[test]
    fn what_is_written_is_read(entries in specs()) {
        let planned: Vec<EntrySpec<'_>> = entries
            .iter()
            .map(|(reference, path, variable, values)| EntrySpec {
                reference,
                path: Some(path),
                variable: variable.as_deref(),
                value_len: values[0].len(),
                ..EntrySpec::default()
            })
            .collect();
        let growth = Growth { minimum: 80, percent: 0 };
        let layout = Layout::plan_with(&planned, growth).expect("layout");
        let words = memory(&layout);
        for (place, entry) in layout.places.iter().zip(&entries) {
            writer::fill(&words, &layout, place, &entry.3[0]).expect("fill");
        }
        let reader = Reader::open(&words).expect("valid");
        for round in 0..5 {
            for (place, entry) in layout.places.iter().zip(&entries) {
                if let (Some(value), true) = (entry.3.get(round), round > 0) {
                    writer::publish(&words, &layout, place, value, 0).expect("publish");
                }
            }
            for (entry, expected) in reader.entries().zip(&entries) {
                let value = expected.3.get(round).or_else(|| expected.3.last()).expect("one");
                prop_assert_eq!(&value_of(&entry), value);
                prop_assert_eq!(entry.environ().expect("framed").is_some(), expected.2.is_some());
                for (text, expected) in [
                    (entry.reference(), expected.0.as_str()),
                    (entry.path(), expected.1.as_str()),
                    (entry.variable(), expected.2.as_deref().unwrap_or_default()),
                ] {
                    prop_assert_eq!(text.is_none(), expected.is_empty());
                    prop_assert!(text.is_none_or(|text| text.is(expected.as_bytes())));
                }
            }
        }
        prop_assert_eq!(reader.len(), entries.len());
    }

    #[test]
    fn any_bytes_are_read_or_refused(soup in prop::collection::vec(any::<u64>(), 0..80)) {
        let words: Vec<AtomicU64> = soup.into_iter().map(AtomicU64::new).collect();
        read_all(&words);
    }

    #[test]
    fn any_change_of_a_valid_region_is_read_or_refused(
        changes in prop::collection::vec((0..90_usize, prop_oneof![
            any::<u64>(),
            0..2_000_u64,
            any::<u64>().prop_map(|n| n | 0xffff_ffff_ffff_0000),
            any::<u8>().prop_map(|bit| 1 << (bit % 64)),
        ], any::<bool>()), 1..4),
        after_open in any::<bool>(),
    ) {
        let layout = Layout::plan(&[password(), password()]).expect("layout");
        let words = memory(&layout);
        for place in &layout.places {
            writer::fill(&words, &layout, place, b"hunter2").expect("fill");
        }
        let open = Reader::open(&words).expect("valid");
        for (index, number, is_xor) in changes {
            let word = &words[index % words.len()];
            let old = if is_xor { word.load(Ordering::Relaxed) } else { 0 };
            word.store(old ^ number, Ordering::Relaxed);
        }
        read_all(&words);
        if after_open {
            let mut out = [0; 4096];
            for entry in open.entries() {
                attempt((entry.read(&mut out), entry.environ()));
            }
        }
    }
}

#[test]
fn the_environment_string_is_what_execve_wants() {
    let layout = Layout::plan(&[password()]).expect("layout");
    let words = memory(&layout);
    writer::fill(&words, &layout, &layout.places[0], b"hunter2").expect("fill");
    let reader = Reader::open(&words).expect("valid");
    let environ = reader
        .entry(0)
        .and_then(|entry| entry.environ().expect("framed"))
        .expect("environ");
    let bytes = words.iter().map(|word| word.load(Ordering::Relaxed));
    let bytes: Vec<u8> = bytes.flat_map(u64::to_ne_bytes).collect();
    let string = CStr::from_bytes_until_nul(&bytes[environ.offset..]).expect("NUL");
    assert_eq!(string, c"PGPASSWORD=hunter2");
}
