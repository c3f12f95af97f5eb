//! Checks of the embedded store: can it be opened, and who else can read its identities.

use std::error::Error;
use std::os::unix::fs::MetadataExt;

use super::report::Verdict;
use super::{Place, status};
use crate::source::local;

/// Opens and decrypts the store, as a start does, and asks for nothing.
pub(super) fn store(place: &Place<'_>) -> Verdict {
    let file = place.source.store.display();
    if !place.is_store_named && !place.source.store.exists() {
        return Verdict::ok("none configured, and none in the default place");
    }
    let opened = (local::KIND.open)(place.source).and_then(|mut source| source.read(&[]));
    match opened {
        Ok(_) => Verdict::ok(format!("`{file}` opens with the identities given")),
        Err(error) => Verdict::fail(
            status::SOURCE,
            format!("`{file}` cannot be opened: {}", causes(&error)),
            "name the right file (--store) and identity (--identity), or make a store with \
             `cloudtaser store init`",
        ),
    }
}

/// The texts of the causes, without the first, which says only which source it is.
fn causes(error: &dyn Error) -> String {
    let mut texts = Vec::new();
    let mut cause = error.source();
    while let Some(inner) = cause {
        texts.push(inner.to_string());
        cause = inner.source();
    }
    texts.join(": ")
}

/// An identity opens the store: its file should be its owner's alone.
pub(super) fn identity_files(place: &Place<'_>) -> Verdict {
    let modes = place.source.identities.iter().filter_map(|file| {
        let metadata = std::fs::metadata(file).ok()?;
        metadata.is_file().then(|| (file, metadata.mode() & 0o7777))
    });
    let (open, closed): (Vec<_>, Vec<_>) = modes.partition(|(_, mode)| mode & 0o077 != 0);
    if open.is_empty() {
        return Verdict::ok(match closed.len() {
            0 => String::from("none"),
            count => format!("{count}, readable by the owner alone"),
        });
    }
    let names = open
        .iter()
        .map(|(file, mode)| format!("`{}` ({mode:04o})", file.display()));
    Verdict::warn(
        format!(
            "readable by others: {}",
            names.collect::<Vec<_>>().join(", ")
        ),
        "chmod 600",
    )
}
