//! When a request is tried again, and after which pause. Pure: the clock and the dice are the
//! caller's.

use std::time::Duration;

/// The first pause. Chosen: longer than a connection takes, short enough not to be noticed.
const FIRST: Duration = Duration::from_millis(200);
/// The longest pause that we choose ourselves.
const LONGEST: Duration = Duration::from_secs(5);

/// The longest wish of a server that counts as one. Chosen: beyond every limit of ours, and small
/// enough to be added to a clock.
const MAX_ASKED: Duration = Duration::from_secs(24 * 60 * 60);

/// The pause before try `attempt` (1 is the first repetition).
///
/// Doubles from 200 ms to 5 s, and is then stretched by up to a half: `dice` is any number, so
/// that clients that failed together do not come back together. What the server asks for with
/// `Retry-After` counts when it is longer.
#[must_use]
pub(super) fn pause(attempt: u32, asked: Option<Duration>, dice: u16) -> Duration {
    let doubled = FIRST.saturating_mul(
        1_u32
            .checked_shl(attempt.saturating_sub(1))
            .unwrap_or(u32::MAX),
    );
    let base = doubled.min(LONGEST).max(asked.unwrap_or_default());
    base.saturating_add(base.saturating_mul(u32::from(dice)) / (2 * u32::from(u16::MAX)))
}

/// Reads `Retry-After` in its form of seconds (RFC 9110, 10.2.3). The form of a date is not used
/// by this API, and is left out.
#[must_use]
pub(super) fn retry_after(text: &str) -> Option<Duration> {
    let seconds: u64 = text.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(MAX_ASKED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_to_a_cap_and_are_stretched_by_half_at_most() {
        let least = |attempt| pause(attempt, None, 0).as_millis();
        assert_eq!([1, 2, 3, 6, 40].map(least), [200, 400, 800, 5000, 5000]);
        assert_eq!(pause(1, None, u16::MAX).as_millis(), 300);
        assert_eq!(pause(u32::MAX, None, u16::MAX).as_millis(), 7500);
    }

    #[test]
    fn a_longer_wish_of_the_server_counts_a_shorter_one_does_not() {
        let wish = |seconds| pause(1, Some(Duration::from_secs(seconds)), 0).as_millis();
        assert_eq!([wish(0), wish(3)], [200, 3000]);
        let endless = pause(3, retry_after("18446744073709551615"), u16::MAX);
        assert_eq!(endless, MAX_ASKED + MAX_ASKED / 2);
        assert!(std::time::Instant::now().checked_add(endless).is_some());
    }

    #[test]
    fn only_seconds_are_read() {
        assert_eq!(retry_after(" 7 "), Some(Duration::from_secs(7)));
        for text in ["", "-1", "1.5", "Wed, 21 Oct 2026 07:28:00 GMT"] {
            assert_eq!(retry_after(text), None, "{text}");
        }
    }
}
