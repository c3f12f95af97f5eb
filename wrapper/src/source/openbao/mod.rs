//! OpenBao or Vault over its HTTP API.
//!
//! A value walks: [`settings`] → [`tls`] and `transport` (a connection) → [`login`] and `session`
//! (a token) → `fetch` (requests side by side) → `answer` (fields). What decides is pure:
//! [`address`], `mounts`, `answer`, `reply`, `retry`.
//!
//! Everything of the network lives as long as one [`Source::read`]: runtime, connections, bodies.
//! When it returns, all of it has been freed, and so wiped; what stays is the token, in secret
//! memory, for its revocation.

pub mod address;
mod answer;
mod any_certificate;
mod endpoint;
mod error;
mod exchange;
mod fault;
mod fetch;
mod file;
mod grant;
mod handshake;
mod interrupt;
mod kept;
mod local_pem;
pub mod login;
mod mounts;
pub mod probe;
mod reply;
mod resolve;
mod retry;
mod session;
pub mod settings;
mod spot;
pub mod tls;
mod transport;
pub mod tree;
mod validity;
mod visit;

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use cloudtaser_abi::protection::Protection;
use futures_util::future::{Either, select};

pub(crate) use endpoint::is_server_name;
pub use error::ServerError;

use self::fetch::Fetch;
use self::interrupt::interrupted;
use self::kept::Kept;
use self::local_pem::{KeptPem, LocalPem};
use self::session::Session;
use self::transport::{Call, Transport};
use super::{
    Closing, Ending, Fields, ReadError, Request, Source, SourceConfig, SourceError, SourceKind,
};
use crate::report::chain;
use crate::secret::Secret;
use crate::sys::signal;

/// OpenBao or Vault; what `vault:` and `bao:` mean when an address is configured.
pub const KIND: SourceKind = SourceKind {
    name: "openbao",
    open,
};

/// Time for a revocation. Chosen: it is asked for while something ends, and whoever waits for that
/// end waits 10 to 30 s at most (systemd, Kubernetes).
const REVOKE: Duration = Duration::from_secs(3);
/// The same when a signal ended the start: within a second all is to be over (chosen).
const REVOKE_INTERRUPTED: Duration = Duration::from_millis(500);
/// How long the answer to a login that is under way is waited for when a signal comes: the token
/// may be made already, and only the answer lets us revoke it. Chosen, as above.
const LOGIN_INTERRUPTED: Duration = Duration::from_millis(300);

struct OpenBao {
    config: SourceConfig,
    /// Read when the source is opened: it may ask for a passphrase, and signals are not blocked
    /// yet.
    pem: LocalPem,
    kept: Option<(Kept, KeptPem)>,
    /// Answers that a lease hangs on, which ends with the token.
    leases: Cell<usize>,
}

fn open(config: &SourceConfig) -> Result<Box<dyn Source>, SourceError> {
    if config.server.addresses.is_empty() {
        return Err(failed(ServerError::NoAddress));
    }
    Ok(Box::new(OpenBao {
        config: config.clone(),
        pem: LocalPem::read(config),
        kept: None,
        leases: Cell::new(0),
    }))
}

fn failed(error: ServerError) -> SourceError {
    SourceError {
        source_name: KIND.name,
        status: error.status(),
        cause: Box::new(error),
    }
}

impl Source for OpenBao {
    fn takes_signals(&self) -> bool {
        true
    }

    fn read(
        &mut self,
        requests: &[Request],
    ) -> Result<Vec<Result<Fields, ReadError>>, SourceError> {
        let transport = connect(&self.config, &self.pem).map_err(failed)?;
        let work = self.log_in_and_fetch(transport, requests);
        let (session, answers) = run(work).and_then(|result| result).map_err(failed)?;
        if let Some(session) = session {
            self.kept = Some(self.keep(&session).map_err(failed)?);
        }
        Ok(answers)
    }

    fn leave(self: Box<Self>) -> Option<Box<dyn Closing>> {
        let (token, pem) = self.kept?;
        Some(Box::new(Login {
            config: self.config,
            token,
            pem,
            has_leases: self.leases.get() > 0,
        }))
    }
}

/// A login of ours while the program runs.
struct Login {
    config: SourceConfig,
    token: Kept,
    pem: KeptPem,
    /// Leases hang on the token and end with it.
    has_leases: bool,
}

impl Closing for Login {
    fn close(self: Box<Self>, ending: Ending) -> Result<(), SourceError> {
        if ending == Ending::Replaced && self.has_leases {
            let text = "the login token stays until it ends by itself: dynamic secrets hang on it";
            self.config.report.step(text);
            return Ok(());
        }
        let revoked = revoke_anew(&self.config, &self.pem.copy(), &self.token.copy());
        if revoked.is_ok() {
            self.config.report.step("the login token is revoked");
        }
        revoked.map_err(failed)
    }
}

type Answers = Vec<Result<Fields, ReadError>>;

impl OpenBao {
    /// Everything between the first connection and the last answer. A token that was made is
    /// revoked here when anything fails.
    async fn log_in_and_fetch(
        &self,
        transport: Transport,
        requests: &[Request],
    ) -> Result<(Option<Session>, Answers), ServerError> {
        let mut signal = pin!(interrupted());
        let server = &self.config.server;
        let session = {
            let login = pin!(diagnosed(&transport, session::log_in(&transport, server)));
            match select(login, signal.as_mut()).await {
                Either::Left((session, _)) => session?,
                Either::Right((interruption, login)) => {
                    let late = tokio::time::timeout(LOGIN_INTERRUPTED, login).await;
                    if let Ok(Ok(session)) = late {
                        self.end(&transport, &session, REVOKE_INTERRUPTED).await;
                    }
                    return Err(interruption);
                }
            }
        };
        self.report(&transport, &session);
        let result = {
            let fetch = Fetch {
                transport: &transport,
                config: server,
                token: &session.token,
                leases: &self.leases,
            };
            let fetch = pin!(diagnosed(&transport, fetch.all(requests)));
            match select(fetch, signal).await {
                Either::Left((answers, _)) => answers,
                Either::Right((interruption, _)) => Err(interruption),
            }
        };
        match result {
            Ok(answers) => Ok((session.is_ours.then_some(session), answers)),
            Err(error) => {
                let limit = match error {
                    ServerError::Interrupted { .. } => REVOKE_INTERRUPTED,
                    _ => REVOKE,
                };
                self.end(&transport, &session, limit).await;
                Err(error)
            }
        }
    }

    fn report(&self, transport: &Transport, session: &Session) {
        let Session { method, ttl, .. } = session;
        let ttl = ttl.map(|ttl| format!(", for {}", humantime::format_duration(ttl)));
        self.config.report.step(format_args!(
            "logged in to {} by the method {method}{}",
            transport.address(),
            ttl.unwrap_or_default(),
        ));
    }

    /// Moves the token out of the heap, and what it takes to revoke it. Revokes it when that fails.
    fn keep(&self, session: &Session) -> Result<(Kept, KeptPem), ServerError> {
        let kept = self.keep_token(&session.token);
        let kept = kept.and_then(|token| Ok((token, self.pem.keep()?)));
        if kept.is_err()
            && let Err(left) = revoke_anew(&self.config, &self.pem, &session.token)
        {
            self.warn_of_token(&left);
        }
        kept
    }

    fn keep_token(&self, token: &Secret) -> Result<Kept, ServerError> {
        let minimum = self.config.min_protection.min(Protection::Secretmem);
        let kept = Kept::keep(token)?;
        let level = kept.protection;
        // Fails closed, as the region does.
        if level < minimum {
            return Err(ServerError::WeakMemory { level, minimum });
        }
        Ok(kept)
    }

    fn warn_of_token(&self, error: &ServerError) {
        self.config.report.warn(format_args!(
            "the login token is not revoked and ends by itself: {}",
            chain(error)
        ));
    }

    /// Revokes a token that was made for us; the error that brought us here is the one to report.
    async fn end(&self, transport: &Transport, session: &Session, limit: Duration) {
        if session.is_ours {
            transport.end_within(limit);
            if let Err(error) = session::revoke(transport, &session.token).await {
                self.warn_of_token(&error);
            }
        }
    }
}

/// Revokes over a connection of its own: the first one is long gone, and its certificates may have
/// been renewed meanwhile.
fn revoke_anew(config: &SourceConfig, pem: &LocalPem, token: &Secret) -> Result<(), ServerError> {
    let transport = connect(config, pem)?;
    run(async move {
        transport.end_within(REVOKE);
        session::revoke(&transport, token).await
    })?
}

/// A server that says that it is sealed may never have been initialised.
async fn diagnosed<T>(
    transport: &Transport,
    work: impl Future<Output = Result<T, ServerError>>,
) -> Result<T, ServerError> {
    let error = match work.await {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    if let ServerError::Sealed { address } = &error {
        let answer = transport.call(&Call::get("sys/seal-status", None)).await;
        let initialised = answer
            .ok()
            .and_then(|reply| reply.body.0.get("initialized")?.as_bool());
        if initialised == Some(false) {
            let address = address.clone();
            return Err(ServerError::Uninitialised { address });
        }
    }
    Err(error)
}

fn connect(config: &SourceConfig, pem: &LocalPem) -> Result<Transport, ServerError> {
    let tls = tls::client_config(&config.server.tls, &|text| pem.look_up(text))?;
    Transport::new(&config.server, &tls)
}

/// Runs to the end on this thread: the wrapper has no other before the program runs.
fn run<F: Future>(work: F) -> Result<F::Output, ServerError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|source| ServerError::Syscall {
        call: "epoll_create1",
        source,
    })?;
    let output = runtime.block_on(work);
    // The caller has signals blocked, and a connection that broke leaves one of ours behind.
    drop(runtime);
    signal::discard_broken_pipe();
    Ok(output)
}
