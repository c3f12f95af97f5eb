//! What cannot be served, each with the reason; `docs/preload.md` tells the same.
//!
//! The program sees what it would see without files, and the wrapper says so on its standard
//! error, once. Variables come plain: then `/proc/PID/environ` shows them.

use crate::row::{Expected, Library, ROW, Row, VARIABLE};

const NOT_SERVED: Expected = Expected::Unserved("files are not served to");
const CHILD: Expected =
    Expected::Unserved("it gets no files, and no secret variables but by --env-static plain");
const PLAIN: Expected = Expected::Plain("plain variables (level `environ`)");

const fn file(reads: &'static str, command: &'static [&'static str]) -> Row {
    Row {
        reads,
        command,
        library: Library::None,
        expected: NOT_SERVED,
        ..ROW
    }
}

/// What the first program starts cannot be reached; the first can.
const fn child(reads: &'static str, command: &'static [&'static str]) -> Row {
    Row {
        reads,
        command,
        expected: CHILD,
        ..ROW
    }
}

const fn variable(reads: &'static str, command: &'static [&'static str]) -> Row {
    Row {
        reads,
        command,
        library: Library::None,
        expected: PLAIN,
        ..VARIABLE
    }
}

/// A folder that exists in the region only cannot be a process's working directory, which the
/// kernel keeps: one that exists on disk as well can.
const fn folder(reads: &'static str, command: &'static [&'static str]) -> Row {
    Row {
        reads,
        command,
        expected: Expected::Refused("Permission denied"),
        ..ROW
    }
}

/// A shell that the C library starts past us would show the variables: fails closed.
const fn refused(reads: &'static str, command: &'static [&'static str]) -> Row {
    Row {
        reads,
        command,
        expected: Expected::Refused("wordexp"),
        ..VARIABLE
    }
}

const fn refused_musl(command: &'static [&'static str]) -> Row {
    Row {
        library: Library::Musl,
        ..refused("wordexp", command)
    }
}

rows! {
    wordexp: refused("wordexp", &["c", "wordexp", "$(printenv CT_SECRET)"]);
    wordexp_musl: refused_musl(&["c-musl", "wordexp", "$(printenv CT_SECRET)"]);
    // A static program loads no library.
    static_glibc: file("read", &["c-static", "read", "{dir}/password"]);
    static_musl: file("read", &["c-musl-static", "read", "{dir}/password"]);
    static_environ: variable("getenv", &["c-static", "env", "CT_SECRET"]);
    static_musl_environ: variable("getenv", &["c-musl-static", "env", "CT_SECRET"]);
    // 32-bit programs have another machine and another linker.
    m32_read: file("read, 32-bit", &["c-32", "read", "{dir}/password"]);
    m32_static_read: file("read, 32-bit and static", &["c-32-static", "read", "{dir}/password"]);
    m32_environ: variable("getenv, 32-bit", &["c-32", "env", "CT_SECRET"]);
    m32_static_environ: variable("getenv, 32-bit and static", &["c-32-static", "env", "CT_SECRET"]);
    child_m32: child("read, 32-bit, started by a shell", &["dash", "-c", "{bin c-32} read {dir}/password; echo $?"]);
    // Go asks the kernel itself, also where it has a C library; the wrapper tells it by its build
    // information, whatever its cgo parts would get.
    go_read: file("os.ReadFile", &["go-static", "read", "{dir}/password"]);
    go_environ: variable("os.Getenv", &["go-static", "env", "CT_SECRET"]);
    go_cgo_read: file("os.ReadFile", &["go-cgo", "read", "{dir}/password"]);
    go_cgo_fopen: file("fopen through cgo", &["go-cgo", "c", "{dir}/password"]);
    go_cgo_environ: variable("os.LookupEnv", &["go-cgo", "env", "CT_SECRET"]);
    go_cgo_getenv: variable("getenv through cgo", &["go-cgo", "c-env", "CT_SECRET"]);
    // A program that a served one starts: the library cannot come along.
    child_static: child("read, started by a shell", &["dash", "-c", "{bin c-static} read {dir}/password; echo $?"]);
    child_go: child("os.ReadFile, started by Python", &["/usr/bin/python3", "-c", "import subprocess, sys; print(subprocess.run(sys.argv[1:], stdout=-1))", "{bin go-static}", "read", "{dir}/password"]);
    folder_env: folder("chdir", &["env", "-C", "{dir}", "cat", "password"]);
    folder_rsync: folder("chdir", &["rsync", "{dir}/password", "{here}/copied"]);
}
