//! The three phases of a server's life, and the signal that begins its end.

use tokio::signal::unix::{SignalKind, signal};
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

/// Waits for the signal to end: SIGTERM, as the kubelet sends it, or SIGINT of a terminal.
///
/// # Errors
///
/// The system's, where signals cannot be waited for.
pub async fn asked() -> std::io::Result<&'static str> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => Ok("SIGTERM"),
        _ = interrupt.recv() => Ok("SIGINT"),
    }
}
