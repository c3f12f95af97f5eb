//! An API server of one test: each request is put to the test's function, and written down.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::stream;
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// What a request is answered with.
#[derive(Debug)]
pub(crate) enum Reply {
    /// A status and an object.
    Json(u16, Value),
    /// Events that end in good order.
    Events(Vec<Value>),
    /// Events as they come, for as long as their sender lives.
    Stream(mpsc::UnboundedReceiver<Value>),
}

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) at: Instant,
    pub(crate) method: String,
    /// Path and query.
    pub(crate) what: String,
    pub(crate) body: Value,
}

impl Asked {
    pub(crate) fn is_watch(&self) -> bool {
        self.what.contains("watch=true")
    }

    /// A parameter of the query.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        let (_, query) = self.what.split_once('?')?;
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Log(Arc<Mutex<Vec<Asked>>>);

impl Log {
    pub(crate) fn all(&self) -> Vec<Asked> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn lists(&self) -> Vec<Asked> {
        let all = self.all().into_iter();
        all.filter(|asked| asked.method == "GET" && !asked.is_watch())
            .collect()
    }

    pub(crate) fn watches(&self) -> Vec<Asked> {
        self.all().into_iter().filter(Asked::is_watch).collect()
    }
}

/// Starts one.
pub(crate) async fn api(
    answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
) -> (kube::Client, Log) {
    let _before = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let log = Log(Arc::default());
    let (seen, answer) = (log.clone(), Arc::new(answer));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (seen, answer) = (seen.clone(), Arc::clone(&answer));
            let serve = move |request: Request<Incoming>| {
                let (seen, answer) = (seen.clone(), Arc::clone(&answer));
                async move {
                    let (method, what) = (request.method().to_string(), request.uri().to_string());
                    let body = request.into_body().collect().await.unwrap().to_bytes();
                    let asked = Asked {
                        at: Instant::now(),
                        method,
                        what,
                        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
                    };
                    let reply = answer(&asked);
                    seen.0.lock().unwrap().push(asked);
                    Ok::<_, Infallible>(response(reply))
                }
            };
            let connection = hyper::server::conn::http1::Builder::new();
            tokio::spawn(connection.serve_connection(TokioIo::new(stream), service_fn(serve)));
        }
    });
    let config = kube::Config::new(format!("http://{address}").parse().unwrap());
    (kube::Client::try_from(config).unwrap(), log)
}

fn response(reply: Reply) -> Response<UnsyncBoxBody<Bytes, Infallible>> {
    let line = |event: &Value| Bytes::from(format!("{event}\n"));
    let (status, body) = match reply {
        Reply::Json(status, object) => {
            let body = Full::new(Bytes::from(object.to_string()));
            (status, body.boxed_unsync())
        }
        Reply::Events(events) => {
            let lines = events.iter().map(line).collect::<Vec<_>>().concat();
            (200, Full::new(Bytes::from(lines)).boxed_unsync())
        }
        Reply::Stream(events) => {
            let lines = stream::unfold(events, move |mut events| async move {
                let event = events.recv().await?;
                Some((Ok(Frame::data(line(&event))), events))
            });
            (200, StreamBody::new(lines).boxed_unsync())
        }
    };
    Response::builder().status(status).body(body).unwrap()
}

/// How the API server refuses.
pub(crate) fn refusal(code: u16, reason: &str) -> Reply {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code,
        "reason": reason, "message": "a test's refusal", "metadata": {},
    });
    Reply::Json(code, status)
}

pub(crate) fn profile(name: &str, version: u64) -> Value {
    json!({
        "apiVersion": "cloudtaser.io/v1alpha1",
        "kind": "ClusterCloudTaserProfile",
        "metadata": { "name": name, "resourceVersion": version.to_string(), "generation": 1 },
        "spec": { "server": { "addresses": ["https://bao.example:8200"] } },
    })
}

pub(crate) fn list(version: u64, names: &[&str]) -> Reply {
    let items: Vec<Value> = names.iter().map(|name| profile(name, version)).collect();
    let list = json!({
        "apiVersion": "cloudtaser.io/v1alpha1", "kind": "ClusterCloudTaserProfileList",
        "metadata": { "resourceVersion": version.to_string() }, "items": items,
    });
    Reply::Json(200, list)
}

pub(crate) fn bookmark(version: u64) -> Value {
    json!({ "type": "BOOKMARK", "object": {
        "apiVersion": "cloudtaser.io/v1alpha1", "kind": "ClusterCloudTaserProfile",
        "metadata": { "resourceVersion": version.to_string() },
    } })
}

/// Waits for a condition, half a minute at most.
pub(crate) async fn eventually(mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < end, "it did not come to be");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
