//! `--files DIR[=TARGET]`: every regular file below a directory is a template of the program's
//! file of the same name.

use std::fs::DirEntry;
use std::io;
use std::path::{Path, PathBuf};

use super::files::{TemplateError, read_template};
use crate::plan::FileWish;
use crate::region::FileAttributes;

/// Files and directories, at most. Chosen: ten times what programs were seen to have.
const MAX_ENTRIES: usize = 1_000;

/// Directories in each other, at most. Chosen: the walk calls itself.
const MAX_DEPTH: usize = 16;

/// Why a directory of templates cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// The kernel refuses.
    #[error("cannot read `{}`, of the templates of --files", path.display())]
    Read {
        /// Directory or file.
        path: PathBuf,
        /// What the kernel answered.
        #[source]
        source: io::Error,
    },
    /// A template cannot be read.
    #[error("cannot read the template {path:?}")]
    Template {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: TemplateError,
    },
    /// Something that cannot be a template.
    #[error("{path:?} cannot be a template of --files: {reason}")]
    Unfit {
        /// What.
        path: PathBuf,
        /// Why.
        reason: &'static str,
    },
    /// More than is looked at.
    #[error("`{}` has more than 1,000 files and directories in it, or more than 16 in each other", path.display())]
    TooMany {
        /// The directory.
        path: PathBuf,
    },
}

/// Reads all templates of `DIR[=TARGET]`, where a relative DIR is below `base`.
///
/// # Errors
///
/// [`FolderError`].
pub fn templates(text: &str, base: &Path) -> Result<Vec<FileWish>, FolderError> {
    let (directory, target) = match text.split_once('=') {
        Some((directory, target)) => (directory, Some(target.to_owned())),
        None => (text, None),
    };
    let directory = base.join(directory);
    let target = match target {
        Some(target) => target,
        None => own_path(&directory)?,
    };
    let mut walk = Walk {
        root: &directory,
        left: MAX_ENTRIES,
        found: Vec::new(),
    };
    // `/` at the end of a target, as of a directory, is no mistake.
    walk.directory(&directory, target.trim_end_matches('/'), MAX_DEPTH)?;
    Ok(walk.found)
}

/// The absolute path of `directory`, through which the program shall find its files.
fn own_path(directory: &Path) -> Result<String, FolderError> {
    let read = |source| FolderError::Read {
        path: directory.to_owned(),
        source,
    };
    // Its components: without `.` and without `/` at the end. The plan refuses `..`.
    let absolute: PathBuf = std::path::absolute(directory)
        .map_err(read)?
        .components()
        .collect();
    absolute
        .into_os_string()
        .into_string()
        .map_err(|path| unfit(Path::new(&path), "its name is not UTF-8 text"))
}

fn unfit(path: &Path, reason: &'static str) -> FolderError {
    let path = path.to_owned();
    FolderError::Unfit { path, reason }
}

struct Walk<'a> {
    root: &'a Path,
    /// Entries that may still come.
    left: usize,
    found: Vec<FileWish>,
}

impl Walk<'_> {
    fn directory(&mut self, path: &Path, target: &str, depth: usize) -> Result<(), FolderError> {
        let read = |source| FolderError::Read {
            path: path.to_owned(),
            source,
        };
        for entry in std::fs::read_dir(path).map_err(read)? {
            let entry = entry.map_err(read)?;
            let left = self.left.checked_sub(1).filter(|_| depth > 0);
            self.left = left.ok_or_else(|| FolderError::TooMany {
                path: self.root.to_owned(),
            })?;
            self.entry(&entry, target, depth)?;
        }
        Ok(())
    }

    fn entry(&mut self, entry: &DirEntry, target: &str, depth: usize) -> Result<(), FolderError> {
        let path = entry.path();
        let name = entry.file_name();
        let name = name
            .to_str()
            .ok_or_else(|| unfit(&path, "its name is not UTF-8 text"))?;
        let target = format!("{target}/{name}");
        let kind = entry.file_type().map_err(|source| FolderError::Read {
            path: path.clone(),
            source,
        })?;
        if kind.is_dir() {
            return self.directory(&path, &target, depth.saturating_sub(1));
        }
        if kind.is_symlink() {
            return Err(unfit(
                &path,
                "it is a symbolic link; name the real directory",
            ));
        }
        if !kind.is_file() {
            return Err(unfit(&path, "it is no regular file"));
        }
        // No link may have taken its place meanwhile.
        let text = read_template(&path, libc::O_NOFOLLOW)
            .map_err(|source| FolderError::Template { path, source })?;
        self.found.push(FileWish {
            path: target,
            attributes: FileAttributes::default(),
            text,
            is_document: true,
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir_all(folder.path().join("t/sub")).expect("mkdir");
        std::fs::write(folder.path().join("t/a"), "1").expect("written");
        std::fs::write(folder.path().join("t/sub/b"), "${vault:x}").expect("written");
        folder
    }

    fn paths(text: &str, base: &Path) -> Vec<String> {
        let found = templates(text, base).expect(text);
        let mut paths: Vec<_> = found.into_iter().map(|file| file.path).collect();
        paths.sort();
        paths
    }

    fn refusal(base: &Path) -> String {
        templates("t=/x", base).expect_err("a mistake").to_string()
    }

    #[test]
    fn every_file_gets_its_place_below_the_target() {
        let folder = folder();
        assert_eq!(
            paths("t=/run/x", folder.path()),
            ["/run/x/a", "/run/x/sub/b"]
        );
        assert_eq!(paths("t=/", folder.path()), ["/a", "/sub/b"]);
        let own = folder.path().join("t").display().to_string();
        assert_eq!(
            paths("t/./", folder.path()),
            [format!("{own}/a"), format!("{own}/sub/b")]
        );
    }

    #[test]
    fn what_cannot_be_a_template_is_refused() {
        let folder = folder();
        let place = |name: &str| folder.path().join("t").join(name);
        symlink("a", place("link")).expect("symlink");
        assert!(refusal(folder.path()).contains("symbolic link"));
        std::fs::remove_file(place("link")).expect("removed");

        let odd = folder.path().join("t").join(OsStr::from_bytes(b"\xff"));
        std::fs::write(&odd, "").expect("written");
        assert!(refusal(folder.path()).contains("not UTF-8"));
        std::fs::remove_file(odd).expect("removed");

        let _socket = std::os::unix::net::UnixListener::bind(place("s")).expect("socket");
        assert!(refusal(folder.path()).contains("no regular file"));
        std::fs::remove_file(place("s")).expect("removed");

        std::fs::create_dir_all(place(&"d/".repeat(17))).expect("mkdir");
        std::fs::write(place(&format!("{}x", "d/".repeat(17))), "").expect("written");
        assert!(refusal(folder.path()).contains("16 in each other"));
        std::fs::remove_dir_all(place("d")).expect("removed");

        for number in 0..1000 {
            std::fs::write(place(&format!("f{number}")), "").expect("written");
        }
        assert!(refusal(folder.path()).contains("more than 1,000"));
        let missing = templates("none", folder.path()).expect_err("missing");
        assert!(matches!(missing, FolderError::Read { .. }), "{missing}");
    }
}
