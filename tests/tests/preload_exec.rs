//! From program to program: every way to execute another one, what arrives there, and which
//! programs get nothing and are reported.
#![expect(clippy::expect_used, reason = "test code: a panic shows the line")]

use std::ffi::OsString;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use cloudtaser_tests::binary::copy_program;
use cloudtaser_tests::compile::{self, CLibrary};
use cloudtaser_tests::preload::Served;
use cloudtaser_tests::wrapper::Ended;
use cloudtaser_tests::{marker, skip};

const NAME: &str = "DB_PASSWORD";

fn served() -> Served {
    Served::new(&marker()).variable(NAME)
}

fn program(served: &Served, library: CLibrary) -> PathBuf {
    compile::program("exec", library, served.folder())
}

fn run(served: &Served, program: &Path, words: &[&str]) -> Ended {
    let mut command = vec![program.as_os_str().to_owned()];
    command.extend(words.iter().map(OsString::from));
    served.run(&command)
}

/// A script of this text in the test's folder.
fn script(served: &Served, name: &str, text: &str) -> PathBuf {
    let file = served.wrapper().write(name, text);
    executable(&file, 0o755);
    file
}

fn executable(file: &Path, mode: u32) {
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode)).expect("chmod");
}

/// What "show" prints when the variable is `value` everywhere.
fn line(words: &str, value: &str, rest: &str) -> String {
    format!("{words} | {value} {value} {value} | {rest}\n")
}

#[test]
fn every_way_to_execute_passes_the_variable_on() {
    for library in CLibrary::DYNAMIC {
        let base = served();
        let folder = base.folder().to_owned();
        let path = format!("/nonexistent:{}:/usr/bin:/bin", folder.display());
        let served = base.with(|wrapper| wrapper.without("PATH").env("PATH", path));
        let program = program(&served, library);
        let value = served.value();
        for way in [
            "execl",
            "execle",
            "execv",
            "execve",
            "execvp",
            "execvpe",
            "fexecve",
            "syscall",
            "execveat",
            "thread",
            "vfork",
            "spawn",
            "spawnp",
            "system",
            "popen",
            "put-again",
        ] {
            let ended = run(&served, &program, &["exec", way]).with(0);
            let wanted = line(way, value, "clean | X=-");
            assert_eq!(ended.stdout(), wanted, "{library:?} {way}: {ended:?}");
        }
        let long = "execl-21 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18";
        for (way, shown) in [
            ("execl-8", "execl-8 1 2 3 4 5 6"),
            ("execl-21", long),
            ("execlp", "execlp a b c d"),
        ] {
            let ended = run(&served, &program, &["exec", way]).with(0);
            assert_eq!(
                ended.stdout(),
                line(shown, value, "clean | X=-"),
                "{ended:?}"
            );
        }
        let many = run(&served, &program, &["exec", "vfork-many"]).with(0);
        let wanted = line("vfork-many", value, "clean | X=-").repeat(3);
        assert_eq!(many.stdout(), wanted, "{library:?}");
        let words = run(&served, &program, &["exec", "shell-script"]).with(0);
        assert_eq!(words.stdout(), format!("script one two {value}\n"));
    }
}

#[test]
fn what_the_program_makes_of_its_environment_is_its_own() {
    let served = served();
    for library in CLibrary::DYNAMIC {
        let program = program(&served, library);
        for (way, wanted) in [
            ("execle-own", "execle-own b c d e f | - - - | clean | X=1\n"),
            ("changed", "changed | own own own | holds | X=-\n"),
            ("unset", "unset | - - - | clean | X=-\n"),
            ("clear", "clear | - - - | clean | X=-\n"),
        ] {
            let ended = run(&served, &program, &["exec", way]).with(0);
            assert_eq!(ended.stdout(), wanted, "{library:?}");
        }
    }
    let file = served.path();
    let read = served.run(&["env".into(), "-i".into(), PathBuf::from("/bin/cat"), file]);
    assert_eq!(read.with(0).stdout(), served.value(), "files stay");
    let none = served.run(&["env", "-i", "/usr/bin/env"]);
    assert_eq!(none.with(0).stdout(), "");
}

#[test]
fn a_failing_exec_comes_back_and_everything_works() {
    let served = served();
    for library in CLibrary::DYNAMIC {
        let program = program(&served, library);
        let ended = run(&served, &program, &["exec", "fails"]).with(0);
        let wanted = format!(
            "-1 1 -1 1 -1 1 -1 1 1 {}",
            line("fails", served.value(), "clean | X=-")
        );
        assert_eq!(ended.stdout(), wanted, "{library:?}");
    }
}

#[test]
fn programs_of_others_pass_it_on() {
    let served = served();
    let file = served.path().display().to_string();
    let show = |words: &str| format!("{words} | {0} {0} {0} | clean | X=-\n", served.value());
    let program = program(&served, CLibrary::Glibc);
    let program = program.display();
    for (name, script, wanted) in [
        ("bash", format!("bash -c '{program} show a'"), show("a")),
        (
            "sh",
            format!("sh -c \"sh -c '{program} show a'\""),
            show("a"),
        ),
        (
            "xargs",
            format!("echo a b | xargs {program} show"),
            show("a b"),
        ),
        (
            "find",
            format!("find / -maxdepth 0 -exec {program} show {{}} \\;"),
            show("/"),
        ),
        (
            "cat",
            format!("cat < {file} | cat"),
            served.value().to_owned(),
        ),
        (
            "python3",
            format!(
                "python3 -c 'import subprocess as s; s.run([\"{program}\", \"show\"], \
                 close_fds=True); s.run(\"{program} show shell\", shell=True)'"
            ),
            format!("{}{}", show("").trim_start(), show("shell")),
        ),
        (
            "node",
            format!(
                "node -e 'require(\"child_process\").execFileSync(\"{program}\", [\"show\", \
                 \"n\"], {{stdio: \"inherit\"}})'"
            ),
            show("n"),
        ),
        (
            "perl",
            format!("perl -e 'system(\"{program}\", \"show\", \"p\"); print `{program} show q`'"),
            format!("{}{}", show("p"), show("q")),
        ),
    ] {
        let found = served.run_bare(&["sh", "-c", &format!("command -v {name}")]);
        if found.status() != 0 {
            skip(name);
            continue;
        }
        let ended = served.run(&["sh", "-c", &script]).with(0);
        assert_eq!(ended.stdout(), wanted, "{ended:?}");
    }
}

#[test]
fn a_program_without_a_linker_gets_nothing_and_is_told_once() {
    let served = served();
    let fixed = program(&served, CLibrary::Static);
    let text = format!("{0} show a; {0} show b; {0} descriptors", fixed.display());
    let open = served.run_bare(&[fixed.as_os_str(), "descriptors".as_ref()]);
    let open = open.with(0).stdout();
    let ended = served.run(&["sh", "-c", &text]).with(0);
    let wanted = format!("a | - - - | clean | X=-\nb | - - - | clean | X=-\n{open}");
    assert_eq!(ended.stdout(), wanted, "{ended:?}");
    assert_eq!(
        ended.stderr().matches("is statically linked").count(),
        1,
        "{ended:?}"
    );
    let plain = served.with(|wrapper| wrapper.flags(&["--env-static", "plain"]));
    let ended = plain.run(&["sh", "-c", &text]).with(0);
    let value = plain.value();
    let wanted = format!(
        "{}{}{open}",
        line("a", value, "holds | X=-"),
        line("b", value, "holds | X=-")
    );
    assert_eq!(ended.stdout(), wanted, "{ended:?}");
}

#[test]
fn a_privileged_program_gets_nothing_and_is_told() {
    let served = served();
    let shown = program(&served, CLibrary::Glibc);
    let privileged = served.folder().join("privileged");
    copy_program(&shown, &privileged);
    if chown(&privileged, Some(65_534), None).is_err() {
        skip("root, who alone can make a program of another user");
        return;
    }
    executable(&privileged, 0o4755);
    executable(served.folder(), 0o755);
    let text = format!("{} show a", privileged.display());
    let ended = served.run(&["sh", "-c", &text]).with(0);
    assert_eq!(
        ended.stdout(),
        "a | - - - | unreadable | X=-\n",
        "{ended:?}"
    );
    ended.says(&["has a set-user-ID bit"]);
    // The same bit without an effect.
    chown(&privileged, Some(0), None).expect("root's again");
    executable(&privileged, 0o4755);
    let ended = served.run(&["sh", "-c", &text]).with(0);
    assert_eq!(
        ended.stdout(),
        line("a", served.value(), "clean | X=-"),
        "{ended:?}"
    );
    assert_eq!(ended.stderr(), "");
}

#[test]
fn scripts_are_what_their_interpreter_is() {
    let served = served();
    let shown = program(&served, CLibrary::Glibc);
    let fixed = program(&served, CLibrary::Static);
    for (name, program, is_served) in [("dynamic", &shown, true), ("static", &fixed, false)] {
        let mut last = script(&served, name, &format!("#! {} show\n", program.display()));
        for level in 2..=4 {
            let text = format!("#!{} {level}\n", last.display());
            last = script(&served, &format!("{name}{level}"), &text);
        }
        // The kernel passes one argument on for each script, and its path.
        let ended = served
            .run(&["sh", "-c", &format!("{} end", last.display())])
            .with(0);
        let value = if is_served { served.value() } else { "-" };
        let wanted = format!("end | {value} {value} {value} | clean | X=-\n");
        assert!(ended.stdout().ends_with(&wanted), "{ended:?}");
        let told = ended
            .stderr()
            .contains(&format!("{}` is statically", fixed.display()));
        assert_eq!(told, !is_served, "{ended:?}");
    }
}

#[test]
fn a_program_for_another_machine_is_told() {
    let served = served();
    let header = b"\x7fELF\x01\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x03\0";
    let file = served.folder().join("foreign");
    std::fs::write(&file, [&header[..], &[0; 200]].concat()).expect("written");
    executable(&file, 0o755);
    let text = format!("bash -c {} || echo failed", file.display());
    let ended = served.run(&["bash", "-c", &text]).with(0);
    assert_eq!(ended.stdout(), "failed\n", "{ended:?}");
    ended.says(&["is built for another machine"]);
}

#[test]
fn children_get_nothing_when_they_are_not_followed() {
    let served = served().with(|wrapper| wrapper.flags(&["--follow-children=false"]));
    let program = program(&served, CLibrary::Glibc);
    for way in ["execv", "spawn", "system", "popen", "vfork"] {
        let ended = run(&served, &program, &["exec", way]).with(0);
        assert_eq!(
            ended.stdout(),
            format!("{way} | - - - | clean | X=-\n"),
            "{ended:?}"
        );
        assert_eq!(ended.stderr(), "");
    }
    let file = served.path();
    let read = served.run(&[
        "sh".into(),
        "-c".into(),
        format!("cat {}; :", file.display()),
    ]);
    assert!(read.stderr().contains("No such file"), "{read:?}");
}

#[test]
fn a_child_whose_descriptors_were_closed_lives_without_secrets() {
    let served = served();
    let program = program(&served, CLibrary::Glibc);
    let ended = run(&served, &program, &["exec", "spawn-closefrom"]).with(0);
    assert_eq!(
        ended.stdout(),
        "spawn-closefrom | - - - | clean | X=-\n",
        "{ended:?}"
    );
    assert_eq!(ended.stderr(), "");
}

#[test]
fn ten_thousand_children_leave_nothing_behind() {
    let served = served();
    let program = program(&served, CLibrary::Glibc);
    let ended = run(&served, &program, &["loop", "10000"]).with(0);
    assert_eq!(ended.stdout(), "maps 0 descriptors 0\n", "{ended:?}");
}

#[test]
fn a_static_program_gets_nothing_from_an_inherited_descriptor() {
    let served = Served::new("hunter2-secret");
    let giver = compile::program("giver", CLibrary::Glibc, served.folder());
    let taker = compile::program("taker", CLibrary::Static, served.folder());
    for how in ["exec", "spawn"] {
        let run = |path: PathBuf| [giver.clone(), path, taker.clone(), how.into()];
        // EINVAL, and SIGBUS.
        let ours = served.run(&run(served.path())).with(0);
        assert_eq!(ours.stdout(), "read -22 []\nmapped 7\n", "{how}");
        let real = served.run_bare(&run(served.real_path())).with(0);
        let expected = "read 14 [hunter2-secret]\nmap [hunter2-secret]\nmapped 0\n";
        assert_eq!(real.stdout(), expected, "{how}");
    }
}
