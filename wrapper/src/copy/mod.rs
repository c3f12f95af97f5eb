//! `cloudtaser copy DIR`: the init container's job.
//!
//! Needs nothing of the image but /proc. Never writes into the file under its final name, so a
//! copy that is being executed can be replaced (no `ETXTBSY`) and a killed copy leaves at most a
//! hidden temporary file. The steps for one file stand in [`install`].

mod error;
mod install;

use std::fs::File;
use std::io::Write;

pub use error::CopyError;

use crate::cli::copy::CopyArgs;
use install::{Directory, Outcome};

/// A file to copy: where it comes from, and its name in the directory.
struct Item {
    name: &'static str,
    source: &'static str,
}

/// What is copied; the preload library will be the second one.
const ITEMS: &[Item] = &[Item {
    name: "cloudtaser",
    source: "/proc/self/exe",
}];

/// Copies everything of [`ITEMS`] into the directory, and says so on standard output.
///
/// # Errors
///
/// [`CopyError`]; nothing of the failed file is left behind then.
pub fn run(args: &CopyArgs) -> Result<(), CopyError> {
    let directory = Directory::open(&args.directory)?;
    for item in ITEMS {
        let mut source = File::open(item.source).map_err(|source| CopyError::Source {
            file: item.source,
            source,
        })?;
        let outcome = directory.install(item.name, &mut source)?;
        if !args.quiet {
            let path = args.directory.join(item.name);
            report(&outcome, &path.display().to_string());
        }
    }
    Ok(())
}

/// One line for each file. The copy is done by then: a closed standard output does not undo it.
fn report(outcome: &Outcome, path: &str) {
    let line = match outcome {
        Outcome::Copied(digest) => format!("cloudtaser: copied {path} {digest}\n"),
        Outcome::Unchanged(digest) => format!("cloudtaser: unchanged {path} {digest}\n"),
    };
    drop(std::io::stdout().write_all(line.as_bytes()));
}
