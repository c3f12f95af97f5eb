//! Real programs that open, look at and list many files, none of them ours.
//!
//! Each round starts the program anew, so the library's start is in the figures.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::worker::{Plan, alternate};
use super::{percent, rounds};
use crate::bench::Figure;
use crate::bench::stage::Stage;
use crate::exec::Cmd;
use crate::setup;
use crate::versions::APT_BENCH;

/// How much slower a program may become, in per cent.
const PERCENT: f64 = 1.0;
/// Chosen: one run takes some hundred milliseconds.
const RUNS: Plan = Plan {
    lives: 1,
    rounds: 60,
    units: 1,
};

/// The large tree: folders, and files in each.
const FOLDERS: usize = 400;
const FILES: usize = 50;

/// Modules that CPython has had since 3.9 and still has in 3.14, without those that may be left out
/// of a build.
const MODULES: &str = "argparse, ast, asyncio, base64, calendar, cmd, code, codecs, collections, \
     concurrent.futures, configparser, contextlib, copy, csv, dataclasses, datetime, decimal, \
     difflib, dis, email.message, email.mime.text, email.parser, enum, fileinput, fractions, \
     ftplib, getpass, gettext, glob, graphlib, gzip, hashlib, heapq, hmac, html.parser, \
     http.client, http.cookiejar, http.server, imaplib, importlib.metadata, inspect, ipaddress, \
     json, logging.config, logging.handlers, mailbox, mimetypes, multiprocessing.pool, netrc, \
     optparse, pathlib, pdb, pickle, pickletools, pkgutil, platform, plistlib, poplib, pprint, \
     profile, pstats, py_compile, pyclbr, pydoc, queue, random, sched, secrets, selectors, shelve, \
     shlex, shutil, smtplib, socketserver, statistics, string, subprocess, symtable, sysconfig, \
     tarfile, tempfile, textwrap, threading, timeit, tokenize, trace, traceback, types, typing, \
     unittest.mock, urllib.request, urllib.robotparser, uuid, venv, wave, weakref, webbrowser, \
     wsgiref.simple_server, xml.dom.minidom, xml.etree.ElementTree, xml.sax, xmlrpc.client, \
     xmlrpc.server, zipapp, zipfile, zoneinfo";

/// `find`, in the place of one over a whole file system: /usr is its larger part, and can be read
/// by everybody.
pub(in crate::bench) fn find(stage: &Stage) -> Result<Vec<Figure>> {
    setup::packages(APT_BENCH)?;
    compare(stage, "`find /usr -xdev`", &["find", "/usr", "-xdev"])
}

/// `git status` of a repository with 20,000 files, all of them unchanged.
pub(in crate::bench) fn git(stage: &Stage) -> Result<Vec<Figure>> {
    setup::packages(APT_BENCH)?;
    let tree = stage.file("repository");
    fill(&tree)?;
    let status = ["status", "--short"];
    for words in [
        &["init", "--quiet"][..],
        &["add", "."],
        &["commit", "--quiet", "--message=all"],
        // Writes the index anew, with times that later runs need not doubt.
        &status,
    ] {
        Cmd::new("git").args(on(&tree)?).args(words).run()?;
    }
    let what = format!("`git status` of {} files", FOLDERS * FILES);
    let words = [&["git"][..], &on(&tree)?, &status].concat();
    compare(stage, &what, &words)
}

/// CPython, importing a hundred modules.
pub(in crate::bench) fn python(stage: &Stage) -> Result<Vec<Figure>> {
    setup::packages(APT_BENCH)?;
    let python = interpreter()?;
    let script = format!("import {MODULES}");
    let words = [&python, "-I", "-B", "-c", &script];
    let what = format!("CPython importing {} modules", MODULES.split(", ").count());
    compare(stage, &what, &words)
}

fn compare(stage: &Stage, what: &str, words: &[impl AsRef<str>]) -> Result<Vec<Figure>> {
    let rounds = rounds(stage)?;
    let words = || words.iter().map(AsRef::as_ref);
    let pairs = alternate(
        RUNS,
        || Cmd::new(&rounds).arg("spawn").args(words()),
        || stage.serve().arg(&rounds).arg("spawn").args(words()),
    )?;
    Ok(vec![Figure {
        what: format!("{what}: slower by").into(),
        measured: percent(pairs.ratio()),
        bar: PERCENT,
        unit: "%",
        how: pairs.how(),
    }])
}

/// Folders of small files.
fn fill(tree: &Path) -> Result<()> {
    for folder in 0..FOLDERS {
        let folder = tree.join(format!("folder-{folder}"));
        fs::create_dir_all(&folder)?;
        for file in 0..FILES {
            fs::write(folder.join(format!("file-{file}.txt")), "content\n")?;
        }
    }
    Ok(())
}

/// git's options for a repository: whose commit it is, and no work in the background.
fn on(tree: &Path) -> Result<Vec<&str>> {
    let tree = tree.to_str().context("the bench's folder is not UTF-8")?;
    let mut words = vec!["-C", tree];
    for setting in [
        "user.name=bench",
        "user.email=bench@localhost",
        "commit.gpgsign=false",
        "core.fsmonitor=false",
        "gc.auto=0",
        "maintenance.auto=false",
    ] {
        words.extend(["-c", setting]);
    }
    Ok(words)
}

/// The interpreter itself: `python3` on `PATH` may be a script that looks for it.
fn interpreter() -> Result<String> {
    let asked = Cmd::new("python3").args(["-I", "-c", "import sys; print(sys.executable)"]);
    let output = asked.ask()?;
    let text = String::from_utf8(output.stdout).context("python3's answer is not UTF-8")?;
    let path = text.trim();
    ensure!(
        PathBuf::from(path).is_file(),
        "python3 does not say where it is: `{path}`"
    );
    Ok(path.to_owned())
}
