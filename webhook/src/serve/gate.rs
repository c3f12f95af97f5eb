//! How much is under way at once: requests, and the bytes of their bodies.
//!
//! A request first takes one of the places for all that came (else 429, at once), then reads its
//! body against a budget of bytes that all share, then takes one of the places for decisions. So a
//! client that sends slowly keeps nobody else from being decided about.

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

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
    most: usize,
}

impl Gate {
    /// Places for decisions, more for waiting, and the bytes of all bodies together.
    #[must_use]
    pub fn new(running: usize, waiting: usize, bytes: usize) -> Self {
        let most = running.saturating_add(waiting).min(Semaphore::MAX_PERMITS);
        Self {
            all: Semaphore::new(most),
            running: Semaphore::new(running.min(Semaphore::MAX_PERMITS)),
            bytes: Semaphore::new(bytes.min(Semaphore::MAX_PERMITS)),
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

    /// A place for deciding.
    ///
    /// # Errors
    ///
    /// [`Full::Late`].
    pub async fn run(&self, end: Instant) -> Result<SemaphorePermit<'_>, Full> {
        let place = timeout_at(end, self.running.acquire()).await;
        place.ok().and_then(Result::ok).ok_or(Full::Late)
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

    /// Requests under way.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.most.saturating_sub(self.all.available_permits())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_comes_too_much_is_told_at_once_and_places_come_back() {
        let gate = Gate::new(1, 1, 10);
        let first = gate.enter().unwrap();
        let _second = gate.enter().unwrap();
        assert_eq!(gate.enter().unwrap_err(), Full::Queue);
        assert_eq!(gate.in_flight(), 2);
        drop(first);
        assert!(gate.enter().is_ok());
        let now = Instant::now();
        let _all = gate.room(10, now).await.unwrap();
        assert_eq!(gate.room(1, now).await.unwrap_err(), Full::Late);
        let _runs = gate.run(now).await.unwrap();
        assert_eq!(gate.run(now).await.unwrap_err(), Full::Late);
    }
}
