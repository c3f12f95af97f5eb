//! How many connections there are, and which one is given up when there are too many: so nobody who
//! holds connections without asking for anything keeps the API server out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use super::activity::Activity;

/// How long one that was given up may take to end before the next is. Chosen: it takes
/// microseconds.
const TURN: Duration = Duration::from_millis(50);
/// How long room may be kept for a body that does not come whole, while others wait for room.
/// Chosen: the largest takes 25 ms of a network of 1 Gbit/s, and a busy machine some times that.
const HOLD: Duration = Duration::from_secs(1);

/// All connections.
#[derive(Debug)]
pub struct Connections {
    places: Arc<Semaphore>,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    all: HashMap<u64, Arc<Activity>>,
}

/// A connection's place.
#[derive(Debug)]
pub struct Place {
    number: u64,
    of: Arc<Connections>,
    /// What it does.
    pub activity: Arc<Activity>,
    _permit: OwnedSemaphorePermit,
}

impl Connections {
    /// At most so many.
    #[must_use]
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            places: Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS))),
            open: Mutex::default(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lock().all.len()
    }

    /// A place, for which another connection may be given up; nothing if none came free in time.
    pub async fn place(self: &Arc<Self>, end: Instant) -> Option<Place> {
        let permit = loop {
            let wait = Arc::clone(&self.places).acquire_owned();
            let turn = if self.places.available_permits() > 0 || !self.evict() {
                // Nobody can be given up: all of them are decided about.
                end
            } else {
                end.min(Instant::now() + TURN)
            };
            match timeout_at(turn, wait).await {
                Ok(permit) => break permit.ok()?,
                Err(_elapsed) if Instant::now() < end => {}
                Err(_elapsed) => return None,
            }
        };
        let activity = Arc::new(Activity::new(Instant::now()));
        let mut open = self.lock();
        let number = open.next;
        open.next = number.wrapping_add(1);
        open.all.insert(number, Arc::clone(&activity));
        drop(open);
        Some(Place {
            number,
            of: Arc::clone(self),
            activity,
            _permit: permit,
        })
    }

    /// Waits for `free`; while it does not come, gives up others that keep room for what they do
    /// not send.
    pub async fn pressing<T>(&self, end: Instant, free: impl Future<Output = T>) -> Option<T> {
        tokio::pin!(free);
        loop {
            if let Ok(answer) = timeout(TURN, &mut free).await {
                return Some(answer);
            }
            let now = Instant::now();
            if now >= end {
                return None;
            }
            let open = self.lock();
            let holding = open
                .all
                .values()
                .filter_map(|one| Some((one.holds()?, one)));
            let late = holding.filter(|(since, _)| now.saturating_duration_since(*since) >= HOLD);
            if let Some((_, one)) = late.min_by_key(|(since, _)| *since) {
                one.evicted.notify_one();
            }
        }
    }

    /// Gives one up; says whether there was one.
    fn evict(&self) -> bool {
        let open = self.lock();
        let ranked = open.all.values();
        let ranked = ranked.filter_map(|one| one.rank().map(|rank| (rank, one)));
        let first = ranked.min_by_key(|(rank, _)| *rank);
        if let Some((_, one)) = first {
            one.evicted.notify_one();
        }
        first.is_some()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.of.lock().all.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_longest_silent_stranger_gives_way_and_who_is_decided_about_does_not() {
        let connections = Connections::new(2);
        let soon = || Instant::now() + Duration::from_secs(20);
        let known = connections.place(soon()).await.unwrap();
        drop(known.activity.receive().decide());
        let stranger = connections.place(soon()).await.unwrap();
        let (told, third) = tokio::join!(
            async {
                stranger.activity.evicted.notified().await;
                drop(stranger);
            },
            connections.place(soon()),
        );
        let () = told;
        let third = third.unwrap();
        let (_one, _other) = (
            known.activity.receive().decide(),
            third.activity.receive().decide(),
        );
        assert!(connections.place(Instant::now()).await.is_none());
        assert_eq!(connections.count(), 2);
    }
}
