//! A server that knows nothing newer than TLS 1.1 (RFC 4346).
//!
//! Not a whole one: it reads the client's first message and gives the first answer of such a
//! server, which is where a client that wants more must stop.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::server::front::Front;

/// What the server does with a client that it has nothing in common with.
#[derive(Clone, Copy, Debug)]
pub enum Ancient {
    /// It says so: the alert `protocol_version`, as OpenSSL does.
    Alert,
    /// It chooses TLS 1.1 all the same, and leaves the refusal to the client.
    Hello,
}

impl Ancient {
    /// Starts one.
    #[must_use]
    pub fn start(self) -> Front {
        Front::new(move |mut client, _| {
            if read_hello(&mut client).is_ok() && client.write_all(&self.answer()).is_ok() {
                // Until the client has gone: an end of ours might hide its own reason.
                drop(client.read_to_end(&mut Vec::new()));
            }
        })
    }

    /// One record of TLS 1.1 (`03 02`).
    fn answer(self) -> Vec<u8> {
        match self {
            // Alert, 2 bytes: fatal, protocol_version (70).
            Self::Alert => vec![0x15, 3, 2, 0, 2, 2, 70],
            Self::Hello => {
                // ServerHello: version, random, no session, ECDHE-RSA-AES128-SHA, no compression.
                let mut hello = vec![3, 2];
                hello.extend([7; 32]);
                hello.extend([0, 0xc0, 0x13, 0]);
                let length = u8::try_from(hello.len()).expect("short");
                let mut record = vec![0x16, 3, 2, 0, length + 4, 2, 0, 0, length];
                record.extend(hello);
                record
            }
        }
    }
}

/// The first record, which holds the ClientHello.
fn read_hello(client: &mut TcpStream) -> std::io::Result<()> {
    let mut head = [0; 5];
    client.read_exact(&mut head)?;
    let length = u16::from_be_bytes([head[3], head[4]]);
    client.read_exact(&mut vec![0; usize::from(length)])
}
