//! Several writers at once: nothing is lost, readers always see a whole store.

use std::fs::File;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use cloudtaser_tests::store::Home;

const WRITERS: usize = 8;
const WRITES: usize = 5;

#[test]
fn eight_writers_lose_nothing() {
    let home = Home::with_store();
    home.ok(["set", "secret/shared", "start"], b"start");
    let done = AtomicBool::new(false);
    let reads = thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut reads = 0;
            while !done.load(Ordering::Relaxed) {
                assert_eq!(home.ok(["get", "secret/shared#start"], b""), b"start");
                reads += 1;
            }
            reads
        });
        let home = &home;
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                scope.spawn(move || {
                    for write in 0..WRITES {
                        let field = format!("w{writer}-{write}");
                        home.ok(["set", "secret/shared", &field], field.as_bytes());
                    }
                })
            })
            .collect();
        let results: Vec<_> = writers
            .into_iter()
            .map(thread::ScopedJoinHandle::join)
            .collect();
        // Before any of them panics here: the reader must end in any case.
        done.store(true, Ordering::Relaxed);
        let reads = reader.join().unwrap();
        results.into_iter().for_each(Result::unwrap);
        reads
    });
    assert!(reads > 0, "the reader never ran beside the writers");
    let text = home.ok(["get", "secret/shared"], b"");
    let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&text).unwrap();
    assert_eq!(fields.len(), WRITERS * WRITES + 1);
    for (name, value) in fields {
        assert_eq!(name, value.as_str().unwrap());
    }
    assert_eq!(home.beside_store(), ["store.age", "store.age.lock"]);
}

#[test]
fn a_lock_that_is_never_released_is_named() {
    let home = Home::with_store();
    let lock = home.store().with_extension("age.lock");
    let held = File::create(&lock).unwrap();
    rustix::fs::flock(&held, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let error = home.fails(69, ["set", "secret/a", "f"], b"x");
    assert!(
        error.contains("store.age.lock") && error.contains("10 s"),
        "{error}"
    );
    // Readers do not wait for it.
    assert_eq!(home.ok(["list"], b""), b"");
    drop(held);
    home.ok(["set", "secret/a", "f"], b"x");
}
