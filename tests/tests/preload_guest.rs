//! What a guest must not do to its host: take much of a thread's stack, keep memory, or let the
//! program die where it would have lived without us.
#![expect(clippy::expect_used, reason = "test code: a panic shows the line")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cloudtaser_tests::compile::{self, CLibrary};
use cloudtaser_tests::preload::Served;

/// Bytes of stack that a call may take more than without us. Chosen: an eighth of the smallest
/// stack that a thread can have (`PTHREAD_STACK_MIN`, 16 KiB), for what opens and looks, and twice
/// that for what starts a program.
const MORE: usize = 2048;
const MORE_TO_START: usize = 4096;

fn compiled(name: &str, library: CLibrary, served: &Served) -> PathBuf {
    compile::program(name, library, served.folder())
}

fn depths(text: &str) -> Vec<(String, usize)> {
    let read = |line: &str| {
        let (name, bytes) = line.split_once(' ').expect("two words");
        (name.to_owned(), bytes.parse().expect("a number"))
    };
    text.lines().map(read).collect()
}

#[test]
fn calls_take_little_more_of_the_stack() {
    for library in CLibrary::DYNAMIC {
        let served = Served::new("hunter2-secret").variable("SECRET");
        let program = compiled("depth", library, &served);
        let ours = served.run(&[&program, &served.path()]).with(0);
        let real = served.run_bare(&[&program, &served.real_path()]).with(0);
        let (ours, real) = (depths(&ours.stdout()), depths(&real.stdout()));
        assert_eq!(ours.len(), 9, "{library:?}");
        for ((name, ours), (_, real)) in ours.iter().zip(&real) {
            let more = if name.starts_with("start") {
                MORE_TO_START
            } else {
                MORE
            };
            assert!(*ours <= real + more, "{library:?} {name}: {ours}, {real}");
        }
    }
}

#[test]
fn threads_that_start_programs_leave_nothing_mapped() {
    for library in CLibrary::DYNAMIC {
        let served = Served::new("hunter2-secret").variable("SECRET");
        let program = compiled("starters", library, &served);
        let words = [program.as_path(), Path::new("40"), Path::new("10")];
        let ended = served.run(&words).with(0);
        let text = ended.stdout();
        let (failed, left) = text
            .trim()
            .strip_prefix("failed ")
            .and_then(|rest| rest.split_once(", more mappings "))
            .expect("the program's line");
        assert_eq!(failed, "0", "{library:?}");
        // 360 starts, each of which maps twice. What the last children left is among it.
        let left: i32 = left.parse().expect("a number");
        assert!(left <= 80, "{library:?}: {left} mappings more");
    }
}

#[test]
fn without_the_wrapper_a_program_that_is_not_served_still_starts() {
    let served = Served::new("hunter2-secret").variable("SECRET");
    let program = compiled("widow", CLibrary::Glibc, &served);
    let unserved = compiled("lister", CLibrary::Static, &served);
    let out = served.folder().join("widow.out");
    let _killed = served.run(&[&program, &unserved, &out]).with(137);
    let begun = Instant::now();
    let said = loop {
        match std::fs::read_to_string(&out) {
            Ok(text) if text.ends_with('\n') => break text,
            _ if begun.elapsed() > Duration::from_secs(20) => panic!("it has not gone on"),
            _ => std::thread::sleep(Duration::from_millis(10)),
        }
    };
    assert_eq!(said, "status 0, pending 0\n");
}

#[test]
fn numbers_that_were_closed_past_us_are_the_programs() {
    for library in CLibrary::DYNAMIC {
        let served = Served::new("hunter2-secret");
        let program = compiled("raw_close", library, &served);
        let plain = served.wrapper().write("plain", "C");
        let ended = served.run(&[&program, &plain]).with(0);
        assert_eq!(
            ended.stdout(),
            "hidden 1, wrong 0\nstarted\n",
            "{library:?}"
        );
    }
}

#[test]
fn sanitizers_start_with_us() {
    for flag in [
        "-fsanitize=thread",
        "-fsanitize=undefined",
        "-fsanitize=leak",
    ] {
        for runtime in [None, Some("-static-libtsan")] {
            if runtime.is_some() && flag != "-fsanitize=thread" {
                continue;
            }
            let served = Served::new("hunter2-secret");
            let flags: Vec<&str> = [flag].into_iter().chain(runtime).collect();
            let program =
                compile::program_with("printer", CLibrary::Glibc, &flags, served.folder());
            // ThreadSanitizer wants its addresses where they are without randomisation.
            let run = |path: &Path| {
                let words = ["setarch".as_ref(), "-R".as_ref(), program.as_path(), path];
                words.map(Path::to_path_buf)
            };
            let real = served.run_bare(&run(&served.real_path())).with(0);
            assert_eq!(real.stdout(), "hunter2-secret", "{flags:?} without us");
            let ours = served.run(&run(&served.path())).with(0);
            assert_eq!(ours.stdout(), "hunter2-secret", "{flags:?}");
        }
    }
}
