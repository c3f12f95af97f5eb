//! Conditions and events, where the API server refuses to take them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cloudtaser_webhook::lookup::events::{self, Events};
use cloudtaser_webhook::lookup::status;
use cloudtaser_webhook::profile::Scope;
use cloudtaser_webhook::serve::metrics::Metrics;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::api::{Reply, api, eventually, profile, refusal};

#[tokio::test]
async fn a_condition_that_is_refused_does_not_hold_up_the_next() {
    let (client, log) = api(|asked| match asked.what.contains("/first/status") {
        true => refusal(403, "Forbidden"),
        false => Reply::Json(200, asked.body.clone()),
    })
    .await;
    let (tell, seen) = mpsc::channel(8);
    let task = tokio::spawn(status::keep(client, seen));
    for name in ["first", "second"] {
        tell.send((Scope::Cluster, profile(name, 1))).await.unwrap();
    }
    drop(tell);
    task.await.unwrap();
    let asked = log.all();
    assert_eq!(asked.len(), 2);
    let place = "/apis/cloudtaser.io/v1alpha1/clustercloudtaserprofiles";
    assert!(
        asked[1]
            .what
            .starts_with(&format!("{place}/second/status?"))
    );
    assert_eq!(asked[1].parameter("fieldManager"), Some(status::MANAGER));
    assert_eq!(asked[1].body["status"]["conditions"][0]["status"], "True");
}

fn pod(owner: &str) -> k8s_openapi::api::core::v1::Pod {
    let owner = json!([{
        "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": owner, "uid": owner,
        "controller": true,
    }]);
    let pod = json!({ "metadata": { "ownerReferences": owner } });
    serde_json::from_value(pod).unwrap()
}

/// An event that could not be made is counted, and made with the next refusal.
#[tokio::test]
async fn an_event_that_is_refused_is_counted_and_made_later() {
    let may = Arc::new(AtomicBool::new(false));
    let allowed = Arc::clone(&may);
    let (client, log) = api(move |asked| match allowed.load(Ordering::SeqCst) {
        false => refusal(403, "Forbidden"),
        true => Reply::Json(201, asked.body.clone()),
    })
    .await;
    let metrics = Arc::new(Metrics::default());
    let (told, queue) = Events::new(Arc::clone(&metrics));
    let task = tokio::spawn(events::keep(client, queue, Arc::clone(&metrics)));
    let refuse = |owner: &str| told.refused(&pod(owner), "shop", "profile", "no profile");
    refuse("web");
    eventually(|| metrics.events_dropped.get() == 1).await;
    may.store(true, Ordering::SeqCst);
    refuse("web");
    eventually(|| log.all().len() == 2).await;
    // Of the same owner, soon after: counted, and not written yet. Another owner's is written.
    refuse("web");
    refuse("other");
    eventually(|| log.all().len() == 3).await;
    let asked = log.all();
    assert!(
        asked.iter().all(|asked| asked.method == "POST"),
        "{asked:?}"
    );
    let names: Vec<&Value> = asked
        .iter()
        .map(|a| &a.body["involvedObject"]["name"])
        .collect();
    assert_eq!(names, ["web", "web", "other"]);
    assert_eq!(metrics.events_dropped.get(), 1);
    task.abort();
}
