//! `cargo xtask demo`: a real PostgreSQL server whose password lies in the embedded store, `psql`
//! run through `cloudtaser run` with it, and the proof of where the password is not.
//!
//! The steps are in this file; [`place`] keeps the temporary folder and cleans up, [`server`] is
//! PostgreSQL, [`session`] the running `psql`, [`proof`] the questions asked while it lives.
//! The password is random, passed on through pipes only, and never printed.

use std::io::Write;
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, bail};

use self::needle::Needle;
use self::place::Place;
use self::proof::Row;
use self::server::Server;
use self::session::{Outputs, Session};
use crate::command::Answer;
use crate::exec::Cmd;
use crate::table::{Table, Tone};
use crate::test::report::{Outcome, Report};
use crate::{product, setup, term};

mod files;
mod level;
mod memory;
mod needle;
pub(crate) mod place;
mod proof;
mod server;
mod session;

/// Where the password lies in the store, and how `--env` refers to it.
const PATH: &str = "secret/db";
const FIELD: &str = "password";

/// The command itself: fails when a row does.
pub(crate) fn run() -> Answer {
    let rows = rows()?;
    let mut table = Table::new(&["", "what", "result"]);
    for row in &rows {
        let (word, tone) = if row.good {
            ("ok", Tone::Good)
        } else {
            ("FAILED", Tone::Bad)
        };
        table.row(vec![
            (word.to_owned(), tone),
            (row.what.to_owned(), Tone::Plain),
            (row.result.clone(), Tone::Plain),
        ]);
    }
    print!("\n{}", table.render(term::stdout()));
    Ok(rows.iter().all(|row| row.good))
}

/// The same as a tier of tests: every row is a case.
pub(crate) fn tier(report: &mut Report, filter: Option<&str>) -> Result<()> {
    if filter.is_some_and(|part| !"demo".contains(part)) {
        return Ok(());
    }
    for row in rows()? {
        println!("{}: {}", row.what, row.result);
        let outcome = if row.good {
            Outcome::Passed
        } else {
            Outcome::Failed(row.result)
        };
        report.add(row.what, outcome);
    }
    Ok(())
}

/// Does it all and answers the proof.
fn rows() -> Result<Vec<Row>> {
    setup::for_running()?;
    let cloudtaser = match std::env::var_os("CLOUDTASER_BIN") {
        Some(file) => PathBuf::from(file),
        None => product::build(true)?,
    };
    let place = Place::new()?;
    let password = Needle::random()?;
    let marker = Needle::random()?;
    let mut outputs = Outputs::default();

    let store = Store {
        cloudtaser,
        place: &place,
    };
    store.fill(&password, &mut outputs)?;
    let server = Server::start(&place, &password)?;
    let mut session = Session::start(&store, &server, &marker, &outputs)?;
    let answer = session.ask("select 6 * 7;", "42")?;
    let mut rows = vec![proof::answer(&answer)];
    rows.extend(proof::collect(&place, &session, &password, &marker)?);
    rows.push(session.finish()?);
    outputs.add(
        "postgres",
        &std::fs::read(server.log()).context("cannot read the server's log")?,
    );
    rows.push(proof::output(&outputs, &password, &marker));
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
