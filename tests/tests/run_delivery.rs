//! How secrets get into the program: which way is taken, what is said of it, and what the preload
//! library is handed. The library itself is not needed: an empty one stands in for it.
#![expect(
    clippy::expect_used,
    reason = "a failing test shows where, and what each command printed"
)]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cloudtaser_abi::names::PRELOAD_LIBRARY;
use cloudtaser_tests::process::eventually;
use cloudtaser_tests::wrapper::helper;
use cloudtaser_tests::{Planted, Wrapper};
use cloudtaser_wrapper::status;
use cloudtaser_wrapper::sys::signal::kill;

/// The product in a folder of its own, where no library lies beside it, without `--delivery`.
fn wrapper() -> Wrapper {
    let secrets = [
        Planted::new("secret/db", "user", "alice"),
        Planted::new("secret/db", "password", "s3cret"),
    ];
    Wrapper::local(&secrets).for_every_user().delivery(None)
}

fn with_variable() -> Wrapper {
    wrapper().env("A", "vault:secret/db#password")
}

/// Compiles C: a library without anything in it, or a program.
fn compile(wrapper: &Wrapper, name: &str, source: &str, options: &[&str]) -> PathBuf {
    let input = wrapper.write(&format!("{name}.c"), source);
    let output = wrapper.folder().join(name);
    let mut cc = Command::new("cc");
    let status = cc.args(options).arg("-o").arg(&output).arg(&input).status();
    assert!(status.expect("cc").success());
    output
}

fn empty_library(wrapper: &Wrapper, name: &str) -> PathBuf {
    compile(wrapper, name, "int nothing;", &["-shared", "-nostdlib"])
}

/// Puts an empty library beside the binary.
fn with_library(wrapper: Wrapper) -> Wrapper {
    let _path = empty_library(&wrapper, PRELOAD_LIBRARY);
    wrapper
}

/// A static program that prints the variable A and tries to read a file.
fn static_program(wrapper: &Wrapper) -> PathBuf {
    let source = r#"
        #include <stdio.h>
        #include <stdlib.h>
        int main(void) {
            printf("%s\n", getenv("A") ? getenv("A") : "none");
            return 0;
        }"#;
    compile(wrapper, "fixed", source, &["-static"])
}

/// What the stand-in of a program tells of what it was handed.
fn told(wrapper: &Wrapper) -> Vec<String> {
    let ended = wrapper.run(&[helper("handed")]).with(0);
    assert_eq!(ended.stderr(), "", "{ended:?}");
    ended.stdout().lines().map(str::to_owned).collect()
}

#[track_caller]
fn assert_told(wrapper: &Wrapper, wanted: &[&str]) {
    let told = told(wrapper);
    for line in wanted {
        assert!(
            told.iter().any(|told| told == line),
            "no `{line}`: {told:?}"
        );
    }
}

#[test]
fn without_the_library_one_warning_says_so() {
    let wrapper = with_variable();
    let ended = wrapper.run(&["printenv", "A"]).with(0);
    assert_eq!(ended.stdout(), "s3cret\n");
    ended.says(&["warning: ", "level `environ`", PRELOAD_LIBRARY]);
    assert_eq!(ended.stderr().lines().count(), 1, "{ended:?}");
    let explicit = wrapper.flags(&["--delivery", "environ"]);
    assert_eq!(explicit.run(&["true"]).with(0).stderr(), "");
}

#[test]
fn where_nothing_is_delivered_nothing_is_said_or_handed_over() {
    let wrapper = with_library(plain_only());
    let ended = wrapper.run(&["sh", "-c", "env; ls /proc/self/fd"]).with(0);
    assert_eq!(ended.stderr(), "");
    assert!(!ended.stdout().contains("LD_PRELOAD"), "{ended:?}");
    assert!(!ended.stdout().contains("CLOUDTASER_"), "{ended:?}");
}

/// A wrapper whose program gets plain text alone.
fn plain_only() -> Wrapper {
    wrapper().env("A", "plain")
}

#[test]
fn files_without_a_way_are_named_and_their_secrets_not_read() {
    let files = ["--file", "/run/a=vault:secret/none", "--file=/run/b=x"];
    let wrapper = wrapper().flags(&files);
    let ended = wrapper.run(&["true"]).with(0);
    ended.says(&["files are not served to `", "`/run/a`, `/run/b`"]);
    assert_eq!(ended.stderr().lines().count(), 1, "{ended:?}");
    let explicit = wrapper.flags(&["--delivery=environ"]);
    explicit
        .run(&["true"])
        .with(0)
        .says(&["--delivery environ has no files"]);
}

#[test]
fn a_static_program_gets_plain_variables_and_no_files() {
    let wrapper = with_library(with_variable()).flags(&["--file=/run/a=x"]);
    let program = static_program(&wrapper);
    let ended = wrapper.run(&[&program]).with(0);
    assert_eq!(ended.stdout(), "s3cret\n");
    ended.says(&["level `environ`", "it is statically linked", "`/run/a`"]);
    assert_eq!(ended.stderr().lines().count(), 2, "{ended:?}");
    assert!(!ended.stderr().contains("s3cret"));
}

#[test]
fn a_demanded_library_that_cannot_be_had_is_a_refusal() {
    let demand = ["--delivery", "preload"];
    let ran = "touch ran";
    let missing = with_variable().flags(&demand);
    let ended = missing
        .run(&["sh", "-c", ran])
        .with(status::PRIVILEGE.into());
    ended.says(&["--delivery preload", PRELOAD_LIBRARY, "cannot be opened"]);
    assert!(!missing.folder().join("ran").exists());

    let wrapper = with_library(with_variable()).flags(&demand);
    let program = static_program(&wrapper);
    let ended = wrapper.run(&[&program]).with(status::PRIVILEGE.into());
    ended.says(&["statically linked"]);
    assert_eq!(ended.stdout(), "");

    for (name, said) in [("no such", "cannot be opened"), ("secret key", "syntax")] {
        let wrapper = with_variable().flags(&demand);
        wrapper.write("secret key", "");
        let wrapper = wrapper.flags(&["--preload-library", name]);
        let ended = wrapper.run(&["true"]).with(status::PRIVILEGE.into());
        ended.says(&[said]);
    }
}

#[test]
fn the_list_of_libraries_is_no_secret() {
    let secret = [Planted::new("secret/lib", "LD_PRELOAD", "/s3cret.so")];
    let wrapper = || with_library(Wrapper::local(&secret).for_every_user().delivery(None));
    for flags in [
        ["--env", "LD_PRELOAD=vault:secret/lib#LD_PRELOAD"],
        ["--env-from", "vault:secret/lib"],
    ] {
        let wrapper = wrapper().flags(&flags);
        let ended = wrapper.run(&["touch", "ran"]).with(status::USAGE.into());
        ended.says(&["LD_PRELOAD cannot be a secret", "prefix"]);
        assert!(!wrapper.folder().join("ran").exists());
    }
    // With a prefix it is a variable like any other.
    let flags = ["--env-from", "APP_=vault:secret/lib"];
    let _started = wrapper().flags(&flags).run(&["true"]).with(0);
}

#[test]
fn the_library_is_handed_everything_but_the_values() {
    let files = [
        "--file=/run/b,mode=0440,owner=10:20,opens=2=vault:secret/db#user",
        "--file=/run/a=<${vault:secret/db#password}>",
    ];
    let wrapper = with_library(with_variable()).flags(&files);
    let library = wrapper.folder().join(PRELOAD_LIBRARY);
    let library = library.canonicalize().expect("there");
    let preload = format!("LD_PRELOAD={}", library.display());
    assert_told(
        &wrapper,
        &[
            &preload,
            "CLOUDTASER_SLOT=0",
            "root=true",
            "report=true",
            "ledger=24",
            "high=true",
            "A mode=400 owner=None opens=None value=s3cret",
            "/run/a mode=400 owner=None opens=None value=<s3cret>",
            "/run/b mode=440 owner=Some((10, 20)) opens=Some(2) value=alice",
        ],
    );
    let ended = wrapper.run(&["cat", "/proc/self/environ"]).with(0);
    assert!(!ended.stdout().contains("s3cret"), "{ended:?}");
    assert!(!ended.stdout().contains("alice"), "{ended:?}");
}

#[test]
fn flags_and_the_users_library_come_along() {
    let wrapper = with_library(with_variable());
    let own = empty_library(&wrapper, "own.so");
    let own = own.to_str().expect("text");
    let preload = told(&wrapper.env("LD_PRELOAD", own))
        .into_iter()
        .find(|line| line.starts_with("LD_PRELOAD="));
    assert!(preload.is_some_and(|line| line.ends_with(&format!("{PRELOAD_LIBRARY}:{own}"))));
    let told_flags = |flags: &[&str]| {
        let told = told(&with_library(with_variable()).flags(flags));
        let line = told
            .into_iter()
            .find_map(|line| line.split_once(" flags=").map(|(_, f)| f.to_owned()));
        line.expect("flags")
    };
    assert_eq!(told_flags(&[]), "(true, false)");
    assert_eq!(
        told_flags(&["--follow-children=false", "--env-static", "plain"]),
        "(false, true)"
    );
}

#[test]
fn a_replaced_wrapper_hands_over_too_and_takes_no_report() {
    let wrapper = with_library(with_variable()).flags(&["--exec", "--file=/run/a=x"]);
    assert_told(
        &wrapper,
        &[
            "CLOUDTASER_SLOT=0",
            "report=false",
            "A mode=400 owner=None opens=None value=s3cret",
            "/run/a mode=400 owner=None opens=None value=x",
        ],
    );
}

#[test]
fn without_secret_memory_a_file_of_ours_is_handed_over() {
    let wrapper = with_library(with_variable()).under(format!("memfd_secret={}", libc::ENOSYS));
    let ended = wrapper.run(&[helper("handed")]).with(0);
    let told = ended.stdout();
    assert!(
        told.contains("A mode=400 owner=None opens=None value=s3cret"),
        "{ended:?}"
    );
    assert!(
        told.contains("level=locked") || told.contains("level=none"),
        "{ended:?}"
    );
}

#[test]
fn a_report_is_told_once_while_the_program_runs() {
    let wrapper = with_library(with_variable());
    let line = "static /usr/sbin/nginx\nnonsense\nstatic /usr/sbin/nginx\nforeign /\u{1b}[2J\n";
    let script = r#""$0" "$1" > /dev/null; timeout 20 cat; exec "$0" "$2" > /dev/null"#;
    let handed = helper("handed");
    let mut words = vec!["sh".into(), "-c".into(), script.into(), handed];
    words.extend([
        PathBuf::from(line),
        PathBuf::from("static /late\nstatic /no"),
    ]);
    let mut command = wrapper.command(&words);
    let mut child = command
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("started");
    let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
    let start = Instant::now();
    let mut next = || {
        let mut line = String::new();
        stderr.read_line(&mut line).expect("read");
        line
    };
    let nginx = next();
    assert!(
        nginx.contains("`/usr/sbin/nginx` is statically linked"),
        "{nginx}"
    );
    let foreign = next();
    assert!(
        foreign.contains("`/\\u{1b}[2J` is built for another machine"),
        "{foreign}"
    );
    // It waits 20 s for this, so the two lines above came while it ran.
    assert!(start.elapsed() < Duration::from_secs(15));
    drop(child.stdin.take());
    let late = next();
    assert!(late.contains("`/late` is statically linked"), "{late}");
    assert_eq!(next(), "");
    assert!(child.wait().expect("waited for").success());
}

#[test]
fn a_flood_of_reports_and_a_full_standard_error_hold_up_no_signal() {
    let wrapper = with_library(with_variable());
    let script = r#"
        trap 'exit 7' TERM
        n=${CLOUDTASER_PRELOAD%%:*}; i=0; echo ready
        while :; do i=$((i + 1)); echo "static /$i"; done > /proc/self/fd/$n"#;
    let (reader, mut writer) = std::io::pipe().expect("pipe");
    // 65536 bytes, pipe(7).
    writer.write_all(&[0; 65_536]).expect("filled");
    let mut command = wrapper.command(&["sh", "-c", script]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(writer)
        .spawn()
        .expect("started");
    let stdout = child.stdout.take().expect("a pipe");
    let mut ready = String::new();
    BufReader::new(stdout).read_line(&mut ready).expect("read");
    assert_eq!(ready, "ready\n");
    // So that the wrapper has lines to tell.
    std::thread::sleep(Duration::from_millis(200));
    kill(pid(&child), libc::SIGTERM).expect("sent");
    let has_ended = eventually(|| child.try_wait().expect("waited for").is_some());
    child.kill().unwrap_or_default();
    let status = child.wait().expect("waited for").code();
    assert_eq!((has_ended, status), (true, Some(7)));
    drop(reader);
}

fn pid(child: &Child) -> i32 {
    i32::try_from(child.id()).expect("a process id")
}

#[test]
fn mistakes_in_files_are_told_without_the_text() {
    let folder = wrapper();
    std::fs::create_dir(folder.folder().join("t")).expect("mkdir");
    std::os::unix::fs::symlink("x", folder.folder().join("t/link")).expect("symlink");
    let directory = folder.folder().join("t").display().to_string();
    for (flag, said) in [
        ("--file=/run/a,mode=8=hunter2", "value number 1 of `--file`"),
        (
            "--file=/run/a=${vault:hunter2",
            "the reference in file `/run/a`",
        ),
        ("--file=run/a=hunter2", "it is not absolute"),
        (
            "--file=/run/a=@hunter2",
            "the template of the file \"/run/a\"",
        ),
        (&format!("--files={directory}"), "symbolic link"),
        ("--files=none", "cannot read `none`"),
    ] {
        let ended = wrapper().flags(&[flag]).run(&["true"]);
        let ended = ended.with(status::USAGE.into());
        ended.says(&[said]);
        assert!(!ended.stderr().contains("hunter2"), "{ended:?}");
    }
}

#[test]
fn files_come_from_variables_and_the_configuration_file_too() {
    let wrapper = with_library(wrapper())
        .env(
            "CLOUDTASER_FILE",
            "/run/a=vault:secret/db#user\n\n/run/b,mode=600=@t/b\n",
        )
        .file("files = 't=/run/t'\n[file]\n'/run/c' = { value = '@t/b', opens = 1 }\n");
    let folder: &Path = wrapper.folder();
    std::fs::create_dir_all(folder.join("t/sub")).expect("mkdir");
    wrapper.write("t/b", "[db]\nuser = ${vault:secret/db#user}\n");
    wrapper.write("t/sub/c", "vault:secret/db#user\n");
    assert_told(
        &wrapper,
        &[
            "/run/a mode=400 owner=None opens=None value=alice",
            "/run/b mode=600 owner=None opens=None value=[db]",
            "/run/c mode=400 owner=None opens=Some(1) value=[db]",
            "/run/t/b mode=400 owner=None opens=None value=[db]",
            "/run/t/sub/c mode=400 owner=None opens=None value=alice",
        ],
    );
}
