//! Gets the memory for a region, the best that there is, and keeps the reasons why it is not
//! better, for the report at start and for `doctor`.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use cloudtaser_abi::protection::Protection;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
use rustix::io::Errno;

use crate::sys::memfd_secret::{MemfdSecretError, memfd_secret};
use crate::sys::mlock::{memlock_limit, mlock_on_fault};
use crate::sys::mmap::GuardedMapping;

/// A protection that this place did not give, and why.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal {
    /// The kernel's name of the call that was refused, such as `memfd_secret`.
    pub call: &'static str,
    /// The level that the call would have given.
    pub level: Protection,
    /// Why it was refused.
    pub reason: RefusalReason,
}

/// Why a call was refused.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum RefusalReason {
    /// The kernel does not have the call (`ENOSYS`).
    Missing,
    /// A filter or a security module forbids it (`EPERM`, `EACCES`).
    Forbidden,
    /// `RLIMIT_MEMLOCK` is too low. Other locked memory of the user or process counts too.
    Limit {
        /// Bytes that the region needs.
        needed: u64,
        /// The soft limit, in bytes.
        limit: u64,
    },
    /// The call seemed to succeed and gave something else.
    Faked,
    /// Something else, with the error number.
    Failed {
        /// The number, of `errno(3)`.
        errno: i32,
    },
}

impl Refusal {
    /// A fixed word for metrics and `--json`.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self.reason {
            RefusalReason::Missing => "missing",
            RefusalReason::Forbidden => "forbidden",
            RefusalReason::Limit { .. } => "memlock-limit",
            RefusalReason::Faked => "faked",
            RefusalReason::Failed { .. } => "failed",
        }
    }

    /// What to do so that the call succeeds.
    #[must_use]
    pub fn fix(&self) -> String {
        match self.reason {
            RefusalReason::Missing => String::from(
                "use Linux 6.5 or newer, or 5.14 or newer with secretmem.enable=1 on the kernel \
                 command line; some container runtimes hide the call with a seccomp profile",
            ),
            RefusalReason::Forbidden => format!(
                "allow {} in the container's seccomp profile and security module",
                self.call
            ),
            RefusalReason::Limit { needed, .. } => format!(
                "raise RLIMIT_MEMLOCK to at least {} KiB (LimitMEMLOCK= of the container runtime's \
                 or the service's systemd unit, ulimit -l), or grant CAP_IPC_LOCK",
                needed.div_ceil(1024)
            ),
            RefusalReason::Faked => String::from(
                "find the seccomp filter or supervisor that answers memfd_secret in the kernel's \
                 place, and remove it",
            ),
            RefusalReason::Failed { .. } => {
                String::from("look the error up in the call's manual page")
            }
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { call, .. } = self;
        match self.reason {
            RefusalReason::Missing => {
                write!(f, "{call}: not in this kernel, or switched off (ENOSYS)")
            }
            RefusalReason::Forbidden => write!(f, "{call}: forbidden (EPERM or EACCES)"),
            RefusalReason::Limit { needed, limit } => write!(
                f,
                "{call}: {needed} bytes needed, RLIMIT_MEMLOCK is {limit} bytes"
            ),
            RefusalReason::Faked => write!(f, "{call}: something pretends that it succeeded"),
            RefusalReason::Failed { errno } => {
                write!(f, "{call}: {}", io::Error::from_raw_os_error(errno))
            }
        }
    }
}

/// Memory for a region, and how well it is protected.
#[derive(Debug)]
pub struct Memory {
    /// The memory, zeroed and writable, out of core dumps.
    pub mapping: GuardedMapping,
    /// [`Protection::Secretmem`], [`Protection::Locked`] or [`Protection::None`].
    pub protection: Protection,
    /// What stands between this level and [`Protection::Secretmem`]; empty at that level.
    pub refusals: Vec<Refusal>,
    /// The memory as a file, closed on exec; from [`acquire_shared`] only.
    pub file: Option<OwnedFd>,
}

/// Gets `len` bytes of the best memory that this place gives.
///
/// # Errors
///
/// The name of the call and its error, when not even ordinary memory could be had, or when it
/// could not be kept out of core dumps (fails closed).
pub fn acquire(len: usize) -> Result<Memory, (&'static str, io::Error)> {
    let mut memory = acquire_kind(len, false)?;
    // The descriptor is closed at once: whoever steals one maps the same pages.
    memory.file = None;
    Ok(memory)
}

/// As [`acquire`], with a descriptor of the memory.
///
/// # Errors
///
/// As [`acquire`].
pub fn acquire_shared(len: usize) -> Result<Memory, (&'static str, io::Error)> {
    acquire_kind(len, true)
}

fn acquire_kind(len: usize, is_shared: bool) -> Result<Memory, (&'static str, io::Error)> {
    let memory = match acquire_secret(len) {
        Ok((mapping, file)) => Memory {
            mapping,
            protection: Protection::Secretmem,
            refusals: Vec::new(),
            file: Some(file),
        },
        Err(refusal) => acquire_ordinary(len, is_shared, vec![refusal])?,
    };
    // Secret memory is never dumped, but saying so costs nothing and holds for both kinds.
    let advised = memory.mapping.exclude_from_dumps();
    advised.map_err(|source| ("madvise", source))?;
    Ok(memory)
}

fn acquire_secret(len: usize) -> Result<(GuardedMapping, OwnedFd), Refusal> {
    let level = Protection::Secretmem;
    let size = u64::try_from(len).unwrap_or(u64::MAX);
    let file = memfd_secret(size.next_multiple_of(8)).map_err(|error| match error {
        MemfdSecretError::Faked => Refusal {
            call: "memfd_secret",
            level,
            reason: RefusalReason::Faked,
        },
        MemfdSecretError::Syscall { call, source } => refused(call, level, &source, len),
    })?;
    let mapping = GuardedMapping::new(len, Some(file.as_fd()))
        .map_err(|source| refused("mmap", level, &source, len))?;
    Ok((mapping, file))
}

/// Ordinary shared memory, so that layout and meaning are the same as with secret memory.
fn acquire_ordinary(
    len: usize,
    is_shared: bool,
    mut refusals: Vec<Refusal>,
) -> Result<Memory, (&'static str, io::Error)> {
    let (mapping, file) = if is_shared {
        let (mapping, file) = map_memfd(len)?;
        (mapping, Some(file))
    } else {
        let mapping = GuardedMapping::new(len, None).map_err(|source| ("mmap", source))?;
        (mapping, None)
    };
    let protection = match mlock_on_fault(&mapping) {
        Ok(()) => Protection::Locked,
        Err(source) => {
            let level = Protection::Locked;
            refusals.push(refused("mlock2", level, &source, mapping.len()));
            Protection::None
        }
    };
    Ok(Memory {
        mapping,
        protection,
        refusals,
        file,
    })
}

/// A file in memory that cannot be truncated under a reader, and that nobody but this process
/// writes to where the kernel can keep others from it (`F_SEAL_FUTURE_WRITE`, Linux 5.1).
fn map_memfd(len: usize) -> Result<(GuardedMapping, OwnedFd), (&'static str, io::Error)> {
    let failed = |call| move |errno: Errno| (call, io::Error::from(errno));
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let file = memfd_create("cloudtaser", flags).map_err(failed("memfd_create"))?;
    let size = u64::try_from(len).unwrap_or(u64::MAX);
    ftruncate(&file, size.next_multiple_of(8)).map_err(failed("ftruncate"))?;
    let mapping =
        GuardedMapping::new(len, Some(file.as_fd())).map_err(|source| ("mmap", source))?;
    let seals = SealFlags::GROW | SealFlags::SHRINK;
    fcntl_add_seals(&file, seals).map_err(failed("fcntl(F_ADD_SEALS)"))?;
    // Fails open: without it a program could change its own secrets, and nobody else's.
    fcntl_add_seals(&file, SealFlags::FUTURE_WRITE).unwrap_or_default();
    Ok((mapping, file))
}

fn refused(call: &'static str, level: Protection, error: &io::Error, len: usize) -> Refusal {
    let errno = Errno::from_io_error(error).unwrap_or(Errno::NOMEM);
    let limit = memlock_limit();
    let reason = match (errno, limit) {
        (Errno::NOSYS, _) => RefusalReason::Missing,
        // mmap of secret memory: EAGAIN. mlock2: ENOMEM, or EPERM when the limit is 0.
        (Errno::AGAIN | Errno::NOMEM, Some(limit)) if call != "memfd_secret" => limited(len, limit),
        (Errno::PERM, Some(0)) if call == "mlock2" => limited(len, 0),
        (Errno::PERM | Errno::ACCESS, _) => RefusalReason::Forbidden,
        (errno, _) => RefusalReason::Failed {
            errno: errno.raw_os_error(),
        },
    };
    Refusal {
        call,
        level,
        reason,
    }
}

fn limited(len: usize, limit: u64) -> RefusalReason {
    let page = rustix::param::page_size();
    let needed = len.next_multiple_of(page);
    RefusalReason::Limit {
        needed: u64::try_from(needed).unwrap_or(u64::MAX),
        limit,
    }
}
