//! The image registry of the tier `api`: one that is named, else `distribution`, built once.
//!
//! A test tool that is never shipped.

use std::path::PathBuf;

use anyhow::{Result, bail};

use super::kube::is_unreachable;
use super::server::go_lack;
use crate::exec::{self, Cmd};
use crate::versions::REGISTRY;

/// Names the registry's program, and tells the tests.
const PROGRAM: &str = "CLOUDTASER_TEST_REGISTRY";

/// Whether there is a registry to test against.
#[derive(Debug)]
pub(crate) enum Availability {
    Here(Registry),
    /// What a developer would have to install.
    Missing(String),
}

/// A registry's program.
#[derive(Debug)]
pub(crate) struct Registry(PathBuf);

impl Registry {
    /// Tells a test which registry to start.
    pub(crate) fn told(&self, cmd: Cmd) -> Cmd {
        cmd.env(PROGRAM, &self.0)
    }
}

/// Finds a registry, or builds one into the cache.
///
/// # Errors
///
/// When the variable names no program, or Go cannot build the registry.
pub(crate) fn for_api() -> Result<Availability> {
    if let Some(here) = here()? {
        return Ok(Availability::Here(Registry(here)));
    }
    if let Some(lack) = go_lack(Some(&format!("name a registry by {PROGRAM}"))) {
        return Ok(Availability::Missing(lack));
    }
    match super::go_tool(REGISTRY) {
        Ok(built) => Ok(Availability::Here(Registry(built))),
        Err(error) if is_unreachable(&format!("{error:#}")) => {
            Ok(Availability::Missing(format!("{error:#}")))
        }
        Err(error) => Err(error),
    }
}

/// The registry that is here, without building any: what `doctor` shows.
///
/// # Errors
///
/// When the variable names no program, or there is no place for a cache.
pub(crate) fn here() -> Result<Option<PathBuf>> {
    let named = std::env::var_os(PROGRAM).filter(|value| !value.is_empty());
    match named.map(PathBuf::from) {
        Some(named) if exec::is_executable(&named) => Ok(Some(named)),
        Some(named) => bail!("{PROGRAM} names no program: {}", named.display()),
        None => {
            let built = super::tool_dir(REGISTRY.name, REGISTRY.version)?;
            let built = built.join("bin").join(REGISTRY.name);
            Ok(built.is_file().then_some(built))
        }
    }
}
