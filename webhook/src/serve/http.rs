//! `POST /mutate`: from an HTTP request to a review's bytes, and from the answer to an HTTP
//! response.
//!
//! A review that is answered has status 200, also when it refuses the pod; other statuses are for
//! what is no review, or is too much. The API server then applies the failure policy, which refuses
//! pods that opted in (*fails closed*). It tries again by itself upon 429 and 503 with
//! `Retry-After`.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use futures_util::FutureExt;
use http_body_util::BodyExt;
use hyper::body::Body as _;
use tokio::sync::SemaphorePermit;
use tokio::time::{Instant, timeout_at};

use super::activity::{Activity, Receiving};
use super::admit::{Admission, AnswerError, Answered, Turn};
use super::connections::Connections;
use super::deadline;
use super::gate::{self, Full, Gate};
use super::sending;
use super::settings::Limits;

/// The path of the webhook configuration.
pub const PATH: &str = "/mutate";
/// Seconds after which whoever was turned away may come again. Chosen: a crowd is gone by then.
const RETRY_AFTER: &str = "1";

/// What every request needs.
#[derive(Debug)]
pub struct Asked {
    /// Answers reviews.
    pub admission: Arc<Admission>,
    /// How much is under way.
    pub gate: Arc<Gate>,
    /// Whose requests.
    pub connections: Arc<Connections>,
    /// The limits.
    pub limits: Limits,
}

/// Why a request is not decided about. Every one has a status, and a word for metrics.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Refusal {
    MediaType,
    NoLength,
    Empty,
    TooLarge,
    Broken,
    Slow,
    Full,
    NoReview,
    Failed,
    Panicked,
}

impl Refusal {
    fn status(self) -> StatusCode {
        match self {
            Self::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::NoLength => StatusCode::LENGTH_REQUIRED,
            Self::Empty | Self::Broken | Self::NoReview => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::Full => StatusCode::TOO_MANY_REQUESTS,
            Self::Failed | Self::Panicked => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn reason(self) -> &'static str {
        match self {
            Self::MediaType => "media_type",
            Self::NoLength => "no_length",
            Self::Empty => "empty",
            Self::TooLarge => "too_large",
            Self::Broken => "broken",
            Self::Slow => "slow",
            Self::Full => "full",
            Self::NoReview => "no_review",
            Self::Failed => "failed",
            Self::Panicked => "panic",
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::MediaType => "the content type must be application/json, without an encoding\n",
            Self::NoLength => "the request must say how long it is\n",
            Self::Empty => "there is no review\n",
            Self::TooLarge => "the review is too large\n",
            Self::Broken => "the review did not come whole\n",
            Self::Slow => "the review did not come in time\n",
            Self::Full => "too many reviews are under way; try again\n",
            Self::NoReview => "this is no AdmissionReview\n",
            Self::Failed | Self::Panicked => "the review could not be answered\n",
        }
    }
}

impl From<Full> for Refusal {
    fn from(_: Full) -> Self {
        Self::Full
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status(), self.text()).into_response();
        if self == Self::Full {
            let after = header::HeaderValue::from_static(RETRY_AFTER);
            response.headers_mut().insert(header::RETRY_AFTER, after);
            // The next try makes a new connection, which the Service may give to another replica.
            let close = header::HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        }
        response
    }
}

/// The one path. Others are 404, other methods 405.
pub fn router(asked: Arc<Asked>) -> Router {
    Router::new().route(PATH, post(mutate)).with_state(asked)
}

async fn mutate(
    State(asked): State<Arc<Asked>>,
    Extension(activity): Extension<Arc<Activity>>,
    request: Request,
) -> Response {
    let metrics = &asked.admission.metrics;
    match asked.answer(&activity, request).await {
        Ok(answered) => {
            let status = if answered.is_review {
                StatusCode::OK
            } else {
                metrics.turn_away(Refusal::NoReview.reason());
                Refusal::NoReview.status()
            };
            let json = [(header::CONTENT_TYPE, "application/json")];
            let body = sending::body(answered.review, &activity, answered.room);
            (status, json, body).into_response()
        }
        Err(refusal) => {
            metrics.turn_away(refusal.reason());
            refusal.into_response()
        }
    }
}

/// A body, and the room that it takes.
struct Read<'g> {
    bytes: Vec<u8>,
    _room: SemaphorePermit<'g>,
}

impl AsRef<[u8]> for Read<'_> {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Asked {
    async fn answer(&self, activity: &Activity, request: Request) -> Result<Answered, Refusal> {
        let started = Instant::now();
        let budget = deadline::budget(request.uri().query());
        let end = started + budget;
        let _place = self.gate.enter()?;
        let receiving = activity.receive();
        if !is_json(request.headers()) {
            return Err(Refusal::MediaType);
        }
        let read = self.read(&receiving, request, end.min(started + self.limits.read));
        let read = read.await?;
        let weight = gate::weight(&read.bytes);
        if weight > self.limits.review_bytes {
            return Err(Refusal::TooLarge);
        }
        let _deciding = receiving.decide();
        let turn = Turn {
            started: started.into_std(),
            budget,
            running: self.gate.run(weight, end).await?,
            gate: &self.gate,
            connections: &self.connections,
        };
        let answer = self.admission.answer(read, turn);
        // The engine is not meant to panic; if it does, this pod alone is refused. Its locks are
        // taken whatever holder panicked, and every value under them is replaced whole.
        let answer = AssertUnwindSafe(answer).catch_unwind().await;
        answer
            .map_err(|_panic| Refusal::Panicked)?
            .map_err(|error| match error {
                AnswerError::Full(full) => full.into(),
                AnswerError::Write(_odd) => Refusal::Failed,
            })
    }

    /// Reads the body, for which all requests together have so much room. It is taken at once, so
    /// that nobody who has a part of it waits for another's.
    async fn read(
        &self,
        receiving: &Receiving<'_>,
        request: Request,
        end: Instant,
    ) -> Result<Read<'_>, Refusal> {
        let mut body: Body = request.into_body();
        // As the protocol's head says it; nothing where it does not.
        let length = body.size_hint().exact();
        let length = length.and_then(|bytes| usize::try_from(bytes).ok());
        let length = length.ok_or(Refusal::NoLength)?;
        if length > self.limits.body_bytes {
            return Err(Refusal::TooLarge);
        }
        let room = self.gate.room(length, end + Duration::from_millis(1));
        let room = self.connections.pressing(end, room).await;
        let room = room.ok_or(Refusal::Full)??;
        receiving.hold(Instant::now());
        let mut bytes = Vec::with_capacity(length);
        loop {
            let frame = timeout_at(end, body.frame()).await;
            let Some(frame) = frame.map_err(|_elapsed| Refusal::Slow)? else {
                break;
            };
            if let Ok(data) = frame.map_err(|_broken| Refusal::Broken)?.into_data() {
                bytes.extend_from_slice(&data);
            }
        }
        match bytes.is_empty() {
            true => Err(Refusal::Empty),
            false => Ok(Read { bytes, _room: room }),
        }
    }
}

/// `application/json`, whatever its parameters, and as it is.
fn is_json(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let kind = text(header::CONTENT_TYPE).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
        && text(header::CONTENT_ENCODING).is_none_or(|how| how.eq_ignore_ascii_case("identity"))
}

#[cfg(test)]
mod tests {
    use super::super::metrics::TURNED_AWAY;
    use super::*;

    #[test]
    fn every_refusal_has_a_metric() {
        use Refusal::{
            Broken, Empty, Failed, Full, MediaType, NoLength, NoReview, Panicked, Slow, TooLarge,
        };
        let all = [
            Broken, Empty, Failed, Full, MediaType, NoLength, NoReview, Panicked, Slow, TooLarge,
        ];
        assert_eq!(all.map(Refusal::reason), TURNED_AWAY);
        assert!(all.iter().all(|one| one.status().as_u16() >= 400));
    }
}
