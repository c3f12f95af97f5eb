//! Many reviews at once, each on a connection of its own, as an API server sends them (HTTP/1.1).

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use rustls::{ClientConnection, StreamOwned};

use super::installed::{Installed, Replica};

/// What came of it.
#[derive(Debug)]
pub struct Burst {
    /// From the request's first byte to the answer's last, shortest first.
    pub took: Vec<Duration>,
    /// Answers that did not allow the pod.
    pub failed: usize,
}

impl Burst {
    /// The time within which so many of a hundred were answered.
    #[must_use]
    pub fn percentile(&self, of_hundred: usize) -> Duration {
        let index = self.took.len().saturating_mul(of_hundred).div_ceil(100);
        let took = self.took.get(index.saturating_sub(1));
        took.copied().unwrap_or(Duration::MAX)
    }
}

/// Sends `count` reviews at once; each connection has served one before.
///
/// # Panics
///
/// When a connection cannot be made.
#[must_use]
pub fn at_once(installed: &Installed, replica: &Replica, count: usize, review: &str) -> Burst {
    let request = format!(
        "POST /mutate?timeout=10s HTTP/1.1\r\nhost: cloudtaser-webhook.cloudtaser.svc\r\n\
         accept: application/json\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{review}",
        review.len()
    );
    let (request, start) = (Arc::new(request), Arc::new(Barrier::new(count)));
    let address = replica.reviews;
    let threads: Vec<_> = (0..count)
        .map(|_| {
            let (request, start) = (Arc::clone(&request), Arc::clone(&start));
            let connection = installed.connection();
            std::thread::spawn(move || {
                let stream = TcpStream::connect(address).expect("connected");
                stream.set_nodelay(true).expect("TCP_NODELAY");
                let mut stream = StreamOwned::new(connection, stream);
                let first = exchange(&mut stream, &request);
                start.wait();
                let began = Instant::now();
                let second = exchange(&mut stream, &request);
                let took = began.elapsed();
                (took, is_allowed(first) && is_allowed(second))
            })
        })
        .collect();
    let done = threads
        .into_iter()
        .map(|thread| thread.join().expect("a thread"));
    let (mut took, fine): (Vec<_>, Vec<_>) = done.unzip();
    took.sort();
    let failed = fine.into_iter().filter(|is_fine| !is_fine).count();
    Burst { took, failed }
}

/// One request and its answer's body, if the status is 200.
fn exchange(
    stream: &mut StreamOwned<ClientConnection, TcpStream>,
    request: &str,
) -> io::Result<Option<Vec<u8>>> {
    stream.write_all(request.as_bytes())?;
    stream.flush()?;
    let (mut bytes, mut part) = (Vec::new(), [0; 8 << 10]);
    loop {
        let count = stream.read(&mut part)?;
        if count == 0 {
            return Ok(None);
        }
        bytes.extend_from_slice(&part[..count]);
        let mut headers = [httparse::EMPTY_HEADER; 32];
        let mut head = httparse::Response::new(&mut headers);
        let Ok(httparse::Status::Complete(begin)) = head.parse(&bytes) else {
            continue;
        };
        let mut headers = head.headers.iter();
        let length = headers.find(|header| header.name.eq_ignore_ascii_case("content-length"));
        let length = length.and_then(|header| std::str::from_utf8(header.value).ok());
        let length: usize = length
            .and_then(|text| text.parse().ok())
            .unwrap_or_default();
        if bytes.len() >= begin + length {
            let is_fine = head.code == Some(200);
            return Ok(is_fine.then(|| bytes.split_off(begin)));
        }
    }
}

fn is_allowed(answer: io::Result<Option<Vec<u8>>>) -> bool {
    let body = answer.ok().flatten().unwrap_or_default();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    body["response"]["allowed"] == true
}
