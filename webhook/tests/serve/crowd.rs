//! More than there is room for.

use std::sync::atomic::Ordering;
use std::time::Duration;

use cloudtaser_webhook::serve::settings::Limits;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::support::{HELD, ask, patient, pod, read, review, until, up};

#[tokio::test]
async fn too_many_reviews_are_429_with_a_time_to_come_again_and_places_come_back() {
    let limits = Limits {
        running: 1,
        waiting: 1,
        ..patient()
    };
    let up = up(limits).await;
    let held: Vec<_> = [up.http1().await, up.http1().await]
        .into_iter()
        .map(|mut client| {
            tokio::spawn(async move { read(ask(&mut client, review("h", &pod(HELD))).await).await })
        })
        .collect();
    until(async || up.gate.in_flight() == 2).await;
    let mut third = up.http1().await;
    let answer = ask(&mut third, review("u", &pod("shop"))).await;
    assert_eq!(answer.headers()["retry-after"], "1");
    assert_eq!(answer.headers()["connection"], "close");
    assert_eq!(read(answer).await.0, 429);
    assert_eq!(up.count("turned_away_total", "full").await, 1.0);
    up.cluster.answers.add_permits(2);
    for one in held {
        let (status, answer) = one.await.unwrap();
        assert_eq!(
            (status, &answer["response"]["allowed"]),
            (200, &true.into())
        );
    }
    up.works().await;
}

#[tokio::test]
async fn who_only_holds_connections_gives_way() {
    let limits = Limits {
        connections: 4,
        ..patient()
    };
    let up = up(limits).await;
    let mut served = up.http1().await;
    let (status, _) = read(ask(&mut served, review("u", &pod("shop"))).await).await;
    assert_eq!(status, 200);
    // Silent ones, before and after the handshake.
    let mut held = Vec::new();
    for _ in 0..6 {
        held.push(TcpStream::connect(up.address).await.unwrap());
    }
    for _ in 0..20 {
        up.works().await;
    }
    assert!(up.count("connections_ended_total", "evicted").await >= 3.0);
    // Strangers went before whom we know.
    let (status, _) = read(ask(&mut served, review("u", &pod("shop"))).await).await;
    assert_eq!(status, 200);
    let mut first = held.remove(0);
    let mut nothing = Vec::new();
    let _cut = first.read_to_end(&mut nothing).await;
    assert_eq!(nothing, b"");
}

#[tokio::test]
async fn nobody_who_is_decided_about_gives_way() {
    let limits = Limits {
        connections: 1,
        handshake: Duration::from_millis(300),
        ..patient()
    };
    let up = up(limits).await;
    let mut client = up.http1().await;
    let held =
        tokio::spawn(async move { read(ask(&mut client, review("h", &pod(HELD))).await).await });
    until(async || up.cluster.asked.load(Ordering::SeqCst) == 1).await;
    // One too many: it is the one that is closed.
    let mut stream = TcpStream::connect(up.address).await.unwrap();
    let mut nothing = Vec::new();
    let _cut = stream.read_to_end(&mut nothing).await;
    assert_eq!(up.count("connections_ended_total", "full").await, 1.0);
    up.cluster.answers.add_permits(1);
    let (status, answer) = held.await.unwrap();
    assert_eq!(
        (status, &answer["response"]["allowed"]),
        (200, &true.into())
    );
    up.works().await;
}

#[tokio::test]
async fn bodies_that_are_held_back_do_not_take_all_the_room() {
    use tokio::io::AsyncWriteExt;
    let limits = Limits {
        bodies_bytes: 64 << 10,
        body_bytes: 64 << 10,
        ..patient()
    };
    let up = up(limits).await;
    let mut held = up.tls("http/1.1").await;
    let head = format!(
        "POST /mutate HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n",
        64 << 10
    );
    held.write_all(head.as_bytes()).await.unwrap();
    held.write_all(&vec![b' '; (64 << 10) - 1]).await.unwrap();
    held.flush().await.unwrap();
    until(async || up.gate.room_left() == 0).await;
    up.works().await;
    assert_eq!(up.count("connections_ended_total", "evicted").await, 1.0);
}
