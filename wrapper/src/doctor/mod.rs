//! `cloudtaser doctor`: tries what this place can give, one small check each.
//!
//! [`Place`] gathers what several checks need, once; a check looks at it (and at a file or two of
//! its own) and gives a [`Verdict`]. The table [`CHECKS`] is the whole list. Doctor changes nothing
//! that outlives it: it registers with the enforcer, as a start does, and ends; the token of its
//! login is revoked.

mod clock;
mod grants;
mod kernel;
mod limits;
mod memory;
mod preload;
mod proc_status;
mod process;
mod report;
mod server;
mod store;

use std::io::{self, IsTerminal, Write};

use cloudtaser_abi::protection::Protection;

use crate::cli::doctor::DoctorArgs;
use crate::config::survey::Survey;
use crate::source::SourceConfig;
use crate::source::openbao::probe::{Findings, probe};
use crate::status;
use crate::sys::prctl::{self, Registration};
use memory::MemoryProbe;
use proc_status::ProcStatus;
use report::{Check, Examination, Level, Verdict};

/// Looks at one thing.
type Examine = fn(&Place<'_>) -> Verdict;

/// Every check with its name, which is part of the JSON format and stays the same.
const CHECKS: &[(&str, Examine)] = &[
    ("kernel", kernel::version),
    ("proc", kernel::proc_mounted),
    ("secret-memory", memory::secret_memory),
    ("locked-memory", memory::locked_memory),
    ("memlock", limits::memlock),
    ("memory-limit", limits::cgroup_memory),
    ("swap", limits::swap),
    ("hibernation", limits::hibernation),
    ("core-dumps", process::core_dumps),
    ("tracer", process::tracer),
    ("yama", process::yama),
    ("seccomp", process::seccomp),
    ("enforcer", process::enforcer),
    ("user", process::user),
    ("stdio", process::stdio),
    ("preload-library", preload::library),
    ("store", store::store),
    ("identity-files", store::identity_files),
    ("server-settings", server::settings),
    ("server-address", server::address),
    ("server-tls", server::tls),
    ("client-certificate", server::client_certificate),
    ("login", server::login),
    ("policies", server::policies),
    ("clock-skew", server::clock_skew),
];

/// What the checks look at.
struct Place<'a> {
    /// `/proc/self/status`, read before anything else; empty without /proc.
    proc_status: ProcStatus,
    /// The memory that a region would get.
    memory: MemoryProbe,
    /// What a registration came to.
    registration: io::Result<Registration>,
    /// Settings of the sources.
    source: &'a SourceConfig,
    /// The configuration as a whole.
    survey: &'a Survey,
    /// What the server answered, if one is configured.
    server: Option<Findings>,
}

impl<'a> Place<'a> {
    fn look(survey: &'a Survey) -> Self {
        let source = &survey.source;
        let requests = survey.requests.as_ref().map_or(&[][..], Vec::as_slice);
        let has_server = !source.server.addresses.is_empty();
        Self {
            proc_status: ProcStatus::read(),
            memory: MemoryProbe::try_here(),
            registration: prctl::register(),
            source,
            survey,
            server: has_server.then(|| probe(source, requests)),
        }
    }

    /// The level that a start would reach here.
    fn level(&self) -> Protection {
        if !self.source.server.weaknesses().is_empty() {
            return Protection::None;
        }
        match (self.memory.level(), &self.registration) {
            (Protection::Secretmem, Ok(Registration::Registered)) => Protection::Enforced,
            (level, _) => level,
        }
    }

    /// What the next level needs.
    fn missing(&self) -> Option<String> {
        if let Some(weakness) = self.source.server.weaknesses().first() {
            return Some((*weakness).to_owned());
        }
        match self.level() {
            Protection::Enforced => None,
            Protection::Secretmem => Some(String::from("enforced needs an enforcer on this node")),
            level => Some(self.memory.missing_for_next(level)),
        }
    }
}

/// Why doctor could not report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DoctorError {
    /// Standard output could not be written. Exit status 70.
    #[error("cannot print the report")]
    Print(#[source] io::Error),
}

impl DoctorError {
    /// The exit status for this error.
    #[must_use]
    pub fn status(&self) -> u8 {
        status::INTERNAL
    }
}

/// Runs every check, prints the report on standard output and gives the exit status.
///
/// # Errors
///
/// [`DoctorError`] when the report cannot be printed. What a check finds is no error.
pub fn run(args: &DoctorArgs, survey: &Survey) -> Result<u8, DoctorError> {
    let place = Place::look(survey);
    let examination = Examination {
        protection: Level {
            level: place.level(),
            missing: place.missing(),
            demanded: args.min_protection,
        },
        checks: CHECKS
            .iter()
            .map(|(name, check)| Check {
                name,
                verdict: check(&place),
            })
            .collect(),
    };
    let text = if args.json {
        examination
            .to_json()
            .map_err(|e| DoctorError::Print(e.into()))?
    } else {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        examination.to_text(!no_color && io::stdout().is_terminal())
    };
    let printed = io::stdout().write_all(text.as_bytes());
    printed.map_err(DoctorError::Print)?;
    Ok(examination.exit_status())
}

/// A line of a file of /proc or /sys; none if there is no such file here.
fn read_line(path: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    Some(text.trim_end().to_owned())
}

/// Bytes for people: whole KiB below 10 MiB, else MiB.
fn bytes(count: u64) -> String {
    match count / 1024 {
        kib if kib < 10_240 => format!("{kib} KiB"),
        kib => format!("{} MiB", kib / 1024),
    }
}
