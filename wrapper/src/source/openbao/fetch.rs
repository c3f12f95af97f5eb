//! Everything that the references name, in one round: the mounts' metadata first, then every
//! path, every write and every batch of ciphertexts side by side.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

use futures_util::future::try_join;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::answer::{Answer, Asked, forbidden, plaintext};
use super::error::ServerError;
use super::mounts::{Engine, Mounts, api_path, path_fault};
use super::reply::Reply;
use super::settings::ServerConfig;
use super::transport::{Call, Repeat, Transport};
use crate::secret::Secret;
use crate::source::{Action, Fields, ReadError, Request};

/// Ciphertexts in one request. Chosen: far below the server's limit of 32 MiB for a request even
/// with ciphertexts of 64 KiB, and enough for every program in one.
const BATCH: usize = 250;

/// Asks for everything with one token.
pub(super) struct Fetch<'a> {
    pub(super) transport: &'a Transport,
    pub(super) config: &'a ServerConfig,
    pub(super) token: &'a Secret,
    /// Answers that a lease hangs on.
    pub(super) leases: &'a Cell<usize>,
}

/// Whether the answer to one request is there, and what it is.
type Outcome = Result<Fields, ReadError>;

impl Fetch<'_> {
    /// Answers `requests` in their order.
    ///
    /// # Errors
    ///
    /// [`ServerError`] when the server as a whole fails; nothing is answered then.
    pub(super) async fn all(&self, requests: &[Request]) -> Result<Vec<Outcome>, ServerError> {
        let is_ciphertext = |request: &&Request| request.action == Action::Decrypt;
        let ciphertexts: Vec<_> = requests.iter().filter(is_ciphertext).collect();
        let paths: Vec<_> = requests.iter().filter(|r| !is_ciphertext(r)).collect();
        let (paths, ciphertexts) =
            try_join(self.paths(&paths), self.ciphertexts(&ciphertexts)).await?;
        let (mut paths, mut ciphertexts) = (paths.into_iter(), ciphertexts.into_iter());
        let answers = requests.iter().filter_map(|request| match request.action {
            Action::Decrypt => ciphertexts.next(),
            _ => paths.next(),
        });
        Ok(answers.collect())
    }

    async fn paths(&self, requests: &[&Request]) -> Result<Vec<Outcome>, ServerError> {
        let reads = requests
            .iter()
            .filter(|r| matches!(r.action, Action::Read { .. }));
        let paths: Vec<_> = reads.map(|request| request.path.as_str()).collect();
        let mounts = self.mounts(&paths).await?;
        let mounts = &mounts;
        let (once, places) = spelled_once(requests, mounts);
        let outcomes: Vec<Outcome> = stream::iter(once)
            .map(|request| self.path(request, mounts))
            .buffered(self.transport.width())
            .try_collect()
            .await?;
        if outcomes.len() == requests.len() {
            return Ok(outcomes);
        }
        let outcome = |place: usize| outcomes.get(place).cloned();
        Ok(places.into_iter().filter_map(outcome).collect())
    }

    /// What is mounted above `paths`. Every token may ask; what its policies do not touch is left
    /// out of the answer.
    pub(super) async fn mounts(&self, paths: &[&str]) -> Result<Mounts, ServerError> {
        const LIST: &str = "sys/internal/ui/mounts";
        let mut mounts = Mounts::default();
        let valid = || paths.iter().filter(|path| path_fault(path).is_none());
        if valid().next().is_none() {
            return Ok(mounts);
        }
        let mut reply = self
            .transport
            .call(&Call::get(LIST, Some(self.token)))
            .await?;
        if reply.is_success() {
            let data = reply
                .take_data()
                .map_err(|problem| self.no_api(LIST, problem))?;
            let parsed = Mounts::parse(data.unwrap_or_default());
            mounts = parsed.map_err(|problem| self.no_api(LIST, problem))?;
        } else if reply.status == 403 {
            // The list is for every token. So it is the token itself, or something before the
            // server that forbids the path.
            self.check_token().await?;
        }
        // One path of each first segment tells most mounts; then what is still unknown is asked.
        for is_first_round in [true, false] {
            let unknown = valid().filter(|path| mounts.find(path).is_none());
            let mut seen = BTreeSet::new();
            let mut is_new = |path: &str| seen.insert(path.split('/').next().map(str::to_owned));
            let asked: Vec<_> = unknown
                .filter(|path| !is_first_round || is_new(path))
                .collect();
            let found = stream::iter(&asked).map(|path| self.mount_of(path));
            let found: Vec<_> = found.buffered(self.transport.width()).try_collect().await?;
            for (path, data) in asked.into_iter().zip(found) {
                self.add_mount(path, data, &mut mounts)?;
            }
        }
        Ok(mounts)
    }

    /// Asks for one path's mount, which needs any right below it; nothing without such a right.
    async fn mount_of(&self, path: &str) -> Result<Option<Map<String, Value>>, ServerError> {
        let name = format!("sys/internal/ui/mounts/{path}");
        let call = Call::get(&name, Some(self.token));
        let mut reply = self.transport.call(&call).await?;
        if !reply.is_success() {
            return Ok(None);
        }
        let data = reply.take_data();
        let data = data.map_err(|problem| self.no_api(&name, problem))?;
        Ok(Some(data.unwrap_or_default()))
    }

    /// Adds what was found for `path`, or else takes the user's word.
    fn add_mount(
        &self,
        path: &str,
        data: Option<Map<String, Value>>,
        mounts: &mut Mounts,
    ) -> Result<(), ServerError> {
        if let Some(data) = data {
            let name = format!("sys/internal/ui/mounts/{path}");
            let added = mounts.add(&data);
            added.map_err(|problem| self.no_api(&name, problem))?;
        } else if let Some(version) = self.config.kv_version {
            mounts.assume(path, version);
        }
        Ok(())
    }

    /// Says plainly that it is the token that does not work.
    pub(super) async fn check_token(&self) -> Result<(), ServerError> {
        let call = Call::get("auth/token/lookup-self", Some(self.token));
        let reply = self.transport.call(&call).await?;
        // A valid token without the right to look itself up is told the same; what it then may
        // not do is told at its path.
        if reply.is_dead_token() {
            return Err(ServerError::Token {
                address: self.transport.address(),
                text: reply.complaint(&[self.token]),
            });
        }
        Ok(())
    }

    async fn path(&self, request: &Request, mounts: &Mounts) -> Result<Outcome, ServerError> {
        if let Some(reason) = path_fault(&request.path) {
            let path = request.path.clone();
            return Ok(Err(ReadError::BadPath { path, reason }));
        }
        match &request.action {
            Action::Write { parameters } => self.write(&request.path, parameters).await,
            Action::Read { version } => self.read(&request.path, *version, mounts).await,
            _ => Ok(Err(ReadError::Unsupported {
                reason: "this server cannot do what the reference asks for",
            })),
        }
    }

    async fn read(
        &self,
        path: &str,
        version: Option<u64>,
        mounts: &Mounts,
    ) -> Result<Outcome, ServerError> {
        let Some((mount, engine)) = mounts.find(path) else {
            return Ok(Err(no_mount(path)));
        };
        if let (Engine::Plain, Some(_)) = (engine, version) {
            let (path, reason) = (path.to_owned(), "what is mounted there keeps no versions");
            return Ok(Err(ReadError::BadPath { path, reason }));
        }
        let api_path = api_path(mount, engine, path);
        let call = Call {
            version,
            ..Call::get(&api_path, Some(self.token))
        };
        let reply = self.transport.call(&call).await?;
        let asked = Asked {
            path,
            api_path: &api_path,
            engine,
            version,
            ours: &[self.token],
            capability: "read",
        };
        match self.outcome(asked.answer(reply), &api_path)? {
            Ok(outcome) => Ok(outcome),
            Err(version) => self.no_version(path, mount, version).await.map(Err),
        }
    }

    /// A path without this version, or no path at all? Its metadata tells, if the token may ask.
    async fn no_version(
        &self,
        path: &str,
        mount: &str,
        version: u64,
    ) -> Result<ReadError, ServerError> {
        let data = api_path(mount, Engine::KvVersioned, path);
        let below = data
            .strip_prefix(mount)
            .and_then(|rest| rest.strip_prefix("data/"));
        let name = format!("{mount}metadata/{}", below.unwrap_or(path));
        let reply = self
            .transport
            .call(&Call::get(&name, Some(self.token)))
            .await?;
        let path = path.to_owned();
        Ok(match reply.status {
            404 => ReadError::NoSecret { path },
            _ => ReadError::NoVersion { path, version },
        })
    }

    async fn write(&self, path: &str, parameters: &str) -> Result<Outcome, ServerError> {
        let body = Secret::from(parameters.to_owned());
        // Parameters may be secrets, and servers quote them in refusals.
        let texts = texts(parameters);
        let ours: Vec<_> = std::iter::once(self.token).chain(&texts).collect();
        let call = Call {
            ours: &ours,
            ..Call::post(path, Some(self.token), &body)
        };
        let reply = self.transport.call(&call).await?;
        if reply.status == 403 {
            self.check_token().await?;
        }
        let asked = Asked {
            path,
            api_path: path,
            engine: Engine::Plain,
            version: None,
            ours: &ours,
            capability: "update",
        };
        let outcome = self.outcome(asked.answer(reply), path)?;
        Ok(outcome.unwrap_or_else(|_version| Err(no_mount(path))))
    }

    /// Counts leases; the inner error is a version to ask the metadata about.
    fn outcome(
        &self,
        answer: Result<Answer, String>,
        path: &str,
    ) -> Result<Result<Outcome, u64>, ServerError> {
        Ok(
            match answer.map_err(|problem| self.no_api(path, problem))? {
                Answer::Fields(fields, has_lease) => {
                    self.leases.set(self.leases.get() + usize::from(has_lease));
                    Ok(Ok(fields))
                }
                Answer::Not(error) => Ok(Err(error)),
                Answer::NoSuchVersion(version) => Err(version),
            },
        )
    }

    async fn ciphertexts(&self, requests: &[&Request]) -> Result<Vec<Outcome>, ServerError> {
        let Some(key) = self.config.transit.key.as_deref() else {
            let reason = "a ciphertext needs the name of its key: --transit-key, \
                          CLOUDTASER_TRANSIT_KEY or VAULT_TRANSIT_KEY_ID";
            let refuse = |_: &&Request| Err(ReadError::Unsupported { reason });
            return Ok(requests.iter().map(refuse).collect());
        };
        let path = format!("{}/decrypt/{key}", self.config.transit.mount);
        let path = &path;
        let batches: Vec<Vec<Outcome>> = stream::iter(requests.chunks(BATCH))
            .map(|batch| self.batch(path, batch))
            .buffered(self.transport.width())
            .try_collect()
            .await?;
        Ok(batches.into_iter().flatten().collect())
    }

    async fn batch(&self, path: &str, batch: &[&Request]) -> Result<Vec<Outcome>, ServerError> {
        let item = |request: &&Request| json!({ "ciphertext": request.path });
        let items: Vec<_> = batch.iter().map(item).collect();
        let body = Secret::from(json!({ "batch_input": items }).to_string());
        let call = Call {
            repeat: Repeat::Always,
            ..Call::post(path, Some(self.token), &body)
        };
        let mut reply = self.transport.call(&call).await?;
        if reply.status == 403 {
            self.check_token().await?;
            return Ok(batch
                .iter()
                .map(|_| Err(forbidden(path, "update")))
                .collect());
        }
        // Items that fail make the whole answer a 400, with the others' results in it.
        let data = reply
            .take_data()
            .map_err(|problem| self.no_api(path, problem))?;
        let Some(results) = data.and_then(results) else {
            return Ok(self.refused(path, &reply, batch.len()));
        };
        if results.len() != batch.len() {
            return Err(self.no_api(path, String::from("another number of results than asked")));
        }
        let outcomes = results.into_iter().zip(batch).map(|(result, request)| {
            let name = format!("{path}/{}", digest(&request.path));
            let outcome = self.outcome(plaintext(result, name, &[self.token]), path)?;
            Ok(outcome.unwrap_or_else(|_version| Err(no_mount(path))))
        });
        outcomes.collect()
    }

    fn refused(&self, path: &str, reply: &Reply, count: usize) -> Vec<Outcome> {
        let error = ReadError::Refused {
            path: path.to_owned(),
            text: reply.complaint(&[self.token]),
        };
        std::iter::repeat_n(Err(error), count).collect()
    }

    fn no_api(&self, path: &str, problem: String) -> ServerError {
        ServerError::Protocol {
            address: self.transport.address(),
            request: format!("/v1/{path}"),
            problem,
        }
    }
}

/// The requests without those that only spell a path in another way (with or without `data/`), and
/// for each request its place among them. Read twice, one secret could be of two versions.
fn spelled_once<'a>(requests: &[&'a Request], mounts: &Mounts) -> (Vec<&'a Request>, Vec<usize>) {
    let (mut once, mut places) = (Vec::new(), Vec::new());
    let mut known = BTreeMap::new();
    for request in requests {
        let spelled = match &request.action {
            Action::Read { version } => mounts
                .find(&request.path)
                .map(|(mount, engine)| (api_path(mount, engine, &request.path), *version)),
            _ => None,
        };
        let place = match spelled {
            Some(key) => *known.entry(key).or_insert(once.len()),
            None => once.len(),
        };
        if place == once.len() {
            once.push(*request);
        }
        places.push(place);
    }
    (once, places)
}

/// Every text in a JSON document, however deep.
fn texts(json: &str) -> Vec<Secret> {
    fn collect(value: Value, found: &mut Vec<Secret>) {
        match value {
            Value::String(text) => found.push(Secret::from(text)),
            Value::Array(values) => values.into_iter().for_each(|value| collect(value, found)),
            Value::Object(fields) => fields
                .into_iter()
                .for_each(|(_, value)| collect(value, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    if let Ok(value) = crate::json::parse(json.as_bytes()) {
        collect(value, &mut found);
    }
    found
}

fn results(mut data: Map<String, Value>) -> Option<Vec<Value>> {
    match data.remove("batch_results")? {
        Value::Array(results) => Some(results),
        _ => None,
    }
}

/// A short name for a ciphertext, so that the region has one for each.
fn digest(ciphertext: &str) -> String {
    let digest = Sha256::digest(ciphertext.as_bytes());
    digest
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The server shows a mount to every token with any right below it. So there is none, or no right.
pub(super) fn no_mount(path: &str) -> ReadError {
    ReadError::Forbidden {
        path: path.to_owned(),
        fix: String::from(
            "no policy of the role touches it, or no engine is mounted there; where the mounts \
             cannot be asked for, give --kv-version",
        ),
    }
}
