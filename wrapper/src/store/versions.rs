//! What the commands do to versions: add, delete, restore, destroy, remove, and find one to read.
//!
//! The rules are those of OpenBao's KV version 2. Pure: the time is handed in, nothing is written.

use std::borrow::Cow;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::document::{Document, DocumentError, Entry, MAX_VERSIONS, Version};
use super::path::SecretPath;
use crate::source::ReadError;

/// Field → value, in the order in which they were written.
pub type FieldMap = Map<String, Value>;

impl<'a> Document<'a> {
    /// The version to read: `version`, or the newest one.
    ///
    /// # Errors
    ///
    /// [`ReadError`], with the path as people write it.
    pub fn find(
        &self,
        path: &SecretPath,
        version: Option<u64>,
    ) -> Result<(u64, &Version<'a>), ReadError> {
        let entry = self.entry(path)?;
        let number = version.unwrap_or(entry.current_version);
        let path = path.to_string();
        match entry.versions.get(&number) {
            None => Err(ReadError::NoVersion {
                path,
                version: number,
            }),
            Some(found) if found.destroyed => Err(ReadError::Destroyed {
                path,
                version: number,
            }),
            Some(found) if found.deletion_time.is_some() => Err(ReadError::Deleted {
                path,
                version: number,
            }),
            Some(found) => Ok((number, found)),
        }
    }

    /// The secret at `path`.
    ///
    /// # Errors
    ///
    /// [`ReadError::NoSecret`].
    pub fn entry(&self, path: &SecretPath) -> Result<&Entry<'a>, ReadError> {
        self.secrets
            .get(path.canonical())
            .ok_or_else(|| ReadError::NoSecret {
                path: path.to_string(),
            })
    }

    /// The secret at `path`, to change it.
    ///
    /// # Errors
    ///
    /// [`ReadError::NoSecret`].
    pub fn entry_mut(&mut self, path: &SecretPath) -> Result<&mut Entry<'a>, ReadError> {
        self.secrets
            .get_mut(path.canonical())
            .ok_or_else(|| ReadError::NoSecret {
                path: path.to_string(),
            })
    }

    /// Number of the newest version, 0 when there is no such secret.
    #[must_use]
    pub fn current_version(&self, path: &SecretPath) -> u64 {
        self.secrets
            .get(path.canonical())
            .map_or(0, |entry| entry.current_version)
    }

    /// Adds a version with `fields`, drops what is older than `max_versions`, and says the new
    /// version's number.
    ///
    /// # Errors
    ///
    /// [`DocumentError`] when the number or the fields cannot be written.
    pub fn put(
        &mut self,
        path: &SecretPath,
        fields: &FieldMap,
        now: &str,
    ) -> Result<u64, DocumentError> {
        let data: Box<RawValue> = serde_json::value::to_raw_value(fields)?;
        let version = Version {
            created_time: Cow::Owned(now.to_owned()),
            deletion_time: None,
            destroyed: false,
            data: Some(Cow::Owned(data)),
        };
        let entry = self
            .secrets
            .entry(path.canonical().to_owned())
            .or_insert_with(|| Entry::empty(now));
        let number = entry
            .current_version
            .checked_add(1)
            .ok_or(DocumentError::Inconsistent {
                what: "there is no greater version number",
            })?;
        entry.current_version = number;
        entry.updated_time = Cow::Owned(now.to_owned());
        entry.versions.insert(number, version);
        entry.prune();
        Ok(number)
    }
}

impl Entry<'_> {
    /// A secret without any version yet.
    fn empty(now: &str) -> Self {
        Self {
            created_time: Cow::Owned(now.to_owned()),
            updated_time: Cow::Owned(now.to_owned()),
            current_version: 0,
            oldest_version: 1,
            max_versions: MAX_VERSIONS,
            versions: std::collections::BTreeMap::new(),
        }
    }

    /// Drops the oldest versions over the limit.
    fn prune(&mut self) {
        let keep = if self.max_versions == 0 {
            MAX_VERSIONS
        } else {
            self.max_versions
        };
        let oldest = self
            .current_version
            .saturating_sub(keep.saturating_sub(1))
            .max(1);
        self.versions = self.versions.split_off(&oldest);
        self.oldest_version = self.versions.keys().next().copied().unwrap_or(oldest);
    }

    /// Marks a version as deleted; it can be restored. One that is already gone stays as it is.
    ///
    /// Says `false` when there is no such version.
    pub fn delete(&mut self, number: u64, now: &str) -> bool {
        self.change(number, |version| {
            if !version.destroyed && version.deletion_time.is_none() {
                version.deletion_time = Some(Cow::Owned(now.to_owned()));
            }
        })
    }

    /// Takes a deletion back. A destroyed version stays destroyed.
    ///
    /// Says `false` when there is no such version.
    pub fn undelete(&mut self, number: u64) -> bool {
        self.change(number, |version| version.deletion_time = None)
    }

    /// Drops a version's fields for good.
    ///
    /// Says `false` when there is no such version.
    pub fn destroy(&mut self, number: u64) -> bool {
        self.change(number, |version| {
            version.destroyed = true;
            version.data = None;
        })
    }

    fn change(&mut self, number: u64, action: impl FnOnce(&mut Version<'_>)) -> bool {
        match self.versions.get_mut(&number) {
            Some(version) => {
                action(version);
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
#[path = "versions_tests.rs"]
mod tests;
