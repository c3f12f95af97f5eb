//! `kubectl cloudtaser`: the webhook's engine over files. The binary is `src/bin/`.

pub mod args;
pub mod judge;
pub mod manifest;
pub mod report;
pub mod yaml;

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::PathBuf;

use clap::CommandFactory;
use serde_json::Value;

use crate::decide::Operator;
use crate::image::ImageConfig;
use crate::patch::PatchError;
use args::{Cli, Command, Manifest};
use judge::{Judgement, Setting};
use report::Style;

/// A pod would be refused.
const REFUSED: u8 = 1;
/// Bad usage (`EX_USAGE` of `sysexits.h`).
const USAGE: u8 = 64;
/// A file cannot be read (`EX_NOINPUT`).
const NO_INPUT: u8 = 66;
/// Our own failure (`EX_SOFTWARE`).
const INTERNAL: u8 = 70;

/// Why nothing could be checked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CliError {
    /// A file.
    #[error("cannot read {}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file that is not YAML.
    #[error("{} is not YAML", file.display())]
    Yaml {
        /// The file.
        file: PathBuf,
        /// Where and why.
        #[source]
        source: Box<serde_saphyr::Error>,
    },
    /// An object that is not what its kind says.
    #[error("the object `{name}` in {} cannot be read", file.display())]
    Object {
        /// The file.
        file: PathBuf,
        /// Its name.
        name: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// `--image` in another form.
    #[error(
        "`--image` takes REFERENCE={{\"Entrypoint\":[…],\"Cmd\":[…]}}, and value number {number} is not that"
    )]
    Image {
        /// Counted from 1.
        number: usize,
    },
    /// A patch that cannot be made. Please report it.
    #[error(transparent)]
    Patch(#[from] PatchError),
    /// A patch that does not fit its pod. Please report it.
    #[error("cannot apply the patch")]
    Apply(#[from] json_patch::PatchError),
    /// A report that cannot be written. Please report it.
    #[error("cannot write YAML")]
    Write(#[source] serde_saphyr::SerializeError),
}

impl CliError {
    /// The exit status.
    #[must_use]
    pub const fn status(&self) -> u8 {
        match self {
            Self::Image { .. } => USAGE,
            Self::Read { .. } | Self::Yaml { .. } | Self::Object { .. } => NO_INPUT,
            Self::Patch(_) | Self::Apply(_) | Self::Write(_) => INTERNAL,
        }
    }
}

/// What a command prints, and its exit status.
#[derive(Debug)]
pub struct Printed {
    /// For standard output.
    pub text: String,
    /// For standard error.
    pub note: Option<&'static str>,
    /// The exit status.
    pub status: u8,
}

/// Runs a command.
///
/// # Errors
///
/// [`CliError`].
pub fn run(cli: &Cli) -> Result<Printed, CliError> {
    // https://no-color.org: any value that is not empty.
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let has_colour = std::io::stdout().is_terminal() && !no_color;
    match &cli.command {
        Command::Lint(lint) => {
            let (judgements, note) = judged(&lint.manifest)?;
            let style = Style {
                has_colour,
                has_diff: !lint.no_diff,
            };
            let has_warning = judgements.iter().any(|one| !one.warnings.is_empty());
            let is_failure = judgements.iter().any(Judgement::is_refused);
            Ok(Printed {
                text: report::lint(&judgements, lint.manifest.output, style)?,
                note,
                status: status(is_failure || (lint.strict && has_warning)),
            })
        }
        Command::Why(manifest) => {
            let (judgements, note) = judged(manifest)?;
            let style = Style {
                has_colour,
                has_diff: false,
            };
            Ok(Printed {
                text: report::why(&judgements, manifest.output, style)?,
                note,
                status: status(judgements.iter().any(Judgement::is_refused)),
            })
        }
        Command::Completion { shell } => {
            let mut script = Vec::new();
            let name = "kubectl-cloudtaser";
            clap_complete::generate(*shell, &mut Cli::command(), name, &mut script);
            Ok(Printed {
                text: String::from_utf8_lossy(&script).into_owned(),
                note: None,
                status: 0,
            })
        }
    }
}

const fn status(is_failure: bool) -> u8 {
    if is_failure { REFUSED } else { 0 }
}

type Judged = (Vec<Judgement>, Option<&'static str>);

fn judged(args: &Manifest) -> Result<Judged, CliError> {
    let mut files = args.profiles.clone();
    let mut manifests = manifest::read(&files, &args.namespace)?;
    // A file of profiles brings no pods to check.
    manifests.workloads.clear();
    files.clone_from(&args.files);
    let more = manifest::read(&files, &args.namespace)?;
    manifests.workloads = more.workloads;
    manifests.profiles.extend(more.profiles);
    manifests.sources.extend(more.sources);
    manifests.namespaces.extend(more.namespaces);
    let setting = Setting {
        images: images(&args.images)?,
        operator: Operator {
            image: args.copy_image.clone(),
        },
    };
    let note = if judge::stands_in(&manifests) {
        Some("no profile is given: one with the default permissions stands in (--profile FILE)")
    } else if manifests.workloads.is_empty() {
        Some("there is no pod in the files")
    } else {
        None
    };
    Ok((judge::judge(&manifests, &setting)?, note))
}

fn images(texts: &[String]) -> Result<BTreeMap<String, ImageConfig>, CliError> {
    let mut images = BTreeMap::new();
    for (index, text) in texts.iter().enumerate() {
        let number = index.saturating_add(1);
        let (name, image) = image(text).ok_or(CliError::Image { number })?;
        images.insert(name, image);
    }
    Ok(images)
}

fn image(text: &str) -> Option<(String, ImageConfig)> {
    // The JSON begins with the first brace: a reference has none.
    let (name, json) = text.split_at_checked(text.find("={")?)?;
    let config: Value = serde_json::from_str(json.strip_prefix('=')?).ok()?;
    let list = |field: &str| match config.get(field) {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(list) => serde_json::from_value(list.clone()).ok(),
    };
    let image = ImageConfig {
        entrypoint: list("Entrypoint")?,
        command: list("Cmd")?,
        ..ImageConfig::default()
    };
    Some((name.to_owned(), image))
}
