//! What a connection does, as far as its limits need to know: whether the head of a request is on
//! its way, whether an answer is not taken, whether it is idle, whether it may be given up for
//! others.
//!
//! Pure but for the lock: times come from the caller.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::settings::Limits;

/// A connection's state.
#[derive(Debug)]
pub struct Activity {
    state: Mutex<State>,
    /// Told when the connection is given up.
    pub(super) evicted: Notify,
}

#[derive(Debug)]
struct State {
    /// HTTP/1, where bytes between requests are the next one's head.
    counts_heads: bool,
    receiving: usize,
    /// Since when a body is awaited that room is kept for.
    holds: Option<Instant>,
    deciding: usize,
    has_served: bool,
    head: Option<Instant>,
    stuck: Option<Instant>,
    /// Answers that were not taken whole, and since when they are there.
    owed: BTreeMap<u64, Instant>,
    next: u64,
    last: Instant,
}

/// Why a connection is ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Overdue {
    /// The head of a request did not come whole in time.
    Head,
    /// An answer was not taken in time.
    Answer,
    /// Nothing was asked for long.
    Idle,
}

/// How readily a connection is given up for another: strangers first, those that have served last;
/// in each, the one that has been silent for longest.
pub(super) type Rank = (bool, bool, Instant);

impl Activity {
    /// A new connection.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        let state = Mutex::new(State {
            counts_heads: false,
            receiving: 0,
            holds: None,
            deciding: 0,
            has_served: false,
            head: None,
            stuck: None,
            owed: BTreeMap::new(),
            next: 0,
            last: now,
        });
        Self {
            state,
            evicted: Notify::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Requests follow each other from here on (HTTP/1).
    pub fn count_heads(&self) {
        self.lock().counts_heads = true;
    }

    /// Bytes came.
    pub fn read(&self, now: Instant) {
        let mut state = self.lock();
        if state.counts_heads && state.receiving + state.deciding == 0 {
            state.head.get_or_insert(now);
        }
    }

    /// Bytes were taken, or were not.
    pub fn wrote(&self, now: Instant, is_stuck: bool) {
        let mut state = self.lock();
        if is_stuck {
            state.stuck.get_or_insert(now);
        } else {
            state.stuck = None;
        }
    }

    /// A request's head is there, whatever it asks for.
    pub fn begin(&self, now: Instant) {
        let mut state = self.lock();
        state.head = None;
        state.last = now;
    }

    /// Its body comes until [`Receiving::decide`].
    pub fn receive(&self) -> Receiving<'_> {
        self.lock().receiving += 1;
        Receiving { of: self }
    }

    /// An answer is there, and is to be taken whole.
    #[must_use]
    pub fn owe(self: &Arc<Self>, now: Instant) -> Owed {
        let mut state = self.lock();
        let number = state.next;
        state.next = number.wrapping_add(1);
        state.owed.insert(number, now);
        drop(state);
        Owed {
            of: Arc::clone(self),
            number,
        }
    }

    /// What is overdue.
    #[must_use]
    pub fn overdue(&self, limits: &Limits, now: Instant) -> Option<Overdue> {
        let state = self.lock();
        let is_past = |since: Instant, most: Duration| now.saturating_duration_since(since) >= most;
        // The socket of a client that gives a stream of HTTP/2 no window is not stuck.
        let waiting = [state.stuck, state.owed()].into_iter().flatten().min();
        if waiting.is_some_and(|since| is_past(since, limits.read)) {
            return Some(Overdue::Answer);
        }
        if state.head.is_some_and(|since| is_past(since, limits.read)) {
            return Some(Overdue::Head);
        }
        let is_idle = state.receiving + state.deciding == 0 && is_past(state.last, limits.idle);
        is_idle.then_some(Overdue::Idle)
    }

    /// When to look again: nothing can be overdue before.
    #[must_use]
    pub fn look_again(&self, limits: &Limits, now: Instant) -> Instant {
        let state = self.lock();
        let read = now + limits.read.min(limits.idle);
        let ends = [state.stuck, state.owed(), state.head]
            .into_iter()
            .flatten();
        let ends = ends.map(|since| since + limits.read);
        ends.chain([state.last + limits.idle])
            .filter(|end| *end > now)
            .fold(read, Instant::min)
    }

    /// Its place among those that may be given up; nothing while something is decided for it.
    pub(super) fn rank(&self) -> Option<Rank> {
        let state = self.lock();
        let rank = (state.has_served, state.receiving == 0, state.last);
        (state.deciding == 0).then_some(rank)
    }

    /// Since when room is kept for a body that does not come, or for an answer that is not taken.
    pub(super) fn holds(&self) -> Option<Instant> {
        let state = self.lock();
        let holds = state.holds.filter(|_| state.deciding == 0);
        [holds, state.owed()].into_iter().flatten().min()
    }

    /// Whether giving it up would lose a request or an answer under way: then it may end in good
    /// order.
    pub(super) fn has_served(&self) -> bool {
        self.lock().has_served
    }
}

impl State {
    /// Since when the oldest answer is not taken.
    fn owed(&self) -> Option<Instant> {
        // They are numbered as they come.
        self.owed.values().next().copied()
    }
}

/// An answer that was not taken whole.
#[derive(Debug)]
pub struct Owed {
    of: Arc<Activity>,
    number: u64,
}

impl Drop for Owed {
    fn drop(&mut self) {
        let mut state = self.of.lock();
        state.owed.remove(&self.number);
        state.last = Instant::now();
    }
}

/// A request whose body comes.
#[derive(Debug)]
pub struct Receiving<'a> {
    of: &'a Activity,
}

impl<'a> Receiving<'a> {
    /// Room is kept for the body from now on.
    pub fn hold(&self, now: Instant) {
        self.of.lock().holds.get_or_insert(now);
    }

    /// The body is there.
    #[must_use]
    pub fn decide(self) -> Deciding<'a> {
        let of = self.of;
        let mut state = of.lock();
        state.deciding += 1;
        drop(state);
        Deciding { of }
    }
}

impl Drop for Receiving<'_> {
    fn drop(&mut self) {
        let mut state = self.of.lock();
        state.receiving = state.receiving.saturating_sub(1);
        if state.receiving == 0 {
            state.holds = None;
        }
        state.last = Instant::now();
    }
}

/// A request that is decided about.
#[derive(Debug)]
pub struct Deciding<'a> {
    of: &'a Activity,
}

impl Drop for Deciding<'_> {
    fn drop(&mut self) {
        let mut state = self.of.lock();
        state.deciding = state.deciding.saturating_sub(1);
        state.has_served = true;
        state.last = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn limits() -> Limits {
        Limits {
            read: 5 * SECOND,
            idle: 100 * SECOND,
            ..Limits::default()
        }
    }

    #[tokio::test]
    async fn a_head_has_its_time_from_its_first_byte_and_idleness_another() {
        let (now, limits) = (Instant::now(), limits());
        let activity = Activity::new(now);
        activity.count_heads();
        assert_eq!(activity.overdue(&limits, now + 99 * SECOND), None);
        let idle = Some(Overdue::Idle);
        assert_eq!(activity.overdue(&limits, now + 100 * SECOND), idle);
        activity.read(now + 10 * SECOND);
        // More bytes give no more time.
        activity.read(now + 14 * SECOND);
        assert_eq!(activity.overdue(&limits, now + 14 * SECOND), None);
        let head = Some(Overdue::Head);
        assert_eq!(activity.overdue(&limits, now + 15 * SECOND), head);
        assert_eq!(
            activity.look_again(&limits, now + 12 * SECOND),
            now + 15 * SECOND
        );
        activity.begin(now + 14 * SECOND);
        let receiving = activity.receive();
        assert_eq!(activity.overdue(&limits, now + 1000 * SECOND), None);
        drop(receiving);
        assert_eq!(activity.overdue(&limits, now + 15 * SECOND), None);
    }

    #[tokio::test]
    async fn an_answer_that_is_not_taken_ends_the_connection() {
        let (now, limits) = (Instant::now(), limits());
        let activity = Activity::new(now);
        activity.wrote(now, true);
        activity.wrote(now + SECOND, true);
        let answer = Some(Overdue::Answer);
        assert_eq!(activity.overdue(&limits, now + 5 * SECOND), answer);
        activity.wrote(now + 5 * SECOND, false);
        assert_eq!(activity.overdue(&limits, now + 5 * SECOND), None);
    }

    #[tokio::test]
    async fn each_answer_has_its_time_whatever_the_socket_takes() {
        let (now, limits) = (Instant::now(), limits());
        let activity = Arc::new(Activity::new(now));
        let (one, two) = (activity.owe(now), activity.owe(now + SECOND));
        activity.wrote(now + 4 * SECOND, false);
        assert_eq!(activity.holds(), Some(now));
        let answer = Some(Overdue::Answer);
        assert_eq!(activity.overdue(&limits, now + 5 * SECOND), answer);
        drop(one);
        assert_eq!(activity.overdue(&limits, now + 5 * SECOND), None);
        assert_eq!(activity.overdue(&limits, now + 6 * SECOND), answer);
        drop(two);
        assert_eq!(activity.overdue(&limits, now + 6 * SECOND), None);
        assert_eq!(activity.holds(), None);
    }

    #[tokio::test]
    async fn strangers_are_given_up_first_and_whom_we_decide_about_never() {
        let now = Instant::now();
        let (old, new) = (Activity::new(now), Activity::new(now + SECOND));
        drop(old.receive().decide());
        assert!(new.rank() < old.rank());
        let deciding = new.receive().decide();
        assert_eq!(new.rank(), None);
        drop(deciding);
        assert!(new.rank().is_some());
    }
}
