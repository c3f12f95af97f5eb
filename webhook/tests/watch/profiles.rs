//! The store behind a watch.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cloudtaser_webhook::lookup::{ProfileStore, watch};
use cloudtaser_webhook::profile::Scope;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::api::{Asked, Log, Reply, api, bookmark, eventually, list, profile, refusal};

struct Watched {
    store: Arc<ProfileStore>,
    log: Log,
    task: tokio::task::JoinHandle<()>,
    /// What is offered to whoever writes conditions.
    seen: mpsc::Receiver<(Scope, Value)>,
}

impl Watched {
    async fn start(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let (client, log) = api(answer).await;
        let store = Arc::new(ProfileStore::default());
        // The other kind has none.
        store.replace(Scope::Namespace, &[]);
        let (tell, seen) = mpsc::channel(64);
        let kept = watch::keep(client, Scope::Cluster, Arc::clone(&store), tell);
        Self {
            store,
            log,
            task: tokio::spawn(kept),
            seen,
        }
    }

    fn names(&self) -> Vec<String> {
        let snapshot = self.store.snapshot();
        let all = snapshot.of("any").cluster.iter();
        all.map(|profile| profile.name.clone()).collect()
    }

    async fn has(&self, names: &[&str]) {
        eventually(|| self.names() == names).await;
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Where nobody may list, nothing counts, and it is told for how long.
#[tokio::test]
async fn a_forbidden_list_leaves_the_store_incomplete_and_a_right_given_later_heals_it() {
    let may = Arc::new(AtomicBool::new(false));
    let allowed = Arc::clone(&may);
    let (_open, events) = mpsc::unbounded_channel();
    let events = Mutex::new(Some(events));
    let watched = Watched::start(move |asked| match allowed.load(Ordering::SeqCst) {
        false => refusal(403, "Forbidden"),
        true if asked.is_watch() => Reply::Stream(events.lock().unwrap().take().unwrap()),
        true => list(5, &["default"]),
    })
    .await;
    eventually(|| watched.log.lists().len() >= 2).await;
    assert!(!watched.store.snapshot().is_complete);
    assert!(watched.store.stale() > Duration::ZERO);
    may.store(true, Ordering::SeqCst);
    watched.has(&["default"]).await;
    eventually(|| watched.store.stale() == Duration::ZERO).await;
    assert!(watched.store.snapshot().is_complete);
}

/// Changes are then seen by lists, which come ever more slowly.
#[tokio::test]
async fn a_forbidden_watch_leaves_lists_that_do_not_follow_one_another_at_once() {
    let watched = Watched::start(|asked| match asked.is_watch() {
        true => refusal(403, "Forbidden"),
        false => list(5, &["default"]),
    })
    .await;
    watched.has(&["default"]).await;
    eventually(|| watched.store.stale() > Duration::ZERO).await;
    eventually(|| watched.log.lists().len() >= 3).await;
    let lists = watched.log.lists();
    // 400 ms, then 800 ms: the waits double from the first of 200 ms.
    for (pair, least) in lists.windows(2).zip([400, 800]) {
        let between = pair[1].at - pair[0].at;
        assert!(between >= Duration::from_millis(least), "{between:?}");
    }
    assert_eq!(watched.names(), ["default"]);
}

/// The last profiles count while the server is away; what was deleted meanwhile is gone after.
#[tokio::test]
async fn a_server_that_went_away_and_came_back_is_listed_anew() {
    let (first, events) = mpsc::unbounded_channel();
    let events = Mutex::new(Some(events));
    let is_away = Arc::new(AtomicBool::new(false));
    let away = Arc::clone(&is_away);
    let (_open, later) = mpsc::unbounded_channel();
    let later = Mutex::new(Some(later));
    let lists = Mutex::new(0);
    let watched = Watched::start(move |asked| {
        if away.load(Ordering::SeqCst) {
            // Not 503, which the client tries again by itself before it tells us.
            return refusal(500, "InternalError");
        }
        let mut lists = lists.lock().unwrap();
        if asked.is_watch() {
            let events = if *lists == 1 { &events } else { &later };
            return Reply::Stream(events.lock().unwrap().take().unwrap());
        }
        *lists += 1;
        match *lists {
            1 => list(5, &["default", "old"]),
            _ => list(9, &["default", "new"]),
        }
    })
    .await;
    watched.has(&["default", "old"]).await;
    eventually(|| !watched.log.watches().is_empty()).await;
    is_away.store(true, Ordering::SeqCst);
    drop(first);
    eventually(|| watched.store.stale() > Duration::ZERO).await;
    assert_eq!(watched.names(), ["default", "old"]);
    assert!(watched.store.snapshot().is_complete);
    is_away.store(false, Ordering::SeqCst);
    watched.has(&["default", "new"]).await;
    eventually(|| watched.store.stale() == Duration::ZERO).await;
}

/// A version that the server has forgotten: it says so in the stream, or with a status.
#[tokio::test]
async fn a_version_that_is_too_old_is_listed_anew() {
    let gone = json!({ "type": "ERROR", "object": {
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 410,
        "reason": "Expired", "message": "too old resource version", "metadata": {},
    } });
    let is_first = AtomicBool::new(true);
    let watched = Watched::start(move |asked| match asked.is_watch() {
        false => list(5, &["default"]),
        true if is_first.swap(false, Ordering::SeqCst) => Reply::Events(vec![gone.clone()]),
        true => refusal(410, "Expired"),
    })
    .await;
    eventually(|| watched.log.lists().len() >= 3).await;
    let watches = watched.log.watches();
    assert!(watches.len() >= 2);
    assert_eq!(watched.names(), ["default"]);
}

/// A watch that ends in good order goes on where the last bookmark or object was, without a list.
#[tokio::test]
async fn a_watch_goes_on_from_the_last_bookmark() {
    let (open, events) = mpsc::unbounded_channel();
    let events = Mutex::new(Some(events));
    let mut watched =
        Watched::start(
            move |asked| match (asked.is_watch(), asked.parameter("resourceVersion")) {
                (false, _) => list(5, &["default"]),
                (true, Some("5")) => Reply::Events(vec![
                    json!({ "type": "ADDED", "object": profile("new", 7) }),
                    bookmark(11),
                ]),
                (true, Some("11")) => Reply::Events(vec![
                    json!({ "type": "DELETED", "object": profile("new", 12) }),
                ]),
                _ => Reply::Stream(events.lock().unwrap().take().unwrap()),
            },
        )
        .await;
    watched.has(&["default", "new"]).await;
    watched.has(&["default"]).await;
    eventually(|| watched.log.watches().len() == 3).await;
    let watches = watched.log.watches();
    let from: Vec<_> = watches
        .iter()
        .map(|w| w.parameter("resourceVersion"))
        .collect();
    assert_eq!(from, [Some("5"), Some("11"), Some("12")]);
    assert!(
        watches
            .iter()
            .all(|w| w.parameter("allowWatchBookmarks") == Some("true"))
    );
    assert_eq!(watched.log.lists().len(), 1);
    // Each ended at once, and the next one waited.
    for pair in watches.windows(2) {
        let between = pair[1].at - pair[0].at;
        assert!(between >= Duration::from_millis(900), "{between:?}");
    }
    // A change counts as soon as it is told; one that cannot be read hides no other.
    let mut broken = profile("default", 13);
    broken["spec"] = json!({ "server": 7 });
    open.send(json!({ "type": "MODIFIED", "object": broken }))
        .unwrap();
    open.send(json!({ "type": "ADDED", "object": profile("other", 14) }))
        .unwrap();
    watched.has(&["default", "other"]).await;
    let snapshot = watched.store.snapshot();
    let usable: Vec<bool> = snapshot
        .of("any")
        .cluster
        .iter()
        .map(|p| p.check().is_ok())
        .collect();
    assert_eq!(usable, [false, true]);
    // All of them were offered to the one who writes conditions, but for the deletion.
    let mut offered = Vec::new();
    while let Ok((_, object)) = watched.seen.try_recv() {
        offered.push(
            object["metadata"]["resourceVersion"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
    }
    assert_eq!(offered, ["5", "7", "13", "14"]);
}

/// A list in pages, of which the second is refused, changes nothing.
#[tokio::test]
async fn half_a_list_counts_for_nothing() {
    let is_whole = Arc::new(AtomicBool::new(false));
    let whole = Arc::clone(&is_whole);
    let watched = Watched::start(move |asked| {
        let page = |names: &[&str], more: &str| {
            let Reply::Json(status, mut page) = list(5, names) else {
                unreachable!()
            };
            page["metadata"]["continue"] = json!(more);
            Reply::Json(status, page)
        };
        match asked.parameter("continue") {
            _ if asked.is_watch() => refusal(403, "Forbidden"),
            None => page(&["a"], "more"),
            Some(_) if whole.load(Ordering::SeqCst) => page(&["b"], ""),
            Some(_) => refusal(410, "Expired"),
        }
    })
    .await;
    eventually(|| watched.log.lists().len() >= 4).await;
    assert_eq!(watched.names(), [""; 0]);
    assert!(!watched.store.snapshot().is_complete);
    is_whole.store(true, Ordering::SeqCst);
    watched.has(&["a", "b"]).await;
}
