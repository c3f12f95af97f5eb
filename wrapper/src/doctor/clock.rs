//! Moments: until when a certificate may stay, and how far two clocks are apart. Pure.

use std::time::{Duration, SystemTime};

use super::report::Verdict;
use crate::source::openbao::probe::Validity;

/// Time before a certificate's end that is soon. Chosen: a week in which a person can act.
const SOON: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// Difference of clocks that is warned of. Chosen: signed tokens are commonly taken with a leeway
/// of a minute for the clocks of both sides together; half of it is left then.
const SKEW: Duration = Duration::from_secs(30);

/// Whether a valid certificate ends soon: within a week, or within the last third of its life if
/// that is shorter. Automatic renewal begins when a third is left (cert-manager's default), so
/// that one that lives for hours is not warned of all its life.
pub(super) fn soon(validity: &Validity, now: SystemTime) -> bool {
    let life = validity
        .not_after
        .duration_since(validity.not_before)
        .unwrap_or_default();
    let left = validity.not_after.duration_since(now).unwrap_or_default();
    left < SOON.min(life / 3)
}

/// A moment for people, in UTC.
pub(super) fn date(moment: SystemTime) -> String {
    humantime::format_rfc3339_seconds(moment).to_string()
}

/// Judges the server's `Date` against our clock.
pub(super) fn skew(server: &str, ours: SystemTime) -> Verdict {
    let Some(theirs) = parse(server) else {
        return Verdict::ok("unknown: the server's Date header is no date");
    };
    let (apart, ahead) = match ours.duration_since(theirs) {
        Ok(apart) => (apart, "ours"),
        Err(error) => (error.duration(), "the server's"),
    };
    let apart = Duration::from_secs(apart.as_secs());
    if apart <= SKEW {
        // The header has whole seconds, and the answer took its time.
        return Verdict::ok(format!("at most {} s", apart.as_secs() + 1));
    }
    Verdict::warn(
        format!(
            "{}; {ahead} is ahead: certificates and signed tokens may seem expired or not yet valid",
            humantime::format_duration(apart)
        ),
        "synchronise both clocks (NTP)",
    )
}

/// An HTTP date in its one form in use, `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, 5.6.7): put in
/// the order of RFC 3339, which the library reads.
fn parse(text: &str) -> Option<SystemTime> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let words: Vec<_> = text.split(' ').collect();
    let &[_, day, month, year, time, "GMT"] = words.as_slice() else {
        return None;
    };
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    humantime::parse_rfc3339(&format!("{year}-{month:02}-{day}T{time}Z")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::report::Outcome;
    use proptest::prelude::*;
    use std::time::UNIX_EPOCH;

    proptest! {
        #[test]
        fn any_header_is_a_date_or_none(text: String, words in "[A-Z][a-z]{2}, [0-9]{1,3} [A-Z][a-z]{2} [0-9]{1,6} [0-9:]{0,9} GMT") {
            for text in [text, words] {
                let _verdict = skew(&text, UNIX_EPOCH);
            }
        }
    }

    /// The moment of RFC 9110's example.
    const EXAMPLE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const SECONDS: u64 = 784_111_777;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn an_http_date_is_read_and_nothing_else() {
        assert_eq!(parse(EXAMPLE), Some(at(SECONDS)));
        for text in [
            "",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Foo 1994 08:49:37 GMT",
            "Sun, 36 Nov 1994 08:49:37 GMT",
            "Sun, -6 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn clocks_apart_are_warned_of_with_the_one_that_is_ahead() {
        for seconds in [0, 30] {
            assert_eq!(skew(EXAMPLE, at(SECONDS + seconds)).outcome, Outcome::Ok);
            assert_eq!(skew(EXAMPLE, at(SECONDS - seconds)).outcome, Outcome::Ok);
        }
        let ours = skew(EXAMPLE, at(SECONDS + 31));
        assert_eq!(ours.outcome, Outcome::Warn);
        assert!(ours.finding.contains("31s; ours is ahead"), "{ours:?}");
        let theirs = skew(EXAMPLE, at(SECONDS - 3600));
        assert!(
            theirs.finding.contains("1h; the server's is ahead"),
            "{theirs:?}"
        );
    }

    #[test]
    fn soon_is_a_week_or_a_third_of_a_short_life() {
        const HOUR: u64 = 3600;
        const DAY: u64 = 24 * HOUR;
        for (life, left, is_soon) in [
            (365 * DAY, 8 * DAY, false),
            (365 * DAY, 6 * DAY, true),
            (24 * HOUR, 9 * HOUR, false),
            (24 * HOUR, 7 * HOUR, true),
        ] {
            let validity = Validity {
                not_before: at(SECONDS),
                not_after: at(SECONDS + life),
            };
            let now = at(SECONDS + life - left);
            assert_eq!(soon(&validity, now), is_soon, "{life} {left}");
        }
    }
}
