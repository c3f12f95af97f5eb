//! From flags, environment and file to the [`Plan`]: which variables the program inherits, and
//! what is asked for by name.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use cloudtaser_abi::names::{ENV_PREFIX, SERVER_ENV_PREFIXES};

use super::file::FileConfig;
use super::files::FileOption;
use super::{ConfigError, files, folder};
use crate::cli::run::RunArgs;
use crate::plan::{Draft, Origin, Plan};
use crate::reference::Schemes;
use crate::source::Registry;

pub(super) type Variables = Vec<(OsString, OsString)>;

pub(super) fn plan(
    args: &RunArgs,
    file: &FileConfig,
    file_path: &Path,
    inherited: Variables,
    configured: &str,
    registry: &Registry,
) -> Result<(Plan, Variables), ConfigError> {
    let mut draft = Draft::new(Schemes::new(registry.names()));
    let literal = if args.literal.is_empty() {
        &file.literal
    } else {
        &args.literal
    };
    let pass = if args.pass.is_empty() {
        &file.pass
    } else {
        &args.pass
    };
    let inherit = Inherit::new(args.inherit.as_deref().or(file.inherit.as_deref()));
    let variables = or_lines(&args.variables, "CLOUDTASER_ENV", &inherited)?;
    let env_from = or_lines(&args.env_from, "CLOUDTASER_ENV_FROM", &inherited)?;
    let file_texts = or_lines(&args.file_texts, "CLOUDTASER_FILE", &inherited)?;
    let folders = or_lines(&args.files, "CLOUDTASER_FILES", &inherited)?;
    let mut kept: Variables = inherited
        .into_iter()
        .filter(|(name, _)| inherit.admits(name) && (!is_configuration(name) || names(pass, name)))
        .collect();
    for (name, value) in &kept {
        if names(literal, name) {
            draft.keep(name);
        } else {
            draft.inherit(name, value);
        }
    }
    for (name, text) in &file.env {
        draft.deliver(name, text, Origin::File);
    }
    for (index, assignment) in variables.iter().enumerate() {
        let (name, text) = assignment
            .split_once('=')
            .ok_or(ConfigError::NoAssignment { number: index + 1 })?;
        draft.deliver(name, text, Origin::Flag);
    }
    // A later path wins, so the file's stand first.
    for text in file.env_from.iter().chain(&env_from) {
        draft.env_from(text);
    }
    let folder = file_path.parent().unwrap_or_else(|| Path::new(""));
    for option in &file.file {
        deliver_file(&mut draft, option.clone(), folder, Origin::File)?;
    }
    for (index, text) in file_texts.iter().enumerate() {
        let number = index + 1;
        let option = files::parse_option(text)
            .map_err(|problem| ConfigError::FileOption { number, problem })?;
        deliver_file(&mut draft, option, Path::new(""), Origin::Flag)?;
    }
    for (texts, base, origin) in [
        (&file.files, folder, Origin::File),
        (&folders, Path::new(""), Origin::Flag),
    ] {
        for text in texts {
            let found = folder::templates(text, base)?;
            found.iter().for_each(|wish| draft.file(wish, origin));
        }
    }
    let plan = draft.finish(configured)?;
    kept.retain(|(name, _)| name.to_str().is_none_or(|name| !plan.replaces(name)));
    Ok((plan, kept))
}

fn deliver_file(
    draft: &mut Draft,
    option: FileOption,
    folder: &Path,
    origin: Origin,
) -> Result<(), ConfigError> {
    let path = option.path.clone();
    let wish = files::wish(option, folder);
    let wish = wish.map_err(|source| ConfigError::Template { path, source })?;
    draft.file(&wish, origin);
    Ok(())
}

/// The flag's values, or else the lines of the environment variable `name`. clap cannot split the
/// one without the other, and a flag's value may have several lines.
pub(super) fn or_lines(
    values: &[String],
    name: &'static str,
    inherited: &Variables,
) -> Result<Vec<String>, ConfigError> {
    if !values.is_empty() {
        return Ok(values.to_vec());
    }
    let Some((_, text)) = inherited.iter().find(|(found, _)| found == name) else {
        return Ok(Vec::new());
    };
    let text = text.to_str().ok_or(ConfigError::NotText { name })?;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    Ok(lines.map(str::to_owned).collect())
}

/// Which inherited variables the program may get.
enum Inherit {
    All,
    Listed(Vec<String>),
}

impl Inherit {
    fn new(text: Option<&str>) -> Self {
        match text {
            None | Some("all") => Self::All,
            Some("none") => Self::Listed(Vec::new()),
            Some(list) => {
                Self::Listed(list.split(',').map(|name| name.trim().to_owned()).collect())
            }
        }
    }

    fn admits(&self, name: &OsStr) -> bool {
        match self {
            Self::All => true,
            Self::Listed(list) => names(list, name),
        }
    }
}

fn names(list: &[String], name: &OsStr) -> bool {
    list.iter().any(|listed| OsStr::new(listed) == name)
}

/// Whether a variable configures us or the secret server's client. It may hold a token.
fn is_configuration(name: &OsStr) -> bool {
    [ENV_PREFIX]
        .iter()
        .chain(&SERVER_ENV_PREFIXES)
        .any(|prefix| name.as_bytes().starts_with(prefix.as_bytes()))
}
