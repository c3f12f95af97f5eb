//! Streams whose descriptor is virtual: the C library answers no number for them (`fileno`), since
//! it knows their callbacks only.

use core::sync::atomic::{AtomicI32, AtomicUsize, Ordering};

/// Streams at the same time. Chosen: far more than programs read secrets at once.
const PLACES: usize = 256;

const FREE: usize = 0;
/// Taken, and the stream is not made yet.
const RESERVED: usize = 1;

struct Place {
    /// Address of the stream, [`FREE`] or [`RESERVED`].
    stream: AtomicUsize,
    fd: AtomicI32,
}

static LIST: [Place; PLACES] = [const {
    Place {
        stream: AtomicUsize::new(FREE),
        fd: AtomicI32::new(0),
    }
}; PLACES];

/// One more than the highest place that was ever taken.
static END: AtomicUsize = AtomicUsize::new(0);

/// Takes a place for a stream that reads from `fd`; `None` when all are taken.
#[must_use]
pub fn reserve(fd: i32) -> Option<usize> {
    let is_taken = |place: &Place| {
        let swapped =
            place
                .stream
                .compare_exchange(FREE, RESERVED, Ordering::Acquire, Ordering::Relaxed);
        swapped.is_ok()
    };
    let index = LIST.iter().position(is_taken)?;
    LIST.get(index)?.fd.store(fd, Ordering::Relaxed);
    END.fetch_max(index.checked_add(1)?, Ordering::Relaxed);
    Some(index)
}

/// The stream at `index` was made, at this address.
pub fn enter(index: usize, stream: usize) {
    if let Some(place) = LIST.get(index) {
        place.stream.store(stream, Ordering::Release);
    }
}

/// The place of a stream.
#[must_use]
pub fn find(stream: usize) -> Option<usize> {
    let end = END.load(Ordering::Relaxed);
    if end == 0 || stream <= RESERVED {
        return None;
    }
    let mut taken = LIST.iter().take(end);
    taken.position(|place| place.stream.load(Ordering::Acquire) == stream)
}

/// The descriptor of the stream at `index`.
#[must_use]
pub fn fd(index: usize) -> Option<i32> {
    Some(LIST.get(index)?.fd.load(Ordering::Relaxed))
}

/// The stream at `index` has no descriptor any more.
pub fn clear(index: usize) {
    if let Some(place) = LIST.get(index) {
        place.fd.store(-1, Ordering::Relaxed);
    }
}

/// The stream at `index` is closed; answers the descriptor that it had.
pub fn release(index: usize) -> Option<i32> {
    let place = LIST.get(index)?;
    let fd = place.fd.load(Ordering::Relaxed);
    place.stream.store(FREE, Ordering::Release);
    Some(fd)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_found_until_it_is_closed() {
        let places: std::vec::Vec<_> = (0..256).map(|fd| reserve(fd).unwrap()).collect();
        assert_eq!(reserve(9), None, "full");
        assert_eq!(find(RESERVED), None);
        enter(places[7], 0x7000);
        assert_eq!(find(0x7000).and_then(fd), Some(7));
        assert_eq!(release(places[7]), Some(7));
        assert_eq!(find(0x7000), None);
        assert_eq!(reserve(8), Some(places[7]));
        for place in places {
            release(place);
        }
    }
}
