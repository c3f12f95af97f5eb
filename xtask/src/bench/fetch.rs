//! The start with secrets from a real server: TLS with client certificate, login, fetch, and the
//! login token's revocation at the end.

use anyhow::Result;

use super::Figure;
use super::paired::{self, Pairs, ROUNDS};
use super::server::{FEW, MANY, Planted};
use super::stage::Stage;
use super::start::overhead;
use crate::exec::Cmd;

/// Start overhead with ten secrets in five paths, in milliseconds; the limit is 25.
const TEN_MS: f64 = 15.0;
/// With a thousand in a thousand paths.
const THOUSAND_MS: f64 = 1000.0;
/// Pairs with a thousand secrets. Chosen: each takes most of a second.
const THOUSAND_ROUNDS: usize = 10;

/// Ten secrets: to the program's first instructions, and to our exit, which comes after the
/// login's revocation.
pub(super) fn ten(stage: &Stage) -> Result<Vec<Figure>> {
    Ok(vec![
        overhead(
            "start overhead from the server, 10 secrets in 5 paths, to the program's start",
            &over_mark(stage, ROUNDS)?,
            TEN_MS,
        ),
        overhead(
            "the same to our exit, with the login's revocation",
            &over_bare(stage, FEW, ROUNDS)?,
            TEN_MS,
        ),
    ])
}

/// A thousand secrets over the bare program.
pub(super) fn thousand(stage: &Stage) -> Result<Vec<Figure>> {
    Ok(vec![overhead(
        "start overhead from the server, 1,000 secrets in 1,000 paths",
        &over_bare(stage, MANY, THOUSAND_ROUNDS)?,
        THOUSAND_MS,
    )])
}

/// The bare program alone and with secrets, to the end.
pub(super) fn over_bare(stage: &Stage, secrets: Planted, rounds: usize) -> Result<Pairs> {
    let server = stage.server()?;
    paired::measure_by(
        paired::to_exit,
        rounds,
        || Cmd::new(&stage.bare),
        || server.run(&stage.cloudtaser, secrets).arg(&stage.bare),
    )
}

/// The program that says when it has started, alone and with ten secrets, until it says so.
pub(super) fn over_mark(stage: &Stage, rounds: usize) -> Result<Pairs> {
    let server = stage.server()?;
    paired::measure_by(
        paired::to_mark,
        rounds,
        || Cmd::new(&stage.mark),
        || server.run(&stage.cloudtaser, FEW).arg(&stage.mark),
    )
}
