//! The program's start itself: strings, descriptors, fork and exec, and the report at its end.

use std::ffi::{CString, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use crate::handover::report::ReportPipe;
use crate::handover::{self, Descriptors};
use crate::init::{self, Ended};
use crate::program::route::Delivery;
use crate::program::{Program, ProgramError};
use crate::region::{EnvironString, Region};
use crate::report::Report;
use crate::start::StartError;
use crate::status;
use crate::sys::exec::{ExecStrings, SignalState, execve, keep_open, spawn};
use crate::sys::signal::{self, SignalMask};

/// A filled region, and what of it goes to the program.
pub(crate) struct Filled {
    pub(crate) memory: Region,
    pub(crate) entries: usize,
    /// Bytes of plain secret variables, for `execve`.
    pub(crate) environ_bytes: u64,
    /// An entry has a limit of openings.
    pub(crate) has_limits: bool,
}

impl Filled {
    fn environ(&self) -> impl Iterator<Item = EnvironString<'_>> {
        (0..self.entries).filter_map(|index| self.memory.environ_string(index))
    }

    /// The entries that are variables.
    fn slots(&self) -> impl Iterator<Item = usize> {
        (0..self.entries).filter(|index| self.memory.environ_string(*index).is_some())
    }
}

/// Everything that `execve(2)` needs besides plain secret variables.
pub(crate) struct Launch {
    pub(crate) program: Program,
    pub(crate) arguments: Vec<CString>,
    pub(crate) environment: Vec<CString>,
    pub(crate) delivery: Delivery,
    /// The preload library, when that is the way.
    pub(crate) library: Option<PathBuf>,
    /// From [`Launch::prepare`].
    pub(crate) descriptors: Option<Descriptors>,
    /// From [`Launch::prepare`].
    pub(crate) pipe: Option<ReportPipe>,
}

/// What the kernel takes: the strings borrow from launch and region.
struct Image<'a> {
    path: CString,
    arguments: ExecStrings<'a>,
    environment: ExecStrings<'a>,
}

impl Launch {
    /// Makes what the preload library is handed, when that is the way, with a pipe for what it
    /// tells `report`, and refuses what `execve` would.
    pub(crate) fn prepare(
        &mut self,
        region: &Filled,
        report: Option<Report>,
    ) -> Result<(), StartError> {
        if let (Some(library), Some(file)) = (&self.library, region.memory.file()) {
            let is_libraries = |slot| region.memory.variable(slot) == Some(handover::LD_PRELOAD);
            if region.slots().any(is_libraries) {
                return Err(StartError::SecretLibraries);
            }
            let ledger = region.has_limits.then_some(region.entries);
            let mut descriptors = Descriptors::new(file, ledger)?;
            if let Some(report) = report {
                self.pipe = Some(ReportPipe::new(descriptors.open_report()?, report));
            }
            self.environment = handover::environment(
                std::mem::take(&mut self.environment),
                library,
                descriptors.region(),
                &descriptors.handover(),
                region.slots(),
            );
            self.descriptors = Some(descriptors);
        } else if let (Delivery::Sdk, Some(file)) = (self.delivery, region.memory.file()) {
            let descriptors = Descriptors::new(file, None)?;
            let strings = std::mem::take(&mut self.environment);
            self.environment = handover::sdk_environment(strings, descriptors.region());
            self.descriptors = Some(descriptors);
        }
        self.refuse_too_long(region.environ_bytes)
    }

    /// Keeps us from a half-done start: `execve` would say `E2BIG` after the fork.
    ///
    /// The kernel takes a quarter of the soft stack limit, 6 MiB at most and 128 KiB at least, for
    /// all strings and their pointers (execve(2), `fs/exec.c`).
    fn refuse_too_long(&self, secret_bytes: u64) -> Result<(), StartError> {
        let stack = rustix::process::getrlimit(rustix::process::Resource::Stack).current;
        let limit = (stack.unwrap_or(u64::MAX) / 4).clamp(128 << 10, 6 << 20);
        let strings = self.arguments.iter().chain(&self.environment);
        let needed = strings
            .map(|string| string_bytes(string.count_bytes()))
            .sum::<u64>()
            + secret_bytes;
        if needed > limit {
            Err(StartError::TooLong { needed, limit })
        } else {
            Ok(())
        }
    }

    fn image<'a>(&'a self, region: &'a Filled) -> Image<'a> {
        // Otherwise the strings stay in the region.
        let is_plain = self.delivery == Delivery::Environ;
        let plain = is_plain.then(|| region.environ());
        let environment = self.environment.iter().map(CString::as_c_str);
        Image {
            path: c_string(self.program.path.clone().into_os_string()),
            arguments: ExecStrings::new(self.arguments.iter().map(CString::as_c_str), []),
            environment: ExecStrings::new(environment, plain.into_iter().flatten()),
        }
    }

    fn error(&self, source: io::Error) -> ProgramError {
        ProgramError::from_exec(self.program.path.clone(), source)
    }

    /// `--exec`: same process, same descriptors, mask and dispositions, which we never changed.
    /// The kernel drops our mapping of the region with the old address space; nobody is left to
    /// report to.
    pub(crate) fn replace(&self, region: &Filled, mask: Option<SignalMask>) -> ProgramError {
        let image = self.image(region);
        // A signal that came meanwhile ends us here, as it would have ended the program.
        if let Some(Err(error)) = mask.map(|mask| signal::set_mask(&mask)) {
            return self.error(error);
        }
        let error = match keep_open(&self.inherited()) {
            Ok(()) => execve(&image.path, &image.arguments, &image.environment),
            Err(error) => error,
        };
        self.error(error)
    }

    /// Blocks signals, so that none is lost between fork and wait; the child gets the mask and
    /// dispositions that we inherited. Orphans of the program become our children
    /// (PR_SET_CHILD_SUBREAPER), as they would be without us if the program were init.
    pub(crate) fn supervise(
        mut self,
        mut region: Filled,
        report: Report,
        found: Option<SignalMask>,
    ) -> Result<u8, StartError> {
        let syscall = |call| move |source| StartError::Syscall { call, source };
        rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
            .map_err(|error| syscall("prctl(PR_SET_CHILD_SUBREAPER)")(error.into()))?;
        let found = SignalState {
            mask: match found {
                Some(mask) => mask,
                None => signal::block_all().map_err(syscall("rt_sigprocmask"))?,
            },
            child: signal::notice_children().map_err(syscall("signal"))?,
        };
        // Only now: SIGIO that nobody has blocked would end us.
        if let Some(pipe) = &self.pipe {
            pipe.watch().map_err(syscall("fcntl(F_SETOWN)"))?;
        }
        let image = self.image(&region);
        let pid = spawn(
            &image.path,
            &image.arguments,
            &image.environment,
            &found,
            &self.inherited(),
        )
        .map_err(|error| self.error(error))?;
        region.memory.exclude_from_children()?;
        region.memory.hand_over();
        // Without our ends of them the program's are the only ones.
        self.descriptors = None;
        let ended = init::supervise(pid, self.pipe.take())?;
        report_end(report, &self.program.path, ended);
        Ok(ended.status())
    }

    /// What the program inherits of what is closed on exec.
    fn inherited(&self) -> Vec<&OwnedFd> {
        let descriptors = self.descriptors.iter();
        descriptors.flat_map(Descriptors::all).collect()
    }
}

/// The program may exit with a number that means something of ours: then a line says whose it is.
fn report_end(report: Report, program: &Path, ended: Ended) {
    let program = program.display();
    match ended {
        Ended::Exited(status) if status::is_ours(status) => {
            report.warn(format_args!(
                "status {status} is that of `{program}`, not of cloudtaser"
            ));
        }
        Ended::Exited(status) => {
            report.step(format_args!("`{program}` ended with status {status}"))
        }
        Ended::Killed(signal) => report.warn(format_args!("`{program}` died of signal {signal}")),
    }
}

/// What a string of `len` bytes takes of `execve`'s space: its NUL and a pointer of 8 bytes too.
pub(crate) fn string_bytes(len: usize) -> u64 {
    len as u64 + 1 + 8
}

pub(crate) fn assignment((mut name, value): (OsString, OsString)) -> CString {
    name.push("=");
    name.push(value);
    c_string(name)
}

/// Arguments and inherited variables came as C strings; the plan refuses NUL in its texts. What is
/// left to do with a NUL is to cut there, as the kernel would.
pub(crate) fn c_string(text: OsString) -> CString {
    CString::new(text.into_vec()).unwrap_or_else(|error| {
        let end = error.nul_position();
        let mut bytes = error.into_vec();
        bytes.truncate(end);
        CString::new(bytes).unwrap_or_default()
    })
}
