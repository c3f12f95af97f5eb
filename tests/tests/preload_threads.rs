//! Threads beside new processes, and programs that go their own way: what one of them does must not
//! change what another one has open, and no descriptor of ours may reach who must not have it.
#![expect(clippy::expect_used, reason = "test code: a panic shows the line")]

use std::path::{Path, PathBuf};

use cloudtaser_tests::compile::{self, CLibrary};
use cloudtaser_tests::preload::Served;
use cloudtaser_tests::wrapper::{Ended, Planted, Wrapper};

/// Two secrets of letters, and a file on disk of another letter, for the program `name`.
fn letters(name: &str, library: CLibrary, last: &[&str]) -> Ended {
    let secrets = [
        Planted::new("secret/a", "value", "A".repeat(14)),
        Planted::new("secret/b", "value", "B".repeat(14)),
    ];
    let wrapper = Wrapper::local(&secrets).delivery(Some("preload")).flags(&[
        "--file",
        "/run/cloudtaser-test/crowd/a=vault:secret/a#value",
        "--file",
        "/run/cloudtaser-test/crowd/b=vault:secret/b#value",
    ]);
    let program = compile::program(name, library, wrapper.folder());
    let plain = wrapper.write("plain", "C".repeat(14));
    let mut words: Vec<PathBuf> = vec![
        program,
        "/run/cloudtaser-test/crowd/a".into(),
        "/run/cloudtaser-test/crowd/b".into(),
        plain.clone(),
    ];
    words.extend(last.iter().map(PathBuf::from));
    let ended = wrapper.run(&words);
    let left = std::fs::read_to_string(plain).expect("read");
    assert_eq!(left, "C".repeat(14), "the ordinary file");
    ended
}

#[test]
fn threads_beside_new_processes_keep_what_is_theirs() {
    for library in CLibrary::DYNAMIC {
        for how in ["fork", "spawn", "system"] {
            let ended = letters("crowd", library, &["20000", how]).with(0);
            let expected = "wrong 0, 0 and 0, left open 0, started 1\n";
            assert_eq!(ended.stdout(), expected, "{library:?} {how}");
        }
    }
}

#[test]
fn a_number_that_gets_another_file_while_it_is_read_touches_none() {
    for library in CLibrary::DYNAMIC {
        let ended = letters("replaced", library, &["5000"]).with(0);
        let expected = "wrong 0, touched 0\n";
        assert_eq!(ended.stdout(), expected, "{library:?}");
    }
}

fn compiled(name: &str, library: CLibrary, served: &Served) -> PathBuf {
    compile::program(name, library, served.folder())
}

#[test]
fn a_static_child_gets_no_descriptor_whatever_another_thread_executes() {
    let served = Served::new("hunter2-secret");
    let program = compiled("hasty", CLibrary::Glibc, &served);
    let lister = compiled("lister", CLibrary::Static, &served);
    let ended = served.run(&[program.as_path(), &lister, Path::new("600")]);
    assert_eq!(ended.with(0).stdout(), "given 0, failed 0\n");
}

#[test]
fn workers_keep_nothing_of_what_another_thread_hands_on() {
    for library in CLibrary::DYNAMIC {
        for how in ["fork", "vfork"] {
            let served = Served::new("hunter2-secret");
            let program = compiled("workers", library, &served);
            let lister = compiled("lister", CLibrary::Static, &served);
            let words = [program.as_path(), &lister, Path::new(how), Path::new("400")];
            let ended = served.run(&words).with(0);
            // The parent has them open: else there was nothing to be kept.
            let expected = "given 0, kept 0, failed 0, open in the parent: yes\n";
            assert_eq!(ended.stdout(), expected, "{library:?} {how}");
        }
    }
}

#[test]
fn functions_of_the_programs_own_are_not_called_by_us() {
    for library in CLibrary::DYNAMIC {
        let served = Served::new("hunter2-secret");
        let program = compiled("own", library, &served);
        let ended = served.run(&[program, served.path()]).with(0);
        let expected = "5 [hunte] at 5\n[nter2-secret]\nshell\n";
        assert_eq!(ended.stdout(), expected, "{library:?}");
    }
}

#[test]
fn numbers_and_offsets_are_those_of_a_file_in_every_kind_of_child() {
    for library in CLibrary::DYNAMIC {
        let served = Served::new("hunter2-secret");
        let program = compiled("places", library, &served);
        let ours = served.run(&[&program, &served.path()]).with(0);
        let real = served.run_bare(&[&program, &served.real_path()]).with(0);
        assert_eq!(ours.stdout(), real.stdout(), "{library:?}");
    }
}
