//! How much is under way at once: requests, and the bytes of their bodies.
//!
//! A request first takes one of the places for all that came (else 429, at once), then reads its
//! body against a budget of bytes that all share, then takes one of the places for decisions. So a
//! client that sends slowly keeps nobody else from being decided about. What must be looked up is
//! waited for in places of its own, of which each namespace has a share: so a registry that does
//! not answer keeps no other namespace from being decided about. Answers have room until they are
//! taken.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

use super::settings::Limits;
use crate::shares::Shares;

/// Bytes that an answer may take while it is made. Measured: 14 MiB (resident, debug build) for 420
/// containers of short variables, which reach [`crate::decide::MOST_ADDED`].
pub const MAKING: usize = 16 << 20;
/// How much longer a place is waited for by whoever has looked up until his time was over: the
/// refusal says what did not answer.
pub const SPARE: Duration = Duration::from_millis(100);

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
    waiting_bytes: Semaphore,
    namespaces: Shares,
    answers_bytes: Arc<Semaphore>,
    making: u32,
    most: usize,
}

/// A review's places among those that are decided about.
#[derive(Debug)]
pub struct Running<'g> {
    of: &'g Gate,
    bytes: u32,
    end: Instant,
    places: Option<[SemaphorePermit<'g>; 2]>,
}

impl Running<'_> {
    /// Waits for what is looked up, without a place among those that are decided about, and takes
    /// one again.
    ///
    /// # Errors
    ///
    /// [`Full::Queue`], at once, where too many wait or too many of the namespace do, and
    /// [`Full::Late`] afterwards.
    pub async fn aside<T>(
        &mut self,
        namespace: &str,
        found: impl Future<Output = T>,
    ) -> Result<T, Full> {
        let own = usize::try_from(self.bytes).unwrap_or(usize::MAX);
        let own = self.of.namespaces.places_now(namespace, own);
        let _own = own.ok_or(Full::Queue)?;
        let all = self.of.waiting_bytes.try_acquire_many(self.bytes);
        let _all = all.map_err(|_none| Full::Queue)?;
        self.places = None;
        let found = found.await;
        let end = self.end.max(Instant::now() + SPARE);
        self.places = Some(self.of.places(self.bytes, end).await?);
        Ok(found)
    }
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
            waiting_bytes: Semaphore::new(limits.waiting_bytes.min(Semaphore::MAX_PERMITS)),
            namespaces: Shares::new(limits.namespace_bytes),
            answers_bytes: Arc::new(Semaphore::new(
                limits.answers_bytes.min(Semaphore::MAX_PERMITS),
            )),
            making: u32::try_from(MAKING.min(limits.answers_bytes)).unwrap_or(u32::MAX),
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
    pub async fn run(&self, bytes: usize, end: Instant) -> Result<Running<'_>, Full> {
        // The largest reviews run alone.
        let bytes =
            u32::try_from(bytes.min(self.most_running_bytes)).map_err(|_huge| Full::Late)?;
        Ok(Running {
            of: self,
            bytes,
            end,
            places: Some(self.places(bytes, end).await?),
        })
    }

    async fn places(&self, bytes: u32, end: Instant) -> Result<[SemaphorePermit<'_>; 2], Full> {
        let places = async {
            let place = self.running.acquire().await.ok()?;
            let room = self.running_bytes.acquire_many(bytes).await.ok()?;
            Some([place, room])
        };
        let places = timeout_at(end, places).await;
        places.ok().flatten().ok_or(Full::Late)
    }

    /// Room for an answer while it is made; [`keep`] leaves what it takes then.
    ///
    /// # Errors
    ///
    /// [`Full::Late`].
    pub async fn making(&self, end: Instant) -> Result<OwnedSemaphorePermit, Full> {
        let room = Arc::clone(&self.answers_bytes).acquire_many_owned(self.making);
        let room = timeout_at(end, room).await;
        room.ok().and_then(Result::ok).ok_or(Full::Late)
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

/// Gives back what an answer of so many bytes does not take.
pub fn keep(room: &mut OwnedSemaphorePermit, bytes: usize) {
    let rest = room.num_permits().saturating_sub(bytes);
    drop(room.split(rest));
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

    /// Half of the room for those that wait is a namespace's.
    fn small() -> Gate {
        Gate::new(&Limits {
            running: 1,
            running_bytes: 10,
            waiting_bytes: 10,
            namespace_bytes: 5,
            answers_bytes: 10,
            ..Limits::default()
        })
    }

    #[tokio::test]
    async fn who_waits_for_a_registry_keeps_no_other_namespace_from_running() {
        let gate = small();
        let end = Instant::now() + Duration::from_secs(60);
        let never = std::future::pending::<()>;
        let mut first = gate.run(5, end).await.unwrap();
        let mut waiting = Box::pin(first.aside("tar", never()));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        // Its namespace may not wait once more, and it holds no place.
        let mut second = gate.run(1, end).await.unwrap();
        assert_eq!(second.aside("tar", never()).await.unwrap_err(), Full::Queue);
        let found = second.aside("shop", std::future::ready(7)).await;
        assert_eq!(found.unwrap(), 7);
        // It has its place again.
        assert_eq!(gate.run(1, Instant::now()).await.unwrap_err(), Full::Late);
        drop(second);
        drop(waiting);
        drop(first);
        assert_eq!(gate.waiting_bytes.available_permits(), 10);
        assert_eq!(gate.namespaces.count(), 0);
        assert!(gate.run(10, Instant::now()).await.is_ok());
    }

    #[tokio::test]
    async fn an_answer_keeps_what_it_takes_until_it_is_taken() {
        let gate = small();
        let now = Instant::now();
        let mut one = gate.making(now).await.unwrap();
        assert_eq!(gate.making(now).await.unwrap_err(), Full::Late);
        keep(&mut one, 3);
        assert_eq!(gate.answers_bytes.available_permits(), 7);
        drop(one);
        let mut larger = gate.making(now).await.unwrap();
        keep(&mut larger, 100);
        assert_eq!(gate.answers_bytes.available_permits(), 0);
    }
}
