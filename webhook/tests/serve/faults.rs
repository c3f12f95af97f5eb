//! A panic in a decision: that review fails, nothing else does, and nobody hears what it stumbled
//! over.

use crate::support::{HELD, PANICS, ask, patient, pod, read, request, review, until, up};
use std::sync::atomic::Ordering;

#[tokio::test]
async fn a_panic_fails_its_review_alone() {
    let up = up(patient()).await;
    let mut client = up.http2().await;
    let beside = client.send_request(request(review("h", &pod(HELD)).to_string()));
    let beside = tokio::spawn(async move { read(beside.await.unwrap()).await });
    until(async || up.cluster.asked.load(Ordering::SeqCst) == 1).await;
    let answer = client.send_request(request(review("p", &pod(PANICS)).to_string()));
    let (status, body) = read(answer.await.unwrap()).await;
    assert_eq!(status, 500);
    assert!(!body.to_string().contains("planted"), "{body}");
    assert_eq!(up.count("turned_away_total", "panic").await, 1.0);
    // The other one of the same connection, and later ones.
    up.cluster.answers.add_permits(1);
    let (status, answer) = beside.await.unwrap();
    assert_eq!(
        (status, &answer["response"]["allowed"]),
        (200, &true.into())
    );
    let mut first = up.http1().await;
    let (status, _) = read(ask(&mut first, review("u", &pod("shop"))).await).await;
    assert_eq!(status, 200);
    // Its place came back.
    until(async || up.gate.in_flight() == 0).await;
}
