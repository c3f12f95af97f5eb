//! The three phases of a server's life, and the signal that begins its end.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// Where we are.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub enum Phase {
    /// Everything is answered.
    #[default]
    Serving,
    /// Not ready any more; whoever comes nevertheless is answered, and told to go elsewhere next.
    Draining,
    /// Nobody is let in; what is under way ends.
    Closing,
}

/// Who tells the phase.
pub type Teller = watch::Sender<Phase>;
/// Who is told.
pub type Told = watch::Receiver<Phase>;

/// The first phase.
#[must_use]
pub fn phases() -> (Teller, Told) {
    watch::channel(Phase::default())
}

/// Waits for a phase, or a later one. Without a teller any more, it is the last.
pub async fn reached(told: &mut Told, phase: Phase) {
    let _gone = told.wait_for(|now| *now >= phase).await;
}

/// The signals to end: SIGTERM, as the kubelet sends it, and SIGINT of a terminal.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From here on they wait for [`Self::asked`]. To be called first: as PID 1 of a container we
    /// would else not get the one that comes early.
    ///
    /// # Errors
    ///
    /// The system's, where signals cannot be waited for.
    pub fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for one; its name.
    pub async fn asked(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
