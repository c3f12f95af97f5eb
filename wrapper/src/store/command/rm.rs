//! `store rm` and `store undelete`: versions go, come back, or go for good.

use super::terminal;
use crate::cli::store::{RmArgs, UndeleteArgs};
use crate::source::{ReadError, SourceConfig};
use crate::store::StoreError;
use crate::store::document::Entry;
use crate::store::open::{now, update};
use crate::store::path::SecretPath;

pub(super) fn remove(args: &RmArgs, config: &SourceConfig) -> Result<(), StoreError> {
    let path = super::path(&args.path)?;
    if args.all {
        update(config, |document| {
            document.entry(&path)?;
            document.secrets.remove(path.canonical());
            Ok(())
        })?;
        return terminal::write_output(format!("{path} is gone with all versions\n").as_bytes());
    }
    let time = now();
    let (what, done) = each(config, &path, &args.versions, |entry, number| {
        Ok(match args.destroy {
            true => entry.destroy(number),
            false => entry.delete(number, &time),
        })
    })
    .map(|numbers| (if args.destroy { "destroyed" } else { "deleted" }, numbers))?;
    terminal::write_output(format!("{what} of {path}: {done}\n").as_bytes())
}

pub(super) fn restore(args: &UndeleteArgs, config: &SourceConfig) -> Result<(), StoreError> {
    let path = super::path(&args.path)?;
    let done = each(config, &path, &args.versions, |entry, number| {
        match entry.versions.get(&number) {
            Some(version) if version.destroyed => Err(ReadError::Destroyed {
                path: path.to_string(),
                version: number,
            }),
            _ => Ok(entry.undelete(number)),
        }
    })?;
    terminal::write_output(format!("restored of {path}: {done}\n").as_bytes())
}

/// Works on the named versions, or on the newest one; all of them or none. Says which.
fn each(
    config: &SourceConfig,
    path: &SecretPath,
    versions: &[u64],
    action: impl Fn(&mut Entry<'_>, u64) -> Result<bool, ReadError>,
) -> Result<String, StoreError> {
    update(config, |document| {
        let entry = document.entry_mut(path)?;
        let newest = [entry.current_version];
        let numbers = if versions.is_empty() {
            &newest
        } else {
            versions
        };
        for &number in numbers {
            if !action(entry, number)? {
                let path = path.to_string();
                return Err(ReadError::NoVersion {
                    path,
                    version: number,
                }
                .into());
            }
        }
        let words: Vec<_> = numbers
            .iter()
            .map(|number| format!("version {number}"))
            .collect();
        Ok(words.join(", "))
    })
}
