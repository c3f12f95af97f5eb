//! A TLS handshake for its own sake: it tells what the HTTP client does not: why the server breaks
//! off, what was agreed on, and until when its certificate is valid.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use tokio::net::TcpStream;

use super::address::Address;
use super::resolve::look_up;
use super::validity::Validity;

/// What was agreed on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Handshake {
    /// Such as `TLSv1_3`.
    pub version: String,
    /// Such as `X25519MLKEM768`.
    pub key_exchange: Option<String>,
    /// Of the server's certificate.
    pub certificate: Option<Validity>,
}

/// How long an alert is waited for. Chosen: a server that has no complaint says nothing, and the
/// error that brought us here is reported without it.
const ALERT: Duration = Duration::from_millis(500);

/// Why the server ends connections of ours, if it says so: with TLS 1.3 it looks at our
/// certificate after the handshake is over for us, and its alert may come while the HTTP client
/// writes, which then only knows that the connection is gone.
pub(super) async fn refusal(
    address: &Address,
    name: Option<&str>,
    tls: &ClientConfig,
) -> Option<rustls::Error> {
    let alert = async {
        let (mut tls, stream) = connect(address, name, tls).await?;
        loop {
            let error = advance(&mut tls, &stream).await.err();
            match error.map(|error| error.downcast::<rustls::Error>()) {
                None => {}
                Some(Ok(error)) => return Some(error),
                Some(Err(_no_alert)) => return None,
            }
        }
    };
    tokio::time::timeout(ALERT, alert).await.ok()?
}

/// Shakes hands with the server at `address` and hangs up; nothing when anything fails, which
/// other requests explain better. The caller limits the time.
pub(super) async fn shake(
    address: &Address,
    name: Option<&str>,
    tls: &ClientConfig,
) -> Option<Handshake> {
    let (mut tls, stream) = connect(address, name, tls).await?;
    while tls.is_handshaking() || tls.wants_write() {
        advance(&mut tls, &stream).await.ok()?;
    }
    Some(Handshake {
        version: format!("{:?}", tls.protocol_version()?),
        key_exchange: tls
            .negotiated_key_exchange_group()
            .map(|group| format!("{:?}", group.name())),
        certificate: tls
            .peer_certificates()
            .and_then(|chain| Validity::of(chain.first()?)),
    })
}

/// Connects to the first address that takes us, and prepares the handshake. `name` is the one that
/// the certificate must have.
async fn connect(
    address: &Address,
    name: Option<&str>,
    tls: &ClientConfig,
) -> Option<(ClientConnection, TcpStream)> {
    let host = address.url().host_str()?;
    let port = address.url().port_or_known_default()?;
    let name = name.unwrap_or(host).trim_matches(['[', ']']).to_owned();
    let mut stream = None;
    for ip in look_up(host).await.ok()? {
        if let Ok(connected) = TcpStream::connect((ip, port)).await {
            stream = Some(connected);
            break;
        }
    }
    let name = ServerName::try_from(name).ok()?;
    let tls = ClientConnection::new(Arc::new(tls.clone()), name).ok()?;
    Some((tls, stream?))
}

/// Writes what is to be written, or else reads once.
async fn advance(tls: &mut ClientConnection, stream: &TcpStream) -> io::Result<()> {
    let result = if tls.wants_write() {
        stream.writable().await?;
        tls.write_tls(&mut Ready(stream))
    } else {
        stream.readable().await?;
        tls.read_tls(&mut Ready(stream))
    };
    match result {
        Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
        other => other?,
    };
    tls.process_new_packets().map_err(io::Error::other)?;
    Ok(())
}

/// A socket that says `WouldBlock` instead of waiting.
struct Ready<'a>(&'a TcpStream);

impl Read for Ready<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(buffer)
    }
}

impl Write for Ready<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.0.try_write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
