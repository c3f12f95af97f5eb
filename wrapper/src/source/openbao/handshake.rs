//! A TLS handshake for its own sake: what was agreed on, and until when the server's certificate
//! is valid. The HTTP client tells neither.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use tokio::net::TcpStream;

use super::address::Address;
use super::resolve::look_up;
use super::validity::Validity;

/// How long an alert is waited for. Chosen: it follows the handshake at once; without it, the error
/// that made us ask is reported as it is.
const ALERT: Duration = Duration::from_millis(500);

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

/// Shakes hands with the server at `address` and hangs up; nothing when anything fails, which
/// other requests explain better. `name` is the one that the certificate must have.
pub(super) async fn shake(
    address: &Address,
    name: Option<&str>,
    config: &ClientConfig,
) -> Option<Handshake> {
    let (mut tls, stream) = connect(address, name, config).await?;
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

/// Why the server ends a connection, if it is TLS that tells. Under TLS 1.3 it looks at our
/// certificate after our handshake is over: who sends a request at once may see the connection
/// reset before the alert. Here nothing is sent.
pub(super) async fn refusal(
    address: &Address,
    name: Option<&str>,
    config: &ClientConfig,
) -> Option<rustls::Error> {
    let alert = async {
        let (mut tls, stream) = connect(address, name, config).await?;
        loop {
            if let Err(error) = advance(&mut tls, &stream).await {
                return error.downcast().ok();
            }
        }
    };
    // A server without a complaint may say nothing, for ever.
    tokio::time::timeout(ALERT, alert).await.ok()?
}

async fn connect(
    address: &Address,
    name: Option<&str>,
    config: &ClientConfig,
) -> Option<(ClientConnection, TcpStream)> {
    let host = address.url().host_str()?;
    let port = address.url().port_or_known_default()?;
    let name = name.unwrap_or(host).trim_matches(['[', ']']).to_owned();
    let name = ServerName::try_from(name).ok()?;
    for ip in look_up(host).await.ok()? {
        if let Ok(stream) = TcpStream::connect((ip, port)).await {
            let tls = ClientConnection::new(Arc::new(config.clone()), name).ok()?;
            return Some((tls, stream));
        }
    }
    None
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
