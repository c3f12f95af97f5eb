//! HTTP/1.1 over TLS, the server's side: only what the stand-ins and the faults need.
//!
//! Requests are read by httparse, with a body of known length; answers are written as bytes, so
//! that they may be as wrong as a test wants them.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustls::server::WebPkiClientVerifier;
use rustls::{ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion};

use super::certs::{Authority, Identity, provider};

/// Most header lines of a request. Chosen: clients send about ten.
const HEADERS: usize = 64;

/// A request that was read whole.
#[derive(Clone, Debug)]
pub struct Request {
    /// GET, POST, LIST …
    pub method: String,
    /// Path and query, as they stand in the first line.
    pub path: String,
    /// HTTP/1.x.
    pub minor_version: u8,
    /// Names in lower case, in their order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// A connection over which TLS is spoken.
#[derive(Debug)]
pub struct Connection {
    stream: StreamOwned<ServerConnection, TcpStream>,
    buffer: Vec<u8>,
    written: Arc<AtomicU64>,
}

/// Shows `identity`; demands a client certificate of `clients`, if given; speaks these `versions`
/// of TLS.
///
/// # Panics
///
/// When rustls does not take the identity.
#[must_use]
pub fn server_config(
    identity: &Identity,
    clients: Option<&Authority>,
    versions: &[&'static SupportedProtocolVersion],
) -> Arc<ServerConfig> {
    let builder = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(versions)
        .expect("versions with ciphers");
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let roots = Arc::new(authority.roots());
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider()).build();
            builder.with_client_cert_verifier(verifier.expect("a verifier"))
        }
    };
    let (chain, key) = identity.der();
    let mut config = builder.with_single_cert(chain, key).expect("identity");
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}

impl Request {
    /// The value of a header; its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

impl Connection {
    /// Shakes hands.
    ///
    /// # Errors
    ///
    /// When the other side does not like us, or we not it.
    pub fn accept(mut stream: TcpStream, config: Arc<ServerConfig>) -> io::Result<Self> {
        let mut tls = ServerConnection::new(config).map_err(io::Error::other)?;
        while tls.is_handshaking() {
            let (read, written) = tls.complete_io(&mut stream)?;
            if read + written == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(Self {
            stream: StreamOwned::new(tls, stream),
            buffer: Vec::new(),
            written: Arc::default(),
        })
    }

    /// Adds the bytes that it writes to this number.
    #[must_use]
    pub fn counting(mut self, written: Arc<AtomicU64>) -> Self {
        self.written = written;
        self
    }

    /// What was agreed on in the handshake.
    #[must_use]
    pub fn tls(&self) -> &ServerConnection {
        &self.stream.conn
    }

    /// The next request; nothing when the other side has closed.
    ///
    /// # Errors
    ///
    /// When what comes is no request that is understood here, or the connection ends within one.
    pub fn request(&mut self) -> io::Result<Option<Request>> {
        loop {
            if let Some((mut request, head, body)) = parse(&self.buffer)? {
                let whole = head + body;
                while self.buffer.len() < whole {
                    if self.fill()? == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                let rest = self.buffer.split_off(whole);
                request.body.extend(&self.buffer[head..]);
                self.buffer = rest;
                return Ok(Some(request));
            }
            if self.fill()? == 0 {
                return Ok(None);
            }
        }
    }

    fn fill(&mut self) -> io::Result<usize> {
        let mut bytes = [0; 16 << 10];
        let count = match self.stream.read(&mut bytes) {
            // Closed without a word, as clients do that are in a hurry.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => 0,
            other => other?,
        };
        self.buffer.extend(&bytes[..count]);
        Ok(count)
    }

    /// Says that nothing more will come, which a cut connection does not.
    ///
    /// # Errors
    ///
    /// When the connection is gone.
    pub fn close(&mut self) -> io::Result<()> {
        self.stream.conn.send_close_notify();
        self.stream.flush()
    }

    /// Writes these bytes.
    ///
    /// # Errors
    ///
    /// When the connection is gone.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.flush()?;
        self.written.fetch_add(bytes.len() as u64, Ordering::SeqCst);
        Ok(())
    }
}

/// An answer with its length.
#[must_use]
pub fn reply(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut bytes = head(status, headers);
    bytes.extend(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
    bytes.extend(body);
    bytes
}

/// An answer's first line and these headers, without the empty line that ends them.
#[must_use]
pub fn head(status: u16, headers: &[(&str, &str)]) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {status} -\r\n");
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    text.into_bytes()
}

/// A request without its body, and the lengths of head and body.
fn parse(bytes: &[u8]) -> io::Result<Option<(Request, usize, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    let status = parsed.parse(bytes).map_err(io::Error::other)?;
    let httparse::Status::Complete(head) = status else {
        return Ok(None);
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let headers: Vec<_> = parsed
        .headers
        .iter()
        .map(|header| (header.name.to_lowercase(), text(header.value)))
        .collect();
    let request = Request {
        method: parsed.method.unwrap_or_default().to_owned(),
        path: parsed.path.unwrap_or_default().to_owned(),
        minor_version: parsed.version.unwrap_or_default(),
        headers,
        body: Vec::new(),
    };
    if request.header("transfer-encoding").is_some() {
        return Err(io::Error::other("a chunked request is not understood here"));
    }
    let body = request.header("content-length").map(str::parse::<usize>);
    let body = body.transpose().map_err(io::Error::other)?;
    Ok(Some((request, head, body.unwrap_or_default())))
}
