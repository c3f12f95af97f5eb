//! Who may read a file of the region, and where the library itself may not be read.
#![expect(
    clippy::expect_used,
    reason = "a failing test shows where, and what each command printed"
)]

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use cloudtaser_tests::compile::{self, CLibrary};
use cloudtaser_tests::preload::{Served, library_file};
use cloudtaser_tests::running::is_root;

/// Without the capabilities that pass over permission bits.
const AS_ANYBODY: [&str; 3] = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"];

fn words(first: &[&str], rest: &[&Path]) -> Vec<PathBuf> {
    let first = first.iter().map(PathBuf::from);
    first
        .chain(rest.iter().map(|word| word.to_path_buf()))
        .collect()
}

fn let_in(folder: &Path, mode: u32) {
    std::fs::set_permissions(folder, PermissionsExt::from_mode(mode)).expect("chmod");
}

#[test]
fn o_path_is_no_way_past_owner_and_mode() {
    if !is_root() {
        return;
    }
    let served = Served::new("hunter2-secret");
    let path = served.folder().join("virtual/owned");
    let option = format!(
        "{},mode=0400,owner=55:55=vault:secret/db#password",
        path.display()
    );
    let served = served.with(|wrapper| wrapper.flags(&["--file", &option]));
    let real = served.real_path();
    chown(&real, Some(55), Some(55)).expect("chown");
    for library in CLibrary::DYNAMIC {
        let program = compile::program("path_only", library, served.folder());
        // EBADF and twice EACCES; and, for root as it is, one byte each.
        let refused = "path only: 0\nread: 9\nagain: 13, 0 bytes\nagain: 13, 0 bytes\n";
        let given = "path only: 0\nread: 9\nagain: 0, 1 bytes\nagain: 0, 1 bytes\n";
        for (first, expected) in [(&AS_ANYBODY[..], refused), (&[], given)] {
            let ours = served.run(&words(first, &[&program, &path]));
            assert_eq!(ours.with(0).stdout(), expected, "{library:?} {first:?}");
            let bare = served.run_bare(&words(first, &[&program, &real]));
            assert_eq!(
                bare.with(0).stdout(),
                expected,
                "{library:?} {first:?}: a real file"
            );
        }
    }
}

#[test]
fn o_path_does_not_count_as_an_open_and_opening_it_again_does() {
    let served = Served::new("hunter2-secret");
    let path = served.folder().join("virtual/once");
    let option = format!("{},opens=1=vault:secret/db#password", path.display());
    let served = served.with(|wrapper| wrapper.flags(&["--file", &option]));
    for library in CLibrary::DYNAMIC {
        let program = compile::program("path_only", library, served.folder());
        let ours = served.run(&words(&[], &[&program, &path])).with(0);
        let expected = "path only: 0\nread: 9\nagain: 0, 1 bytes\nagain: 2, 0 bytes\n";
        assert_eq!(ours.stdout(), expected, "{library:?}");
    }
}

#[test]
fn a_program_started_where_the_library_cannot_be_read_is_told() {
    if !is_root() {
        return;
    }
    let served = Served::new("hunter2-secret");
    let private = served.folder().join("private");
    std::fs::create_dir(&private).expect("made");
    let_in(served.folder(), 0o755);
    let library = private.join(library_file().file_name().expect("a name"));
    std::fs::copy(library_file(), &library).expect("copied");
    let_in(&library, 0o644);
    let option = library.display().to_string();
    let served = served.with(|wrapper| wrapper.flags(&["--preload-library", &option]));
    let program = ["setpriv", "--reuid=4321", "--clear-groups", "/bin/true"];
    let line = "`/bin/true` is started where the preload library cannot be read";
    for (mode, is_told) in [(0o700, true), (0o755, false)] {
        let_in(&private, mode);
        let ended = served.run(&program).with(0);
        assert_eq!(
            ended.stderr().contains(line),
            is_told,
            "{mode:o}: {ended:?}"
        );
    }
}
