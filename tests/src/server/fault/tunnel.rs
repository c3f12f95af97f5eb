//! An HTTP proxy that works (RFC 9110, section 9.3.6): it connects to whatever it is asked for,
//! and remembers that.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::{Arc, Mutex};

use super::tcp::{TcpFault, join};
use crate::server::front::{Front, Shared};

/// A running proxy.
#[derive(Debug)]
pub struct Tunnel {
    front: Front,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Tunnel {
    /// Starts one.
    #[must_use]
    pub fn start() -> Self {
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let known = Arc::clone(&asked);
        let front = Front::new(move |client, shared| serve(client, &known, shared));
        Self { front, asked }
    }

    /// Its address, as `--proxy` takes it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.front.address)
    }

    /// First lines of everything that it was asked, such as `CONNECT 127.0.0.1:8200 HTTP/1.1`.
    ///
    /// # Panics
    ///
    /// When a thread of ours panicked.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("lock").clone()
    }

    /// How many connections came, understood or not.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.front.connections()
    }
}

fn serve(mut client: TcpStream, asked: &Mutex<Vec<String>>, shared: &Shared) {
    // Byte by byte: what comes after the empty line is not ours.
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        match client.read(&mut byte) {
            Ok(1) => head.extend(byte),
            _ => return,
        }
    }
    let text = String::from_utf8_lossy(&head);
    let line = text.lines().next().unwrap_or_default();
    asked.lock().expect("lock").push(line.to_owned());
    let target = line.strip_prefix("CONNECT ");
    let target = target.and_then(|rest| rest.split(' ').next());
    let address = target.and_then(|target| target.to_socket_addrs().ok()?.next());
    match address {
        None => drop(client.write_all(b"HTTP/1.1 502 -\r\ncontent-length: 0\r\n\r\n")),
        Some(address) => {
            if client.write_all(b"HTTP/1.1 200 -\r\n\r\n").is_ok() {
                join(client, address, TcpFault::None, shared);
            }
        }
    }
}
