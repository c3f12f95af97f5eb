//! Finds the file for a program's name, by the rules of `execvp(3)`.
//!
//! A name with a `/` is a path; any other is looked for in each directory of `PATH`. An empty
//! directory in it is the working directory. A file that may not be executed is remembered and
//! the search goes on. Unlike `execvp(3)`, a file without a format is not given to `/bin/sh`.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD, FileType, accessat, stat};
use rustix::io::Errno;

use super::ProgramError;

/// What is searched when `PATH` is not set (`_CS_PATH` of the C library; `execvp(3)`).
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// Finds the file that `execvp(3)` would start for `name` with `path` as the variable `PATH`.
///
/// Relative paths are relative to our working directory, which the program inherits.
///
/// # Errors
///
/// [`ProgramError::NotFound`]; [`ProgramError::NotExecutable`] and [`ProgramError::Refused`] when
/// all that was found may not be executed.
pub fn resolve(name: &OsStr, path: Option<&OsStr>) -> Result<PathBuf, ProgramError> {
    if name.is_empty() {
        return Err(not_found(name, String::from("because its name is empty")));
    }
    if name.as_bytes().contains(&b'/') {
        let path = PathBuf::from(name);
        return match check_executable(&path) {
            Ok(()) => Ok(path),
            Err(Obstacle::Missing) => Err(not_found(name, String::new())),
            Err(obstacle) => Err(obstacle.into_error(path)),
        };
    }
    let path = path.unwrap_or_else(|| OsStr::new(DEFAULT_PATH));
    let mut remembered = None;
    for directory in path.as_bytes().split(|byte| *byte == b':') {
        let directory = if directory.is_empty() {
            b"."
        } else {
            directory
        };
        let candidate = Path::new(OsStr::from_bytes(directory)).join(name);
        match check_executable(&candidate) {
            Ok(()) => return Ok(candidate),
            Err(Obstacle::Missing) => {}
            Err(obstacle) => remembered = remembered.or(Some((candidate, obstacle))),
        }
    }
    match remembered {
        Some((candidate, obstacle)) => Err(obstacle.into_error(candidate)),
        None => Err(not_found(name, format!("in PATH ({})", path.display()))),
    }
}

fn not_found(name: &OsStr, place: String) -> ProgramError {
    ProgramError::NotFound {
        program: name.display().to_string(),
        place,
    }
}

/// Why a path cannot be executed.
pub(super) enum Obstacle {
    Missing,
    Wrong(&'static str),
    Refused(&'static str, io::Error),
}

impl Obstacle {
    pub(super) fn into_error(self, path: PathBuf) -> ProgramError {
        match self {
            Self::Missing => not_found(path.as_os_str(), String::new()),
            Self::Wrong(reason) => ProgramError::NotExecutable { path, reason },
            Self::Refused(call, source) => ProgramError::Refused { path, call, source },
        }
    }
}

/// Asks what `execve(2)` asks: a regular file, executable by us, on a file system that allows it.
pub(super) fn check_executable(path: &Path) -> Result<(), Obstacle> {
    let found = match stat(path) {
        Ok(found) => found,
        Err(Errno::NOENT | Errno::NOTDIR) => return Err(Obstacle::Missing),
        Err(Errno::ACCESS) => {
            return Err(Obstacle::Wrong(
                "a directory on the way to it may not be searched; check the modes (x bit)",
            ));
        }
        Err(errno) => return Err(Obstacle::Refused("stat", errno.into())),
    };
    match FileType::from_raw_mode(found.st_mode) {
        FileType::RegularFile => {}
        FileType::Directory => return Err(Obstacle::Wrong("it is a directory")),
        _ => return Err(Obstacle::Wrong("it is not a regular file")),
    }
    match accessat(CWD, path, Access::EXEC_OK, AtFlags::EACCESS) {
        Ok(()) => Ok(()),
        Err(Errno::ACCESS) => Err(Obstacle::Wrong(
            "it is not executable for this user, or its file system is mounted noexec; \
             `chmod +x` it",
        )),
        Err(errno) => Err(Obstacle::Refused("faccessat", errno.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    fn file(directory: &Path, name: &str, mode: u32) -> PathBuf {
        fs::create_dir_all(directory).unwrap();
        let path = directory.join(name);
        fs::write(&path, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    fn search(name: &str, path: &str) -> Result<PathBuf, ProgramError> {
        resolve(OsStr::new(name), Some(OsStr::new(path)))
    }

    #[test]
    fn a_name_is_searched_and_a_path_is_not() {
        let found = search("sh", "/nowhere:/etc/passwd:/bin:/usr/bin").unwrap();
        assert_eq!(found, Path::new("/bin/sh"));
        assert_eq!(search("/bin/sh", "").unwrap(), Path::new("/bin/sh"));
        let unset = resolve(OsStr::new("sh"), None).unwrap();
        assert_eq!(unset, Path::new("/bin/sh"));
        for name in ["", "no-such-program", "./no/such", "/bin/sh/x"] {
            assert_eq!(search(name, "/bin").unwrap_err().status(), 127, "{name:?}");
        }
    }

    #[test]
    fn a_file_that_may_not_run_is_remembered_and_passed_over() {
        let home = tempfile::tempdir().unwrap();
        let (first, second) = (home.path().join("1"), home.path().join("2"));
        let no_x = file(&first, "tool", 0o644);
        let only_first = first.display().to_string();
        let error = search("tool", &only_first).unwrap_err();
        assert_eq!(error.status(), 126);
        assert!(
            error.to_string().contains(&no_x.display().to_string()),
            "{error}"
        );

        let good = file(&second, "tool", 0o755);
        let both = format!("{only_first}:{}", second.display());
        assert_eq!(search("tool", &both).unwrap(), good);
    }

    #[test]
    fn directories_and_devices_are_not_programs() {
        for path in ["/", "/bin/", "/dev/null"] {
            assert_eq!(search(path, "").unwrap_err().status(), 126, "{path}");
        }
        // A directory of that name in PATH is passed over, and named when nothing else is found.
        assert_eq!(search("usr", "/").unwrap_err().status(), 126);
    }

    #[test]
    fn an_empty_directory_in_path_is_the_working_directory() {
        // The package's folder is the working directory of its tests; it has `src` in it.
        let error = search("src", ":/nowhere").unwrap_err();
        assert_eq!(error.status(), 126, "{error}");
        assert!(error.to_string().contains("`./src`"), "{error}");
    }
}
