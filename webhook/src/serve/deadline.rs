//! The time that the API server gives us: `timeout=10s` in the request's query. Pure.

use std::time::Duration;

/// Without the parameter: the API's default for a webhook (Kubernetes API reference).
const DEFAULT: Duration = Duration::from_secs(10);
/// The longest that the API allows (same place).
const MOST: Duration = Duration::from_secs(30);
/// The part that is kept for the way back: one tenth, and no more than this. Chosen: an answer of
/// ours is some kilobytes on a cluster's network.
const KEPT: Duration = Duration::from_millis(500);

/// The time for the whole decision, below the API server's own time-out.
#[must_use]
pub fn budget(query: Option<&str>) -> Duration {
    let pairs = query.unwrap_or_default().split('&');
    let given = pairs
        .filter_map(|pair| pair.strip_prefix("timeout="))
        .find_map(duration);
    let given = given.unwrap_or(DEFAULT).min(MOST);
    given.saturating_sub(KEPT.min(given / 10))
}

/// Go's way to write a duration, as far as the API server uses it: `10s`, `1m0s`, `500ms`.
fn duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, unit) = rest.split_at_checked(digits)?;
        let number: u32 = number.parse().ok()?;
        let end = unit
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(unit.len());
        let (unit, next) = unit.split_at_checked(end)?;
        let one = match unit {
            "ms" => Duration::from_millis(1),
            "s" => Duration::from_secs(1),
            "m" => Duration::from_secs(60),
            _ => return None,
        };
        total = total.checked_add(one.checked_mul(number)?)?;
        rest = next;
    }
    (total > Duration::ZERO).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_is_below_what_the_api_server_gives() {
        let ms = |query| budget(query).as_millis();
        assert_eq!(ms(Some("timeout=10s")), 9_500);
        assert_eq!(ms(Some("a=b&timeout=1s")), 900);
        assert_eq!(ms(Some("timeout=500ms")), 450);
        assert_eq!(ms(Some("timeout=1m0s")), 29_500);
        for odd in [
            None,
            Some(""),
            Some("timeout=x"),
            Some("timeout=-1s"),
            Some("timeout=0s"),
        ] {
            assert_eq!(ms(odd), 9_500, "{odd:?}");
        }
    }
}
