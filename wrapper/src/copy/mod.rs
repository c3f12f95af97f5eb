//! `cloudtaser copy DIR`: the init container's job.
//!
//! Needs nothing of the image but /proc. Never writes into the file under its final name, so a
//! copy that is being executed can be replaced (no `ETXTBSY`) and a killed copy leaves at most a
//! hidden temporary file. The steps for one file stand in [`install`].

mod error;
mod install;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use cloudtaser_abi::names::PRELOAD_LIBRARY;

pub use error::CopyError;

use crate::cli::copy::CopyArgs;
use crate::program::library;
use install::{Directory, Outcome};

/// A file to copy: where it comes from, and its name in the directory.
struct Item {
    name: &'static str,
    source: PathBuf,
}

/// What is copied: the preload library, if it lies beside the binary, and the binary. It comes
/// last, so that whoever waits for it finds both.
fn items() -> Result<Vec<Item>, CopyError> {
    let own = Path::new("/proc/self/exe");
    let library = library::beside_ourselves().map_err(|error| CopyError::Source {
        file: own.to_owned(),
        source: io::Error::other(error),
    })?;
    let mut items = Vec::new();
    // Anything there but "nothing" is to be copied, and an error if it cannot be.
    let is_there = library.try_exists().map_err(|source| CopyError::Source {
        file: library.clone(),
        source,
    })?;
    if is_there {
        items.push(Item {
            name: PRELOAD_LIBRARY,
            source: library,
        });
    }
    items.push(Item {
        name: "cloudtaser",
        source: own.to_owned(),
    });
    Ok(items)
}

/// Copies everything of [`items`] into the directory, and says so on standard output.
///
/// # Errors
///
/// [`CopyError`]; nothing of the failed file is left behind then, nor copied after it.
pub fn run(args: &CopyArgs) -> Result<(), CopyError> {
    let directory = Directory::open(&args.directory)?;
    for item in items()? {
        let outcome = directory.install(item.name, &item.source)?;
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
    drop(io::stdout().write_all(line.as_bytes()));
}
