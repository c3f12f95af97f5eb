//! What runs inside the machine: static programs, the kernel programs' object, and the archive that
//! the kernel unpacks as its first file system.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use cpio::newc::{self, Builder};

use crate::exec::Cmd;
use crate::paths::{self, TRIPLE};
use crate::setup::vm::RUSTC;

/// A folder, a program, a file that root alone reads (inode(7)).
const FOLDER: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;
const PRIVATE: u32 = 0o100_400;
/// The console, which the kernel opens for init: character device 5:1 (Documentation/admin-guide/
/// devices.txt).
const CONSOLE: u32 = 0o020_600;

/// The shell `dash`, which links the C library only; both are on every Debian.
const DYNAMIC: [&str; 3] = [
    "bin/dash",
    "lib64/ld-linux-x86-64.so.2",
    "lib/x86_64-linux-gnu/libc.so.6",
];

/// What was built.
#[derive(Debug)]
pub(super) struct Programs {
    guest: PathBuf,
    enforcer: PathBuf,
    object: PathBuf,
    wrapper: PathBuf,
}

/// Builds all three, in folders of their own: other flags would rebuild everything else.
pub(super) fn build(linker: &Path) -> Result<Programs> {
    let target = paths::target()?.join("vm");
    let bpf = target.join("bpf");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = vec![linker.to_path_buf()];
    folders.extend(std::env::split_paths(&path));
    Cmd::new("cargo")
        .args(["build", "--locked", "--release"])
        .args(["--target", "bpfel-unknown-none", "-Zbuild-std=core"])
        .env("RUSTC", RUSTC)
        // The compiler is a stable one; building core is not a stable thing to ask for.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", "-C debuginfo=2 -C link-arg=--btf")
        .env("CARGO_TARGET_DIR", &bpf)
        .env("PATH", std::env::join_paths(folders)?)
        .dir(&paths::root().join("enforcer-ebpf"))
        .run()?;
    Cmd::new("cargo")
        .args(["build", "--locked", "--target", TRIPLE])
        .args([
            "--package",
            "cloudtaser-vm",
            "--features",
            "cloudtaser-vm/guest",
        ])
        .args(["--package", "cloudtaser-enforcer"])
        // Emulated, a program's relocations at its start and unoptimised code are what takes time.
        .env(
            "RUSTFLAGS",
            "-C target-feature=+crt-static -C relocation-model=static -C strip=symbols",
        )
        .env("CARGO_PROFILE_DEV_OPT_LEVEL", "1")
        .env("CARGO_TARGET_DIR", &target)
        .dir(paths::root())
        .run()?;
    let wrapper = crate::product::build(false)?;
    let built = target.join(TRIPLE).join("debug");
    Ok(Programs {
        guest: built.join("vm"),
        enforcer: built.join("cloudtaser-enforcer"),
        object: bpf.join("bpfel-unknown-none/release/enforcer"),
        wrapper,
    })
}

/// Writes the archive and answers where it is.
pub(super) fn initramfs(programs: &Programs, series: &str, secret: &str) -> Result<PathBuf> {
    let read = |file: &Path| {
        std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))
    };
    let guest = read(&programs.guest)?;
    let enforcer = read(&programs.enforcer)?;
    let object = read(&programs.object)?;
    let wrapper = read(&programs.wrapper)?;
    let library = read(&programs.wrapper.with_file_name(crate::preload::FILE))?;
    // A dynamic program of Debian's, with its loader and its C library.
    let [shell, loader, libc] = DYNAMIC.map(|file| read(&Path::new("/").join(file)));
    let (shell, loader, libc) = (shell?, loader?, libc?);
    let entries: &[(&str, u32, &[u8])] = &[
        ("dev", FOLDER, b""),
        ("dev/console", CONSOLE, b""),
        ("proc", FOLDER, b""),
        ("sys", FOLDER, b""),
        ("tmp", FOLDER, b""),
        ("init", PROGRAM, &guest),
        ("vm", PROGRAM, &guest),
        ("enforcer", PROGRAM, &enforcer),
        ("enforcer.o", PRIVATE, &object),
        ("product", FOLDER, b""),
        ("product/cloudtaser", PROGRAM, &wrapper),
        ("product/libcloudtaser_preload.so", PROGRAM, &library),
        ("bin", FOLDER, b""),
        ("lib64", FOLDER, b""),
        ("lib", FOLDER, b""),
        ("lib/x86_64-linux-gnu", FOLDER, b""),
        (DYNAMIC[0], PROGRAM, &shell),
        (DYNAMIC[1], PROGRAM, &loader),
        (DYNAMIC[2], PROGRAM, &libc),
        ("nonce", PRIVATE, secret.as_bytes()),
    ];
    let mut archive = Vec::new();
    for (number, (name, mode, content)) in entries.iter().enumerate() {
        let mut builder = Builder::new(name)
            .ino(u32::try_from(number)? + 1)
            .mode(*mode);
        if *mode == CONSOLE {
            builder = builder.rdev_major(5).rdev_minor(1);
        }
        let mut writer = builder.write(&mut archive, u32::try_from(content.len())?);
        std::io::Write::write_all(&mut writer, content).context("cannot write the archive")?;
        writer.finish().context("cannot write the archive")?;
    }
    newc::trailer(&mut archive).context("cannot write the archive")?;
    let file = paths::target()?.join(format!("vm/initramfs-{series}.cpio"));
    std::fs::write(&file, archive).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(file)
}
