//! The store's file in the file system: read it, lock it, replace it whole.
//!
//! A writer holds `flock(2)` on `<store>.lock`, writes a temporary file in the same folder, syncs
//! it, renames it over the store and syncs the folder. Killed at any point, it leaves the old or
//! the new file; what else it leaves, the next writer removes. Readers take no lock: `rename(2)`
//! shows them the old or the new file. The lock's file stays: removing it would let two writers
//! hold two files of the same name.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{self as sys, FlockOperation, Gid, Mode, OFlags, Uid};
use rustix::io::Errno;

use super::StoreError;

/// Largest store that is read, in bytes. Chosen: 256 secrets of 1 MiB, the largest value.
const MAX_STORE_BYTES: u64 = 256 << 20;
/// How long a writer waits for another one. Chosen: a rewrite with a passphrase takes about 2 s.
const LOCK_WAIT: Duration = Duration::from_secs(10);
/// Pause between two tries to get the lock. Chosen: below what a person notices.
const LOCK_PAUSE: Duration = Duration::from_millis(10);
/// Mode of everything that we create: the owner only.
const PRIVATE: Mode = Mode::from_raw_mode(0o600);
/// Random bytes in a temporary file's name. Chosen: no two writers meet, ever.
const NAME_BYTES: usize = 8;

/// Opens the store to read it, and says how many bytes it has.
///
/// # Errors
///
/// [`StoreError::Missing`], [`StoreError::Read`], [`StoreError::NotAStore`].
pub fn open(file: &Path) -> Result<(File, usize), StoreError> {
    let not = |what| {
        Err(StoreError::NotAStore {
            file: file.to_owned(),
            what,
        })
    };
    // NONBLOCK: a FIFO of that name must not make us wait.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    let opened = match sys::open(file, flags, Mode::empty()) {
        Ok(fd) => File::from(fd),
        Err(Errno::NOENT) => {
            return Err(StoreError::Missing {
                file: file.to_owned(),
            });
        }
        Err(error) => return Err(StoreError::read(file, error.into())),
    };
    let metadata = opened
        .metadata()
        .map_err(|error| StoreError::read(file, error))?;
    if metadata.is_dir() {
        return not("it is a folder");
    }
    if !metadata.is_file() {
        return not("it is no regular file");
    }
    match usize::try_from(metadata.len()) {
        Ok(0) => not("it is empty"),
        Ok(size) if metadata.len() <= MAX_STORE_BYTES => Ok((opened, size)),
        _ => not("it is larger than 256 MiB"),
    }
}

/// A file that is to be written, as its folder and its name there.
#[derive(Debug)]
struct Target {
    file: PathBuf,
    folder: PathBuf,
    name: OsString,
}

/// The right to replace the store, until dropped.
#[derive(Debug)]
pub struct Lock {
    target: Target,
    /// Keeps the lock.
    _lock: File,
}

impl Lock {
    /// Waits for other writers of the same store, then clears away what killed ones left.
    ///
    /// # Errors
    ///
    /// [`StoreError::Locked`], [`StoreError::Write`].
    pub fn acquire(file: &Path) -> Result<Self, StoreError> {
        // A symbolic link is followed, so that the link stays and its target is replaced.
        let real = file
            .canonicalize()
            .map_err(|error| StoreError::write(file, error))?;
        let target = Target::new(&real)?;
        let mut lock_name = target.name.clone();
        lock_name.push(".lock");
        let lock = wait_for(&target.folder.join(lock_name))?;
        target.clear();
        Ok(Self {
            target,
            _lock: lock,
        })
    }

    /// Replaces the store by `content`, wholly or not at all.
    ///
    /// Keeps owner, group and mode of the old file where the kernel allows it; a new file belongs
    /// to us with mode 0600.
    ///
    /// # Errors
    ///
    /// [`StoreError::Write`] with the old file intact; [`StoreError::Sync`] after the replacement.
    pub fn replace(&self, content: &[u8]) -> Result<(), StoreError> {
        self.target
            .put(content, |temporary, file| std::fs::rename(temporary, file))
    }
}

impl Target {
    fn new(file: &Path) -> Result<Self, StoreError> {
        let what = "its name ends in a folder";
        let not = || StoreError::NotAStore {
            file: file.to_owned(),
            what,
        };
        let folder = match file.parent() {
            Some(parent) if parent != Path::new("") => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let name = file.file_name().ok_or_else(not)?.to_owned();
        Ok(Self {
            file: file.to_owned(),
            folder,
            name,
        })
    }

    /// Writes a temporary file and lets `place` give it the target's name.
    fn put(
        &self,
        content: &[u8],
        place: impl FnOnce(&Path, &Path) -> io::Result<()>,
    ) -> Result<(), StoreError> {
        let fail = |error: io::Error| StoreError::write(&self.file, error);
        // Nobody could read it again.
        if content.len() as u64 > MAX_STORE_BYTES {
            return Err(fail(io::ErrorKind::FileTooLarge.into()));
        }
        let (file, temporary) = self.temporary().map_err(fail)?;
        let placed = self
            .fill(file, content)
            .and_then(|()| place(&temporary, &self.file));
        if let Err(error) = placed {
            // The error that we report is the first one; the next writer tries again.
            drop(std::fs::remove_file(&temporary));
            return Err(fail(error));
        }
        File::open(&self.folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|source| StoreError::Sync {
                file: self.file.clone(),
                source,
            })
    }

    /// A new file of a name that nobody has.
    fn temporary(&self) -> io::Result<(File, PathBuf)> {
        let mut random = [0_u8; NAME_BYTES];
        rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty())?;
        let mut name = self.prefix();
        name.push(format!("{:016x}.tmp", u64::from_ne_bytes(random)));
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let path = self.folder.join(name);
        Ok((File::from(sys::open(&path, flags, PRIVATE)?), path))
    }

    fn fill(&self, mut temporary: File, content: &[u8]) -> io::Result<()> {
        if let Ok(old) = std::fs::metadata(&self.file) {
            self.adopt(&temporary, &old)?;
        }
        temporary.write_all(content)?;
        temporary.sync_all()
    }

    /// Gives the temporary file the old file's owner, group and mode.
    ///
    /// Fails closed: without the old group, nobody but the owner may read the file.
    fn adopt(&self, temporary: &File, old: &std::fs::Metadata) -> io::Result<()> {
        let new = temporary.metadata()?;
        let mut mode = old.mode() & 0o777;
        if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
            let owner = (
                Some(Uid::from_raw(old.uid())),
                Some(Gid::from_raw(old.gid())),
            );
            if sys::fchown(temporary, owner.0, owner.1).is_err()
                && sys::fchown(temporary, None, owner.1).is_err()
            {
                mode &= 0o700;
            }
        }
        Ok(sys::fchmod(temporary, Mode::from_raw_mode(mode))?)
    }

    /// What the names of our temporary files begin with.
    fn prefix(&self) -> OsString {
        let mut prefix = OsString::from(".");
        prefix.push(&self.name);
        prefix.push(".");
        prefix
    }

    /// Removes temporary files of killed writers: under the lock, none of them is in use.
    ///
    /// A file that cannot be removed harms nobody, so that is no error.
    fn clear(&self) {
        let prefix = self.prefix();
        let Ok(entries) = std::fs::read_dir(&self.folder) else {
            return;
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let middle = name
                .as_encoded_bytes()
                .strip_prefix(prefix.as_encoded_bytes())
                .and_then(|rest| rest.strip_suffix(b".tmp"));
            if middle.is_some_and(|m| m.len() == 16 && m.iter().all(u8::is_ascii_hexdigit)) {
                drop(std::fs::remove_file(entry.path()));
            }
        }
    }
}

/// Takes the lock on `file`, which is made where it is missing.
fn wait_for(file: &Path) -> Result<File, StoreError> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let lock = match sys::open(file, flags, PRIVATE) {
        Ok(fd) => File::from(fd),
        Err(error) => return Err(StoreError::write(file, error)),
    };
    let end = Instant::now().checked_add(LOCK_WAIT);
    loop {
        match sys::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(lock),
            Err(Errno::WOULDBLOCK | Errno::INTR) if end.is_some_and(|end| Instant::now() < end) => {
                std::thread::sleep(LOCK_PAUSE);
            }
            Err(Errno::WOULDBLOCK | Errno::INTR) => {
                let seconds = LOCK_WAIT.as_secs();
                return Err(StoreError::Locked {
                    file: file.to_owned(),
                    seconds,
                });
            }
            Err(error) => return Err(StoreError::write(file, error)),
        }
    }
}

/// Makes `file` with `content` and mode 0600, in folders of mode 0700; never replaces anything.
///
/// # Errors
///
/// [`StoreError::Exists`], [`StoreError::Write`].
pub fn create(file: &Path, content: &[u8]) -> Result<(), StoreError> {
    create_folder(file)?;
    Target::new(file)?
        .put(content, place_new)
        .map_err(|error| match error {
            StoreError::Write { source, .. } if source.kind() == io::ErrorKind::AlreadyExists => {
                StoreError::Exists {
                    file: file.to_owned(),
                }
            }
            error => error,
        })
}

/// Renames unless the new name is taken, also by a symbolic link to nothing.
fn place_new(temporary: &Path, file: &Path) -> io::Result<()> {
    let (cwd, flags) = (sys::CWD, sys::RenameFlags::NOREPLACE);
    match sys::renameat_with(cwd, temporary, cwd, file, flags) {
        // Not every file system knows the flag (`rename(2)`); a hard link has the same rule.
        Err(Errno::INVAL | Errno::NOSYS) => {
            std::fs::hard_link(temporary, file)?;
            std::fs::remove_file(temporary)
        }
        result => Ok(result?),
    }
}

/// Makes the folders above `file` that are missing, for the owner only.
fn create_folder(file: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::DirBuilderExt;

    match file.parent() {
        Some(folder) if folder != Path::new("") => std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|error| StoreError::write(folder, error)),
        _ => Ok(()),
    }
}
