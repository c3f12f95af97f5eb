//! `cloudtaser run`: the steps of a start, in their order, and nothing else; the last one, the
//! start of the program itself, is `launch`'s.
//!
//! Each step is a function of its own or of the module that does it, with the kernel's reason
//! above it. A value walks through here once: source → [`Entry`] → region → the program's
//! environment. When the program runs, the heap holds no value any more.

use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use cloudtaser_abi::protection::Protection;

use crate::cli::run::{DeliveryMode, RunArgs};
use crate::cli::source::SourceArgs;
use crate::config::{Config, ConfigError};
use crate::handover::HandoverError;
use crate::harden::{self, HardenError, Hardened};
use crate::init::InitError;
use crate::launch::{Filled, Launch, assignment, c_string, string_bytes};
use crate::plan::{Answers, Destination, Entry, Plan, PlanErrors};
use crate::program::route::{Delivery, Route, RouteError, choose};
use crate::program::{self, Program, ProgramError, library};
use crate::region::{EntrySpec, Layout, LayoutError, Region, RegionError, now_ns};
use crate::report::{Report, chain};
use crate::source::opened::Opened;
use crate::source::{Ending, Registry, SourceConfig, SourceError};
use crate::status;
use crate::sys::heap::{self, LockedHeap};
use crate::sys::mlock::memlock_limit;
use crate::sys::stack;

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
    /// The route that was demanded. Exit status 77.
    #[error(transparent)]
    Route(#[from] RouteError),
    /// What the preload library is handed. Exit status 70.
    #[error(transparent)]
    Handover(#[from] HandoverError),
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
    /// The list of libraries to load is to come out of a secret.
    #[error(
        "the variable LD_PRELOAD cannot be a secret: the dynamic linker reads it where everybody can, and prints what it cannot load; give it as plain text, or give --env-from a prefix"
    )]
    SecretLibraries,
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
            Self::Layout(_) | Self::TooLong { .. } | Self::SecretLibraries => status::USAGE,
            Self::Region(error) => error.exit_status(),
            Self::Program(error) => error.status(),
            Self::Route(_) => status::PRIVILEGE,
            Self::Handover(_) | Self::Init(_) | Self::Syscall { .. } => status::INTERNAL,
        }
    }
}

/// Runs the program with its secrets and returns the status to exit with.
///
/// # Errors
///
/// [`StartError`]; see there.
pub fn run(args: RunArgs, source: &SourceArgs, registry: &Registry) -> Result<u8, StartError> {
    let mut config = Config::new(args, source, std::env::vars_os().collect(), registry)?;
    let report = Report {
        is_verbose: config.is_verbose,
    };
    // Before any secret: refuse tracers, no dumps, register, new address space.
    let hardened = harden::harden(config.enforcer)?;
    if hardened.is_doubtful {
        report.warn("an enforcer registered us, but was not seen to refuse: it is not counted on");
    }
    config
        .warnings
        .iter()
        .for_each(|warning| report.warn(warning));
    // Before any secret is fetched in vain, and before the source sees a request.
    let program = find_program(&config)?;
    let way = choose_way(&mut config, &program)?;
    let mut sources = Opened::default();
    let ended = start(config, (program, way), registry, hardened, &mut sources);
    // However it went: what a login has made ends with us.
    sources.close(Ending::Over, report);
    ended
}

/// From the fetch to the program's end.
fn start(
    config: Config,
    (program, way): (Program, Way),
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
        delivery,
        ..
    } = config;
    let literals = literals(&plan);
    let answers = fetch(&plan, &source, registry, sources)?;
    let demands = Demands {
        minimum: min_protection,
        ceiling,
        flags: delivery.region_flags(),
        delivery: way.route.delivery,
    };
    let region = fill(plan, answers, &demands, locked_heap)?;
    // Values have passed through the stack of the calls that have just returned.
    stack::wipe_finished_calls();
    heap::give_back();
    report_protection(report, &region.memory, hardened.is_enforced, ceiling);
    report.step(&way.route);
    let environment: Vec<CString> = kept.into_iter().map(assignment).chain(literals).collect();
    let mut launch = Launch {
        program,
        arguments: arguments.into_iter().map(c_string).collect(),
        environment,
        delivery: way.route.delivery,
        library: way.library,
        descriptors: None,
        pipe: None,
    };
    launch.prepare(&region, (!is_exec).then_some(report))?;
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

/// The route to the program, and the preload library when that is the route.
struct Way {
    route: Route,
    library: Option<PathBuf>,
}

/// Looks for the preload library, chooses the route, and says what is lost by it. Files that the
/// program cannot have are not read from the source either.
fn choose_way(config: &mut Config, program: &Program) -> Result<Way, StartError> {
    let report = config.source.report;
    let files: Vec<&str> = config.plan.paths().collect();
    let has_secrets = config.plan.has_secret_variables();
    let mode = match config.delivery.mode {
        // Nothing is to be delivered, so nothing need be loaded.
        DeliveryMode::Auto if files.is_empty() && !has_secrets => DeliveryMode::Environ,
        mode => mode,
    };
    let found = match mode {
        DeliveryMode::Environ | DeliveryMode::Sdk => Ok(PathBuf::new()),
        _ => library::find(config.delivery.library.as_deref()).map_err(|error| chain(&error)),
    };
    let state = found.as_ref().map(|_| ()).map_err(String::clone);
    let route = choose(program, mode, state)?;
    let warnings = route.warnings(program, has_secrets, &files);
    warnings.iter().for_each(|warning| report.warn(warning));
    let library = found.ok().filter(|_| route.delivery == Delivery::Preload);
    if route.delivery == Delivery::Environ {
        config.plan.without_files();
    }
    Ok(Way { route, library })
}

/// Pages of the heap that hold a value for a moment must not be swapped out. The limit counts the
/// region too, which matters more: the heap is locked only when the limit is four times as large,
/// and yields when both do not fit.
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

/// What the region must be.
struct Demands {
    minimum: Protection,
    ceiling: Protection,
    /// Of the header.
    flags: u32,
    /// It is handed to the program unless that gets plain variables.
    delivery: Delivery,
}

/// Moves the values into the region. When this returns, every heap block that held one has been
/// freed, and so wiped by the global allocator.
#[inline(never)]
fn fill(
    plan: Plan,
    answers: Answers,
    demands: &Demands,
    mut heap: Option<LockedHeap>,
) -> Result<Filled, StartError> {
    let entries = plan.resolve(answers)?;
    let is_looked_up = demands.delivery == Delivery::Sdk;
    let specs = entries.iter().map(|entry| spec(entry, is_looked_up));
    let specs: Vec<_> = specs.collect();
    let mut layout = Layout::plan(&specs)?;
    layout.flags = demands.flags;
    layout.created_ns = now_ns();
    // Both count against one limit, and the region is what stays: the heap yields.
    let room = memlock_limit()
        .unwrap_or(u64::MAX)
        .saturating_sub(2 * HEAP_RESERVE as u64);
    if layout.capacity as u64 > room {
        heap.take().into_iter().for_each(LockedHeap::unlock);
    }
    let is_plain = demands.delivery == Delivery::Environ;
    let create = if is_plain {
        Region::create
    } else {
        Region::create_shared
    };
    let mut memory = create(layout, demands.minimum)?;
    memory.lower(demands.ceiling)?;
    let mut environ_bytes = 0;
    for (index, entry) in entries.iter().enumerate() {
        let value = entry.value.expose();
        memory.fill(index, value)?;
        if let (Destination::Variable(name), false) = (&entry.destination, !is_plain) {
            environ_bytes += string_bytes(name.len() + 1 + value.len());
        }
    }
    memory.seal()?;
    heap.into_iter().for_each(LockedHeap::unlock);
    Ok(Filled {
        memory,
        entries: entries.len(),
        environ_bytes,
        has_limits: entries.iter().any(|entry| entry.attributes.opens > 0),
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

fn spec(entry: &Entry, is_looked_up: bool) -> EntrySpec<'_> {
    let (path, variable) = match &entry.destination {
        Destination::File(path) => (Some(path.as_str()), None),
        Destination::Variable(name) => (None, Some(name.as_str())),
    };
    EntrySpec {
        reference: &entry.reference,
        path,
        variable,
        is_looked_up,
        value_len: entry.value.expose().len(),
        file: entry.attributes,
    }
}

/// Plain text of `--env` and the file: no secrets, so ordinary strings.
fn literals(plan: &Plan) -> Vec<CString> {
    let pairs = plan.literals();
    pairs
        .map(|(name, text)| assignment((name.into(), OsStr::from_bytes(text.expose()).into())))
        .collect()
}

fn report_protection(report: Report, region: &Region, is_enforced: bool, ceiling: Protection) {
    let level = match region.protection() {
        Protection::Secretmem if is_enforced => Protection::Enforced.min(ceiling),
        level => level,
    };
    report.step(format_args!("secret memory is at level `{level}`"));
    for refusal in region.refusals() {
        report.warn(format_args!("not `{}`: {refusal}", refusal.level));
    }
}
