//! C programs of the tests of the preload library, compiled for the C library that is asked for.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A C library that programs are linked against.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CLibrary {
    /// The GNU C library, by `cc`.
    Glibc,
    /// musl, by `musl-gcc`.
    Musl,
    /// The GNU C library, linked statically: no library can be loaded into the program.
    Static,
}

impl CLibrary {
    /// Those that the preload library is for.
    pub const DYNAMIC: [Self; 2] = [Self::Glibc, Self::Musl];

    /// The compiler's name.
    #[must_use]
    pub const fn compiler(self) -> &'static str {
        match self {
            Self::Glibc | Self::Static => "cc",
            Self::Musl => "musl-gcc",
        }
    }
}

/// Compiles `tests/preload-c/NAME.c` into `folder` and answers the program.
///
/// # Panics
///
/// When the compiler is missing (`cargo xtask setup` installs it) or refuses the program.
#[must_use]
pub fn program(name: &str, library: CLibrary, folder: &Path) -> PathBuf {
    let link = match library {
        CLibrary::Static => &["-static"][..],
        CLibrary::Glibc | CLibrary::Musl => &[],
    };
    program_with(name, library, link, folder)
}

/// As [`program`], with these flags of the compiler.
///
/// # Panics
///
/// As [`program`].
#[must_use]
pub fn program_with(name: &str, library: CLibrary, flags: &[&str], folder: &Path) -> PathBuf {
    let out = folder.join(format!("{name}-{library:?}").to_lowercase());
    compile(name, library, flags, &out);
    out
}

/// Compiles `tests/preload-c/NAME.c` to a shared library in `folder`.
///
/// # Panics
///
/// As [`program`].
#[must_use]
pub fn library(name: &str, library: CLibrary, folder: &Path) -> PathBuf {
    let out = folder.join(format!("lib{name}.so"));
    compile(name, library, &["-shared", "-fPIC"], &out);
    out
}

fn compile(name: &str, library: CLibrary, flags: &[&str], out: &Path) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("preload-c")
        .join(name)
        .with_extension("c");
    let done = Command::new(library.compiler())
        .args(["-w", "-O1", "-pthread", "-o"])
        .arg(out)
        .arg(source)
        .args(flags.iter().map(OsStr::new))
        .output();
    let done = done
        .unwrap_or_else(|error| panic!("{}: {error}; run `cargo xtask setup`", library.compiler()));
    assert!(
        done.status.success(),
        "{name}.c for {library:?}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
}
