//! The processes behind the streams of popen(3): which stream is whose, without a lock.

use core::sync::atomic::{AtomicI32, AtomicUsize, Ordering};

/// Streams at the same time. Chosen: far more than programs have, and small.
const MAX: usize = 256;

const FREE: usize = 0;
/// A place that somebody is filling.
const TAKEN: usize = 1;

struct Place {
    /// Address of the stream, which is never 0 or 1.
    stream: AtomicUsize,
    process: AtomicI32,
    /// Read for a stream that is there only: zeros take no room in the file.
    fd: AtomicI32,
}

static PLACES: [Place; MAX] = [const {
    Place {
        stream: AtomicUsize::new(FREE),
        process: AtomicI32::new(0),
        fd: AtomicI32::new(0),
    }
}; MAX];

/// A place that is kept for a stream; free again when it is dropped without one.
#[derive(Debug)]
pub struct Reserved(Option<usize>);

/// Keeps a place; `None` when there is none.
#[must_use]
pub fn reserve() -> Option<Reserved> {
    let found = PLACES.iter().position(|place| {
        let free = &place.stream;
        free.compare_exchange(FREE, TAKEN, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    });
    found.map(|index| Reserved(Some(index)))
}

impl Reserved {
    /// `process` writes to or reads from `stream`, whose descriptor is `fd`.
    pub fn fill(mut self, stream: usize, process: i32, fd: i32) {
        // Closed by fclose(3) instead of pclose(3), and the address is used again.
        let _before = take(stream);
        if let Some(place) = self.0.take().and_then(|index| PLACES.get(index)) {
            place.process.store(process, Ordering::Relaxed);
            place.fd.store(fd, Ordering::Relaxed);
            place.stream.store(stream, Ordering::Release);
        }
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if let Some(place) = self.0.and_then(|index| PLACES.get(index)) {
            place.stream.store(FREE, Ordering::Release);
        }
    }
}

/// Forgets `stream`, and answers its process; `None` when it is none of popen's.
pub fn take(stream: usize) -> Option<i32> {
    if stream <= TAKEN {
        return None;
    }
    let place = PLACES
        .iter()
        .find(|place| place.stream.load(Ordering::Acquire) == stream)?;
    let process = place.process.load(Ordering::Relaxed);
    place
        .stream
        .compare_exchange(stream, FREE, Ordering::AcqRel, Ordering::Relaxed)
        .ok()
        .map(|_stream| process)
}

/// The descriptors of all streams.
pub fn descriptors() -> impl Iterator<Item = i32> {
    PLACES
        .iter()
        .filter(|place| place.stream.load(Ordering::Acquire) > TAKEN)
        .map(|place| place.fd.load(Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_taken_once_and_a_place_is_used_again() {
        reserve().unwrap().fill(0x1000, 7, 3);
        reserve().unwrap().fill(0x2000, 8, 4);
        let mut fds: std::vec::Vec<_> = descriptors().collect();
        fds.sort_unstable();
        assert_eq!(fds, [3, 4]);
        // The same address again: the old process is forgotten.
        reserve().unwrap().fill(0x1000, 9, 5);
        assert_eq!(take(0x1000), Some(9));
        assert_eq!(take(0x1000), None);
        assert_eq!(take(0x2000), Some(8));
        assert_eq!((take(0), take(1), take(0x3000)), (None, None, None));
        let all: std::vec::Vec<_> = (0..MAX).map(|_| reserve().unwrap()).collect();
        assert!(reserve().is_none());
        drop(all);
        assert!(reserve().is_some());
    }
}
