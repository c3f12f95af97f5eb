//! Builds the preload library, `libcloudtaser_preload.so`, and puts it beside the binary.
//!
//! It has a profile and a target folder of its own: no C library is linked, and the symbols that it
//! takes from whichever one is there stay undefined. [`IMPORTS`] is all of them. The panic handler
//! asks for a symbol that is not in this list, so a library with a panic path left is not built.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use object::{Object, ObjectSymbol};

use crate::exec::Cmd;
use crate::paths::{self, TRIPLE};

/// The library's file name, by which the wrapper looks for it
/// (`PRELOAD_LIBRARY` in `abi/src/names.rs`).
pub(crate) const FILE: &str = "libcloudtaser_preload.so";

/// What the library may leave to the C library, without a version: in glibc since 2.16 and in
/// musl. What is allocated is what the contract of a function hands to its caller (`scandir`,
/// `realpath`). The last five the compiler itself asks for.
const IMPORTS: &[&str] = &[
    "__errno_location",
    "dl_iterate_phdr",
    "environ",
    "free",
    "getauxval",
    "malloc",
    "realloc",
    "stdin",
    "bcmp",
    "memcpy",
    "memmove",
    "memset",
    "strlen",
];

/// No C library and no start files; every symbol bound at load, by the linker's options: rustc's
/// own level `full` would call our own functions through a table, which takes 2 KiB; our
/// constructor before all others; calls of our own functions are ours, whatever the program has
/// under their names; no unwind tables (see the linker script, which cargo names from the
/// workspace's root).
const RUSTFLAGS: &str = "-C panic=abort -C force-unwind-tables=no -C relocation-model=pic -C relro-level=partial \
     -C link-arg=-nostdlib -C link-arg=-nostartfiles -C link-arg=-nodefaultlibs \
     -C link-arg=-Wl,-z,now,-z,relro,-z,noexecstack,-z,initfirst,-Bsymbolic,--gc-sections,--hash-style=gnu,--build-id=none \
     -C link-arg=-Wl,-O2,--icf=all,--no-eh-frame-hdr,-T,preload/no-unwind-tables.ld";

/// Builds it and puts it into `folder`; answers its path there.
///
/// # Errors
///
/// When cargo cannot build it, or when it asks for a symbol that it must not need.
pub(crate) fn build(folder: &Path) -> Result<PathBuf> {
    let target = paths::target()?.join("preload");
    Cmd::new("cargo")
        .args([
            "rustc",
            "--locked",
            "--release",
            "--package",
            "cloudtaser-preload",
            "--lib",
        ])
        .args(["--features", "shared-object", "--crate-type", "cdylib"])
        .args(["--target", TRIPLE, "--target-dir"])
        .arg(&target)
        .env("RUSTFLAGS", RUSTFLAGS)
        // The bar is 96 KiB; what a program waits for is a handful of instructions anyway.
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "z")
        .dir(paths::root())
        .run()?;
    let built = target.join(TRIPLE).join("release").join(FILE);
    let data = std::fs::read(&built).with_context(|| format!("cannot read {}", built.display()))?;
    let foreign = foreign(&data)?;
    ensure!(
        foreign.is_empty(),
        "{} asks for {foreign:?}; `cloudtaser_preload_has_a_panic_path` means that code can panic",
        built.display()
    );
    let file = folder.join(FILE);
    // A running program may have the old one mapped: it is replaced, never overwritten.
    let fresh = folder.join(".preload.new");
    std::fs::copy(&built, &fresh).with_context(|| format!("cannot write {}", fresh.display()))?;
    std::fs::rename(&fresh, &file).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(file)
}

/// Undefined symbols that are not in [`IMPORTS`].
fn foreign(data: &[u8]) -> Result<Vec<String>> {
    let object = object::File::parse(data).context("the library is no ELF file")?;
    let undefined = object
        .dynamic_symbols()
        .filter(|symbol| symbol.is_undefined());
    let mut foreign = Vec::new();
    for symbol in undefined {
        let name = symbol.name().context("a symbol's name")?;
        if !name.is_empty() && !IMPORTS.contains(&name) {
            foreign.push(name.to_owned());
        }
    }
    Ok(foreign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_of_an_ordinary_program_are_foreign() {
        let program = std::fs::read("/proc/self/exe").unwrap();
        assert!(foreign(&program).unwrap().contains(&String::from("write")));
    }
}
