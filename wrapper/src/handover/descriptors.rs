//! The descriptors that the program inherits for the preload library, and their numbers.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use cloudtaser_abi::handover::Handover;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Resource, getrlimit};

/// What the kernel refused. Exit status 70.
#[derive(Debug, thiserror::Error)]
#[error("{call} failed while making what the preload library is handed")]
pub struct HandoverError {
    call: &'static str,
    #[source]
    source: io::Error,
}

/// What the program inherits. Everything is closed on exec here: whoever starts the program ends
/// that in its process.
#[derive(Debug)]
pub struct Descriptors {
    region: OwnedFd,
    report: Option<OwnedFd>,
    ledger: Option<OwnedFd>,
}

impl Descriptors {
    /// Duplicates `region`, and makes a ledger of `ledger_entries` entries if there is to be one.
    ///
    /// # Errors
    ///
    /// [`HandoverError`].
    pub fn new(
        region: BorrowedFd<'_>,
        ledger_entries: Option<usize>,
    ) -> Result<Self, HandoverError> {
        let ledger = ledger_entries.map(ledger).transpose()?;
        Ok(Self {
            region: raise(region)?,
            report: None,
            ledger: ledger.as_ref().map(raise).transpose()?,
        })
    }

    /// Adds the pipe by which the library reports, and answers its read end; neither end waits.
    ///
    /// # Errors
    ///
    /// [`HandoverError`].
    pub fn open_report(&mut self) -> Result<OwnedFd, HandoverError> {
        let flags = PipeFlags::CLOEXEC | PipeFlags::NONBLOCK;
        let (reader, writer) = pipe_with(flags).map_err(failed("pipe2"))?;
        self.report = Some(raise(&writer)?);
        Ok(reader)
    }

    /// The region's number.
    #[must_use]
    pub fn region(&self) -> u32 {
        number(&self.region)
    }

    /// The other numbers, and the root directory that the program's paths are meant for.
    #[must_use]
    pub fn handover(&self) -> Handover {
        // Without it the library serves the paths below any root.
        let root = rustix::fs::stat("/").ok();
        Handover {
            report: self.report.as_ref().map(number),
            ledger: self.ledger.as_ref().map(number),
            root: root.map(|root| (root.st_dev, root.st_ino)),
            scan: None,
        }
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &OwnedFd> {
        [
            Some(&self.region),
            self.report.as_ref(),
            self.ledger.as_ref(),
        ]
        .into_iter()
        .flatten()
    }
}

/// Counters of openings in shared memory, zero at first. Its size stays, so that no reader faults.
fn ledger(entries: usize) -> Result<OwnedFd, HandoverError> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let file = memfd_create("cloudtaser-ledger", flags).map_err(failed("memfd_create"))?;
    let bytes = u64::try_from(entries).unwrap_or(u64::MAX).saturating_mul(8);
    ftruncate(&file, bytes).map_err(failed("ftruncate"))?;
    let seals = SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
    fcntl_add_seals(&file, seals).map_err(failed("fcntl(F_ADD_SEALS)"))?;
    Ok(file)
}

/// A duplicate with a number out of the way of programs that expect the lowest ones, or count on
/// `close` from 3 on; below 1,024, which `select(2)` can name.
fn raise(fd: impl std::os::fd::AsFd) -> Result<OwnedFd, HandoverError> {
    let limit = getrlimit(Resource::Nofile).current;
    match fcntl_dupfd_cloexec(&fd, lowest(limit)) {
        // None is free up there, or the limit is lower than that.
        Err(Errno::MFILE | Errno::INVAL) => fcntl_dupfd_cloexec(&fd, 3),
        duplicate => duplicate,
    }
    .map_err(failed("fcntl(F_DUPFD_CLOEXEC)"))
}

/// The lowest number that we take, 64 below the soft limit of descriptors. Chosen: as many as the
/// library may need for its own.
fn lowest(limit: Option<u64>) -> i32 {
    let limit = limit.unwrap_or(1024).min(1024);
    i32::try_from(limit.saturating_sub(64).max(10)).unwrap_or(10)
}

fn number(fd: &OwnedFd) -> u32 {
    // An open descriptor is never negative.
    fd.as_raw_fd().unsigned_abs()
}

fn failed(call: &'static str) -> impl Fn(Errno) -> HandoverError {
    move |errno| HandoverError {
        call,
        source: errno.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    #[test]
    fn numbers_are_high_and_end_below_what_select_can_name() {
        assert_eq!(lowest(None), 960);
        assert_eq!(lowest(Some(1 << 20)), 960);
        assert_eq!(lowest(Some(256)), 192);
        assert_eq!(lowest(Some(20)), 10);
        assert_eq!(lowest(Some(0)), 10);
    }

    #[test]
    fn everything_is_closed_on_exec_and_has_its_number() {
        let file = std::fs::File::open("/dev/null").expect("open");
        let mut all = Descriptors::new(file.as_fd(), Some(3)).expect("made");
        let reader = all.open_report().expect("pipe");
        for fd in all.all().chain([&reader]) {
            let flags = rustix::io::fcntl_getfd(fd).expect("open");
            assert!(flags.contains(rustix::io::FdFlags::CLOEXEC), "{fd:?}");
        }
        let handover = all.handover();
        assert_eq!(all.all().count(), 3);
        assert!(all.region() >= 10 && handover.report > Some(9) && handover.ledger > Some(9));
        assert!(handover.root.is_some() && handover.scan.is_none());
        let ledger = all.ledger.as_ref().expect("a ledger");
        assert_eq!(rustix::fs::fstat(ledger).expect("fstat").st_size, 24);
        let alone = Descriptors::new(file.as_fd(), None).expect("made");
        assert_eq!(
            (alone.handover().report, alone.handover().ledger),
            (None, None)
        );
    }
}
