//! Requests over HTTP: one at a time to its answer, with retries, redirects of standby nodes, and
//! limits on time and size. What an answer means is for others.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderValue};
use tokio::time::Instant;

use super::address::Address;
use super::endpoint::Endpoint;
use super::error::ServerError;
use super::exchange::header;
use super::fault::Doing;
use super::reply::Reply;
use super::retry;
use super::settings::{Limits, ServerConfig};
use crate::secret::Secret;

/// Whether a request may be sent a second time when it is not known what became of the first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Repeat {
    /// It only reads.
    Always,
    /// It makes something: only when the server cannot have begun.
    BeforeWork,
}

/// One request.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) method: Method,
    /// The path below `/v1/`, its segments not encoded.
    pub(super) path: &'a str,
    pub(super) version: Option<u64>,
    pub(super) token: Option<&'a Secret>,
    pub(super) body: Option<&'a Secret>,
    pub(super) repeat: Repeat,
    /// What else is secret in the body, and must not come back in a message.
    pub(super) ours: &'a [&'a Secret],
}

impl<'a> Call<'a> {
    pub(super) fn get(path: &'a str, token: Option<&'a Secret>) -> Self {
        Self {
            method: Method::GET,
            path,
            version: None,
            token,
            body: None,
            repeat: Repeat::Always,
            ours: &[],
        }
    }

    pub(super) fn post(path: &'a str, token: Option<&'a Secret>, body: &'a Secret) -> Self {
        Self {
            method: Method::POST,
            body: Some(body),
            repeat: Repeat::BeforeWork,
            ..Self::get(path, token)
        }
    }

    /// Method and path, for messages.
    fn name(&self) -> String {
        format!("{} /v1/{}", self.method, self.path)
    }
}

/// Speaks to one cluster.
#[derive(Debug)]
pub(super) struct Transport {
    pub(super) endpoints: Vec<Endpoint>,
    pub(super) addresses: Vec<Address>,
    /// The endpoint that answered last.
    current: Cell<usize>,
    pub(super) headers: HeaderMap,
    limits: Cell<Limits>,
    deadline: Cell<Instant>,
    /// Whether the last answer came over HTTP/2, where one connection is enough.
    pub(super) is_multiplexed: Cell<bool>,
    /// Bytes of all answers so far.
    pub(super) received: Cell<usize>,
    /// Whether any answer has come.
    pub(super) has_answered: Cell<bool>,
    /// `Date` of the last answer.
    pub(super) date: RefCell<Option<HeaderValue>>,
}

impl Transport {
    /// Prepares clients for every address; connects to none.
    ///
    /// # Errors
    ///
    /// [`ServerError::NoAddress`], [`ServerError::Client`].
    pub(super) fn new(
        config: &ServerConfig,
        tls: &rustls::ClientConfig,
    ) -> Result<Self, ServerError> {
        let endpoints = config
            .addresses
            .iter()
            .map(|address| Endpoint::new(config, address, tls));
        let endpoints = endpoints.collect::<Result<Vec<_>, _>>()?;
        if endpoints.is_empty() {
            return Err(ServerError::NoAddress);
        }
        let mut headers = HeaderMap::new();
        // Vault's agents and proxies demand this header against forged requests of a browser.
        headers.insert("x-vault-request", HeaderValue::from_static("true"));
        if let Some(namespace) = &config.namespace {
            headers.insert(
                "x-vault-namespace",
                header("the namespace", namespace.as_bytes())?,
            );
        }
        Ok(Self {
            endpoints,
            addresses: config.addresses.clone(),
            current: Cell::new(0),
            headers,
            limits: Cell::new(config.limits),
            deadline: Cell::new(Instant::now() + config.limits.total),
            is_multiplexed: Cell::new(false),
            received: Cell::new(0),
            has_answered: Cell::new(false),
            date: RefCell::default(),
        })
    }

    /// The address that answered last, for messages.
    pub(super) fn address(&self) -> String {
        self.endpoint()
            .map_or_else(String::new, |endpoint| endpoint.shown.clone())
    }

    /// How many requests may be under way at once: HTTP/2 has one connection for all, HTTP/1.1
    /// needs one for each.
    pub(super) fn width(&self) -> usize {
        // Chosen: below the 250 streams that Go's server allows; few enough connections.
        if self.is_multiplexed.get() { 128 } else { 8 }
    }

    /// The `Date` header of the last answer, which tells the server's clock.
    pub(super) fn date(&self) -> Option<String> {
        let date = self.date.take()?;
        Some(date.to_str().ok()?.to_owned())
    }

    /// Makes `deadline` the time by which everything must have ended.
    pub(super) fn end_within(&self, limit: Duration) {
        self.deadline.set(Instant::now() + limit);
        let mut limits = self.limits.get();
        limits.total = limit;
        limits.request = limits.request.min(limit);
        self.limits.set(limits);
    }

    fn endpoint(&self) -> Option<&Endpoint> {
        let index = self.current.get() % self.endpoints.len().max(1);
        self.endpoints.get(index)
    }

    /// Sends a request until it is answered with 2xx or 4xx (429 and 412 left out), or has failed
    /// for good.
    ///
    /// # Errors
    ///
    /// [`ServerError`]: everything but an answer.
    pub(super) async fn call(&self, call: &Call<'_>) -> Result<Reply, ServerError> {
        let nodes = u32::try_from(self.endpoints.len()).unwrap_or(1).max(1);
        let tries = self.limits.get().retries.saturating_add(nodes);
        let mut attempt = 1;
        loop {
            let node = self.current.get();
            let (error, asked) = match self.attempt(call).await {
                Ok(reply) => return Ok(reply),
                Err(failed) => failed,
            };
            // A node that hangs is not asked again, but another may not hang.
            let is_passing =
                error.is_passing() || (nodes > 1 && matches!(error, ServerError::Slow { .. }));
            let may_repeat = call.repeat == Repeat::Always || error.is_before_work();
            if !may_repeat || !is_passing || attempt == tries {
                return Err(error);
            }
            // Requests that failed side by side go to the same next node.
            if self.current.get() == node {
                self.current.set(node.wrapping_add(1));
            }
            // The next node is asked at once; a pause comes when all were asked.
            if attempt.is_multiple_of(nodes) || asked.is_some() {
                let pause = retry::pause(attempt / nodes, asked, dice());
                // There is no time for another try: what the last one met is what is wrong.
                if Instant::now() + pause >= self.deadline.get() {
                    return Err(error);
                }
                tokio::time::sleep(pause).await;
            }
            attempt += 1;
        }
    }

    fn too_late(&self) -> ServerError {
        let limit = self.limits.get().total;
        ServerError::Deadline { limit }
    }

    /// One try; a failure comes with the pause that the server asks for.
    async fn attempt(&self, call: &Call<'_>) -> Result<Reply, (ServerError, Option<Duration>)> {
        let Some(endpoint) = self.endpoint() else {
            return Err((ServerError::NoAddress, None));
        };
        let name = call.name();
        let ours: Vec<_> = call
            .token
            .into_iter()
            .chain(call.ours.iter().copied())
            .collect();
        let doing = Doing {
            address: &endpoint.shown,
            request: &name,
            limit: self.limits.get().request,
            ours: &ours,
        };
        let end = self
            .deadline
            .get()
            .min(Instant::now() + self.limits.get().request);
        let exchange = self.exchange(endpoint, call, doing);
        match tokio::time::timeout_at(end, exchange).await {
            Ok(result) => result,
            Err(_elapsed) if end == self.deadline.get() => Err((self.too_late(), None)),
            Err(_elapsed) => Err((
                ServerError::Slow {
                    address: endpoint.shown.clone(),
                    request: name,
                    limit: self.limits.get().request,
                },
                None,
            )),
        }
    }
}

/// A random number for the pauses; without the kernel's, none is needed.
fn dice() -> u16 {
    let mut bytes = [0; 2];
    let _without = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    u16::from_ne_bytes(bytes)
}
