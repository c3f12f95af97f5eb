//! Virtual files: what a program finds at the path of a secret, by every call that the C library
//! has, and under conditions that programs bring along. Each program is in C, so that it is the
//! same for glibc and musl; the ones that nobody here wrote are in the tier `runtimes`.

use std::path::{Path, PathBuf};

use cloudtaser_tests::compile::{self, CLibrary};
use cloudtaser_tests::preload::{Served, library_file};
use cloudtaser_tests::running::is_root;
use cloudtaser_tests::wrapper::{Ended, helper};
use cloudtaser_tests::{marker, skip};

/// The words of a command.
fn words(words: &[&dyn AsRef<Path>]) -> Vec<PathBuf> {
    words.iter().map(|word| word.as_ref().to_owned()).collect()
}

fn compiled(name: &str, library: CLibrary, served: &Served) -> PathBuf {
    compile::program(name, library, served.folder())
}

/// The same lines from the real file and from the virtual one.
fn operations_are_the_same(library: CLibrary, condition: Option<&str>) {
    let served = Served::new("hunter2-secret");
    let served = served.with(|wrapper| match condition {
        Some(condition) => wrapper.under(condition),
        None => wrapper,
    });
    let program = compiled("file", library, &served);
    let folder = served.folder().to_owned();
    let real = served.run_bare(&words(&[
        &program,
        &served.real_path(),
        &folder.join("scratch-real"),
    ]));
    let ours = served.run(&words(&[&program, &served.path(), &folder.join("scratch")]));
    let real = real.with(0).stdout();
    let ours = ours.with(0).stdout();
    assert!(real.lines().count() > 150, "{real}");
    for (expected, found) in real.lines().zip(ours.lines()) {
        assert_eq!(found, expected, "{library:?} {condition:?}, in:\n{ours}");
    }
    assert_eq!(ours.lines().count(), real.lines().count());
}

#[test]
fn f1_every_operation_is_that_of_a_real_file() {
    for library in CLibrary::DYNAMIC {
        operations_are_the_same(library, None);
    }
}

#[test]
fn without_secret_memory_files_are_served_all_the_same() {
    // A kernel without the call: ENOSYS.
    operations_are_the_same(CLibrary::Glibc, Some("memfd_secret=38"));
}

#[test]
fn control_the_comparison_sees_a_difference() {
    let served = Served::new("hunter2-secret");
    let program = compiled("file", CLibrary::Glibc, &served);
    let scratch = served.folder().join("scratch");
    // Without us there is nothing at the path.
    let bare = served.run_bare(&words(&[&program, &served.path(), &scratch]));
    assert_eq!(bare.with(1).stdout(), "cannot open: 2\n");
}

#[test]
fn f3_nothing_exists_on_a_file_system() {
    let served = Served::new(&marker());
    let path = served.path();
    // The shell and its programs have the library; this process, which looks, has it not.
    let script = format!("cat {}; env -i /bin/true", path.display());
    assert!(!path.exists());
    let ended = served.run(&[Path::new("sh"), Path::new("-c"), Path::new(&script)]);
    assert!(ended.with(0).stdout().starts_with(served.value()));
    assert!(!served.folder().join("virtual").exists());
}

#[test]
fn what_cannot_be_interposed_fails_and_is_never_partial() {
    for library in CLibrary::DYNAMIC {
        let served = Served::new("hunter2-secret");
        let program = compiled("raw", library, &served);
        let ours = served.run(&words(&[&program, &served.path()])).with(0);
        // ENOENT, EINVAL, ESPIPE, EINVAL, ENXIO; a mapping that is looked at ends in SIGBUS.
        let expected = "opened 1\nopen -2\nread -22\npread -29\nlseek -29\nsendfile -22\n\
                        splice -22\nreopen -6\nmapped 7\nmap private -22\n";
        assert_eq!(ours.stdout(), expected, "{ours:?}");
        // The control: the same calls read a real file.
        let real = served.run_bare(&words(&[&program, &served.real_path()]));
        let real = real.with(0).stdout();
        assert!(real.contains("read 14\n") && real.contains("map hunter2-secret\nmapped 0\n"));
    }
}

#[test]
fn the_file_system_is_read_only() {
    let served = Served::new("hunter2-secret");
    let program = compiled("odd", CLibrary::Glibc, &served);
    let path = served.path();
    let folder = path.parent().expect("a folder").to_owned();
    let ours = served.run(&words(&[&program, &path, &folder])).with(0);
    // EROFS, and EOPNOTSUPP for a handle.
    let expected = "write: -30\ntruncate: -30\ncreat: -30\ntmpfile: -30\nhandle: -95\n\
                    inotify: 1\nopenat2: 1\n  read: 1\nstatvfs: 0\nread-only: 1\n\
                    chmod: -30\nunlink: -30\nrename: -30\nlink: -30\ntruncate path: -30\n";
    assert_eq!(ours.stdout(), expected);
}

#[test]
fn io_uring_fails_and_is_never_partial() {
    let served = Served::new("hunter2-secret");
    let program = compiled("uring", CLibrary::Glibc, &served);
    // The control first: the same calls over a real file.
    let real = served.run_bare(&words(&[&program, &served.real_path()]));
    if real.status() == 3 {
        skip("io_uring: this kernel or a filter forbids it");
        return;
    }
    let expected = "open succeeds\nread succeeds [hunter2-secret]\n";
    assert_eq!(real.with(0).stdout(), expected);
    let ours = served.run(&words(&[&program, &served.path()])).with(0);
    assert_eq!(ours.stdout(), "open fails\nread fails []\n");
}

#[test]
fn programs_that_close_everything_keep_their_secrets() {
    for library in CLibrary::DYNAMIC {
        let served = Served::new("hunter2-secret").variable("SECRET");
        let program = compiled("closing", library, &served);
        let ended = served.run(&words(&[&program, &served.path()])).with(0);
        let found = ended.stdout();
        let steps = if library == CLibrary::Glibc { 9 } else { 6 };
        let good = "14 [hunter2-secret] variable [hunter2-secret]\nhunter2-secret [child 0]\n";
        assert_eq!(found.matches(good).count(), steps, "{ended:?}");
        assert!(
            found.contains("all used: 1\nopen: -1 error 24\n"),
            "{ended:?}"
        );
    }
}

#[test]
fn a_signal_may_come_at_any_instruction() {
    for library in CLibrary::DYNAMIC {
        let value = "0123456789".repeat(12);
        let served = Served::new(&value);
        let program = compiled("signals", library, &served);
        let rounds = Path::new("30000");
        let ended = served.run(&words(&[
            &program,
            &served.path(),
            &Path::new(&value),
            &rounds,
        ]));
        let expected = "wrong 0, in the handler 0, enough signals 1, lowest 3\n";
        assert_eq!(ended.with(0).stdout(), expected);
    }
}

/// Runs the program `name` with the file, `arguments` and the stop file under a writer that waits
/// so many microseconds after each version; none: it publishes all the time.
fn rotated(name: &str, library: CLibrary, pause_us: Option<&str>, arguments: &[&str]) -> Ended {
    let served = Served::new("unused").with(|wrapper| match pause_us {
        Some(pause) => wrapper.env("ROTATING_PAUSE_US", pause),
        None => wrapper,
    });
    rotated_by(&served, name, library, arguments)
}

/// The same in the environment and under the conditions of `served`.
fn rotated_by(served: &Served, name: &str, library: CLibrary, arguments: &[&str]) -> Ended {
    let program = compiled(name, library, served);
    let (path, stop) = (served.path(), served.folder().join("stop"));
    let mut all = words(&[
        &helper("rotating"),
        &library_file(),
        &path,
        &stop,
        &program,
        &path,
    ]);
    all.extend(arguments.iter().map(Into::into));
    all.extend(words(&[&stop]));
    served.run_bare(&all)
}

#[test]
fn a117_rotation_gives_no_mixture_and_open_descriptors_keep_their_version() {
    for library in CLibrary::DYNAMIC {
        let ended = rotated("rotation", library, None, &["8", "20000"]).with(0);
        let expected = "mixed 0 failed 0 moved 0 changed 1\nended exit status: 0, versions true\n";
        assert_eq!(ended.stdout(), expected, "{ended:?}");
    }
}

#[test]
fn long_values_of_changing_length_are_read_whole_under_rotation() {
    for library in CLibrary::DYNAMIC {
        for (len, condition) in [
            ("3000", None),
            ("12000", None),
            ("3000", Some("memfd_secret=38")),
            ("12000", Some("memfd_secret=38")),
        ] {
            let served = Served::new("unused").with(|wrapper| {
                let wrapper = wrapper.env("ROTATING_LEN", len);
                match condition {
                    Some(condition) => wrapper.under(condition),
                    None => wrapper,
                }
            });
            let ended = rotated_by(&served, "rotation", library, &["4", "2000"]).with(0);
            let expected =
                "mixed 0 failed 0 moved 0 changed 1\nended exit status: 0, versions true\n";
            assert_eq!(ended.stdout(), expected, "{library:?} {len} {condition:?}");
        }
    }
}

#[test]
fn any_number_of_versions_is_held_by_whoever_has_the_descriptor() {
    for library in CLibrary::DYNAMIC {
        let ended = rotated("versions", library, Some("200"), &[]).with(0);
        let expected = "wrong: own 0, forked 0, spawned 0, executed 0\n\
                        ended exit status: 0, versions true\n";
        assert_eq!(ended.stdout(), expected, "{library:?}");
    }
}

#[test]
fn an_old_version_is_read_whole_while_programs_are_started() {
    for library in CLibrary::DYNAMIC {
        let ended = rotated("holder", library, Some("200"), &[]).with(0);
        let expected = "wrong 0, failed 0, enough 1\nended exit status: 0, versions true\n";
        assert_eq!(ended.stdout(), expected, "{library:?}");
    }
}

#[test]
fn f2_chroot_gives_paths_another_meaning() {
    if !rustix::process::geteuid().is_root() {
        skip("chroot needs root");
        return;
    }
    let served = Served::new("hunter2-secret");
    let program = compiled("roots", CLibrary::Glibc, &served);
    let above = served.folder().to_owned();
    let elsewhere = served.folder().join("scratch");
    let below = Path::new("/virtual/deep/db/password");
    let ended = served.run(&words(&[&program, &above, &below, &elsewhere]));
    let expected = "before: 14\ninside: 14\ninside, the old path: error 2\n\
                    elsewhere: error 2\nelsewhere, short: error 2\nafter: 14\n";
    assert_eq!(ended.with(0).stdout(), expected);
}

#[test]
fn constructors_that_come_first_are_served() {
    for library in CLibrary::DYNAMIC {
        let served = Served::new("hunter2-secret").variable("SECRET");
        let program = compiled("raw", library, &served);
        let early = compile::library("early", library, served.folder());
        let path = served.path();
        let served = served.with(|wrapper| {
            wrapper
                .env("LD_PRELOAD", early.clone())
                .env("EARLY_PATH", path.clone())
        });
        let ended = served.run(&words(&[&program, &path])).with(0);
        let expected = "early 14 [hunter2-secret] [hunter2-secret]\n";
        assert!(
            ended.stdout().starts_with(expected),
            "{library:?} {ended:?}"
        );
    }
}

#[test]
fn programs_in_every_circumstance_go_on() {
    for library in CLibrary::DYNAMIC {
        let served = Served::new("hunter2-secret");
        let program = compiled("guest", library, &served);
        let loaded = compile::library("early", library, served.folder());
        let (path, real) = (served.path(), served.real_path());
        let ended = served
            .run(&words(&[&program, &path, &loaded, &real]))
            .with(0);
        let expected = "cancelled: 1, cleaned 0\ncancelled: 1, cleaned 1\ncancelled: 1, cleaned 1\n\
                        threads and forks: 0 wrong\nearly -1 [] [none]\n\
                        loaded: 1\nunloaded: 0\nabove 1024: 1, read 3 and 11\n\
                        passed through a socket: an error\nstrict sandbox: 14\n\
                        sandbox ended: 0\nat the end: 14\n";
        assert_eq!(ended.stdout(), expected, "{library:?}: {ended:?}");
        // The control: without us the same over the real file, where a passed descriptor is whole.
        let bare = served
            .run_bare(&words(&[&program, &real, &loaded, &real]))
            .with(0);
        let whole = expected.replace("an error", "whole");
        assert_eq!(bare.stdout(), whole, "{library:?}: {bare:?}");
    }
}

#[test]
fn f7_a_file_can_be_opened_as_often_as_it_says() {
    let served = Served::new("hunter2-secret");
    let limited = served.folder().join("virtual/limited");
    let option = format!("{},opens=2=vault:secret/db#password", limited.display());
    let served = served.with(|wrapper| wrapper.flags(&["--file", &option]));
    let script = format!(
        "for i in 1 2 3; do cat {0}; echo \" $?\"; done; ls {0}",
        limited.display()
    );
    let ended = served.run(&["sh", "-c", &script]);
    assert!(
        ended
            .stdout()
            .starts_with("hunter2-secret 0\nhunter2-secret 0\n 1\n"),
        "{ended:?}"
    );
    assert_ne!(
        ended.status(),
        0,
        "it is gone from its directory: {ended:?}"
    );
}

/// What `cat` says of a file of this mode and owner, run by `setpriv` with these flags, with us and
/// with a real file.
fn read_as(mode: &str, owner: &str, flags: &[&str], command: &str) -> [bool; 2] {
    let served = Served::new("hunter2-secret");
    let path = served.folder().join("virtual/owned");
    let option = format!(
        "{},mode={mode},owner={owner}=vault:secret/db#password",
        path.display()
    );
    let real = served.real_path();
    let run = |program: &str, arguments: &[&str]| {
        let done = std::process::Command::new(program)
            .args(arguments)
            .arg(&real)
            .status();
        assert!(done.is_ok_and(|status| status.success()), "{program}");
    };
    run("chmod", &[mode]);
    run("chown", &[owner]);
    let _open = std::fs::set_permissions(
        served.folder(),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    );
    let served = served.with(|wrapper| wrapper.flags(&["--file", &option]));
    let mut words = vec!["setpriv"];
    words.extend(flags);
    words.extend(["sh", "-c", command, "sh"]);
    [&path, &real].map(|path| {
        let mut words: Vec<&Path> = words.iter().map(Path::new).collect();
        words.push(path);
        let ended = if path == &real {
            served.run_bare(&words)
        } else {
            served.run(&words)
        };
        ended.stdout() == "hunter2-secret"
    })
}

#[test]
fn a_file_is_read_by_whom_a_real_one_is() {
    if !is_root() {
        return;
    }
    let group = ["--groups=100"];
    let none: &[&str] = &["--bounding-set=-all", "--inh-caps=-all"];
    let cat = "cat \"$1\"";
    let again = "exec 3< \"$1\"; cat /proc/self/fd/3";
    for (mode, owner, flags, command, is_read) in [
        ("0440", "55:100", [none, &group].concat(), cat, true),
        ("0440", "55:101", [none, &group].concat(), cat, false),
        ("0400", "55:55", none.to_vec(), cat, false),
        ("0400", "55:55", group.to_vec(), cat, true),
        ("0404", "55:55", none.to_vec(), again, true),
    ] {
        let read = read_as(mode, owner, &flags, command);
        assert_eq!(read, [is_read; 2], "{mode} {owner} {flags:?}");
    }
}

#[test]
fn mode_and_owner_are_shown_and_kept() {
    let served = Served::new("hunter2-secret");
    let path = served.folder().join("virtual/owned");
    let option = format!(
        "{},mode=0440,owner=12:34=vault:secret/db#password",
        path.display()
    );
    let served = served.with(|wrapper| wrapper.flags(&["--file", &option]));
    let ended = served.run(&[Path::new("stat"), Path::new("-c%a %u %g %s %F"), &path]);
    assert_eq!(ended.with(0).stdout(), "440 12 34 14 regular file\n");
}
