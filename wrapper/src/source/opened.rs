//! The sources of one start, from the first that is opened to the last that is closed.

use super::{Closing, Ending, Fields, ReadError, Request, SourceConfig, SourceError, SourceKind};
use crate::report::Report;
use crate::sys::signal::{self, SignalMask};

/// What a source answers: one for each request, in their order.
type Answers = Vec<Result<Fields, ReadError>>;

/// What sources have left to be closed. [`Opened::close`] ends them; it is not done by dropping,
/// because it takes time and says what it could not do.
#[derive(Default)]
pub struct Opened {
    to_close: Vec<Box<dyn Closing>>,
    /// The signal mask that we found, once every signal is blocked.
    found: Option<SignalMask>,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened")
            .field("to_close", &self.to_close.len())
            .finish_non_exhaustive()
    }
}

impl Opened {
    /// Opens a source and reads from it. With a source that takes signals, they stay blocked from
    /// here on, so that none ends us before it is closed.
    ///
    /// # Errors
    ///
    /// [`SourceError`].
    pub fn read(
        &mut self,
        kind: &SourceKind,
        config: &SourceConfig,
        requests: &[Request],
    ) -> Result<Answers, SourceError> {
        let mut source = (kind.open)(config)?;
        if source.takes_signals() && self.found.is_none() {
            let found = signal::block_all().map_err(|cause| SourceError {
                source_name: kind.name,
                status: crate::status::INTERNAL,
                cause: cause.into(),
            })?;
            self.found = Some(found);
        }
        let answers = source.read(requests);
        self.to_close.extend(source.leave());
        answers
    }

    /// The signal mask that the program is to get, if it is not in force any more.
    #[must_use]
    pub fn found_mask(&self) -> Option<SignalMask> {
        self.found
    }

    /// Closes every source once. What fails is said; there is nothing else to be done about it.
    pub fn close(&mut self, ending: Ending, report: Report) {
        for open in std::mem::take(&mut self.to_close) {
            if let Err(error) = open.close(ending) {
                report.warn(format_args!(
                    "the login token is not revoked and ends by itself: {}",
                    crate::report::chain(&error)
                ));
            }
        }
    }
}
