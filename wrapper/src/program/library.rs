//! Finds the preload library and looks whether the dynamic linker of the program could load it.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use cloudtaser_abi::names::PRELOAD_LIBRARY;
use rustix::fs::StatVfsMountFlags;

use super::format::{Format, inspect_bytes};

/// Why there is no preload library.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LibraryError {
    /// `/proc` is missing, and no library is named.
    #[error("cannot find out where cloudtaser itself lies (/proc/self/exe)")]
    OwnPath(#[source] io::Error),
    /// It is not there, or cannot be read.
    #[error("the preload library `{}` cannot be opened", path.display())]
    Open {
        /// Where it was looked for.
        path: PathBuf,
        /// What the kernel answered.
        #[source]
        source: io::Error,
    },
    /// It is there, and the linker would not load it.
    #[error("the preload library `{}` cannot be loaded: {reason}", path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: &'static str,
    },
}

/// The absolute path of the preload library: `named`, or the one beside our own binary.
///
/// # Errors
///
/// [`LibraryError`].
pub fn find(named: Option<&Path>) -> Result<PathBuf, LibraryError> {
    let path = match named {
        Some(path) => path.to_owned(),
        None => beside_ourselves()?,
    };
    let open = |source| LibraryError::Open {
        path: path.clone(),
        source,
    };
    let path = path.canonicalize().map_err(open)?;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(&path)
        .map_err(open)?;
    match fault(&path, &file).map_err(open)? {
        Some(reason) => Err(LibraryError::Unfit { path, reason }),
        None => Ok(path),
    }
}

/// Where the library lies when nobody names it.
///
/// # Errors
///
/// [`LibraryError::OwnPath`].
pub fn beside_ourselves() -> Result<PathBuf, LibraryError> {
    let own = std::fs::read_link("/proc/self/exe").map_err(LibraryError::OwnPath)?;
    Ok(own.with_file_name(PRELOAD_LIBRARY))
}

/// What would keep the dynamic linker from loading it: then it says so on the program's standard
/// error and goes on without.
fn fault(path: &Path, file: &File) -> io::Result<Option<&'static str>> {
    let splits = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b':' | b'$' | 0x0b);
    if path.as_os_str().as_bytes().iter().any(splits) {
        return Ok(Some(
            "its path holds a blank, `:` or `$`, which the dynamic linker reads as syntax",
        ));
    }
    if !file.metadata()?.is_file() {
        return Ok(Some("it is no regular file"));
    }
    let mount = rustix::fs::fstatvfs(file)?.f_flag;
    if mount.contains(StatVfsMountFlags::NOEXEC) {
        return Ok(Some("its file system is mounted noexec"));
    }
    if is_cut_off(file)? {
        return Ok(Some("it is cut off"));
    }
    Ok(match inspect_bytes(file) {
        Ok(Format::Elf(elf)) if elf.foreign.is_some() => Some("it is built for another machine"),
        Ok(Format::Elf(elf)) if elf.interpreter.is_none() => None,
        _ => Some("it is no shared object"),
    })
}

/// Whether the table of sections, which linkers put last, ends beyond the file (`e_shoff`,
/// `e_shentsize`, `e_shnum`, elf(5)): a program that loads such a file dies of SIGBUS.
fn is_cut_off(file: &File) -> io::Result<bool> {
    let mut header = [0_u8; 64];
    if file.read_at(&mut header, 0)? < header.len() {
        return Ok(false);
    }
    let [.., o0, o1, o2, o3, o4, o5, o6, o7] = *header.first_chunk::<48>().unwrap_or(&[0; 48]);
    let [.., s0, s1, n0, n1, _, _] = header;
    let start = u64::from_le_bytes([o0, o1, o2, o3, o4, o5, o6, o7]);
    let size = u64::from(u16::from_le_bytes([s0, s1])) * u64::from(u16::from_le_bytes([n0, n1]));
    Ok(start.saturating_add(size) > file.metadata()?.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(path: &Path) -> String {
        find(Some(path)).expect_err("no library").to_string()
    }

    #[test]
    fn what_the_linker_would_not_load_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = |name: &str| folder.path().join(name);
        assert!(refusal(&place("none.so")).contains("cannot be opened"));
        assert!(refusal(folder.path()).contains("no regular file"));
        std::fs::write(place("text.so"), "text").expect("written");
        assert!(refusal(&place("text.so")).contains("no shared object"));
        for name in ["a b.so", "a:b.so", "a\nb.so", "$LIB.so"] {
            std::fs::write(place(name), "").expect("written");
            assert!(refusal(&place(name)).contains("syntax"), "{name}");
        }
    }

    #[test]
    fn a_library_that_was_cut_off_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let whole = std::fs::read("/proc/self/exe").expect("a program");
        let place = folder.path().join("cut.so");
        let is_cut_off = || is_cut_off(&File::open(&place).expect("opened")).expect("read");
        std::fs::write(&place, &whole).expect("written");
        assert!(!is_cut_off());
        std::fs::write(&place, whole.get(..5000).expect("bytes")).expect("written");
        assert!(is_cut_off() && refusal(&place).contains("cut off"));
    }

    #[test]
    fn it_lies_beside_the_binary() {
        let own = std::env::current_exe().expect("our own path");
        let found = beside_ourselves().expect("/proc");
        assert_eq!(found.parent(), own.parent());
        assert!(found.ends_with(PRELOAD_LIBRARY));
    }
}
