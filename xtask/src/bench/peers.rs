//! Peers that start a program with secrets from the same server, over the same mutual TLS.
//!
//! Each is first seen to deliver what we deliver. vals and consul-template have no login by
//! certificate: they get a token, which spares them the login and its revocation. The agent logs
//! in by certificate as we do. vals and the agent set variables; consul-template cannot put a
//! secret into one, so it writes a file.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::fetch::{over_bare, over_mark};
use super::server::FEW;
use super::stage::Stage;
use super::start::part;
use super::{Figure, configs, paired};
use crate::exec::Cmd;
use crate::setup;
use crate::versions::{CONSUL_TEMPLATE, VALS};

/// Our overhead as a part of the peer's.
const OF_VALS: f64 = 0.25;
const OF_AGENT: f64 = 0.25;
const OF_CONSUL_TEMPLATE: f64 = 0.5;
/// Pairs with the agent. Chosen: it takes more than two seconds each time.
const AGENT_ROUNDS: usize = 10;

/// A peer's configuration, on the stage.
const FILE: &str = "peer.conf";

/// A peer, and how it is measured.
struct Peer<'a> {
    name: &'static str,
    bar: f64,
    rounds: usize,
    /// It cannot log in by certificate.
    has_token: bool,
    /// A program that prints the secrets as `NAME=VALUE`.
    shows: &'a [&'a str],
    /// The content of its configuration, given the program to start.
    config: &'a dyn Fn(&[&str]) -> String,
    /// Its command, given that file and the program to start.
    command: &'a dyn Fn(&Path, &[&str]) -> Cmd,
}

/// `vals exec`.
pub(super) fn vals(stage: &Stage) -> Result<Vec<Figure>> {
    let program = setup::go_tool(VALS)?;
    let access = &stage.server()?.access;
    let peer = Peer {
        name: "vals exec",
        has_token: true,
        bar: OF_VALS,
        rounds: paired::ROUNDS,
        shows: &["/usr/bin/env"],
        config: &|_| configs::vals(access),
        command: &|file, words| {
            Cmd::new(&program)
                .args(["exec", "-s", "-f"])
                .arg(file)
                .args(words)
                .env("VAULT_ADDR", configs::vals_address(access))
                .env("VAULT_CACERT", &access.ca_cert)
                .env("VAULT_CLIENT_CERT", &access.client_cert)
                .env("VAULT_CLIENT_KEY", &access.client_key)
                .env("VAULT_TOKEN_FILE", &access.token_file)
        },
    };
    against(&peer, stage)
}

/// The server's own agent as a process supervisor.
pub(super) fn agent(stage: &Stage) -> Result<Vec<Figure>> {
    let server = stage.server()?;
    let peer = Peer {
        name: "the server's own agent",
        has_token: false,
        bar: OF_AGENT,
        rounds: AGENT_ROUNDS,
        shows: &["/usr/bin/env"],
        config: &|words| configs::agent(&server.access, words),
        command: &|file, _| {
            let agent = Cmd::new(&server.program).arg("agent");
            agent.arg(format!("-config={}", file.display()))
        },
    };
    against(&peer, stage)
}

/// `consul-template -once` with a program.
pub(super) fn consul_template(stage: &Stage) -> Result<Vec<Figure>> {
    let program = setup::go_tool(CONSUL_TEMPLATE)?;
    let access = &stage.server()?.access;
    let token = fs::read_to_string(&access.token_file).context("cannot read the token")?;
    let rendered = stage.file("consul-template.out");
    let peer = Peer {
        name: "consul-template -once",
        has_token: true,
        bar: OF_CONSUL_TEMPLATE,
        rounds: paired::ROUNDS,
        shows: &["/bin/cat", &rendered.to_string_lossy()],
        config: &|words| configs::consul_template(access, &token, &rendered, words),
        command: &|file, _| {
            let once = Cmd::new(&program).arg("-once");
            once.arg("-config").arg(file)
        },
    };
    against(&peer, stage)
}

/// Measures us and a peer in turns, after both were seen to do the same: to the program's start,
/// to the end, and, if the peer has a token, to the end with a token for us as well.
fn against(peer: &Peer<'_>, stage: &Stage) -> Result<Vec<Figure>> {
    prove(peer, stage)?;
    let (server, file) = (stage.server()?, stage.file(FILE));
    let ours = || server.run(&stage.cloudtaser, FEW);
    let mut figures = Vec::new();

    let mark = stage.mark.to_string_lossy();
    write(&file, &(peer.config)(&[&mark]))?;
    let pairs = paired::measure_by(
        paired::to_mark,
        peer.rounds,
        || ours().arg(&stage.mark),
        || (peer.command)(&file, &[&mark]),
    )?;
    let base = over_mark(stage, peer.rounds)?.medians().0;
    let login = if peer.has_token {
        ", which has a token"
    } else {
        ""
    };
    let what = format!(
        "start overhead from the server as a part of {}'s{login}, to the program's start",
        peer.name
    );
    figures.push(part(what, &pairs, base, peer.bar)?);

    let bare = stage.bare.to_string_lossy();
    write(&file, &(peer.config)(&[&bare]))?;
    let theirs = || (peer.command)(&file, &[&bare]);
    let to_exit = |ours: &dyn Fn() -> Cmd| {
        paired::measure_by(
            paired::to_exit,
            peer.rounds,
            || ours().arg(&stage.bare),
            theirs,
        )
    };
    let base = over_bare(stage, FEW, peer.rounds)?.medians().0;
    let what = "the same to the exit, with our login's revocation";
    figures.push(part(what, &to_exit(&ours)?, base, peer.bar)?);
    if peer.has_token {
        let pairs = to_exit(&|| server.run_with_token(&stage.cloudtaser, FEW))?;
        let what = "the same with a token for us too";
        figures.push(part(what, &pairs, base, peer.bar)?);
    }
    Ok(figures)
}

/// A peer that does less than we do is none.
fn prove(peer: &Peer<'_>, stage: &Stage) -> Result<()> {
    let file = stage.file(FILE);
    write(&file, &(peer.config)(peer.shows))?;
    let ours = secrets(stage.server()?.run(&stage.cloudtaser, FEW).arg("env"))?;
    let theirs = secrets((peer.command)(&file, peer.shows))?;
    ensure!(
        ours.len() == FEW.variables().count() && ours == theirs,
        "{} does not deliver the same secrets: {} of ours, {} of its own",
        peer.name,
        ours.len(),
        theirs.len()
    );
    Ok(())
}

/// The lines `SECRET_N=VALUE` that a program prints.
fn secrets(cmd: Cmd) -> Result<BTreeSet<String>> {
    let shown = cmd.shown().to_owned();
    let output = cmd.ask()?;
    ensure!(
        output.status.success(),
        "`{shown}` ended with {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8_lossy(&output.stdout);
    let lines = text.lines().filter(|line| line.starts_with("SECRET_"));
    Ok(lines.map(str::to_owned).collect())
}

fn write(file: &Path, content: &str) -> Result<()> {
    fs::write(file, content).with_context(|| format!("cannot write {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_secrets_are_read() {
        let cmd = Cmd::new("echo").arg("PATH=/\nSECRET_0=a=b\nnoise SECRET_1=c");
        let found = secrets(cmd).unwrap();
        assert_eq!(Vec::from_iter(found), ["SECRET_0=a=b"]);
        assert!(secrets(Cmd::new("false")).is_err());
    }
}
