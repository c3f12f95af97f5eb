//! Checks of the embedded store: can it be opened, and who else can read its identities.

use std::os::unix::fs::MetadataExt;

use super::report::Verdict;
use super::{Place, status};
use crate::report::chain;
use crate::store::open::open;

/// Opens and decrypts the store, as a start does, and counts its paths.
pub(super) fn store(place: &Place<'_>) -> Verdict {
    let file = place.source.store.display();
    if !place.survey.is_store_named && !place.source.store.exists() {
        return Verdict::ok("none configured, and none in the default place");
    }
    let opened = open(place.source);
    let counted = opened.and_then(|opened| Ok(opened.document()?.secrets.len()));
    match counted {
        Ok(count) => Verdict::ok(format!(
            "`{file}` opens with the identities given; it holds {count} path(s)"
        )),
        Err(error) => Verdict::fail(
            status::SOURCE,
            format!("`{file}` cannot be opened: {}", chain(&error)),
            "name the right file (--store) and identity (--identity), or make a store with \
             `cloudtaser store init`",
        ),
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::survey::Survey;
    use crate::doctor::report::Outcome;
    use crate::source::SourceConfig;
    use crate::store::document::{Document, Recipients};
    use crate::store::{crypt, file};
    use age::secrecy::ExposeSecret;
    use age::x25519::Identity;

    #[test]
    fn a_store_opens_with_its_own_identity_only() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, identity: &Identity| {
            let path = folder.path().join(name);
            std::fs::write(&path, identity.to_string().expose_secret()).unwrap();
            path
        };
        let own = Identity::generate();
        let recipients = Recipients::Keys(vec![own.to_public().to_string()]);
        let mut source = SourceConfig {
            store: folder.path().join("store.age"),
            identities: vec![write("own", &own)],
            passphrase_file: None,
            ..SourceConfig::default()
        };
        let encrypted = crypt::encrypt(&Document::new(recipients), None, &source.store).unwrap();
        file::create(&source.store, &encrypted).unwrap();

        let survey = Survey::of_store(source.clone(), false);
        let verdict = store(&Place::look(&survey));
        assert_eq!(verdict.outcome, Outcome::Ok, "{verdict:?}");
        assert!(verdict.finding.contains("0 path(s)"), "{verdict:?}");
        source.identities = vec![write("other", &Identity::generate())];
        let survey = Survey::of_store(source, false);
        let verdict = store(&Place::look(&survey));
        assert_eq!(verdict.exit_status, status::SOURCE, "{verdict:?}");
    }
}
