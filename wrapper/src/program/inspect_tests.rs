//! Inspection of real programs, made or copied here; included by `inspect.rs`.

use super::*;
use crate::program::Machine;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

fn write(directory: &Path, name: &str, content: &[u8], mode: u32) -> PathBuf {
    let path = directory.join(name);
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
}

/// The C compiler is there: the Rust tool chain links with it.
fn compile(directory: &Path, flags: &[&str]) -> PathBuf {
    let source = write(directory, "x.c", b"int main(void) { return 0; }\n", 0o644);
    let program = directory.join("x");
    run(Command::new("cc")
        .args(flags)
        .arg("-o")
        .arg(&program)
        .arg(source));
    program
}

#[test]
fn the_shell_is_a_dynamic_glibc_program() {
    let shell = inspect(Path::new("/bin/sh")).unwrap();
    assert!(matches!(shell.kind, Kind::DynamicGlibc { .. }), "{shell:?}");
    assert_eq!((shell.privileged, shell.foreign), (None, None));
}

#[test]
fn static_programs_are_told_with_and_without_position_independence() {
    let home = tempfile::tempdir().unwrap();
    for flags in [&["-static"][..], &["-static-pie"]] {
        let program = inspect(&compile(home.path(), flags)).unwrap();
        assert_eq!(program.kind, Kind::Static, "{flags:?}");
    }
    let control = inspect(&compile(home.path(), &[])).unwrap();
    assert!(matches!(control.kind, Kind::DynamicGlibc { .. }));
}

#[test]
fn the_interpreter_name_tells_the_c_library() {
    let home = tempfile::tempdir().unwrap();
    let linker = write(home.path(), "ld-musl-x86_64.so.1", b"", 0o755);
    let flag = format!("-Wl,--dynamic-linker={}", linker.display());
    let program = inspect(&compile(home.path(), &[&flag])).unwrap();
    assert_eq!(
        program.kind,
        Kind::DynamicMusl {
            interpreter: linker.clone()
        }
    );

    let other = write(home.path(), "linker64", b"", 0o755);
    let flag = format!("-Wl,--dynamic-linker={}", other.display());
    let program = inspect(&compile(home.path(), &[&flag])).unwrap();
    assert_eq!(
        program.kind,
        Kind::DynamicOther {
            interpreter: other.clone()
        }
    );

    fs::remove_file(&other).unwrap();
    let path = compile(home.path(), &[&flag]);
    let error = inspect(&path).unwrap_err();
    assert!(
        matches!(error, ProgramError::NoInterpreter { .. }),
        "{error}"
    );
    assert_eq!(error.status(), 127);
    let control = Command::new(path).spawn().unwrap_err();
    assert_eq!(
        control.raw_os_error(),
        Some(libc::ENOENT),
        "the kernel says the same"
    );
}

#[test]
fn go_programs_are_told_by_note_and_by_section() {
    if Command::new("go").arg("version").output().is_err() {
        cloudtaser_tests::skip("no `go` on PATH");
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let source = write(
        home.path(),
        "x.go",
        b"package main\nfunc main() {}\n",
        0o644,
    );
    // -s -w drops symbols and DWARF; an empty build id drops the note.
    for flags in ["-s -w", "-s -w -buildid="] {
        let program = home.path().join("go-program");
        run(Command::new("go")
            .args(["build", "-ldflags", flags, "-o"])
            .arg(&program)
            .arg(&source)
            .env("CGO_ENABLED", "0")
            .env("GOCACHE", home.path().join("cache"))
            .current_dir(home.path()));
        let found = inspect(&program).unwrap();
        assert_eq!(
            found.kind,
            Kind::Go {
                interpreter: None,
                has_sdk: false
            },
            "{flags}"
        );
    }
}

#[test]
fn scripts_lead_to_their_interpreter() {
    let home = tempfile::tempdir().unwrap();
    let inner = write(home.path(), "inner", b"#!/bin/sh -e -u\n", 0o4755);
    let outer = write(
        home.path(),
        "outer",
        format!("#!{}\n", inner.display()).as_bytes(),
        0o755,
    );
    let program = inspect(&outer).unwrap();
    assert_eq!(program.executed().path, Path::new("/bin/sh"));
    assert_eq!(
        program.privileged, None,
        "a script's own set-user-ID bit means nothing"
    );
    let Kind::Script {
        interpreter,
        argument: None,
    } = program.kind
    else {
        panic!("{program:?}");
    };
    let Kind::Script {
        argument: Some(argument),
        ..
    } = interpreter.kind
    else {
        panic!("{interpreter:?}");
    };
    assert_eq!(argument, "-e -u");
}

#[test]
fn scripts_that_cannot_run_say_why() {
    let home = tempfile::tempdir().unwrap();
    let missing = write(home.path(), "missing", b"#!/no/such/interpreter\n", 0o755);
    let error = inspect(&missing).unwrap_err();
    assert_eq!(error.status(), 127);
    assert!(
        error
            .to_string()
            .contains("`/no/such/interpreter` does not exist"),
        "{error}"
    );

    let plain = write(home.path(), "plain", b"not a program", 0o644);
    let text = format!("#!{}\n", plain.display());
    let not_executable = write(home.path(), "bad", text.as_bytes(), 0o755);
    assert_eq!(inspect(&not_executable).unwrap_err().status(), 126);

    let itself = home.path().join("loop");
    let text = format!("#!{}\n", itself.display());
    write(home.path(), "loop", text.as_bytes(), 0o755);
    assert_eq!(inspect(&itself).unwrap_err().status(), 126);
    let control = Command::new(&itself).spawn().unwrap_err();
    assert_eq!(
        control.raw_os_error(),
        Some(libc::ELOOP),
        "the kernel says the same"
    );
}

#[test]
fn a_chain_of_five_scripts_is_allowed_and_six_are_not() {
    let home = tempfile::tempdir().unwrap();
    let mut interpreter = PathBuf::from("/bin/true");
    for depth in 1..=6 {
        let text = format!("#!{}\n", interpreter.display());
        interpreter = write(home.path(), &depth.to_string(), text.as_bytes(), 0o755);
        let kernel = Command::new(&interpreter).status();
        assert_eq!(
            inspect(&interpreter).is_ok(),
            kernel.is_ok(),
            "depth {depth}: {kernel:?}"
        );
        assert_eq!(kernel.is_ok(), depth <= 5, "depth {depth}");
    }
}

#[test]
fn files_without_a_format_are_left_to_the_kernel() {
    let home = tempfile::tempdir().unwrap();
    let script = write(home.path(), "script", b"echo hi\n", 0o755);
    let program = inspect(&script).unwrap();
    assert_eq!(program.kind, Kind::Unknown(Unknown::NoFormat));
    // What `execve(2)` answers; the standard library's `Command` would try `/bin/sh` (`execvp(3)`).
    let refused = io::Error::from_raw_os_error(libc::ENOEXEC);
    let error = ProgramError::from_exec(script, refused);
    assert_eq!(error.status(), 126);
    assert!(error.to_string().contains("`#!` line"), "{error}");
}

#[test]
fn broken_programs_are_refused_as_the_kernel_does() {
    let home = tempfile::tempdir().unwrap();
    let whole = fs::read("/bin/true").unwrap();
    for (name, content) in [("short", &whole[..40]), ("headers", &whole[..100])] {
        let path = write(home.path(), name, content, 0o755);
        let error = inspect(&path).unwrap_err();
        assert!(matches!(error, ProgramError::Format { .. }), "{error}");
        assert_eq!(error.status(), 126);
    }
    let mut object = whole.clone();
    object[16] = 1; // e_type = ET_REL
    let path = write(home.path(), "object", &object, 0o755);
    assert_eq!(inspect(&path).unwrap_err().status(), 126);
    assert!(
        inspect(&write(home.path(), "whole", &whole, 0o755)).is_ok(),
        "control"
    );
}

#[test]
fn privileges_are_seen() {
    let home = tempfile::tempdir().unwrap();
    let shell = fs::read("/bin/true").unwrap();
    let privileged = |name, mode| {
        inspect(&write(home.path(), name, &shell, mode))
            .unwrap()
            .privileged
    };
    assert_eq!(privileged("none", 0o755), None);
    assert!(privileged("user", 0o4755).unwrap().sets_user_id);
    assert!(privileged("group", 0o2755).unwrap().sets_group_id);
    assert_eq!(
        privileged("lock", 0o2745),
        None,
        "without the group's x bit it means nothing"
    );
}

#[test]
fn file_capabilities_are_seen() {
    let home = tempfile::tempdir().unwrap();
    let path = write(home.path(), "x", &fs::read("/bin/true").unwrap(), 0o755);
    // VFS_CAP_REVISION_2, effective; CAP_NET_BIND_SERVICE (bit 10).
    let mut value = [0_u8; 20];
    value[..8].copy_from_slice(&[1, 0, 0, 2, 0, 4, 0, 0]);
    let flags = rustix::fs::XattrFlags::empty();
    if let Err(errno) = rustix::fs::setxattr(&path, "security.capability", &value, flags) {
        cloudtaser_tests::skip(&format!(
            "setxattr of file capabilities: {errno}; needs CAP_SETFCAP"
        ));
        return;
    }
    assert!(inspect(&path).unwrap().privileged.unwrap().has_capabilities);
}

#[test]
fn other_machines_are_told_and_not_refused() {
    let home = tempfile::tempdir().unwrap();
    let mut arm = fs::read("/bin/true").unwrap();
    arm[18..20].copy_from_slice(&40_u16.to_le_bytes()); // e_machine = EM_ARM
    let program = inspect(&write(home.path(), "arm", &arm, 0o755)).unwrap();
    assert_eq!(
        program.foreign,
        Some(Machine {
            number: 40,
            bits: 64
        })
    );
}
