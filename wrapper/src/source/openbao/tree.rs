//! Reads secrets whole, for `store import --from-server`: every field with its JSON type, single
//! paths and everything below a path. Key-value engines only, newest versions only.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt, TryStreamExt};
use reqwest::Method;
use serde_json::{Map, Value};

use super::answer::{Answer, Asked, forbidden};
use super::error::ServerError;
use super::fetch::{Fetch, no_mount};
use super::local_pem::LocalPem;
use super::mounts::{Engine, Mounts, path_fault};
use super::spot::Spot;
use super::transport::{Call, Transport};
use super::visit::Visit;
use super::{connect, failed};
use crate::secret::Secret;
use crate::source::{ReadError, SourceConfig, SourceError};
use crate::status;

/// Most secrets in one import. Chosen: all of them stand in memory and in one file, which is read
/// at every start; a store of this size has some MiB.
const MAX_SECRETS: usize = 10_000;
/// Most levels below a named path. Chosen: people use three or four; a server that invents folders
/// would keep us busy for ever.
const MAX_DEPTH: usize = 32;

/// What was read.
#[derive(Debug, Default)]
pub struct Tree {
    /// Path, in the form that the store takes, → fields.
    pub secrets: BTreeMap<String, Map<String, Value>>,
    /// What was passed over, and why, a line each.
    pub skipped: Vec<String>,
    /// Why the login token could not be revoked.
    pub left_behind: Option<ServerError>,
}

/// Why nothing was read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// The server as a whole.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// One path.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// There is nothing below a path. Exit status 66.
    #[error("there are no secrets below `{path}`")]
    Nothing {
        /// The path as the user wrote it.
        path: String,
    },
    /// It would end with our login. Exit status 64.
    #[error("`{path}` is made anew for each reader and ends with its lease; it cannot be kept")]
    Leased {
        /// The path.
        path: String,
    },
    /// Too much. Exit status 64.
    #[error("there are more than {limit} {what}; import smaller parts, one after the other")]
    TooMuch {
        /// The limit.
        limit: usize,
        /// Of what.
        what: &'static str,
    },
}

impl TreeError {
    /// The exit status for this error.
    #[must_use]
    pub fn status(&self) -> u8 {
        match self {
            Self::Source(error) => error.status,
            Self::Read(ReadError::Forbidden { .. }) => status::PRIVILEGE,
            Self::Read(ReadError::BadPath { .. } | ReadError::Refused { .. }) => status::USAGE,
            Self::Read(_) | Self::Nothing { .. } => status::NO_SECRET,
            Self::Leased { .. } | Self::TooMuch { .. } => status::USAGE,
        }
    }
}

impl From<ServerError> for TreeError {
    fn from(error: ServerError) -> Self {
        Self::Source(failed(error))
    }
}

/// Reads `paths`; of one that ends with a slash, everything below it.
///
/// # Errors
///
/// [`TreeError`]: one path that cannot be read is the end of it. Only what was deleted is passed
/// over.
pub fn read(config: &SourceConfig, paths: &[String]) -> Result<Tree, TreeError> {
    let server = &config.server;
    if server.addresses.is_empty() {
        return Err(ServerError::NoAddress.into());
    }
    let transport = connect(config, &LocalPem::read(config))?;
    let visit = Visit::new(&transport, server);
    let (outcome, ended) = visit.pay(read_all(&visit, paths));
    let mut tree = outcome??;
    tree.left_behind = ended.err();
    Ok(tree)
}

async fn read_all(visit: &Visit<'_>, paths: &[String]) -> Result<Tree, TreeError> {
    for path in paths {
        if let Some(reason) = path_fault(&inside(path)) {
            let path = path.clone();
            return Err(ReadError::BadPath { path, reason }.into());
        }
    }
    let session = visit.log_in().await?;
    let fetch = Fetch {
        transport: visit.transport,
        config: visit.server,
        token: &session.token,
        leases: &Cell::new(0),
    };
    let inside: Vec<_> = paths.iter().map(|path| inside(path)).collect();
    let inside: Vec<_> = inside.iter().map(String::as_str).collect();
    let mounts = fetch.mounts(&inside).await?;
    let reader = Reader {
        transport: visit.transport,
        token: &session.token,
        mounts: &mounts,
    };
    reader.read(paths).await
}

/// A path below the folder, which tells the folder's mount.
fn inside(path: &str) -> String {
    match path.strip_suffix('/') {
        Some(folder) => format!("{folder}/x"),
        None => path.to_owned(),
    }
}

struct Reader<'a> {
    transport: &'a Transport,
    token: &'a Secret,
    mounts: &'a Mounts,
}

impl Reader<'_> {
    async fn read(&self, paths: &[String]) -> Result<Tree, TreeError> {
        let mut tree = Tree::default();
        let mut spots = BTreeSet::new();
        for path in paths {
            let spot = self.spot(path)?;
            if path.ends_with('/') {
                self.list(spot, &mut spots).await?;
            } else {
                spots.insert(spot);
            }
            check(spots.len(), MAX_SECRETS, "secrets")?;
        }
        let mut answers = stream::iter(spots)
            .map(|spot| self.fields(spot))
            .buffered(self.transport.width());
        while let Some((spot, answer)) = answers.try_next().await? {
            match answer {
                Ok(fields) => {
                    tree.secrets.insert(spot.store_path(), fields);
                }
                Err(gone) => tree.skipped.push(gone.to_string()),
            }
        }
        Ok(tree)
    }

    fn spot(&self, path: &str) -> Result<Spot, ReadError> {
        let found = self.mounts.find(&inside(path));
        let (mount, engine) = found.ok_or_else(|| no_mount(path))?;
        let is_versioned = engine == Engine::KvVersioned;
        let rest = match path.strip_prefix(mount) {
            Some(rest) if is_versioned => rest.strip_prefix("data/").unwrap_or(rest),
            Some(rest) => rest,
            // The mount itself, with its slash or, for `mount/data/`, without.
            None => "",
        };
        Ok(Spot {
            mount: mount.to_owned(),
            is_versioned,
            rest: rest.to_owned(),
        })
    }

    /// Adds everything below `folder`, level by level.
    async fn list(&self, folder: Spot, spots: &mut BTreeSet<Spot>) -> Result<(), TreeError> {
        let name = folder.shown();
        let before = spots.len();
        let mut level = vec![folder];
        for depth in 0.. {
            if level.is_empty() {
                break;
            }
            check(depth, MAX_DEPTH, "levels of folders")?;
            let lists = stream::iter(std::mem::take(&mut level))
                .map(|folder| self.keys(folder))
                .buffered(self.transport.width());
            let lists: Vec<_> = lists.try_collect().await?;
            for spot in lists.into_iter().flatten() {
                match spot.rest.ends_with('/') {
                    true => level.push(spot),
                    false => {
                        spots.insert(spot);
                    }
                }
            }
            check(spots.len() + level.len(), MAX_SECRETS, "secrets")?;
        }
        match spots.len() > before {
            true => Ok(()),
            false => Err(TreeError::Nothing { path: name }),
        }
    }

    /// What stands in a folder.
    async fn keys(&self, folder: Spot) -> Result<Vec<Spot>, TreeError> {
        let path = folder.list_path();
        let list = Method::from_bytes(b"LIST").map_err(|error| ServerError::Client {
            what: String::from("a request"),
            source: error.into(),
        })?;
        let call = Call {
            method: list,
            ..Call::get(&path, Some(self.token))
        };
        let mut reply = self.transport.call(&call).await?;
        match reply.status {
            404 => return Ok(Vec::new()),
            // For the ACL, a folder's path ends with a slash.
            403 => return Err(forbidden(&format!("{path}/"), "list").into()),
            400.. => {
                let text = reply.complaint(&[self.token]);
                return Err(ReadError::Refused { path, text }.into());
            }
            _ => {}
        }
        let data = reply.take_data();
        let data = data.map_err(|problem| self.no_api(&path, problem))?;
        let keys = data.unwrap_or_default().remove("keys");
        let Some(Value::Array(keys)) = keys else {
            let problem = String::from("no array at `data.keys`");
            return Err(self.no_api(&path, problem).into());
        };
        let spots = keys.iter().map(|key| match key.as_str() {
            // A name that leads elsewhere is no server's.
            Some(key) if path_fault(&inside(&format!("x/{key}"))).is_none() => Ok(Spot {
                rest: format!("{}{key}", folder.rest),
                ..folder.clone()
            }),
            _ => {
                let problem = String::from("something that is no name in `data.keys`");
                Err(self.no_api(&path, problem).into())
            }
        });
        spots.collect()
    }

    /// The fields of the newest version; the inner error says that it was deleted.
    async fn fields(
        &self,
        spot: Spot,
    ) -> Result<(Spot, Result<Map<String, Value>, ReadError>), TreeError> {
        let (shown, read_path) = (spot.shown(), spot.read_path());
        let call = Call::get(&read_path, Some(self.token));
        let reply = self.transport.call(&call).await?;
        let asked = Asked {
            path: &shown,
            api_path: &read_path,
            engine: spot.engine(),
            version: None,
            ours: &[self.token],
            capability: "read",
        };
        let document = asked.document(reply);
        match document.map_err(|problem| self.no_api(&read_path, problem))? {
            Ok((_, true)) => Err(TreeError::Leased { path: shown }),
            Ok((fields, false)) => Ok((spot, Ok(fields))),
            Err(Answer::Not(gone @ (ReadError::Deleted { .. } | ReadError::Destroyed { .. }))) => {
                Ok((spot, Err(gone)))
            }
            Err(Answer::Not(error)) => Err(error.into()),
            Err(_) => Err(ReadError::NoSecret { path: shown }.into()),
        }
    }

    fn no_api(&self, path: &str, problem: String) -> ServerError {
        ServerError::Protocol {
            address: self.transport.address(),
            request: format!("/v1/{path}"),
            problem,
        }
    }
}

fn check(count: usize, limit: usize, what: &'static str) -> Result<(), TreeError> {
    match count > limit {
        true => Err(TreeError::TooMuch { limit, what }),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_limits() {
        assert!(check(MAX_DEPTH, MAX_DEPTH, "levels").is_ok());
        let error = check(MAX_DEPTH + 1, MAX_DEPTH, "levels").unwrap_err();
        assert_eq!(error.status(), status::USAGE);
    }
}
