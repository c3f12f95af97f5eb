//! `cargo xtask demo`: a real PostgreSQL server whose password lies in the embedded store, `psql`
//! run through `cloudtaser run` with it as a file and as a variable, the proof of where the
//! password is not, and what to type next.
//!
//! The steps are in this file; [`place`] keeps the temporary folder and cleans up, [`server`] is
//! PostgreSQL, [`session`] a running `psql`, [`proof`] the questions asked while it lives.
//! The password is random, passed on through pipes only, and never printed.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};

use self::needle::Needle;
use self::outputs::Outputs;
use self::place::Place;
use self::proof::Sought;
use self::row::Row;
use self::server::Server;
use self::session::{Session, Way};
use crate::command::Answer;
use crate::exec::Cmd;
use crate::table::{Table, Tone};
use crate::test::report::{Outcome, Report};
use crate::{product, setup, term};

mod files;
mod level;
mod memory;
mod needle;
mod next;
mod outputs;
pub(crate) mod place;
mod proof;
mod row;
mod server;
mod session;

/// Where the password lies in the store, and how `--env` refers to it.
const PATH: &str = "secret/db";
const FIELD: &str = "password";

/// The command itself: fails when a row does.
pub(crate) fn run() -> Answer {
    let cloudtaser = binary()?;
    let rows = rows(&cloudtaser)?;
    let mut table = Table::new(&["", "what", "result"]);
    for row in &rows {
        let (word, tone) = if row.good {
            ("ok", Tone::Good)
        } else {
            ("FAILED", Tone::Bad)
        };
        table.row(vec![
            (word.to_owned(), tone),
            (row.what.clone(), Tone::Plain),
            (row.result.clone(), Tone::Plain),
        ]);
    }
    print!("\n{}", table.render(term::stdout()));
    print!("{}", next::text(&cloudtaser));
    Ok(rows.iter().all(|row| row.good))
}

/// The same as a tier of tests: every row is a case.
pub(crate) fn tier(report: &mut Report, filter: Option<&str>) -> Result<()> {
    if filter.is_some_and(|part| !"demo".contains(part)) {
        return Ok(());
    }
    for row in rows(&binary()?)? {
        println!("{}: {}", row.what, row.result);
        let outcome = if row.good {
            Outcome::Passed
        } else {
            Outcome::Failed(row.result)
        };
        report.add(&row.what, outcome);
    }
    Ok(())
}

/// The binary: the one that the caller names, else built.
fn binary() -> Result<PathBuf> {
    setup::for_running()?;
    match std::env::var_os("CLOUDTASER_BIN") {
        Some(file) => Ok(PathBuf::from(file)),
        None => product::build(true),
    }
}

/// Does it all and answers the proof.
fn rows(cloudtaser: &Path) -> Result<Vec<Row>> {
    let place = Place::new()?;
    let password = Needle::random()?;
    let marker = Needle::random()?;
    let mut outputs = Outputs::default();

    let store = Store {
        cloudtaser: cloudtaser.to_owned(),
        place: &place,
    };
    store.fill(&password, &mut outputs)?;
    let server = Server::start(&place, &password)?;
    let sought = Sought {
        value: &password,
        marker: &marker,
    };
    let mut rows = Vec::new();
    let begin = |way: Way| -> Result<(Session, Vec<Row>)> {
        println!("\n{}", term::stdout().bold(way.says()));
        let mut session = Session::start(&store, &server, way, &marker, &outputs)?;
        let mut rows = vec![session.ask("select 6 * 7;", "42")?];
        rows.extend(proof::collect(&session, sought)?);
        Ok((session, rows))
    };
    let (file, asked) = begin(Way::File)?;
    rows.extend(asked);
    let (variable, asked) = begin(Way::Variable)?;
    rows.extend(asked);
    rows.push(proof::file_system(&place, sought)?);
    let (control, asked) = begin(Way::Plain)?;
    rows.extend(asked);
    for session in [file, variable, control] {
        rows.push(session.finish()?);
    }
    let log = std::fs::read(server.log()).context("cannot read the server's log")?;
    outputs.add("postgres", &log);
    rows.push(proof::output(&outputs, sought));
    rows.push(level::protection(&store));
    Ok(rows)
}

/// The encrypted store and who reads it.
#[derive(Debug)]
pub(crate) struct Store<'a> {
    cloudtaser: PathBuf,
    place: &'a Place,
}

impl Store<'_> {
    /// `cloudtaser` with a subcommand and the options that name the store.
    fn command(&self, words: &[&str]) -> Cmd {
        Cmd::new(&self.cloudtaser)
            .args(words)
            .arg("--store")
            .arg(self.place.private("store.age"))
            .arg("--identity")
            .arg(self.place.private("identity.txt"))
    }

    /// Makes the store and puts the password into it through a pipe.
    fn fill(&self, password: &Needle, outputs: &mut Outputs) -> Result<()> {
        let made = self
            .command(&["store", "init"])
            .into_std()
            .stdin(Stdio::null())
            .output();
        outputs.of(
            "store init",
            &made.context("cannot run `cloudtaser store init`")?,
        )?;
        let mut child = self
            .command(&["store", "set", PATH, FIELD])
            .into_std()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot run `cloudtaser store set`")?;
        let Some(mut stdin) = child.stdin.take() else {
            bail!("no pipe to `cloudtaser store set`")
        };
        stdin
            .write_all(password.text().as_bytes())
            .context("cannot hand over the password")?;
        drop(stdin);
        outputs.of("store set", &child.wait_with_output()?)
    }
}
