//! Puts one file into a directory: whole, synced, verified and renamed into place, or not at all.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD, FileType, Mode, OFlags};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};

use super::CopyError;

/// Mode of a copied file: everyone may execute it, nobody may write to it.
const MODE: Mode = Mode::from_raw_mode(0o555);
/// Size of the copy buffer, in bytes. Chosen: 64 calls for a file of 4 MiB.
const BUFFER_BYTES: usize = 65_536;

/// A SHA-256 digest; printed as `sha256:` and 64 hexadecimal digits, as container tools do.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Digest([u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// How a file came to be in place.
#[derive(Debug)]
pub(super) enum Outcome {
    Copied(Digest),
    Unchanged(Digest),
}

/// The target, held open so that every step speaks of the same directory.
pub(super) struct Directory {
    path: PathBuf,
    fd: OwnedFd,
}

impl Directory {
    pub(super) fn open(path: &Path) -> Result<Self, CopyError> {
        let unsuitable = |reason| CopyError::Unsuitable {
            directory: path.to_owned(),
            reason,
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        match rustix::fs::openat(CWD, path, flags, Mode::empty()) {
            Ok(fd) => Ok(Self {
                path: path.to_owned(),
                fd,
            }),
            Err(Errno::NOENT) => Err(unsuitable(
                "it does not exist; mount a volume (an emptyDir) there",
            )),
            Err(Errno::NOTDIR) => Err(unsuitable("it is not a directory")),
            Err(errno) => Err(failure(path, "openat", 0, errno.into())),
        }
    }

    /// Makes `name` a copy of the file `path`, unless it is one already.
    pub(super) fn install(&self, name: &str, path: &Path) -> Result<Outcome, CopyError> {
        let from_source = |source| CopyError::Source {
            file: path.to_owned(),
            source,
        };
        let source = &mut open_source(path).map_err(from_source)?;
        let size = source.metadata().map_err(from_source)?.len();
        let expected = digest_of(source).map_err(from_source)?;
        if self.holds(name, &expected) {
            return Ok(Outcome::Unchanged(expected));
        }
        source.rewind().map_err(from_source)?;
        let failed = |call| move |error| failure(&self.path, call, size, error);

        let (temporary, mut file) = self.create(name).map_err(failed("openat"))?;
        copy_bytes(source, &mut file).map_err(failed("write"))?;
        rustix::fs::fchmod(&file, MODE).map_err(|errno| failed("fchmod")(errno.into()))?;
        file.sync_all().map_err(failed("fsync"))?;
        // Closed before anyone can execute it: a descriptor open for writing gives ETXTBSY.
        drop(file);
        self.verify(&temporary.name, &expected, size)?;
        rustix::fs::renameat(&self.fd, &temporary.name, &self.fd, name)
            .map_err(|errno| failed("renameat")(errno.into()))?;
        temporary.keep();
        rustix::fs::fsync(&self.fd).map_err(|errno| failed("fsync")(errno.into()))?;
        Ok(Outcome::Copied(expected))
    }

    /// Whether `name` is a file of ours with this digest and the right mode. Another user's file
    /// does not count: its owner could change it later. Any error means no, and a new copy.
    fn holds(&self, name: &str, expected: &Digest) -> bool {
        let Ok(mut file) = self.open_file(name) else {
            return false;
        };
        let is_ours = rustix::fs::fstat(&file).is_ok_and(|found| {
            FileType::from_raw_mode(found.st_mode) == FileType::RegularFile
                && Mode::from_raw_mode(found.st_mode) == MODE
                && found.st_uid == rustix::process::geteuid().as_raw()
        });
        is_ours && digest_of(&mut file).is_ok_and(|found| found == *expected)
    }

    /// Reads back what was written, and asks whether this file system allows execution.
    fn verify(&self, name: &str, expected: &Digest, size: u64) -> Result<(), CopyError> {
        let failed = |call, error| failure(&self.path, call, size, error);
        let mut file = self
            .open_file(name)
            .map_err(|error| failed("openat", error))?;
        let found = digest_of(&mut file).map_err(|error| failed("read", error))?;
        if found != *expected {
            return Err(CopyError::Differs {
                directory: self.path.clone(),
            });
        }
        let flags = AtFlags::EACCESS;
        rustix::fs::accessat(&self.fd, name, Access::EXEC_OK, flags).map_err(|errno| match errno {
            Errno::ACCESS => CopyError::Unsuitable {
                directory: self.path.clone(),
                reason: "its file system is mounted noexec; use another volume",
            },
            errno => failed("faccessat", errno.into()),
        })
    }

    /// Opens for reading, follows no link, waits for no FIFO.
    fn open_file(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&self.fd, name, flags, Mode::empty())?;
        Ok(File::from(fd))
    }

    /// Makes a new hidden file; its random name cannot be prepared by others.
    fn create(&self, name: &str) -> io::Result<(Temporary<'_>, File)> {
        let mut random = [0_u8; 8];
        let filled = rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty())?;
        if filled != random.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let name = format!(".{name}.{:016x}.tmp", u64::from_ne_bytes(random));
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&self.fd, &name, flags, Mode::RUSR | Mode::WUSR)?;
        let temporary = Temporary {
            directory: &self.fd,
            name,
            is_kept: false,
        };
        Ok((temporary, File::from(fd)))
    }
}

/// Opens a file to copy. It is a regular one: a pipe of that name must not make us wait.
fn open_source(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::openat(CWD, path, flags, Mode::empty())?);
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::other("it is no regular file"))
    }
}

/// A temporary file that is removed again unless it was renamed.
struct Temporary<'a> {
    directory: &'a OwnedFd,
    name: String,
    is_kept: bool,
}

impl Temporary<'_> {
    fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if !self.is_kept {
            // Best effort: the error that brought us here is the one to report.
            rustix::fs::unlinkat(self.directory, &self.name, AtFlags::empty()).unwrap_or_default();
        }
    }
}

fn copy_bytes(source: &mut File, target: &mut File) -> io::Result<()> {
    for_each_chunk(source, |chunk| target.write_all(chunk))
}

fn digest_of(file: &mut File) -> io::Result<Digest> {
    let mut hasher = Sha256::new();
    for_each_chunk(file, |chunk| {
        hasher.update(chunk);
        Ok(())
    })?;
    Ok(Digest(hasher.finalize().into()))
}

fn for_each_chunk(
    file: &mut File,
    mut take: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => take(buffer.get(..count).unwrap_or_default())?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Sorts a failed call by who must act.
fn failure(directory: &Path, call: &'static str, needed: u64, source: io::Error) -> CopyError {
    let directory = directory.to_owned();
    match source.raw_os_error() {
        Some(libc::EACCES | libc::EPERM | libc::EROFS) => CopyError::NotWritable {
            directory,
            uid: rustix::process::geteuid().as_raw(),
            source,
        },
        Some(libc::ENOSPC | libc::EDQUOT | libc::EFBIG) => CopyError::Full {
            directory,
            needed,
            source,
        },
        Some(libc::EISDIR) => CopyError::Unsuitable {
            directory,
            reason: "a directory of the file's name is in it; remove it",
        },
        _ => CopyError::Syscall {
            call,
            directory,
            source,
        },
    }
}
