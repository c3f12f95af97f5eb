//! The C library's calls as CPython's own tests see them: thousands of cases of open, read, lseek,
//! mmap, stat, dup, fcntl, exec and directories. They run with the library and an unrelated secret,
//! and each case must end as it does without us. (The Linux Test Project is no Debian package.)

use std::collections::BTreeMap;
use std::path::Path;

use cloudtaser_tests::wrapper::Ended;
use cloudtaser_tests::{Planted, Wrapper, skip};

/// The distribution's Python, whose tests are the package `libpython3.N-testsuite`.
const PYTHON: &str = "/usr/bin/python3";

/// Case → how it ended, as `unittest -v` tells: `NAME (MODULE.CLASS.NAME) ... ok`.
fn results(ended: &Ended) -> BTreeMap<String, String> {
    let mut results = BTreeMap::new();
    // A case may have a line of text between its name and its result.
    let mut name = None;
    for line in ended.stderr().lines() {
        if let Some((before, result)) = line.split_once(" ... ") {
            let own = before.contains(" (test.").then(|| before.to_owned());
            let named = own.or_else(|| name.take());
            // asyncio tells of a task that took 0.1 s, on a busy machine; the result stands below.
            if result.starts_with("Executing <") {
                name = named;
            } else if let Some(name) = named {
                // The reason of a skip may hold a process id.
                let word = result.split(' ').next().unwrap_or_default();
                results.insert(name, word.to_owned());
            }
        } else if line.contains(" (test.") {
            name = Some(line.to_owned());
        } else if matches!(line, "ok" | "FAIL" | "ERROR")
            && let Some(name) = name.take()
        {
            results.insert(name, line.to_owned());
        }
    }
    results
}

fn judge(module: &str, at_least: usize) {
    let wrapper = Wrapper::local(&[Planted::new("secret/db", "password", "hunter2-secret")])
        .delivery(Some("preload"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .flags(&[
            "--file",
            "/run/cloudtaser-test/judge/password=vault:secret/db#password",
        ])
        .flags(&["--env", "JUDGE_PASSWORD=vault:secret/db#password"]);
    let name = format!("test.{module}");
    let command = [PYTHON, "-m", "unittest", "-v", &name];
    let is_there = wrapper.run_bare(&[PYTHON, "-c", &format!("import test.{module}")]);
    if !Path::new(PYTHON).is_file() || is_there.status() != 0 {
        skip(
            "CPython's own tests (libpython3.N-testsuite): run `cargo xtask test runtimes` as root",
        );
        return;
    }
    let bare = wrapper.run_bare(&command);
    let ours = wrapper.run(&command);
    let (expected, found) = (results(&bare), results(&ours));
    assert!(
        expected.len() >= at_least,
        "{} cases: {bare:?}",
        expected.len()
    );
    let differences: Vec<_> = expected
        .iter()
        .filter(|(case, result)| found.get(*case) != Some(result))
        .map(|(case, result)| format!("{case}: {result}, with us {:?}", found.get(case)))
        .collect();
    assert!(differences.is_empty(), "{differences:#?}\n{ours:?}");
    assert_eq!(ours.status(), bare.status());
}

macro_rules! judges {
    ($($module:ident: $at_least:literal;)*) => {
        $(
            #[test]
            fn $module() {
                judge(stringify!($module), $at_least);
            }
        )*
    };
}

// The module, and how many cases there are at least.
judges! {
    test_epoll: 8;
    test_fcntl: 8;
    test_file: 30;
    test_fileio: 80;
    test_glob: 14;
    test_io: 500;
    test_mmap: 35;
    test_os: 250;
    test_pathlib: 300;
    test_popen: 4;
    test_posix: 130;
    test_posixpath: 60;
    test_pty: 4;
    test_select: 4;
    test_shutil: 120;
    test_stat: 12;
    test_subprocess: 250;
    test_tempfile: 80;
}
