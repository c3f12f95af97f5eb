//! `kubectl cloudtaser`: the webhook's engine over files and over a cluster. The binary is
//! `src/bin/`.

pub mod args;
pub mod judge;
pub mod live;
pub mod manifest;
pub mod report;
mod report_live;
pub mod target;
pub mod yaml;

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::PathBuf;

use serde_json::Value;

use crate::decide::Operator;
use crate::image::ImageConfig;
use crate::patch::PatchError;
use args::{Cli, Command, Listing, Options, Why};
use judge::{Judgement, Setting};
use live::LiveError;
use report::Style;
use target::{ObjectName, Target};

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
    #[error("cannot read {} as YAML", file.display())]
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
    /// A cluster.
    #[error(transparent)]
    Live(#[from] LiveError),
    /// A page of the manual that there is none of.
    #[error("there is no command `{0}`")]
    NoPage(String),
    /// The machinery of the operating system that waits for a cluster's answers.
    #[error("cannot wait for the network")]
    Runtime(#[source] std::io::Error),
    /// A page that cannot be written. Please report it.
    #[error("cannot write the manual page")]
    Page(#[source] std::io::Error),
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
            Self::Image { .. } | Self::NoPage(_) => USAGE,
            Self::Live(error) => error.status(),
            Self::Read { .. } | Self::Yaml { .. } | Self::Object { .. } => NO_INPUT,
            Self::Patch(_) | Self::Apply(_) | Self::Write(_) | Self::Runtime(_) | Self::Page(_) => {
                INTERNAL
            }
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
            let (judgements, note) = judged(&lint.files, &lint.options)?;
            let style = Style {
                has_colour,
                has_diff: !lint.no_diff,
            };
            let has_warning = judgements.iter().any(|one| !one.warnings.is_empty());
            let is_failure = judgements.iter().any(Judgement::is_refused);
            Ok(Printed {
                text: report::lint(&judgements, lint.options.output, style)?,
                note,
                status: status(is_failure || (lint.strict && has_warning)),
            })
        }
        Command::Why(args) => {
            let style = Style {
                has_colour,
                has_diff: false,
            };
            why(args, style)
        }
        Command::Profiles(args) => profiles(args),
        Command::Completion { shell } => Ok(plain(&args::completion(*shell))),
        Command::Man { command } => {
            let page = args::manual(command.as_deref());
            let page = page.ok_or_else(|| CliError::NoPage(command.clone().unwrap_or_default()))?;
            Ok(plain(&page.map_err(CliError::Page)?))
        }
    }
}

fn plain(text: &[u8]) -> Printed {
    Printed {
        text: String::from_utf8_lossy(text).into_owned(),
        note: None,
        status: 0,
    }
}

fn why(args: &Why, style: Style) -> Result<Printed, CliError> {
    let mut files = args.files.clone();
    let mut names: Vec<&ObjectName> = Vec::new();
    for target in &args.targets {
        match target {
            Target::File(file) => files.push(file.clone()),
            Target::Object(name) => names.push(name),
        }
    }
    let (mut judgements, note) = if files.is_empty() {
        (Vec::new(), None)
    } else {
        judged(&files, &args.options)?
    };
    if !names.is_empty() {
        let setting = setting(&args.options)?;
        let namespace = args.options.namespace.as_deref();
        let asked = live::why(&args.connection, &names, namespace, &setting);
        judgements.extend(waited(asked)??);
    }
    Ok(Printed {
        text: report::why(&judgements, args.options.output, style)?,
        note,
        status: status(judgements.iter().any(Judgement::is_failure)),
    })
}

fn profiles(args: &Listing) -> Result<Printed, CliError> {
    let views = waited(live::profiles(args))??;
    let is_failure = views.iter().any(|view| {
        let lacks_one = view.refusal.is_some() && !args.all_namespaces;
        lacks_one || view.has_problem()
    });
    Ok(Printed {
        text: report_live::profiles(&views, args.output, args.all_namespaces)?,
        note: None,
        status: status(is_failure),
    })
}

/// Waits for answers of a cluster, on this thread.
fn waited<T>(asked: impl Future<Output = T>) -> Result<T, CliError> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().build().map_err(CliError::Runtime)?;
    Ok(runtime.block_on(asked))
}

const fn status(is_failure: bool) -> u8 {
    if is_failure { REFUSED } else { 0 }
}

type Judged = (Vec<Judgement>, Option<&'static str>);

fn setting(options: &Options) -> Result<Setting, CliError> {
    Ok(Setting {
        images: images(&options.images)?,
        operator: Operator {
            image: options.copy_image.clone(),
        },
    })
}

fn judged(files: &[PathBuf], options: &Options) -> Result<Judged, CliError> {
    let namespace = options.namespace.as_deref().unwrap_or("default");
    let mut manifests = manifest::read(&options.profiles, namespace)?;
    // A file of profiles brings no pods to check.
    manifests.workloads.clear();
    let more = manifest::read(files, namespace)?;
    manifests.workloads = more.workloads;
    manifests.profiles.extend(more.profiles);
    manifests.sources.extend(more.sources);
    manifests.namespaces.extend(more.namespaces);
    let setting = setting(options)?;
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
