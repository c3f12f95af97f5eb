//! Lists the profiles of one kind and watches them, for ever.
//!
//! Written on kube's client instead of its runtime crate: what a decision needs beside the objects
//! is whether changes are seen *now*, and one object that cannot be read must not hide the others.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use kube::Client;
use kube::api::{ListParams, WatchEvent, WatchParams};
use kube::core::Request;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use super::store::ProfileStore;
use crate::profile::Scope;
use crate::serve::log::causes;

/// Objects of one answer. The API's clients use the same (client-go's pager).
const PAGE: u32 = 500;
/// The API server ends a watch after so many seconds. Chosen: short, for a connection that died
/// unseen is noticed by the end that does not come. Below kube's limit of 295.
const WATCH_SECONDS: u32 = 120;
/// Silence after which a watch is taken for dead: longer than a watch. An API server may send no
/// bookmark before a kind's first event (1.35 on etcd 3.4.23 sends none).
const SILENCE: Duration = Duration::from_secs(150);
const _: () = assert!(SILENCE.as_secs() >= WATCH_SECONDS as u64 + 30);
/// The least time from the begin of a watch to that of the next. Chosen.
const LEAST: Duration = Duration::from_secs(1);
/// A list that takes longer failed.
const LIST: Duration = Duration::from_secs(30);
/// Waits between attempts.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Why changes are not seen.
#[derive(Debug, thiserror::Error)]
enum WatchError {
    #[error("cannot ask for profiles")]
    Request(#[source] kube::core::request::Error),
    #[error("the API server did not answer as expected")]
    Api(#[source] kube::Error),
    #[error("the watch ended: {reason}")]
    Ended { reason: String },
    #[error("nothing came for {} s", .0.as_secs())]
    Silent(Duration),
    #[error("the API server does not know the version any more")]
    Gone,
}

/// The status by which an API server asks for a new list: in its order, after a restart of its own
/// or a compaction of etcd.
const GONE: u16 = 410;

/// The path of a kind in the API.
#[must_use]
pub fn path(scope: Scope) -> &'static str {
    match scope {
        Scope::Namespace => "/apis/cloudtaser.io/v1alpha1/cloudtaserprofiles",
        Scope::Cluster => "/apis/cloudtaser.io/v1alpha1/clustercloudtaserprofiles",
    }
}

/// Keeps the store for as long as it runs. Each object that was made or changed is offered to
/// `seen`, which writes conditions.
pub async fn keep(
    client: Client,
    scope: Scope,
    store: Arc<ProfileStore>,
    seen: mpsc::Sender<(Scope, Value)>,
) {
    let mut wait = FIRST_WAIT;
    loop {
        let watch = Watch {
            client: &client,
            scope,
            store: &store,
            seen: &seen,
        };
        let mut is_watching = false;
        match watch.once(&mut is_watching).await {
            Ok(()) => {}
            Err(WatchError::Gone) => {
                tracing::debug!(path = path(scope), "profiles are listed anew")
            }
            Err(error) => {
                store.broken(scope);
                tracing::warn!(
                    path = path(scope),
                    error = causes(&error),
                    "profiles are not watched; those that were read last count"
                );
            }
        }
        // A list alone does not count: where watching is forbidden, lists would follow one another.
        wait = if is_watching {
            FIRST_WAIT
        } else {
            (wait * 2).min(LONGEST_WAIT)
        };
        tokio::time::sleep(wait).await;
    }
}

struct Watch<'a> {
    client: &'a Client,
    scope: Scope,
    store: &'a ProfileStore,
    seen: &'a mpsc::Sender<(Scope, Value)>,
}

impl Watch<'_> {
    /// Lists, then watches until something breaks.
    async fn once(&self, is_watching: &mut bool) -> Result<(), WatchError> {
        let listed = timeout(LIST, list(self.client, self.scope)).await;
        let (objects, mut version) = listed.map_err(|_elapsed| WatchError::Silent(LIST))??;
        self.store.replace(self.scope, &objects);
        for object in objects {
            self.tell(object);
        }
        loop {
            let began = Instant::now();
            version = self.watch(version, is_watching).await?;
            // One that ends at once must not be asked for without end.
            sleep_until(began + LEAST).await;
        }
    }

    /// Watches until the API server ends it in good order; answers where to go on.
    async fn watch(
        &self,
        mut version: String,
        is_watching: &mut bool,
    ) -> Result<String, WatchError> {
        let params = WatchParams::default().timeout(WATCH_SECONDS);
        let request = Request::new(path(self.scope)).watch(&params, &version);
        let request = request.map_err(WatchError::Request)?;
        let started = timeout(LIST, self.client.request_events::<Value>(request)).await;
        let events = started.map_err(|_elapsed| WatchError::Silent(LIST))?;
        let mut events = Box::pin(events.map_err(broken)?);
        *is_watching = true;
        self.store.alive(self.scope);
        loop {
            let next = timeout(SILENCE, events.next()).await;
            let Some(event) = next.map_err(|_elapsed| WatchError::Silent(SILENCE))? else {
                return Ok(version);
            };
            let new = match event.map_err(broken)? {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                    self.store.set(self.scope, &object);
                    let new = version_of(&object);
                    self.tell(object);
                    new
                }
                WatchEvent::Deleted(object) => {
                    self.store.remove(self.scope, &object);
                    version_of(&object)
                }
                WatchEvent::Bookmark(mark) => Some(mark.metadata.resource_version),
                WatchEvent::Error(status) if status.code == GONE => return Err(WatchError::Gone),
                WatchEvent::Error(status) => {
                    let reason = status.reason;
                    return Err(WatchError::Ended { reason });
                }
            };
            version = new.unwrap_or(version);
        }
    }

    fn tell(&self, object: Value) {
        // A full queue: the condition is written after the next list.
        let _full = self.seen.try_send((self.scope, object));
    }
}

fn broken(error: kube::Error) -> WatchError {
    match &error {
        kube::Error::Api(status) if status.code == GONE => WatchError::Gone,
        _ => WatchError::Api(error),
    }
}

fn version_of(object: &Value) -> Option<String> {
    let version = object.pointer("/metadata/resourceVersion")?;
    version.as_str().map(str::to_owned)
}

/// All objects, and the version to watch from.
async fn list(client: &Client, scope: Scope) -> Result<(Vec<Value>, String), WatchError> {
    let mut params = ListParams::default().limit(PAGE);
    let mut objects = Vec::new();
    loop {
        let request = Request::new(path(scope)).list(&params);
        let request = request.map_err(WatchError::Request)?;
        let mut page: Value = client.request(request).await.map_err(WatchError::Api)?;
        let Some(Value::Array(items)) = page.get_mut("items").map(Value::take) else {
            let reason = "the list has no items".to_owned();
            return Err(WatchError::Ended { reason });
        };
        objects.extend(items);
        let text = |pointer| page.pointer(pointer).and_then(Value::as_str);
        match text("/metadata/continue") {
            None | Some("") => {
                let version = text("/metadata/resourceVersion").unwrap_or_default();
                return Ok((objects, version.to_owned()));
            }
            Some(more) => params = params.continue_token(more),
        }
    }
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
