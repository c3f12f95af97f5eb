//! `cloudtaser run`: the steps of a start, in their order, and nothing else.
//!
//! Each step is a function of its own or of the module that does it, with the kernel's reason
//! above it. A value walks through here once: source → [`Entry`] → region → the program's
//! environment. When the program runs, the heap holds no value any more.

use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use cloudtaser_abi::protection::Protection;

use crate::cli::run::RunArgs;
use crate::cli::source::SourceArgs;
use crate::config::{Config, ConfigError};
use crate::harden::{self, HardenError, Hardened};
use crate::init::{self, Ended, InitError};
use crate::plan::{Answers, Entry, Plan, PlanErrors};
use crate::program::route::{Delivery, choose};
use crate::program::{self, Program, ProgramError};

use crate::region::{EntrySpec, EnvironString, Layout, LayoutError, Region, RegionError};
use crate::report::Report;
use crate::source::opened::Opened;
use crate::source::{Ending, Registry, SourceConfig, SourceError};
use crate::status;
use crate::sys::exec::{ExecStrings, SignalState, execve, spawn};
use crate::sys::heap::{self, LockedHeap};
use crate::sys::mlock::memlock_limit;
use crate::sys::signal::SignalMask;
use crate::sys::{signal, stack};

/// Heap that is reserved and locked while secrets pass through it, in bytes.
///
/// Chosen: a start with ten secrets was seen to use less than 400 KiB; a reserve that is not
/// touched costs only a share of `RLIMIT_MEMLOCK`, and 1 MiB of the common 8 MiB leaves room.
const HEAP_RESERVE: usize = 1 << 20;

/// Why a start failed. Nothing of the program has run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Protection of the wrapper itself.
    #[error(transparent)]
    Harden(#[from] HardenError),
    /// A secret source.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// References whose secrets are missing or unfit.
    #[error(transparent)]
    Plan(#[from] PlanErrors),
    /// Sizes of the region.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// Memory of the region.
    #[error(transparent)]
    Region(#[from] RegionError),
    /// The program.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// Arguments and environment together are more than the kernel takes.
    #[error(
        "arguments and environment of the program need {needed} bytes, and the kernel takes {limit} (a quarter of `ulimit -s`); pass less on (--inherit), or raise the stack limit"
    )]
    TooLong {
        /// Bytes needed.
        needed: u64,
        /// Bytes there are.
        limit: u64,
    },
    /// Supervision.
    #[error(transparent)]
    Init(#[from] InitError),
    /// A system call failed. Exit status 70.
    #[error("{call} failed")]
    Syscall {
        /// The kernel's name of the call.
        call: &'static str,
        /// What the kernel answered.
        #[source]
        source: std::io::Error,
    },
}

impl StartError {
    /// The wrapper's exit status for this error.
    #[must_use]
    pub fn status(&self) -> u8 {
        match self {
            Self::Config(error) => error.status(),
            Self::Harden(error) => error.status(),
            Self::Source(error) => error.status,
            Self::Plan(errors) => errors.status(),
            Self::Layout(_) | Self::TooLong { .. } => status::USAGE,
            Self::Region(error) => error.exit_status(),
            Self::Program(error) => error.status(),
            Self::Init(_) | Self::Syscall { .. } => status::INTERNAL,
        }
    }
}

/// Runs the program with its secrets and returns the status to exit with.
///
/// # Errors
///
/// [`StartError`]; see there.
pub fn run(args: RunArgs, source: &SourceArgs, registry: &Registry) -> Result<u8, StartError> {
    let config = Config::new(args, source, std::env::vars_os().collect(), registry)?;
    let report = Report {
        is_verbose: config.is_verbose,
    };
    // Before any secret: refuse tracers, no dumps, register, new address space.
    let hardened = harden::harden(config.enforcer)?;
    config
        .warnings
        .iter()
        .for_each(|warning| report.warn(warning));
    // Before any secret is fetched in vain, and before the source sees a request.
    let program = find_program(&config)?;
    let mut sources = Opened::default();
    let ended = start(config, program, registry, hardened, &mut sources);
    // However it went: what a login has made ends with us.
    sources.close(Ending::Over, report);
    ended
}

/// From the fetch to the program's end.
fn start(
    config: Config,
    program: Program,
    registry: &Registry,
    hardened: Hardened,
    sources: &mut Opened,
) -> Result<u8, StartError> {
    let report = config.source.report;
    let locked_heap = lock_heap(report);
    let ceiling = if config.is_insecure {
        Protection::None
    } else {
        Protection::Enforced
    };
    let Config {
        program: arguments,
        plan,
        kept,
        source,
        min_protection,
        is_exec,
        ..
    } = config;
    let literals = literals(&plan);
    let answers = fetch(&plan, &source, registry, sources)?;
    let region = fill(plan, answers, min_protection, ceiling, locked_heap)?;
    // Values have passed through the stack of the calls that have just returned.
    stack::wipe_finished_calls();
    heap::give_back();
    report_protection(report, &region.memory, hardened.is_registered, ceiling);
    report.step(choose(&program, Delivery::Environ));
    let environment: Vec<CString> = kept.into_iter().map(assignment).chain(literals).collect();
    let launch = Launch {
        program,
        arguments: arguments.into_iter().map(c_string).collect(),
        environment,
    };
    launch.refuse_too_long(region.environ_bytes)?;
    if is_exec {
        sources.close(Ending::Replaced, report);
        Err(launch.replace(&region, sources.found_mask()).into())
    } else {
        launch.supervise(region, report, sources.found_mask())
    }
}

/// The program is looked for with the `PATH` that the wrapper has: `PATH` is no place for secrets.
fn find_program(config: &Config) -> Result<Program, StartError> {
    let name = config
        .program
        .first()
        .map_or_else(|| OsStr::new(""), OsString::as_os_str);
    let path = program::resolve(name, std::env::var_os("PATH").as_deref())?;
    Ok(program::inspect(&path)?)
}

/// Pages of the heap that hold a value for a moment must not be swapped out. The limit counts the
/// region too, which matters more: the heap is locked only when the limit is four times as large, and yields when both do not fit.
fn lock_heap(report: Report) -> Option<LockedHeap> {
    let room = memlock_limit().map_or(u64::MAX, |limit| limit / 4);
    if room < HEAP_RESERVE as u64 {
        report.step("the heap is not locked: RLIMIT_MEMLOCK is below 4 MiB; turn swap off");
        return None;
    }
    let refused = |error| {
        report.step(format_args!(
            "the heap is not locked: mlock2: {error}; turn swap off"
        ))
    };
    heap::lock(HEAP_RESERVE).map_err(refused).ok()
}

/// A filled region, and how many of its bytes go into the program's environment.
struct Filled {
    memory: Region,
    entries: usize,
    environ_bytes: u64,
}

impl Filled {
    fn environ(&self) -> impl Iterator<Item = EnvironString<'_>> {
        (0..self.entries).filter_map(|index| self.memory.environ_string(index))
    }
}

/// Moves the values into the region. When this returns, every heap block that held one has been
/// freed, and so wiped by the global allocator.
#[inline(never)]
fn fill(
    plan: Plan,
    answers: Answers,
    minimum: Protection,
    ceiling: Protection,
    mut heap: Option<LockedHeap>,
) -> Result<Filled, StartError> {
    let entries = plan.resolve(answers)?;
    let specs: Vec<_> = entries.iter().map(spec).collect();
    let layout = Layout::plan(&specs)?;
    // Both count against one limit, and the region is what stays: the heap yields.
    let room = memlock_limit()
        .unwrap_or(u64::MAX)
        .saturating_sub(2 * HEAP_RESERVE as u64);
    if layout.capacity as u64 > room {
        heap.take().into_iter().for_each(LockedHeap::unlock);
    }
    let mut memory = Region::create(layout, minimum)?;
    memory.lower(ceiling)?;
    let mut environ_bytes = 0;
    for (index, entry) in entries.iter().enumerate() {
        memory.fill(index, entry.value.expose())?;
        let name = entry.variable.as_ref().map_or(0, String::len);
        environ_bytes += string_bytes(name + 1 + entry.value.expose().len());
    }
    memory.seal()?;
    heap.into_iter().for_each(LockedHeap::unlock);
    Ok(Filled {
        memory,
        entries: entries.len(),
        environ_bytes,
    })
}

/// Log in, and read every path once.
#[inline(never)]
fn fetch(
    plan: &Plan,
    config: &SourceConfig,
    registry: &Registry,
    sources: &mut Opened,
) -> Result<Answers, StartError> {
    let mut answers = Answers::default();
    for name in plan.sources() {
        // The plan knows registered names only: others are no schemes and so no references.
        let Some(kind) = registry.find(&name) else {
            continue;
        };
        let requests = plan.requests(&name);
        let found = sources.read(kind, config, &requests)?;
        answers.add(&name, requests, found);
    }
    Ok(answers)
}

fn spec(entry: &Entry) -> EntrySpec<'_> {
    EntrySpec {
        reference: &entry.reference,
        path: entry.path.as_deref(),
        variable: entry.variable.as_deref(),
        value_len: entry.value.expose().len(),
    }
}

/// Plain text of `--env` and the file: no secrets, so ordinary strings.
fn literals(plan: &Plan) -> Vec<CString> {
    let pairs = plan.literals();
    pairs
        .map(|(name, text)| assignment((name.into(), OsStr::from_bytes(text.expose()).into())))
        .collect()
}

fn report_protection(report: Report, region: &Region, is_registered: bool, ceiling: Protection) {
    let level = match region.protection() {
        Protection::Secretmem if is_registered => Protection::Enforced.min(ceiling),
        level => level,
    };
    report.step(format_args!("secret memory is at level `{level}`"));
    for refusal in region.refusals() {
        report.warn(format_args!("not `{}`: {refusal}", refusal.level));
    }
}

/// Everything that `execve(2)` needs besides the secrets.
struct Launch {
    program: Program,
    arguments: Vec<CString>,
    environment: Vec<CString>,
}

impl Launch {
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

    fn strings<'a>(&'a self, region: &'a Filled) -> (CString, ExecStrings<'a>, ExecStrings<'a>) {
        let path = c_string(self.program.path.clone().into_os_string());
        let arguments = ExecStrings::new(self.arguments.iter().map(CString::as_c_str), []);
        let environment = ExecStrings::new(
            self.environment.iter().map(CString::as_c_str),
            region.environ(),
        );
        (path, arguments, environment)
    }

    fn error(&self, source: std::io::Error) -> ProgramError {
        ProgramError::from_exec(self.program.path.clone(), source)
    }

    /// `--exec`: same process, same descriptors, mask and dispositions, which we never changed.
    /// The kernel drops the region with the old address space.
    fn replace(&self, region: &Filled, mask: Option<SignalMask>) -> ProgramError {
        let (path, arguments, environment) = self.strings(region);
        // A signal that came meanwhile ends us here, as it would have ended the program.
        if let Some(Err(error)) = mask.map(|mask| signal::set_mask(&mask)) {
            return self.error(error);
        }
        self.error(execve(&path, &arguments, &environment))
    }

    /// Blocks signals, so that none is lost between fork and wait; the child gets the mask and
    /// dispositions that we inherited. Orphans of the program become our children (PR_SET_CHILD_SUBREAPER), as
    /// they would be without us if the program were init.
    fn supervise(
        self,
        region: Filled,
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
        let (path, arguments, environment) = self.strings(&region);
        let pid =
            spawn(&path, &arguments, &environment, &found).map_err(|error| self.error(error))?;
        region.memory.exclude_from_children()?;
        let ended = init::supervise(pid)?;
        report_end(report, &self.program.path, ended);
        Ok(ended.status())
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
fn string_bytes(len: usize) -> u64 {
    len as u64 + 1 + 8
}

fn assignment((mut name, value): (OsString, OsString)) -> CString {
    name.push("=");
    name.push(value);
    c_string(name)
}

/// Arguments and inherited variables came as C strings; the plan refuses NUL in its texts. What is
/// left to do with a NUL is to cut there, as the kernel would.
fn c_string(text: OsString) -> CString {
    CString::new(text.into_vec()).unwrap_or_else(|error| {
        let end = error.nul_position();
        let mut bytes = error.into_vec();
        bytes.truncate(end);
        CString::new(bytes).unwrap_or_default()
    })
}
