//! So many places for each of those who share something: whoever takes all of his own takes none of
//! another's.
//!
//! A semaphore for each name, kept for as long as somebody has or awaits a place of it: names are
//! many, and of anybody's choice.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The shares.
#[derive(Debug)]
pub struct Shares {
    each: usize,
    all: Mutex<HashMap<String, Arc<Semaphore>>>,
}

/// One's share, for as long as this is kept.
#[derive(Debug)]
struct Share<'s> {
    of: &'s Shares,
    name: String,
    places: Arc<Semaphore>,
}

/// Places of a share. The field that is first goes first.
#[derive(Debug)]
pub struct Place<'s> {
    _places: OwnedSemaphorePermit,
    _share: Share<'s>,
}

impl Shares {
    /// So many places for each.
    #[must_use]
    pub fn new(each: usize) -> Self {
        Self {
            each: each.min(Semaphore::MAX_PERMITS),
            all: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Semaphore>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of(&self, name: &str) -> Share<'_> {
        let mut all = self.lock();
        let places = match all.get(name) {
            Some(places) => Arc::clone(places),
            None => {
                let places = Arc::new(Semaphore::new(self.each));
                all.insert(name.to_owned(), Arc::clone(&places));
                places
            }
        };
        drop(all);
        Share {
            of: self,
            name: name.to_owned(),
            places,
        }
    }

    /// Waits for a place of that name's.
    pub async fn place(&self, name: &str) -> Option<Place<'_>> {
        let share = self.of(name);
        // A closed semaphore does not occur: nothing closes it.
        let places = Arc::clone(&share.places).acquire_owned().await.ok()?;
        Some(Place {
            _places: places,
            _share: share,
        })
    }

    /// So many places of that name's, or all of them if they are fewer; nothing if these are not
    /// free.
    #[must_use]
    pub fn places_now(&self, name: &str, many: usize) -> Option<Place<'_>> {
        let share = self.of(name);
        let many = u32::try_from(many.min(self.each)).unwrap_or(u32::MAX);
        let places = Arc::clone(&share.places);
        let places = places.try_acquire_many_owned(many).ok()?;
        Some(Place {
            _places: places,
            _share: share,
        })
    }

    /// How many have or await a place.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lock().len()
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        let mut all = self.of.lock();
        // The map's and ours: copies are made under this lock only, or of a share that lives.
        if Arc::strong_count(&self.places) == 2 {
            all.remove(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_takes_all_of_his_own_takes_none_of_anothers_and_names_are_forgotten() {
        let shares = Shares::new(2);
        let all = (shares.place("one").await, shares.place("one").await);
        assert!(shares.places_now("one", 1).is_none());
        let his = shares.places_now("other", 100);
        assert!(his.is_some(), "at most the whole share");
        assert!(shares.places_now("other", 1).is_none());
        assert_eq!(shares.count(), 2);
        drop(all);
        assert_eq!(shares.count(), 1);
        assert!(shares.places_now("one", 2).is_some());
        drop(his);
        assert_eq!(shares.count(), 0);
    }

    #[tokio::test]
    async fn who_waits_gets_the_place_and_who_stops_waiting_is_forgotten() {
        let shares = Shares::new(1);
        let first = shares.place("one").await;
        let mut waiting = Box::pin(shares.place("one"));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        drop(first);
        assert!(waiting.await.is_some());
        let first = shares.place("one").await;
        let mut waiting = Box::pin(shares.place("one"));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        drop(waiting);
        drop(first);
        assert_eq!(shares.count(), 0);
    }
}
