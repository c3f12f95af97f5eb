//! Where programs are: installed, or built here once for all rows.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock};

use cloudtaser_tests::Ended;
use cloudtaser_tests::server::keep::folder;
use cloudtaser_tests::wrapper::helper;

use crate::row::Row;

/// Names the folder of what `cargo xtask` built: `python/`, `musl/`.
const FOLDER: &str = "CLOUDTASER_RUNTIMES";

/// A program that is built from a source here: its name, its source, and the compiler's words, in
/// which `IN` and `OUT` stand for the files.
struct Build {
    name: &'static str,
    file: &'static str,
    source: &'static str,
    compiler: &'static [&'static str],
}

const READ_C: &str = include_str!("programs/read.c");
const READ_GO: &str = include_str!("programs/read.go");

const BUILDS: &[Build] = &[
    Build {
        name: "c",
        file: "read.c",
        source: READ_C,
        compiler: &[
            "cc", "-O2", "-Wall", "-Werror", "-o", "OUT", "IN", "-pthread",
        ],
    },
    Build {
        // 64-bit names and checked ones: `__open64_2`, `__read_chk` and so on.
        name: "c-fortified",
        file: "read.c",
        source: READ_C,
        compiler: &[
            "cc",
            "-O2",
            "-D_FORTIFY_SOURCE=2",
            "-D_FILE_OFFSET_BITS=64",
            "-o",
            "OUT",
            "IN",
            "-pthread",
        ],
    },
    Build {
        name: "c-musl",
        file: "read.c",
        source: READ_C,
        compiler: &["musl-gcc", "-O2", "-o", "OUT", "IN", "-pthread"],
    },
    Build {
        name: "c-static",
        file: "read.c",
        source: READ_C,
        compiler: &["cc", "-O2", "-static", "-o", "OUT", "IN", "-pthread"],
    },
    Build {
        name: "c-32",
        file: "read.c",
        source: READ_C,
        compiler: &["cc", "-m32", "-O2", "-o", "OUT", "IN", "-pthread"],
    },
    Build {
        name: "c-32-static",
        file: "read.c",
        source: READ_C,
        compiler: &[
            "cc", "-m32", "-O2", "-static", "-o", "OUT", "IN", "-pthread",
        ],
    },
    Build {
        name: "c-musl-static",
        file: "read.c",
        source: READ_C,
        compiler: &["musl-gcc", "-O2", "-static", "-o", "OUT", "IN", "-pthread"],
    },
    Build {
        name: "cpp",
        file: "read.cc",
        source: include_str!("programs/read.cc"),
        compiler: &["g++", "-O2", "-std=c++17", "-o", "OUT", "IN"],
    },
    Build {
        name: "go-static",
        file: "read.go",
        source: READ_GO,
        compiler: &["env", "CGO_ENABLED=0", "go", "build", "-o", "OUT", "IN"],
    },
    Build {
        name: "go-cgo",
        file: "read_cgo.go",
        source: include_str!("programs/read_cgo.go"),
        compiler: &["env", "CGO_ENABLED=1", "go", "build", "-o", "OUT", "IN"],
    },
    Build {
        // A folder of classes.
        name: "java-classes",
        file: "Read.java",
        source: include_str!("programs/Read.java"),
        compiler: &["javac", "-d", "OUT", "IN"],
    },
];

/// The path of a program by the name that a row has for it; nothing when it is missing.
pub(crate) fn find(name: &str) -> Option<String> {
    if name.starts_with('/') {
        return Some(name.to_owned());
    }
    let path = match name {
        "rust" => Some(helper("read_secret")),
        "venv-python" => cached("python/bin/python"),
        "gunicorn" => cached("python/bin/gunicorn"),
        _ if name.starts_with("musl-") && name != "musl-gcc" => cached(&name.replacen('-', "/", 1)),
        _ => match BUILDS.iter().find(|build| build.name == name) {
            Some(build) => built(build),
            None => installed(name),
        },
    };
    path.map(|path| path.into_os_string().into_string().expect("UTF-8"))
}

/// Which program of a row is not there.
pub(crate) fn missing(row: &Row) -> Option<String> {
    let firsts = [row.command, row.helper, row.ready, row.ask];
    let mut names: Vec<String> = firsts
        .iter()
        .filter_map(|words| Some((*words.first()?).to_owned()))
        .filter(|name| !name.contains('{'))
        .collect();
    let texts = firsts.into_iter().flatten().chain([&row.prepare]);
    for text in texts {
        let named = text
            .split("{bin ")
            .skip(1)
            .filter_map(|rest| rest.split('}').next());
        names.extend(named.map(str::to_owned));
    }
    names.into_iter().find(|name| find(name).is_none())
}

fn cached(name: &str) -> Option<PathBuf> {
    let file = PathBuf::from(std::env::var_os(FOLDER)?).join(name);
    file.is_file().then_some(file)
}

/// On `PATH`, among the administrator's programs, or PostgreSQL's; a version may follow the name.
fn installed(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|dir| dir.join(name));
    on_path.into_iter().find(|file| file.is_file()).or_else(|| {
        let mut folders = vec![PathBuf::from("/usr/sbin")];
        let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
        folders.extend(versions.flatten().map(|entry| entry.path().join("bin")));
        folders.iter().find_map(|folder| versioned(folder, name))
    })
}

fn versioned(folder: &Path, name: &str) -> Option<PathBuf> {
    let files = fs::read_dir(folder)
        .ok()?
        .flatten()
        .map(|entry| entry.path());
    let is_version = |rest: &str| rest.chars().all(|c| c.is_ascii_digit() || c == '.');
    let rest = |file: &PathBuf| {
        let rest = file.file_name()?.to_str()?.strip_prefix(name)?;
        Some(rest.to_owned())
    };
    files
        .into_iter()
        .find(|file| rest(file).is_some_and(|rest| is_version(&rest)))
}

/// Compiles a program, once. A row that needs it meanwhile waits.
fn built(build: &Build) -> Option<PathBuf> {
    static BUILT: Mutex<BTreeMap<&str, Option<PathBuf>>> = Mutex::new(BTreeMap::new());
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let mut built = BUILT
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let path = built.entry(build.name).or_insert_with(|| {
        let program = build
            .compiler
            .iter()
            .find(|word| !word.contains('=') && **word != "env");
        installed(program.expect("a compiler"))?;
        let folder = FOLDER.get_or_init(|| folder("built"));
        let source = folder.join(build.file);
        fs::write(&source, build.source).expect("written");
        let out = folder.join(build.name);
        let words = build.compiler.iter().map(|word| match *word {
            "IN" => source.clone().into_os_string(),
            "OUT" => out.clone().into_os_string(),
            word => word.into(),
        });
        let words: Vec<_> = words.collect();
        let mut compiler = Command::new(&words[0]);
        compiler.args(&words[1..]).current_dir(folder);
        let _ended = Ended::of(compiler, b"").with(0);
        Some(out)
    });
    path.clone()
}
