//! The end: who is under way is answered, who comes is told to go elsewhere, and it ends in time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cloudtaser_webhook::serve::settings::Limits;
use cloudtaser_webhook::serve::shutdown::Phase;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::{HELD, LIMIT, ask, flag, patient, pod, read, request, review, until, up};

#[tokio::test]
async fn while_it_drains_answers_are_the_last_of_their_connection() {
    let up = up(patient()).await;
    let (mut known, mut second) = (up.http1().await, up.http2().await);
    let answer = ask(&mut known, review("a", &pod("shop"))).await;
    assert!(!answer.headers().contains_key("connection"));
    let _read = read(answer).await;
    let answer = second.send_request(request(review("a", &pod("shop")).to_string()));
    let _read = read(answer.await.unwrap()).await;
    up.phase.send_replace(Phase::Draining);
    // HTTP/2 is told at once (GOAWAY), HTTP/1 by its next answer; new connections are let in.
    until(async || second.ready().await.is_err()).await;
    let mut new = up.http1().await;
    for client in [&mut known, &mut new] {
        let answer = ask(client, review("b", &pod("shop"))).await;
        assert_eq!(answer.headers()["connection"], "close");
        assert_eq!(read(answer).await.0, 200);
        until(async || client.ready().await.is_err()).await;
    }
    up.phase.send_replace(Phase::Closing);
    timeout(LIMIT, up.served).await.unwrap().unwrap();
    assert!(TcpStream::connect(up.address).await.is_err());
}

#[tokio::test]
async fn who_is_under_way_is_answered_before_it_ends() {
    let up = up(patient()).await;
    let (mut first, mut second) = (up.http1().await, up.http2().await);
    let one =
        tokio::spawn(async move { read(ask(&mut first, review("h", &pod(HELD))).await).await });
    let other = second.send_request(request(review("h", &pod(HELD)).to_string()));
    let other = tokio::spawn(async move { read(other.await.unwrap()).await });
    until(async || up.cluster.asked.load(Ordering::SeqCst) == 2).await;
    up.phase.send_replace(Phase::Closing);
    until(async || TcpStream::connect(up.address).await.is_err()).await;
    assert!(!up.served.is_finished());
    up.cluster.answers.add_permits(2);
    for one in [one, other] {
        let (status, answer) = one.await.unwrap();
        assert_eq!(
            (status, &answer["response"]["allowed"]),
            (200, &true.into())
        );
    }
    timeout(LIMIT, up.served).await.unwrap().unwrap();
}

#[tokio::test]
async fn who_never_ends_is_cut() {
    let limits = Limits {
        finish: Duration::from_millis(300),
        ..patient()
    };
    let up = up(limits).await;
    let mut client = up.http1().await;
    let held = tokio::spawn(async move {
        client
            .send_request(request(review("h", &pod(HELD)).to_string()))
            .await
    });
    until(async || up.cluster.asked.load(Ordering::SeqCst) == 1).await;
    up.phase.send_replace(Phase::Closing);
    timeout(LIMIT, up.served).await.unwrap().unwrap();
    assert!(held.await.unwrap().is_err());
}

/// Clients that ask one after the other and, told to go, connect anew: to whoever listens. None is
/// left without an answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_review_is_lost_while_one_of_two_replicas_ends() {
    let (leaving, staying) = (up(patient()).await, up(patient()).await);
    let (leaving, staying) = (Arc::new(leaving), Arc::new(staying));
    let (is_gone, is_over, answered) = (flag(), flag(), Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> = (0..8)
        .map(|number| {
            let replicas = [Arc::clone(&leaving), Arc::clone(&staying)];
            let (is_gone, is_over, answered) = (is_gone.clone(), is_over.clone(), answered.clone());
            tokio::spawn(async move {
                let mut turn = number;
                while !is_over.load(Ordering::SeqCst) {
                    turn += 1;
                    // The Service: after the signal it has forgotten the replica that leaves.
                    let to = if is_gone.load(Ordering::SeqCst) {
                        1
                    } else {
                        turn % 2
                    };
                    let mut client = replicas[to].http1().await;
                    loop {
                        let answer = ask(&mut client, review("u", &pod("shop"))).await;
                        let is_last = answer.headers().contains_key("connection");
                        let (status, answer) = read(answer).await;
                        assert_eq!(
                            (status, &answer["response"]["allowed"]),
                            (200, &true.into())
                        );
                        answered.fetch_add(1, Ordering::SeqCst);
                        if is_last || is_over.load(Ordering::SeqCst) {
                            break;
                        }
                    }
                }
            })
        })
        .collect();
    let more = async |count: usize| {
        let before = answered.load(Ordering::SeqCst);
        until(async || answered.load(Ordering::SeqCst) >= before + count).await;
    };
    more(200).await;
    leaving.phase.send_replace(Phase::Draining);
    more(50).await;
    is_gone.store(true, Ordering::SeqCst);
    until(async || leaving.connections.count() == 0).await;
    leaving.phase.send_replace(Phase::Closing);
    until(async || leaving.served.is_finished()).await;
    more(200).await;
    is_over.store(true, Ordering::SeqCst);
    for client in clients {
        client.await.unwrap();
    }
}
