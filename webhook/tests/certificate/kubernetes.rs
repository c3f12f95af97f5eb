//! The requests that [`KubernetesCluster`] makes, against a server that writes them down. What a
//! real API server says to them is not known here.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use cloudtaser_webhook::certificate::{
    Cluster, ClusterError, Data, KubernetesCluster, Names, Place,
};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};

type Log = Arc<Mutex<Vec<(String, String, Value)>>>;

/// Answers each request with the next of `answers`.
async fn cluster(answers: Vec<(u16, Value)>) -> (KubernetesCluster, Log) {
    let _before = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let log = Log::default();
    let answers = Arc::new(Mutex::new(answers.into_iter()));
    let seen = Arc::clone(&log);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (seen, answers) = (Arc::clone(&seen), Arc::clone(&answers));
            let answer = move |request: Request<Incoming>| {
                let (seen, answers) = (Arc::clone(&seen), Arc::clone(&answers));
                async move {
                    let what = format!("{} {}", request.method(), request.uri());
                    let kind = request.headers().get("content-type");
                    let kind = kind.map_or("", |kind| kind.to_str().unwrap()).to_owned();
                    let body = request.into_body().collect().await.unwrap().to_bytes();
                    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
                    seen.lock().unwrap().push((what, kind, body));
                    let (status, body) = answers.lock().unwrap().next().unwrap();
                    let body = Full::new(Bytes::from(body.to_string()));
                    let response = Response::builder().status(status).body(body);
                    Ok::<_, Infallible>(response.unwrap())
                }
            };
            let connection = hyper::server::conn::http1::Builder::new();
            let served = connection.serve_connection(TokioIo::new(stream), service_fn(answer));
            tokio::spawn(served);
        }
    });
    let config = kube::Config::new(format!("http://{address}").parse().unwrap());
    let client = kube::Client::try_from(config).unwrap();
    let place = Place {
        secret: "cert".to_owned(),
        configuration: "ours".to_owned(),
        names: Names {
            service: "hook".to_owned(),
            namespace: "ns".to_owned(),
            extra: ["127.0.0.1".to_owned()].into(),
        },
    };
    (KubernetesCluster::new(&client, place), log)
}

fn configuration() -> Value {
    let webhook = |client: Value| json!({"name": "a.b.c", "clientConfig": client});
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": "ours", "resourceVersion": "7"},
        "webhooks": [
            webhook(json!({"service": {"name": "other", "namespace": "ns"}})),
            webhook(json!({"service": {"name": "hook", "namespace": "ns"}, "caBundle": "T0xE"})),
            webhook(json!({"url": "https://elsewhere.example/mutate"})),
            webhook(json!({"url": "https://127.0.0.1:9443/mutate"})),
        ],
    })
}

fn status(code: u16, reason: &str) -> (u16, Value) {
    let body = json!({
        "apiVersion": "v1", "kind": "Status", "status": "Failure", "message": "x",
        "reason": reason, "code": code,
    });
    (code, body)
}

#[tokio::test]
async fn only_our_bundles_are_patched_on_the_object_that_was_read() {
    let answers = vec![
        (200, configuration()),
        (200, configuration()),
        status(422, "Invalid"),
    ];
    let (cluster, log) = cluster(answers).await;
    let read = cluster.configured().await.unwrap().unwrap();
    assert_eq!(read.bundles[0].pem, b"OLD");
    cluster.publish("NEW", &read).await.unwrap();
    let (what, kind, body) = log.lock().unwrap()[1].clone();
    let base = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/ours?";
    assert_eq!(
        what,
        format!("PATCH {base}&fieldManager=cloudtaser-webhook")
    );
    assert_eq!(kind, "application/json-patch+json");
    let expected = json!([
        {"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
        {"op": "add", "path": "/webhooks/1/clientConfig/caBundle", "value": "TkVX"},
        {"op": "add", "path": "/webhooks/3/clientConfig/caBundle", "value": "TkVX"},
    ]);
    assert_eq!(body, expected);
    let failed = cluster.publish("NEW", &read).await;
    assert!(
        matches!(failed, Err(ClusterError::Conflict { .. })),
        "{failed:?}"
    );
}

#[tokio::test]
async fn the_secret_is_replaced_with_the_version_that_was_read() {
    let secret = |version: &str| {
        json!({
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque", "data": {"old": "T0xE"},
            "metadata": {"name": "cert", "resourceVersion": version, "labels": {"a": "b"}},
        })
    };
    let answers = vec![
        (200, secret("5")),
        (200, secret("5")),
        (200, secret("6")),
        (200, secret("6")),
        status(404, "NotFound"),
        status(403, "Forbidden"),
    ];
    let (cluster, log) = cluster(answers).await;
    let stored = cluster.secret().await.unwrap().unwrap();
    assert_eq!(
        (stored.version.as_str(), stored.data["old"].as_slice()),
        ("5", &b"OLD"[..])
    );
    assert!(
        !format!("{stored:?}").contains("79"),
        "the data is not printed"
    );
    let data: Data = [("new".to_owned(), b"NEW".to_vec().into())].into();
    cluster.store(&data, Some("5")).await.unwrap();
    let (what, _, body) = log.lock().unwrap()[2].clone();
    assert!(
        what.starts_with("PUT /api/v1/namespaces/ns/secrets/cert"),
        "{what}"
    );
    assert_eq!(body["metadata"]["resourceVersion"], "5");
    assert_eq!(body["metadata"]["labels"], json!({"a": "b"}));
    assert_eq!(body["data"], json!({"new": "TkVX"}));
    // Another version meanwhile: nothing is written.
    let failed = cluster.store(&data, Some("5")).await;
    assert!(
        matches!(failed, Err(ClusterError::Conflict { .. })),
        "{failed:?}"
    );
    assert!(cluster.secret().await.unwrap().is_none());
    // Without the right to create one, that is what is told.
    let failed = cluster.store(&data, None).await;
    assert!(
        matches!(failed, Err(ClusterError::Request { verb: "write", .. })),
        "{failed:?}"
    );
    let (what, _, _) = log.lock().unwrap()[5].clone();
    assert!(
        what.starts_with("POST /api/v1/namespaces/ns/secrets"),
        "{what}"
    );
}
