//! A watch against an API server that says as little as one may.

use std::sync::Mutex;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use futures_util::stream;
use serde_json::json;
use tokio::sync::Notify;

use super::*;

/// How many watches a test sees.
const WATCHES: usize = 5;

/// What came, and whether changes counted as unseen when it came.
#[derive(Debug, Default)]
struct Seen {
    lists: Vec<Duration>,
    watches: usize,
}

/// Lists nothing; a watch has no event and no bookmark, and ends in order. The one of this number
/// is told that its version is gone.
fn server(
    store: Arc<ProfileStore>,
    seen: Arc<Mutex<Seen>>,
    enough: Arc<Notify>,
    gone: usize,
) -> Client {
    let answer = move |request: Request| {
        let query = request.uri().query().unwrap_or_default().to_owned();
        let (store, seen) = (Arc::clone(&store), Arc::clone(&seen));
        let enough = Arc::clone(&enough);
        async move {
            if !query.contains("watch=") {
                seen.lock().unwrap().lists.push(store.stale());
                let list = json!({"metadata": {"resourceVersion": "7"}, "items": []});
                return Body::from(list.to_string());
            }
            let number = {
                let mut seen = seen.lock().unwrap();
                seen.watches += 1;
                seen.watches
            };
            if number == gone {
                let status = json!({"status": "Failure", "message": "too old", "reason": "Expired",
                    "code": 410});
                let event = json!({"type": "ERROR", "object": status});
                return Body::from(format!("{event}\n"));
            }
            let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            let mut seconds = pairs.filter(|(name, _)| *name == "timeoutSeconds");
            let seconds = seconds.next().map(|(_, value)| value.parse().unwrap());
            // It would have been silent for so long.
            let silence = Duration::from_secs(seconds.expect("a watch without an end"));
            assert!(silence + LIST <= SILENCE, "taken for dead before it ends");
            if number >= WATCHES {
                enough.notify_one();
                return Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
            }
            Body::empty()
        }
    };
    Client::new(Router::new().fallback(answer), "default")
}

async fn watched(gone: usize) -> (Arc<ProfileStore>, Seen) {
    let store = Arc::<ProfileStore>::default();
    let seen = Arc::<Mutex<Seen>>::default();
    let enough = Arc::<Notify>::default();
    let (one, two) = (Arc::clone(&store), Arc::clone(&seen));
    let client = server(one, two, Arc::clone(&enough), gone);
    let (told, _conditions) = mpsc::channel(1);
    let keeping = keep(client, Scope::Namespace, Arc::clone(&store), told);
    tokio::select! {
        () = keeping => panic!("it ended"),
        () = enough.notified() => {}
        () = tokio::time::sleep(Duration::from_secs(60)) => panic!("it stopped watching"),
    }
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    (store, seen)
}

#[tokio::test]
async fn a_silent_watch_that_ends_in_order_is_healthy() {
    let (store, seen) = watched(usize::MAX).await;
    assert_eq!(seen.lists.len(), 1, "{seen:?}");
    assert_eq!(seen.watches, WATCHES, "{seen:?}");
    assert_eq!(store.stale(), Duration::ZERO);
}

#[tokio::test]
async fn a_version_that_is_gone_is_listed_anew_and_nothing_counts_as_unseen() {
    let (store, seen) = watched(2).await;
    assert_eq!(seen.lists, [Duration::ZERO; 2], "{seen:?}");
    assert_eq!(store.stale(), Duration::ZERO);
}
