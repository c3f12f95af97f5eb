//! W28: what the server answers to whom.

use bytes::Bytes;
use http_body_util::{Full, StreamBody};
use hyper::Request;
use hyper::body::Frame;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};

use crate::support::{
    Up, ask, patient, pod, read, read_cluster_profiles, read_profiles, request, review, up,
    up_unready,
};

async fn sent(up: &Up, request: Request<Full<Bytes>>) -> (u16, Value) {
    let mut client = up.http1().await;
    read(client.send_request(request).await.unwrap()).await
}

#[tokio::test]
async fn reviews_of_both_versions_are_answered_in_kind_over_both_protocols() {
    let up = up(patient()).await;
    for version in ["admission.k8s.io/v1", "admission.k8s.io/v1beta1"] {
        let mut asked = review("u-1", &pod("shop"));
        asked["apiVersion"] = json!(version);
        let mut first = up.http1().await;
        let (status, one) = read(ask(&mut first, asked.clone()).await).await;
        assert_eq!(status, 200);
        let mut second = up.http2().await;
        let answer = second.send_request(request(asked.to_string())).await;
        let (status, other) = read(answer.unwrap()).await;
        assert_eq!((status, &other), (200, &one));
        assert_eq!(one["apiVersion"], version);
        assert_eq!(one["kind"], "AdmissionReview");
        assert_eq!(one["response"]["uid"], "u-1");
        assert_eq!(one["response"]["allowed"], true, "{one}");
        assert_eq!(one["response"]["patchType"], "JSONPatch");
    }
}

#[tokio::test]
async fn a_connection_serves_one_review_after_the_other() {
    let up = up(patient()).await;
    let mut client = up.http1().await;
    for uid in ["a", "b", "c"] {
        let (_, answer) = read(ask(&mut client, review(uid, &pod("shop"))).await).await;
        assert_eq!(answer["response"]["uid"], uid);
    }
    assert_eq!(up.connections.count(), 1);
}

#[tokio::test]
async fn other_paths_and_methods_are_404_and_405() {
    let up = up(patient()).await;
    let body = || Full::new(Bytes::from(review("u", &pod("shop")).to_string()));
    for (method, path, expected) in [
        ("GET", "/mutate", 405),
        ("PUT", "/mutate", 405),
        ("POST", "/", 404),
        ("POST", "/mutate/more", 404),
        ("GET", "/metrics", 404),
        ("POST", "/mutate?timeout=10s", 200),
    ] {
        let request = Request::builder().method(method).uri(path);
        let request = request.header("content-type", "application/json");
        let (status, _) = sent(&up, request.body(body()).unwrap()).await;
        assert_eq!(status, expected, "{method} {path}");
    }
}

#[tokio::test]
async fn another_content_type_or_an_encoding_is_415() {
    let up = up(patient()).await;
    let of = |kind: Option<&str>, encoding: Option<&str>| {
        let mut request = Request::post("/mutate");
        for (name, value) in [("content-type", kind), ("content-encoding", encoding)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let body = Bytes::from(review("u", &pod("shop")).to_string());
        request.body(Full::new(body)).unwrap()
    };
    for (kind, encoding, expected) in [
        (None, None, 415),
        (Some("text/plain"), None, 415),
        (Some("application/yaml"), None, 415),
        (Some("application/json-patch+json"), None, 415),
        (Some("application/json"), Some("gzip"), 415),
        (Some("application/json"), Some("identity"), 200),
        (Some("Application/JSON; charset=utf-8"), None, 200),
    ] {
        let (status, _) = sent(&up, of(kind, encoding)).await;
        assert_eq!(status, expected, "{kind:?} {encoding:?}");
    }
    assert!(up.count("turned_away_total", "media_type").await >= 5.0);
}

#[tokio::test]
async fn what_is_no_review_is_400_and_a_review_that_cannot_be_read_refuses_its_pod() {
    let up = up(patient()).await;
    for body in ["", "no JSON", "[]", "{}", "{\"kind\":\"AdmissionReview\"}"] {
        let (status, _) = sent(&up, request(body)).await;
        assert_eq!(status, 400, "{body}");
    }
    let mut no_uid = review("", &pod("shop"));
    let (status, answer) = sent(&up, request(no_uid.to_string())).await;
    assert_eq!(
        (status, &answer["response"]["allowed"]),
        (400, &json!(false))
    );
    no_uid["request"]["uid"] = json!("u-2");
    no_uid["request"]["object"] = json!({"spec": 7});
    let (status, answer) = sent(&up, request(no_uid.to_string())).await;
    assert_eq!(status, 200);
    assert_eq!(answer["response"]["uid"], "u-2");
    assert_eq!(answer["response"]["allowed"], false);
    assert_eq!(answer["response"]["status"]["code"], 400);
    up.works().await;
}

#[tokio::test]
async fn json_nested_without_end_is_refused_and_the_server_stays() {
    let up = up(patient()).await;
    for deep in ["[", "{\"a\":"] {
        let (status, _) = sent(&up, request(deep.repeat(50_000))).await;
        assert_eq!(status, 400);
    }
    up.works().await;
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_and_one_of_unknown_length_is_411() {
    let limits = cloudtaser_webhook::serve::settings::Limits {
        body_bytes: 64 << 10,
        ..patient()
    };
    let up = up(limits).await;
    let large = vec![b' '; (64 << 10) + 1];
    let (status, _) = sent(&up, request(large.clone())).await;
    assert_eq!(status, 413);
    // Chunked: nobody says how much comes.
    let stream = TokioIo::new(up.tls("http/1.1").await);
    let (mut client, connection) = http1::handshake(stream).await.unwrap();
    let _ends = tokio::spawn(connection);
    let chunks = large.chunks(1000).map(Bytes::copy_from_slice);
    let chunks: Vec<_> = chunks
        .map(Frame::data)
        .map(Ok::<_, std::io::Error>)
        .collect();
    let body = StreamBody::new(futures_util::stream::iter(chunks));
    let asked = Request::post("/mutate").header("content-type", "application/json");
    let answer = client.send_request(asked.body(body).unwrap()).await;
    assert_eq!(answer.unwrap().status(), 411);
    // Control: as large as may be.
    let mut fits = review("u", &pod("shop")).to_string().into_bytes();
    fits.resize(64 << 10, b' ');
    let (status, _) = sent(&up, request(fits)).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn a_review_that_would_take_much_memory_is_413_however_short_its_text() {
    let up = up(patient()).await;
    let numbers = |count: usize| {
        let mut asked = review("u", &pod("shop"));
        asked["request"]["object"]["spec"]["unknown"] = json!([0]);
        let numbers = vec!["0"; count].join(",");
        let text = asked.to_string();
        text.replace("\"unknown\":[0]", &format!("\"unknown\":[{numbers}]"))
    };
    let (status, _) = sent(&up, request(numbers(200_000))).await;
    assert_eq!(status, 413);
    let (status, _) = sent(&up, request(numbers(100_000))).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn large_reviews_within_the_limits_are_decided_about() {
    let up = up(patient()).await;
    let mut long = review("u", &pod("shop"));
    let variable = json!({"name": "LONG", "value": "a".repeat(3_000_000)});
    long["request"]["object"]["spec"]["containers"][0]["env"] = json!([variable]);
    let mut wrapped = review("u", &pod("shop"));
    wrapped["request"]["object"]["spec"]["containers"][0]["args"] = json!(["a".repeat(3_000_000)]);
    let mut many = review("u", &pod("shop"));
    many["request"]["object"]["spec"]["unknown"] = json!(vec![0; 100_000]);
    // What goes through the wrapper is in the answer, and has a limit of its own.
    for (asked, is_allowed) in [(long, true), (wrapped, false), (many, true)] {
        let (status, answer) = sent(&up, request(asked.to_string())).await;
        assert_eq!(status, 200);
        let said = &answer["response"]["status"];
        assert_eq!(answer["response"]["allowed"], is_allowed, "{said}");
        let message = said["message"].as_str().unwrap_or_default();
        assert_eq!(message.contains("get more than"), !is_allowed, "{said}");
    }
}

/// Which profile counts cannot be known before all were read: a replica that has just started
/// refuses rather than takes the cluster's for the namespace's.
#[tokio::test]
async fn while_not_all_profiles_are_read_who_opts_in_is_refused_and_others_are_not() {
    let up = up_unready(patient()).await;
    read_cluster_profiles(&up.profiles);
    let mut client = up.http1().await;
    let (status, answer) = read(ask(&mut client, review("u", &pod("shop"))).await).await;
    assert_eq!(status, 200);
    assert_eq!(answer["response"]["allowed"], false, "{answer}");
    let message = answer["response"]["status"]["message"].to_string();
    assert!(
        message.contains("has not read all profiles yet"),
        "{message}"
    );
    let mut other = pod("shop");
    other["metadata"]["annotations"] = Value::Null;
    let (_, answer) = read(ask(&mut client, review("u", &other)).await).await;
    assert_eq!(answer["response"]["allowed"], true, "{answer}");
    // The control: the same pod, when all are read.
    read_profiles(&up.profiles);
    let (_, answer) = read(ask(&mut client, review("u", &pod("shop"))).await).await;
    assert_eq!(answer["response"]["allowed"], true, "{answer}");
}
