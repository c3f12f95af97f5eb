//! What the fault proxy answers: the server's own answer, the same but spoilt, or one of ours.

use std::io;
use std::time::Duration;

use serde_json::{Value, json};

use crate::server::front::Shared;
use crate::server::https::{Connection, Request, head, reply};

/// What is promised of a body that never comes whole: more than any memory.
const HUGE: u64 = 1 << 40;

/// An answer.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The server's.
    Forward,
    /// The server's, so much later.
    Delayed(Duration),
    /// The server's, with its JSON changed.
    Edited(fn(&mut Value)),
    /// The server's, cut after so many bytes of its body; then TLS is closed as it should be.
    CutBody(usize),
    /// The server's, a byte of its body at a time, so far apart.
    DripBody(Duration),
    /// One of ours, well formed.
    Own {
        /// The status.
        status: u16,
        /// Headers.
        headers: Vec<(String, String)>,
        /// The body.
        body: Vec<u8>,
    },
    /// 307 to where the request came from: without end, if it is followed.
    RedirectToSelf,
    /// This status, with our token in the text of the error.
    EchoToken(u16),
    /// A body in chunks, without end.
    EndlessBody,
    /// A body that is promised to have a terabyte; as much of it as is taken.
    HugeBody,
    /// Headers without end.
    EndlessHeaders,
    /// None at all: the request is read, and then nothing.
    Silent,
    /// None: the connection is cut.
    Close,
    /// These bytes, whatever they are; then TLS is closed as it should be.
    Raw(Vec<u8>),
}

/// The server's answer, as it came.
#[derive(Debug)]
pub(super) struct Forwarded {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// This status, with a body as the server's errors have it.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::json(
            status,
            &json!({ "errors": [format!("a fault of {status}")] }),
        )
    }

    /// This status and this JSON.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self::text(status, &body.to_string())
    }

    /// This status and this text, which is called JSON whatever it is.
    #[must_use]
    pub fn text(status: u16, body: &str) -> Self {
        Self::Own {
            status,
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: body.as_bytes().to_vec(),
        }
    }

    /// 307 to there.
    #[must_use]
    pub fn redirect(location: &str) -> Self {
        Self::status(307).with("location", location)
    }

    /// One more header; only for an answer of ours.
    ///
    /// # Panics
    ///
    /// When it is another.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        let Self::Own { headers, .. } = &mut self else {
            panic!("{self:?} has no headers of ours")
        };
        headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Writes it; `true` when the connection can be used for another request. `forward` asks the
    /// server, if it is to be asked.
    pub(super) fn write(
        &self,
        request: &Request,
        connection: &mut Connection,
        shared: &Shared,
        forward: impl FnOnce() -> io::Result<Forwarded>,
    ) -> io::Result<bool> {
        match self {
            Self::Forward => forward()?.write(connection)?,
            Self::Delayed(delay) => {
                let answer = forward()?;
                let _is_over = shared.pause(*delay);
                answer.write(connection)?;
            }
            Self::Edited(edit) => {
                let mut answer = forward()?;
                let mut body = serde_json::from_slice(&answer.body).unwrap_or_default();
                edit(&mut body);
                answer.body = body.to_string().into_bytes();
                answer.write(connection)?;
            }
            Self::CutBody(count) => {
                let answer = forward()?;
                let (bytes, body) = (answer.bytes(), answer.body.len());
                let head = bytes.len() - body;
                connection.write(&bytes[..head + body.min(*count)])?;
                connection.close()?;
                return Ok(false);
            }
            Self::DripBody(pause) => drip(&forward()?, *pause, connection, shared)?,
            Self::Own {
                status,
                headers,
                body,
            } => connection.write(&reply(*status, &borrowed(headers), body))?,
            Self::RedirectToSelf => {
                let headers = [("location", request.path.as_str())];
                connection.write(&reply(307, &headers, b""))?;
            }
            Self::EchoToken(status) => {
                let token = request.header("x-vault-token").unwrap_or_default();
                let body = json!({ "errors": [format!("this token is not good: {token}")] });
                connection.write(&reply(*status, &[], body.to_string().as_bytes()))?;
            }
            Self::EndlessBody => {
                let mut first = head(200, &[("transfer-encoding", "chunked")]);
                first.extend(b"\r\n");
                let filling = [b"10000\r\n".as_slice(), &[b' '; 1 << 16], b"\r\n"].concat();
                pour(connection, &first, &filling, u64::MAX)?;
            }
            Self::HugeBody => {
                let mut first = head(200, &[("content-length", &HUGE.to_string())]);
                first.extend(b"\r\n");
                pour(connection, &first, &[b' '; 1 << 16], HUGE)?;
            }
            Self::EndlessHeaders => {
                let line = format!("x-filling: {}\r\n", "y".repeat(1 << 10));
                pour(connection, &head(200, &[]), line.as_bytes(), u64::MAX)?;
            }
            Self::Silent => {
                shared.wait();
                return Ok(false);
            }
            Self::Close => return Ok(false),
            Self::Raw(bytes) => {
                connection.write(bytes)?;
                connection.close()?;
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Forwarded {
    fn bytes(&self) -> Vec<u8> {
        reply(self.status, &borrowed(&self.headers), &self.body)
    }

    fn write(&self, connection: &mut Connection) -> io::Result<()> {
        connection.write(&self.bytes())
    }
}

fn borrowed(headers: &[(String, String)]) -> Vec<(&str, &str)> {
    let headers = headers.iter();
    headers
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

fn drip(
    answer: &Forwarded,
    pause: Duration,
    connection: &mut Connection,
    shared: &Shared,
) -> io::Result<()> {
    let bytes = answer.bytes();
    let (head, body) = bytes.split_at(bytes.len() - answer.body.len());
    connection.write(head)?;
    for byte in body.chunks(1) {
        connection.write(byte)?;
        if !shared.pause(pause) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
    }
    Ok(())
}

/// `first`, and then `filling` until nobody takes it any more, or `most` bytes have gone.
fn pour(connection: &mut Connection, first: &[u8], filling: &[u8], most: u64) -> io::Result<()> {
    connection.write(first)?;
    let mut left = most;
    while left > 0 {
        connection.write(filling)?;
        left = left.saturating_sub(filling.len() as u64);
    }
    Ok(())
}
