//! Programs of compiled languages, each against glibc and musl where it can be.

use crate::row::{MUSL, ROW, Row, VARIABLE};

const FILE: &str = "{dir}/password";

const fn c(how: &'static str, command: &'static [&'static str]) -> Row {
    Row {
        reads: how,
        command,
        ..ROW
    }
}

const fn musl(how: &'static str, command: &'static [&'static str]) -> Row {
    Row {
        reads: how,
        command,
        ..MUSL
    }
}

rows! {
    c_read: c("open, read", &["c", "read", FILE]);
    c_pread: c("fstat, pread, lseek", &["c", "pread", FILE]);
    c_readv: c("readv", &["c", "readv", FILE]);
    c_mmap: c("mmap", &["c", "mmap", FILE]);
    c_mmap_shared: c("mmap, shared, and for writing", &["c", "mmap-shared", FILE]);
    c_stdio: c("fopen, getline, fseek", &["c", "stdio", FILE]);
    c_fdopen: c("fdopen", &["c", "fdopen", FILE]);
    c_freopen: c("freopen of standard input", &["c", "freopen", FILE]);
    c_dup: c("fcntl, dup2", &["c", "dup", FILE]);
    c_fork: c("a shared offset after fork", &["c", "fork", FILE]);
    c_thread: c("another thread", &["c", "thread", FILE]);
    c_stat: c("stat, lstat, access", &["c", "stat", FILE]);
    c_sendfile: c("sendfile", &["c", "sendfile", FILE]);
    c_exec: c("standard input across exec", &["c", "exec", FILE]);
    c_getenv: Row { reads: "getenv", command: &["c", "env", "CT_SECRET"], ..VARIABLE };

    c_fortified_pread: c("fstat64, __pread64_chk, lseek64", &["c-fortified", "pread", FILE]);
    c_fortified_stdio: c("fopen64, __fgets_chk", &["c-fortified", "stdio", FILE]);
    c_fortified_stat: c("stat64, __open64_2", &["c-fortified", "stat", FILE]);
    c_fortified_mmap: c("mmap64", &["c-fortified", "mmap", FILE]);

    c_musl_read: musl("open, read", &["c-musl", "read", FILE]);
    c_musl_pread: musl("fstat, pread, lseek", &["c-musl", "pread", FILE]);
    c_musl_readv: musl("readv", &["c-musl", "readv", FILE]);
    c_musl_mmap: musl("mmap", &["c-musl", "mmap", FILE]);
    c_musl_mmap_shared: musl("mmap, shared, and for writing", &["c-musl", "mmap-shared", FILE]);
    c_musl_stdio: musl("fopen, getline, fseek", &["c-musl", "stdio", FILE]);
    c_musl_fdopen: musl("fdopen", &["c-musl", "fdopen", FILE]);
    c_musl_freopen: musl("freopen of standard input", &["c-musl", "freopen", FILE]);
    c_musl_dup: musl("fcntl, dup2", &["c-musl", "dup", FILE]);
    c_musl_fork: musl("a shared offset after fork", &["c-musl", "fork", FILE]);
    c_musl_thread: musl("another thread", &["c-musl", "thread", FILE]);
    c_musl_stat: musl("stat, lstat, access", &["c-musl", "stat", FILE]);
    c_musl_sendfile: musl("sendfile", &["c-musl", "sendfile", FILE]);
    c_musl_exec: musl("standard input across exec into a glibc program", &["c-musl", "exec", FILE]);
    c_musl_getenv: Row {
        reads: "getenv",
        command: &["c-musl", "env", "CT_SECRET"],
        variables: VARIABLE.variables,
        files: &[],
        ..MUSL
    };

    cpp_getline: c("std::getline", &["cpp", "getline", FILE]);
    cpp_seek: c("seekg, rdbuf, std::filesystem", &["cpp", "seek", FILE]);
    cpp_iterator: c("istreambuf_iterator", &["cpp", "iterator", FILE]);
    cpp_directory: Row {
        reads: "directory_iterator",
        files: &[("a", "{marker}")],
        command: &["cpp", "directory", "{dir}"],
        ..ROW
    };
    cpp_getenv: Row { reads: "std::getenv", command: &["cpp", "env", "CT_SECRET"], ..VARIABLE };

    rust_read: c("fs::read_to_string: statx, read", &["rust", "read", FILE]);
    rust_lines: c("BufReader", &["rust", "lines", FILE]);
    rust_seek: c("seek, metadata", &["rust", "seek", FILE]);
    rust_copy: c("fs::copy: copy_file_range", &["rust", "copy", FILE]);
    rust_thread: c("another thread", &["rust", "thread", FILE]);
    rust_directory: Row {
        reads: "fs::read_dir",
        files: &[("a", "{marker}")],
        command: &["rust", "directory", "{dir}"],
        ..ROW
    };
    rust_environ: Row { reads: "env::var", command: &["rust", "env", "CT_SECRET"], ..VARIABLE };


    c_chain_of_libraries: Row {
        reads: "glibc starts musl starts glibc",
        command: &["sh", "-c", "{bin musl-dash} -c '{bin c} read {dir}/password; {bin c-musl} mmap {dir}/password; cat {dir}/a'"],
        files: &[("password", "{marker}\n"), ("a", "second")],
        ..ROW
    };
}
