//! A hundred admissions a second, for as long as a test needs: dry runs of pods that opted in,
//! which do everything but the store.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::installed::{Installed, is_wrapped, wanted};
use crate::process::within;

/// Threads that ask, and how often each does: a hundred a second together.
const THREADS: usize = 10;
const EVERY: Duration = Duration::from_millis(100);

/// Admissions under way.
#[derive(Debug)]
pub struct Load {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    is_over: AtomicBool,
    done: AtomicUsize,
    failed: Mutex<Vec<String>>,
}

impl Load {
    /// Begins.
    #[must_use]
    pub fn start(installed: &Installed, pods: &str) -> Self {
        let shared = Arc::<Shared>::default();
        let threads = (0..THREADS).map(|number| {
            let (admin, pods) = (installed.api.admin().clone(), pods.to_owned());
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || {
                let pod = wanted(&format!("app-{number}"));
                let mut next = Instant::now();
                while !shared.is_over.load(Ordering::SeqCst) {
                    let reply = admin.dry_run(&pods, &pod);
                    shared.done.fetch_add(1, Ordering::SeqCst);
                    if reply.status != 201 || !is_wrapped(&reply.body) {
                        let mut failed = shared.failed.lock().expect("lock");
                        failed.push(format!("{reply:?}"));
                    }
                    next += EVERY;
                    std::thread::sleep(next.saturating_duration_since(Instant::now()));
                }
            })
        });
        Self {
            threads: threads.collect(),
            shared: Arc::clone(&shared),
        }
    }

    /// Waits for so many more, for two minutes at most.
    ///
    /// # Panics
    ///
    /// With what has failed, when they do not come.
    pub fn more(&self, count: usize) {
        let done = || self.shared.done.load(Ordering::SeqCst);
        let before = done();
        let is_so = within(Duration::from_mins(2), || done() >= before + count);
        assert!(is_so, "{:?}", self.shared.failed.lock().expect("lock"));
    }

    /// Ends: how many there were, and what came instead of a wrapped pod.
    ///
    /// # Panics
    ///
    /// When one of its threads did.
    #[must_use]
    pub fn end(self) -> (usize, Vec<String>) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        for thread in self.threads {
            thread.join().expect("a thread");
        }
        let failed = std::mem::take(&mut *self.shared.failed.lock().expect("lock"));
        (self.shared.done.load(Ordering::SeqCst), failed)
    }
}
