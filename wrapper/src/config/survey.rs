//! What `doctor` looks at: the configuration as `run` would read it, with what is wrong in it as
//! findings instead of as the end.

use std::ffi::OsString;
use std::path::PathBuf;

use super::planned::{or_lines, plan};
use super::server::{Lookup, ServerSettingError, address_origin};
use super::{ConfigError, FileError, default_source, server_config};
use super::{source_config, with_file};
use crate::cli::doctor::DoctorArgs;
use crate::cli::run::RunArgs;
use crate::cli::source::SourceArgs;
use crate::cli::usage::explain;
use crate::reference::{Schemes, template};
use crate::source::{Registry, Request, SourceConfig, openbao};

/// A configuration, examined.
#[derive(Debug)]
pub struct Survey {
    /// Settings of the sources; nothing of a server that is not asked.
    pub source: SourceConfig,
    /// An option, a variable or the configuration file names the store.
    pub is_store_named: bool,
    /// The option or variable that names the server, if one does and this configuration asks it.
    pub server: Result<Option<String>, ServerSettingError>,
    /// Whether a server is named that this configuration does not ask.
    pub is_passed_over: bool,
    /// The preload library, if somebody names it.
    pub library: Option<PathBuf>,
    /// What the references ask the server for.
    pub requests: Result<Vec<Request>, ConfigError>,
}

impl Survey {
    /// A survey of a store alone.
    #[must_use]
    pub fn of_store(source: SourceConfig, is_store_named: bool) -> Self {
        Self {
            source,
            is_store_named,
            server: Ok(None),
            is_passed_over: false,
            library: None,
            requests: Ok(Vec::new()),
        }
    }
}

/// Examines what `options`, the file and `inherited` (the environment) say.
///
/// # Errors
///
/// [`FileError`]: without the file nothing is known.
pub fn survey(
    args: &DoctorArgs,
    options: &SourceArgs,
    inherited: Vec<(OsString, OsString)>,
    registry: &Registry,
) -> Result<Survey, FileError> {
    let (options, path, file) = with_file(options)?;
    let variable = |name: &str| {
        let mut variables = inherited.iter();
        let (_, value) = variables.find(|(found, _)| found == name)?;
        Some(value.clone())
    };
    let server = server_config(&options, &file, &variable);
    let run = run_args(args, &inherited, registry);
    let named = run.as_ref().ok().and_then(|run| run.source.clone());
    let configured = named
        .or_else(|| file.source.clone())
        .unwrap_or_else(|| default_source(&options, &file, &server).into());
    let lookup = Lookup {
        file: &file.server,
        variable: &variable,
    };
    let origin = address_origin(&options.server, &lookup);
    let library = run
        .as_ref()
        .ok()
        .and_then(|run| run.preload_library.clone());
    let requests = run.and_then(|run| {
        let (plan, _) = plan(&run, &file, &path, inherited.clone(), &configured, registry)?;
        Ok(plan.requests(openbao::KIND.name))
    });
    let is_asked =
        configured == openbao::KIND.name || requests.as_ref().is_ok_and(|asked| !asked.is_empty());
    let mut found = Survey::of_store(source_config(&options, &file), options.store.is_some());
    found.is_passed_over = origin.is_some() && !is_asked;
    found.requests = requests;
    found.library = library.or_else(|| file.preload_library.clone());
    if is_asked {
        // An address in another tool's variable may be anything, as long as nobody asks there.
        found.server = server.map(|server| {
            found.source.server = server;
            origin
        });
    }
    Ok(found)
}

/// Options as `run` would have them from its variables alone, and the references of our own
/// arguments as variables of the program.
fn run_args(
    args: &DoctorArgs,
    inherited: &Vec<(OsString, OsString)>,
    registry: &Registry,
) -> Result<RunArgs, ConfigError> {
    let mut run =
        RunArgs::from_environment().map_err(|error| ConfigError::Variable(explain(&error)))?;
    run.variables = or_lines(&[], "CLOUDTASER_ENV", inherited)?;
    let schemes = Schemes::new(registry.names());
    for (index, text) in args.references.iter().enumerate() {
        let number = index + 1;
        let is_plain = template::parse(text, &schemes)
            .is_ok_and(|template| template.references().next().is_none());
        if is_plain {
            return Err(ConfigError::NoReference { number });
        }
        run.variables.push(format!("argument {number}={text}"));
    }
    Ok(run)
}
