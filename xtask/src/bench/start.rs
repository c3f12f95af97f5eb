//! Time from the wrapper's start to the program's end, over the program alone.
//!
//! The program ends at once, so this is the start overhead plus the wrapper's own ending: a little
//! more than the figure asks for, never less.

use std::borrow::Cow;
use std::fs;

use anyhow::{Context, Result, ensure};

use super::Figure;
use super::paired::{self, Pairs};
use super::stage::{LARGE, SMALL, Secrets, Stage, TEN, THOUSAND, value};
use crate::exec::Cmd;
use crate::setup;
use crate::versions::SOPS;

/// Start overhead with ten secrets, in milliseconds.
const TEN_MS: f64 = 5.0;
/// Our overhead as a part of the peer's.
const OF_SOPS: f64 = 0.2;
/// Start overhead with a thousand secrets, in milliseconds.
const THOUSAND_MS: f64 = 50.0;

/// Ten secrets over the bare program.
pub(super) fn ten(stage: &Stage) -> Result<Vec<Figure>> {
    let pairs = over_bare(stage, SMALL, TEN)?;
    Ok(vec![overhead("start overhead, 10 secrets", &pairs, TEN_MS)])
}

/// A thousand secrets over the bare program.
pub(super) fn thousand(stage: &Stage) -> Result<Vec<Figure>> {
    let pairs = over_bare(stage, LARGE, THOUSAND)?;
    Ok(vec![overhead(
        "start overhead, 1,000 secrets",
        &pairs,
        THOUSAND_MS,
    )])
}

fn over_bare(stage: &Stage, secrets: Secrets, used: usize) -> Result<Pairs> {
    paired::measure(
        || Cmd::new(&stage.bare),
        || stage.run(secrets, used).arg(&stage.bare),
    )
}

/// What the second of each pair takes longer.
pub(super) fn overhead(what: &'static str, pairs: &Pairs, bar: f64) -> Figure {
    Figure {
        what: what.into(),
        measured: pairs.difference() * 1e3,
        bar,
        unit: "ms",
        how: pairs.how(),
    }
}

/// The same ten secrets by `sops exec-env`, decrypted with the same age identity.
pub(super) fn against_sops(stage: &Stage) -> Result<Vec<Figure>> {
    let program = setup::go_tool(SOPS)?;
    let identity = stage.identity(SMALL);
    let text = fs::read_to_string(&identity).context("cannot read the identity")?;
    let recipient = recipient(&text).context("the identity file names no age1… recipient")?;
    let plain: serde_json::Map<_, _> = (0..TEN)
        .map(|n| (format!("SECRET_{n}"), serde_json::Value::from(value(n, 32))))
        .collect();
    let (input, file) = (stage.file("plain.json"), stage.file("sops.json"));
    fs::write(&input, serde_json::Value::from(plain).to_string())?;
    Cmd::new(&program)
        .args(["encrypt", "--age", recipient, "--output"])
        .arg(&file)
        .arg(&input)
        .run()?;
    let sops = || {
        Cmd::new(&program)
            .env("SOPS_AGE_KEY_FILE", &identity)
            .arg("exec-env")
            .arg(&file)
            .arg(&stage.bare)
    };
    let base = over_bare(stage, SMALL, TEN)?.medians().0;
    let pairs = paired::measure(|| stage.run(SMALL, TEN).arg(&stage.bare), sops)?;
    let what = "start overhead, as a part of sops exec-env's";
    Ok(vec![part(what, &pairs, base, OF_SOPS)?])
}

/// What the first of each pair takes over `base`, as a part of what the second does.
pub(super) fn part(
    what: impl Into<Cow<'static, str>>,
    pairs: &Pairs,
    base: f64,
    bar: f64,
) -> Result<Figure> {
    ensure!(
        pairs.medians().1 > base,
        "the peer is not slower than nothing: the measurement is wrong"
    );
    Ok(Figure {
        what: what.into(),
        measured: pairs.ratio_over(base),
        bar,
        unit: "×",
        how: pairs.how(),
    })
}

/// The public key in the comment that age-keygen writes too: `# public key: age1…`.
fn recipient(identity: &str) -> Option<&str> {
    identity
        .split_whitespace()
        .find(|word| word.starts_with("age1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipient_stands_in_the_comment() {
        let text = "# created: now\n# public key: age1xyz\nAGE-SECRET-KEY-1ABC\n";
        assert_eq!(recipient(text), Some("age1xyz"));
        assert_eq!(recipient("AGE-SECRET-KEY-1ABC"), None);
    }
}
