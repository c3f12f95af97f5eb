//! A login for a command that does not start a program: log in, ask, and revoke, also when a
//! signal ends it half-way. `run` keeps its token longer, and does that itself.

use std::cell::{Cell, OnceCell};
use std::future::Future;
use std::pin::pin;

use futures_util::future::{Either, select};

use super::error::ServerError;
use super::interrupt::interrupted;
use super::session::{self, Session};
use super::settings::ServerConfig;
use super::transport::Transport;
use super::{LOGIN_INTERRUPTED, REVOKE, REVOKE_INTERRUPTED, diagnosed, run};
use crate::sys::signal;

/// One login, made when it is needed.
pub(super) struct Visit<'a> {
    pub(super) transport: &'a Transport,
    pub(super) server: &'a ServerConfig,
    session: OnceCell<Session>,
    is_logging_in: Cell<bool>,
}

impl<'a> Visit<'a> {
    pub(super) fn new(transport: &'a Transport, server: &'a ServerConfig) -> Self {
        Self {
            transport,
            server,
            session: OnceCell::new(),
            is_logging_in: Cell::new(false),
        }
    }

    /// Logs in, within a time limit of its own for this and what follows.
    ///
    /// # Errors
    ///
    /// Those of [`session::log_in`].
    pub(super) async fn log_in(&self) -> Result<&Session, ServerError> {
        self.transport.end_within(self.server.limits.total);
        self.is_logging_in.set(true);
        let login = session::log_in(self.transport, self.server);
        let session = diagnosed(self.transport, login).await;
        self.is_logging_in.set(false);
        let session = session?;
        Ok(self.session.get_or_init(|| session))
    }

    /// Does `work` until it ends or a signal comes, then ends the session if it is ours: what came
    /// of the one and of the other.
    async fn finish<T>(
        &self,
        work: impl Future<Output = T>,
    ) -> (Result<T, ServerError>, Result<(), ServerError>) {
        let outcome = match select(pin!(work), pin!(interrupted())).await {
            Either::Left((value, _)) => Ok(value),
            Either::Right((interruption, work)) => {
                if self.is_logging_in.get() {
                    // The token may be made already, and only the answer lets us revoke it.
                    let _late = tokio::time::timeout(LOGIN_INTERRUPTED, work).await;
                }
                Err(interruption)
            }
        };
        let limit = match outcome {
            Ok(_) => REVOKE,
            Err(_) => REVOKE_INTERRUPTED,
        };
        let ended = match self.session.get().filter(|session| session.is_ours) {
            None => Ok(()),
            Some(session) => {
                self.transport.end_within(limit);
                session::revoke(self.transport, &session.token).await
            }
        };
        (outcome, ended)
    }

    /// [`finish`](Self::finish) on this thread, with signals blocked so that they can be waited
    /// for; they are let through again afterwards.
    ///
    /// # Errors
    ///
    /// [`ServerError::Interrupted`], [`ServerError::Syscall`].
    pub(super) fn pay<T>(
        &self,
        work: impl Future<Output = T>,
    ) -> (Result<T, ServerError>, Result<(), ServerError>) {
        let failed = |source| ServerError::Syscall {
            call: "rt_sigprocmask",
            source,
        };
        let mask = match signal::block_all() {
            Ok(mask) => mask,
            Err(error) => return (Err(failed(error)), Ok(())),
        };
        let (outcome, ended) = match run(self.finish(work)) {
            Ok(both) => both,
            Err(error) => (Err(error), Ok(())),
        };
        let restored = signal::set_mask(&mask).map_err(failed);
        (restored.and(outcome), ended)
    }
}
