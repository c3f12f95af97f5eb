//! How much is under way at once: requests, and the bytes of their bodies.
//!
//! A request first takes one of the places for all that came (else 429, at once), then reads its
//! body against a budget of bytes that all share, then takes one of the places for decisions. So a
//! client that sends slowly keeps nobody else from being decided about.

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

use super::settings::Limits;

/// Bytes that a value of JSON takes at most, beside its own text: as a value (32, and 32 for its
/// own small piece of the heap) and as a field of the pod (24, and 32).
const VALUE: usize = 128;

/// Bytes that a review takes at most once it is read. Its text alone says little: a list of single
/// digits becomes sixty times as large.
#[must_use]
pub fn weight(body: &[u8]) -> usize {
    // Each value but the first stands behind one of these; those inside texts count too.
    let is_before_value = |byte: &&u8| matches!(byte, b',' | b':' | b'[' | b'{');
    let values = body.iter().filter(is_before_value).count();
    // Text stands in the value, in the pod, and in the copy that a look-up works on.
    let texts = body.len().saturating_mul(3);
    values.saturating_mul(VALUE).saturating_add(texts)
}

/// Why a request is not let in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Full {
    /// All places are taken, those for waiting too.
    Queue,
    /// None became free in time.
    Late,
}

/// The places.
#[derive(Debug)]
pub struct Gate {
    all: Semaphore,
    running: Semaphore,
    bytes: Semaphore,
    running_bytes: Semaphore,
    most_running_bytes: usize,
    most: usize,
}

impl Gate {
    /// The places that these limits give.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        let (running, waiting) = (limits.running, limits.waiting);
        let most = running.saturating_add(waiting).min(Semaphore::MAX_PERMITS);
        let most_running_bytes = limits.running_bytes.min(Semaphore::MAX_PERMITS);
        Self {
            all: Semaphore::new(most),
            running: Semaphore::new(running.min(Semaphore::MAX_PERMITS)),
            bytes: Semaphore::new(limits.bodies_bytes.min(Semaphore::MAX_PERMITS)),
            running_bytes: Semaphore::new(most_running_bytes),
            most_running_bytes,
            most,
        }
    }

    /// A place for a request that came.
    ///
    /// # Errors
    ///
    /// [`Full::Queue`], at once.
    pub fn enter(&self) -> Result<SemaphorePermit<'_>, Full> {
        // A closed semaphore does not occur: nothing closes it.
        self.all.try_acquire().map_err(|_none| Full::Queue)
    }

    /// A place for deciding about a review of this [`weight`].
    ///
    /// # Errors
    ///
    /// [`Full::Late`].
    pub async fn run(&self, bytes: usize, end: Instant) -> Result<[SemaphorePermit<'_>; 2], Full> {
        // The largest reviews run alone.
        let bytes =
            u32::try_from(bytes.min(self.most_running_bytes)).map_err(|_huge| Full::Late)?;
        let places = async {
            let place = self.running.acquire().await.ok()?;
            let room = self.running_bytes.acquire_many(bytes).await.ok()?;
            Some([place, room])
        };
        let places = timeout_at(end, places).await;
        places.ok().flatten().ok_or(Full::Late)
    }

    /// Room for a part of a body.
    ///
    /// # Errors
    ///
    /// [`Full::Late`].
    pub async fn room(&self, bytes: usize, end: Instant) -> Result<SemaphorePermit<'_>, Full> {
        let bytes = u32::try_from(bytes).map_err(|_huge| Full::Late)?;
        let room = timeout_at(end, self.bytes.acquire_many(bytes)).await;
        room.ok().and_then(Result::ok).ok_or(Full::Late)
    }

    /// Bytes of bodies that there is room for.
    #[must_use]
    pub fn room_left(&self) -> usize {
        self.bytes.available_permits()
    }

    /// Requests under way.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.most.saturating_sub(self.all.available_permits())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weight_is_of_values_and_not_of_text() {
        assert_eq!(weight(b""), 0);
        assert_eq!(weight(&[b'a'; 1000]), 3000);
        assert_eq!(weight(b"[0,0]"), 3 * 5 + 2 * VALUE);
        assert_eq!(weight(b"{\"a\":0}"), 3 * 7 + 2 * VALUE);
    }

    #[tokio::test]
    async fn who_comes_too_much_is_told_at_once_and_places_come_back() {
        let gate = Gate::new(&Limits {
            running: 1,
            waiting: 1,
            bodies_bytes: 10,
            running_bytes: 10,
            ..Limits::default()
        });
        let first = gate.enter().unwrap();
        let _second = gate.enter().unwrap();
        assert_eq!(gate.enter().unwrap_err(), Full::Queue);
        assert_eq!(gate.in_flight(), 2);
        drop(first);
        assert!(gate.enter().is_ok());
        let now = Instant::now();
        let _all = gate.room(10, now).await.unwrap();
        assert_eq!(gate.room(1, now).await.unwrap_err(), Full::Late);
        let _runs = gate.run(100, now).await.unwrap();
        assert_eq!(gate.run(0, now).await.unwrap_err(), Full::Late);
    }
}
