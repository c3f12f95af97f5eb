//! Who does not take answers, and who makes us wait for others: neither keeps anybody from being
//! answered.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use cloudtaser_webhook::serve::settings::Limits;
use http_body_util::Full;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::time::timeout;

use crate::support::{LIMIT, TARPIT, Up, ask, patient, pod, read, request, review, until, up};

type Http2 = http2::SendRequest<Full<Bytes>>;

/// A client that takes so many bytes of each answer and no more.
async fn stingy(up: &Up, window: u32) -> Http2 {
    let stream = TokioIo::new(up.tls("h2").await);
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.initial_stream_window_size(window);
    let (sender, connection) = builder.handshake(stream).await.unwrap();
    let _ends = tokio::spawn(connection);
    sender
}

fn asked() -> hyper::Request<Full<Bytes>> {
    request(review("u", &pod("shop")).to_string())
}

#[tokio::test]
async fn who_gives_no_window_for_an_answer_is_cut() {
    let limits = Limits {
        read: Duration::from_millis(500),
        ..patient()
    };
    let up = up(limits).await;
    let mut client = stingy(&up, 0).await;
    let answer = timeout(LIMIT, client.send_request(asked())).await;
    let answer = answer.unwrap().unwrap();
    assert_eq!(answer.status(), 200, "the head needs no window");
    let cut = async || {
        let reason = "answer_not_taken";
        up.count("connections_ended_total", reason).await > 0.0
    };
    until(cut).await;
    let body = timeout(LIMIT, http_body_util::BodyExt::collect(answer.into_body())).await;
    assert!(body.unwrap().is_err(), "an answer without a window");
    // The control: a window, and the same answer comes.
    let mut client = up.http2().await;
    let (status, body) = read(client.send_request(asked()).await.unwrap()).await;
    assert_eq!((status, &body["response"]["allowed"]), (200, &true.into()));
}

#[tokio::test]
async fn an_answer_that_is_not_taken_gives_its_room_to_others() {
    // Room for one that is made.
    let limits = Limits {
        answers_bytes: 1 << 20,
        ..patient()
    };
    let up = up(limits).await;
    up.works().await;
    let mut client = stingy(&up, 0).await;
    let answer = timeout(LIMIT, client.send_request(asked())).await;
    let answer = answer.unwrap().unwrap();
    up.works().await;
    assert_eq!(answer.status(), 200);
    assert!(up.count("connections_ended_total", "evicted").await > 0.0);
}

#[tokio::test]
async fn who_waits_for_what_is_looked_up_holds_no_place_of_a_decision() {
    let limits = Limits {
        running: 1,
        namespace_bytes: 1,
        ..patient()
    };
    let up = up(limits).await;
    let mut without_command = pod(TARPIT);
    without_command["spec"]["containers"][0]["command"] = serde_json::Value::Null;
    let text = review("u", &without_command);
    let mut first = up.http1().await;
    let waiting = tokio::spawn(first.send_request(request(text.to_string())));
    until(async || up.cluster.asked.load(Ordering::SeqCst) == 1).await;
    up.works().await;
    // Its namespace has no more room to wait in, and is told at once.
    let mut second = up.http1().await;
    let (status, _) = read(ask(&mut second, text).await).await;
    assert_eq!(status, 429);
    assert!(!waiting.is_finished());
    up.cluster.answers.add_permits(1);
    let answer = timeout(LIMIT, waiting).await.unwrap().unwrap().unwrap();
    let (status, body) = read(answer).await;
    assert_eq!((status, &body["response"]["allowed"]), (200, &false.into()));
}
