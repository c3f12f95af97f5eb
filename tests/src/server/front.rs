//! A TCP listener of the tests' own, a thread for each connection, that ends when it is dropped:
//! the stand-ins and the faults are built on it.

use std::collections::HashMap;
use std::fmt;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// A listener on 127.0.0.1.
#[derive(Debug)]
pub struct Front {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

/// What the listener and its connections know of each other.
#[derive(Default)]
pub struct Shared {
    is_over: Mutex<bool>,
    over: Condvar,
    streams: Mutex<HashMap<usize, TcpStream>>,
    kept: AtomicUsize,
    connections: AtomicUsize,
}

impl Front {
    /// Serves each connection by `handler`, on a thread of its own; the connection ends with it.
    ///
    /// # Panics
    ///
    /// When there is no port.
    pub fn new(handler: impl Fn(TcpStream, &Shared) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let shared = Arc::new(Shared::default());
        let front = Self {
            address,
            shared: Arc::clone(&shared),
        };
        let handler = Arc::new(handler);
        let _thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.expect("accepted");
                if shared.is_over() {
                    break;
                }
                shared.connections.fetch_add(1, Ordering::SeqCst);
                let (shared, handler) = (Arc::clone(&shared), Arc::clone(&handler));
                let _thread = std::thread::spawn(move || {
                    let number = shared.keep(&stream);
                    handler(stream, &shared);
                    shared.end(number);
                });
            }
        });
        front
    }

    /// Its address, for clients that speak TLS.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// How many connections were accepted.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }
}

impl Shared {
    fn is_over(&self) -> bool {
        *self.is_over.lock().expect("lock")
    }

    /// Keeps a handle to the connection, so that it can be ended while its thread reads: by us,
    /// or by its number.
    pub(super) fn keep(&self, stream: &TcpStream) -> usize {
        // Answers here are many small writes.
        stream.set_nodelay(true).expect("TCP_NODELAY");
        let number = self.kept.fetch_add(1, Ordering::SeqCst);
        let handle = stream.try_clone().expect("a handle");
        self.streams.lock().expect("lock").insert(number, handle);
        if self.is_over() {
            self.end(number);
        }
        number
    }

    /// Ends a connection.
    pub(super) fn end(&self, number: usize) {
        let stream = self.streams.lock().expect("lock").remove(&number);
        drop(stream.map(|stream| stream.shutdown(Shutdown::Both)));
    }

    /// Waits until the listener is dropped.
    pub fn wait(&self) {
        while self.pause(Duration::from_hours(1)) {}
    }

    /// Waits for `pause`; `false` as soon as the listener is dropped.
    pub fn pause(&self, pause: Duration) -> bool {
        let end = Instant::now() + pause;
        let mut is_over = self.is_over.lock().expect("lock");
        while !*is_over {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            is_over = self.over.wait_timeout(is_over, left).expect("lock").0;
        }
        false
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("connections", &self.connections)
            .finish_non_exhaustive()
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        *self.shared.is_over.lock().expect("lock") = true;
        self.shared.over.notify_all();
        for (_, stream) in self.shared.streams.lock().expect("lock").drain() {
            drop(stream.shutdown(Shutdown::Both));
        }
        // Wakes the thread that accepts.
        drop(TcpStream::connect(self.address));
    }
}
