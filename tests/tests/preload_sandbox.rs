//! Sandboxes that allow few system calls, and kill for every other: what `docs/preload.md` lists is
//! enough to read a secret, and a file that is none of ours needs nothing more than without us.

use std::path::{Path, PathBuf};

use cloudtaser_tests::compile::{self, CLibrary};
use cloudtaser_tests::preload::Served;

/// 128 + SIGSYS.
const KILLED: i32 = 159;

const VALUE: &str = "hunter2-secret";

fn words(program: &Path, file: PathBuf, rest: &[&str]) -> Vec<PathBuf> {
    let mut words = vec![program.to_owned(), file];
    words.extend(rest.iter().map(PathBuf::from));
    words
}

#[test]
fn the_listed_calls_are_enough_to_read_a_secret() {
    for library in CLibrary::DYNAMIC {
        let served = Served::new(VALUE);
        let program = compile::program("sandboxed", library, served.folder());
        let ended = served.run(&words(&program, served.path(), &["ours"]));
        assert_eq!(ended.with(0).stdout(), VALUE, "{library:?}");
    }
}

#[test]
fn a_file_that_is_none_of_ours_needs_no_call_more() {
    for library in CLibrary::DYNAMIC {
        let served = Served::new(VALUE);
        let program = compile::program("sandboxed", library, served.folder());
        let unrelated = served.wrapper().write("unrelated", VALUE);
        let real = words(&program, unrelated, &["few"]);
        let bare = served.run_bare(&real).with(0);
        assert_eq!(bare.stdout(), VALUE, "{library:?} without us");
        assert_eq!(served.run(&real).with(0).stdout(), VALUE, "{library:?}");
    }
}

#[test]
fn a_file_of_the_same_last_name_needs_the_listed_calls() {
    for library in CLibrary::DYNAMIC {
        let served = Served::new(VALUE);
        let program = compile::program("sandboxed", library, served.folder());
        let run = |list| served.run(&words(&program, served.real_path(), &[list]));
        assert_eq!(run("namesake").with(0).stdout(), VALUE, "{library:?}");
        // The control: the calls that its own program makes are not enough.
        assert_eq!(run("few").with(KILLED).stdout(), "", "{library:?}");
    }
}

#[test]
fn control_the_sandbox_kills_for_what_is_not_listed() {
    for library in CLibrary::DYNAMIC {
        let served = Served::new(VALUE);
        let program = compile::program("sandboxed", library, served.folder());
        // A secret needs our calls, each of those that every open makes among them.
        let few = served.run(&words(&program, served.path(), &["few"]));
        assert_eq!(few.with(KILLED).stdout(), "", "{library:?}");
        let utimensat = libc::SYS_utimensat.to_string();
        let without = served.run(&words(&program, served.path(), &["ours", &utimensat]));
        assert_eq!(without.with(KILLED).stdout(), "", "{library:?}");
        // And so does a program without us that calls what is not on its list.
        let read = libc::SYS_read.to_string();
        let bare = served.run_bare(&words(&program, served.real_path(), &["few", &read]));
        assert_eq!(bare.with(KILLED).stdout(), "", "{library:?}");
    }
}
