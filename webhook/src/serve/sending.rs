//! An answer's body, in small pieces: what is not sent yet stays in the room that is kept for it, and
//! not in the protocol's own buffers.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use hyper::body::{Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::activity::{Activity, Owed};

/// Bytes of a piece. Chosen: HTTP/2 takes one as soon as a stream has a window of one byte, and
/// holds it; 32 streams make it 128 KiB a connection.
const PIECE: usize = 4 << 10;

/// What is left of an answer.
#[derive(Debug)]
struct Sending {
    rest: Bytes,
    _owed: Owed,
    _room: Option<OwnedSemaphorePermit>,
}

/// The body of an answer that is ready now.
pub(super) fn body(
    bytes: Vec<u8>,
    activity: &Arc<Activity>,
    room: Option<OwnedSemaphorePermit>,
) -> Body {
    Body::new(Sending {
        rest: bytes.into(),
        _owed: activity.owe(Instant::now()),
        _room: room,
    })
}

impl hyper::body::Body for Sending {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let length = self.rest.len().min(PIECE);
        // Copied: a part of the whole would keep all of it.
        let piece = Bytes::copy_from_slice(&self.rest.split_to(length));
        Poll::Ready((length > 0).then(|| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(u64::try_from(self.rest.len()).unwrap_or(u64::MAX))
    }
}
