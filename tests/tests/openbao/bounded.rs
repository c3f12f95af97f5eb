//! What a server sends without end takes a bounded amount of memory (`docs/server.md`, "Limits").
//!
//! The peak is read when the wrapper asks to revoke its token: it has given the answer up then,
//! and has nothing larger before it. The proxy speaks HTTP/1.1 only.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use cloudtaser_tests::Ended;
use cloudtaser_tests::process::{eventually, peak_memory};
use cloudtaser_tests::running::pid_of;
use cloudtaser_tests::server::Server;
use cloudtaser_tests::server::fault::{ALWAYS, Answer, Proxy};
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};

use super::app::{OneSecret, count};

/// The limit of an answer.
const LIMIT: u64 = 16 << 20;
/// Most memory that an answer takes at its peak, beside what the process has anyway. Chosen: a
/// block of the limit's size, those that it grew out of, which the heap keeps and which have as
/// much together, and a third part for the buffers of connection and HTTP.
const MOST: u64 = 3 * LIMIT;
/// What the control takes. Chosen: more than the wrapper ever may.
const MORE: usize = 64 << 20;

const REVOKE: &str = "POST /v1/auth/token/revoke-self";

/// Most that the kernel holds between both sides: the largest buffers that it gives by itself
/// (tcp(7)). A MiB more for the buffers of both processes.
fn between() -> u64 {
    let most = |name: &str| {
        let text = std::fs::read_to_string(format!("/proc/sys/net/ipv4/{name}")).unwrap();
        let last = text.split_whitespace().last().unwrap();
        last.parse::<u64>().unwrap()
    };
    most("tcp_rmem") + most("tcp_wmem") + (1 << 20)
}

/// The wrapper's peak when it is answered so, and how much the proxy could write.
fn peak(one: &OneSecret, answer: &Answer, says: &str) -> (u64, u64) {
    let proxy = Proxy::new(one.app.server);
    proxy.on("GET", &one.kv.path("app"), ALWAYS, answer.clone());
    proxy.on(
        "POST",
        "/revoke-self",
        ALWAYS,
        Answer::Delayed(Duration::from_secs(1)),
    );
    let wrapper = one.through(&proxy).flag("--retries", "0");
    let mut command = wrapper.command(&["echo", "started"]);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let is_asked = eventually(|| count(&proxy, REVOKE) > 0);
    let peak = peak_memory(pid_of(&child));
    let ended = Ended {
        command: format!("{answer:?}"),
        output: child.wait_with_output().unwrap(),
    };
    assert!(is_asked, "{ended:?}");
    ended.says(&[says]);
    assert_eq!(ended.stdout(), "", "{ended:?}");
    assert!(one.app.tokens().is_empty());
    (peak.expect("it still runs"), proxy.bytes_written())
}

/// What the proxy wrote to somebody who reads on and on.
fn taken_by_a_glutton(answer: Answer) -> u64 {
    let server = Server::shared();
    let proxy = Proxy::new(server);
    proxy.on("", "", ALWAYS, answer);
    let address = proxy.url().replace("https://", "");
    let pki = &server.pki;
    let config = Arc::new(pki.authority.client_config(Some(&pki.client)));
    let name = ServerName::try_from("localhost").unwrap();
    let tls = ClientConnection::new(config, name).unwrap();
    let mut stream = StreamOwned::new(tls, TcpStream::connect(address).unwrap());
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut left = MORE;
    let mut bytes = vec![0; 1 << 16];
    while left > 0 {
        left = left.saturating_sub(stream.read(&mut bytes).unwrap());
    }
    proxy.bytes_written()
}

#[test]
fn whatever_a_server_sends_memory_is_bounded() {
    let one = OneSecret::new();
    let measure = |answer: Answer, says: &str| {
        let measured = peak(&one, &answer, says);
        // Control: it was the wrapper that stopped; the proxy goes on for whoever reads.
        let taken = taken_by_a_glutton(answer.clone());
        assert!(taken > MORE as u64 / 10 * 9, "{answer:?}: {taken} bytes");
        measured
    };
    // What the process has anyway.
    let page = Answer::text(200, "<html>");
    let (base, _) = peak(&one, &page, "no JSON at line 1");
    // The first is refused for what it promises, and not read.
    let huge = measure(Answer::HugeBody, "with more than 16777216 bytes");
    let body = measure(Answer::EndlessBody, "with more than 16777216 bytes");
    let headers = measure(Answer::EndlessHeaders, "message head is too large");
    let between = between();
    let all = format!("peaks, and bytes taken: {base} {huge:?} {body:?} {headers:?}");
    assert!(body.0 < base + MOST, "{all}");
    assert!(huge.0.max(headers.0) < base + LIMIT / 2, "{all}");
    assert!((LIMIT..LIMIT + between).contains(&body.1), "{all}");
    assert!(huge.1 < between && headers.1 < between, "{all}");
    // Control: what is read shows in the peak.
    assert!(body.0 > base + LIMIT, "{all}");
}
