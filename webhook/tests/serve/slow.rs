//! Clients that are slow on purpose: each is ended by itself, and others are served meanwhile.

use std::time::Duration;

use cloudtaser_webhook::serve::settings::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::support::{LIMIT, Up, ask, patient, pod, read, review, until, up};

/// A drop of a drip.
const DROP: Duration = Duration::from_millis(20);

fn hasty() -> Limits {
    Limits {
        read: Duration::from_millis(500),
        ..patient()
    }
}

/// Sends a byte at a time, for ever; answers what came back when the server had enough.
async fn drip(stream: impl AsyncReadExt + AsyncWriteExt + Unpin, text: &[u8]) -> String {
    let (mut reading, mut writing) = tokio::io::split(stream);
    let sending = async {
        for byte in text.iter().chain(std::iter::repeat(&b'a')) {
            if writing.write_all(&[*byte]).await.is_err() || writing.flush().await.is_err() {
                break;
            }
            tokio::time::sleep(DROP).await;
        }
        std::future::pending::<()>().await;
    };
    let mut came = Vec::new();
    let ending = async {
        // A server that cuts a connection says no farewell in TLS.
        let _cut = reading.read_to_end(&mut came).await;
    };
    tokio::select! {
        () = sending => {}
        done = timeout(LIMIT, ending) => done.expect("the server waits for ever"),
    }
    String::from_utf8_lossy(&came).into_owned()
}

/// Runs a slow client beside one that does everything right.
async fn beside<T>(up: &Up, slow: impl Future<Output = T>) -> T {
    let (answer, ()) = tokio::join!(slow, async {
        for _ in 0..5 {
            up.works().await;
        }
    });
    answer
}

#[tokio::test]
async fn a_head_that_drips_is_cut() {
    let up = up(hasty()).await;
    let stream = up.tls("http/1.1").await;
    let slow = drip(stream, b"POST /mutate HTTP/1.1\r\nhost: a\r\nx-long: ");
    assert_eq!(beside(&up, slow).await, "");
    assert_eq!(up.count("connections_ended_total", "head_slow").await, 1.0);
}

#[tokio::test]
async fn the_second_head_of_a_connection_has_its_time_too() {
    let up = up(hasty()).await;
    let mut stream = up.tls("http/1.1").await;
    let first = b"GET /mutate HTTP/1.1\r\nhost: a\r\n\r\n";
    stream.write_all(first).await.unwrap();
    let came = beside(&up, drip(stream, b"GET /mutate HTTP/1.1\r\nx: ")).await;
    assert!(came.starts_with("HTTP/1.1 405"), "{came}");
    assert_eq!(up.count("connections_ended_total", "head_slow").await, 1.0);
}

#[tokio::test]
async fn a_body_that_drips_is_answered_with_408() {
    let up = up(hasty()).await;
    let stream = up.tls("http/1.1").await;
    let head = b"POST /mutate HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n\
                 content-length: 100000\r\n\r\n";
    let mut stream = stream;
    stream.write_all(head).await.unwrap();
    let came = beside(&up, drip(stream, b"{")).await;
    assert!(came.starts_with("HTTP/1.1 408"), "{came}");
    assert_eq!(up.count("turned_away_total", "slow").await, 1.0);
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_cut() {
    let limits = Limits {
        handshake: Duration::from_millis(500),
        ..patient()
    };
    let up = up(limits).await;
    let silent = TcpStream::connect(up.address).await.unwrap();
    let dripping = TcpStream::connect(up.address).await.unwrap();
    // The beginning of a ClientHello.
    let slow = async {
        let mut silent = silent;
        let mut nothing = Vec::new();
        let (_cut, came) = tokio::join!(
            silent.read_to_end(&mut nothing),
            drip(dripping, b"\x16\x03\x01\x20\x00\x01")
        );
        came
    };
    assert_eq!(beside(&up, slow).await, "");
    let count = up.count("connections_ended_total", "handshake_slow").await;
    assert_eq!(count, 2.0);
}

#[tokio::test]
async fn who_does_not_take_its_answers_is_cut() {
    let up = up(hasty()).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let stream = socket.connect(up.address).await.unwrap();
    let mut stream = up.tls_over(stream, "http/1.1").await;
    let one = b"GET /mutate HTTP/1.1\r\nhost: a\r\n\r\n";
    let many = one.repeat(1000);
    let slow = async {
        let pouring = async { while stream.write_all(&many).await.is_ok() {} };
        timeout(LIMIT, pouring)
            .await
            .expect("the server waits for ever");
    };
    beside(&up, slow).await;
    let count = up
        .count("connections_ended_total", "answer_not_taken")
        .await;
    assert_eq!(count, 1.0);
}

#[tokio::test]
async fn an_idle_connection_is_closed_in_order_and_one_in_use_is_not() {
    let limits = Limits {
        idle: Duration::from_millis(300),
        ..patient()
    };
    let up = up(limits).await;
    let mut idle = up.http1().await;
    let (status, _) = read(ask(&mut idle, review("u", &pod("shop"))).await).await;
    assert_eq!(status, 200);
    let mut other = up.http2().await;
    until(async || {
        let _answer = up.works().await;
        idle.ready().await.is_err() && other.ready().await.is_err()
    })
    .await;
    assert!(up.count("connections_ended_total", "idle").await >= 2.0);
}
