//! The lint tier: each check is one line of the table.
//!
//! Checks that read the tree themselves ([`markdown`], [`rules`]) are pure functions over file
//! texts; the others are programs.

use std::path::PathBuf;

use anyhow::Result;

use crate::command::Answer;
use crate::exec::Cmd;
use crate::test::report::{Outcome, Report};
use crate::versions::{APT_LINT, CARGO_DENY, CARGO_MACHETE};
use crate::{paths, setup};

mod markdown;
mod rules;
mod tree;

/// A check: its name in the table, and what runs it.
struct Lint {
    name: &'static str,
    run: fn() -> Result<Outcome>,
}

const LINTS: &[Lint] = &[
    Lint {
        name: "house rules",
        run: house_rules,
    },
    Lint {
        name: "Markdown links",
        run: markdown_links,
    },
    Lint {
        name: "cargo fmt",
        run: || program(cargo(&["fmt", "--all", "--", "--check"])),
    },
    Lint {
        name: "cargo fmt of tests/fuzz",
        run: || fuzz(&["fmt"], &["--", "--check"]),
    },
    Lint {
        name: "cargo fmt of enforcer-ebpf",
        run: || program(kernel_programs_fmt().arg("--check")),
    },
    Lint {
        name: "shellcheck",
        run: shellcheck,
    },
    Lint {
        name: "cargo clippy",
        run: clippy,
    },
    Lint {
        name: "cargo clippy of tests/fuzz",
        run: || fuzz(&["clippy"], &["--", "-D", "warnings"]),
    },
    Lint {
        name: "cargo doc",
        run: documentation,
    },
    Lint {
        name: "cargo machete",
        run: machete,
    },
    Lint {
        name: "cargo deny check bans licenses sources",
        run: deny,
    },
    Lint {
        name: "cargo deny check advisories",
        run: advisories,
    },
];

/// Runs the checks whose name contains the filter.
pub(crate) fn tier(report: &mut Report, filter: Option<&str>) -> Result<()> {
    for lint in LINTS
        .iter()
        .filter(|lint| filter.is_none_or(|part| lint.name.contains(part)))
    {
        let outcome = (lint.run)().unwrap_or_else(|error| Outcome::Failed(format!("{error:#}")));
        report.add(lint.name, outcome);
    }
    Ok(())
}

/// `cargo xtask fmt`.
pub(crate) fn format() -> Answer {
    cargo(&["fmt", "--all"]).run()?;
    fuzz(&["fmt"], &[])?;
    kernel_programs_fmt().run()?;
    Ok(true)
}

/// The kernel programs are a workspace of their own. Clippy does not come with their compiler.
fn kernel_programs_fmt() -> Cmd {
    cargo(&["fmt", "--manifest-path", "enforcer-ebpf/Cargo.toml", "--"])
}

fn cargo(args: &[&str]) -> Cmd {
    Cmd::new("cargo").args(args).dir(paths::root())
}

/// A program that passes when it succeeds.
fn program(cmd: Cmd) -> Result<Outcome> {
    let status = cmd.status()?;
    Ok(if status.success() {
        Outcome::Passed
    } else {
        Outcome::Failed(format!("{status}; see the output above"))
    })
}

fn clippy() -> Result<Outcome> {
    program(cargo(&[
        "clippy",
        "--locked",
        "--workspace",
        "--all-targets",
        // Tests of the tier `openbao` are behind one.
        "--all-features",
        "--",
        "-D",
        "warnings",
    ]))
}

/// Broken links in doc comments are errors like any other.
fn documentation() -> Result<Outcome> {
    let doc = cargo(&[
        "doc",
        "--locked",
        "--workspace",
        "--no-deps",
        "--document-private-items",
    ]);
    program(doc.env(
        "RUSTDOCFLAGS",
        "-D warnings -A rustdoc::private_intra_doc_links",
    ))
}

/// A cargo command for the fuzz targets, which are a workspace of their own.
fn fuzz(before: &[&str], after: &[&str]) -> Result<Outcome> {
    let manifest = paths::root().join("tests/fuzz/Cargo.toml");
    if !manifest.is_file() {
        return Ok(Outcome::Skipped(
            "there is no package tests/fuzz".to_owned(),
        ));
    }
    program(
        cargo(before)
            .arg("--manifest-path")
            .arg(manifest)
            .args(after),
    )
}

fn machete() -> Result<Outcome> {
    program(
        Cmd::new(setup::cargo_tool(CARGO_MACHETE)?)
            .arg(".")
            .dir(paths::root()),
    )
}

fn cargo_deny(args: &[&str]) -> Result<Cmd> {
    Ok(Cmd::new(setup::cargo_tool(CARGO_DENY)?)
        .args(args)
        .dir(paths::root()))
}

fn deny() -> Result<Outcome> {
    program(cargo_deny(&[
        "--locked",
        "check",
        "--hide-inclusion-graph",
        "bans",
        "licenses",
        "sources",
    ])?)
}

/// Known defects of dependencies. Without the database nothing is known: that is a skip with its
/// reason, not a pass.
fn advisories() -> Result<Outcome> {
    let fetched = cargo_deny(&["fetch", "db"])?.ask()?;
    if !fetched.status.success() {
        let text = String::from_utf8_lossy(&fetched.stderr);
        let why = text.trim().lines().last().unwrap_or_default().to_owned();
        return Ok(Outcome::Skipped(format!(
            "cannot fetch the advisory database: {why}"
        )));
    }
    program(cargo_deny(&[
        "--locked",
        "check",
        "--disable-fetch",
        "advisories",
    ])?)
}

fn shellcheck() -> Result<Outcome> {
    setup::packages(APT_LINT)?;
    let is_script = |file: &&PathBuf| {
        file.extension().is_some_and(|ext| ext == "sh") || file.ends_with(".ci/run")
    };
    let files = tree::files()?;
    let scripts: Vec<_> = files.iter().filter(is_script).collect();
    if scripts.is_empty() {
        return Ok(Outcome::Passed);
    }
    program(Cmd::new("shellcheck").args(scripts).dir(paths::root()))
}

fn house_rules() -> Result<Outcome> {
    let mut found = Vec::new();
    for file in tree::files()? {
        // A file that is not UTF-8 (a test vector, say) is no source text.
        if let Ok(text) = std::fs::read_to_string(paths::root().join(&file)) {
            found.extend(rules::check(&file, &text));
        }
    }
    Ok(judge(&found))
}

fn markdown_links() -> Result<Outcome> {
    let files = tree::files()?;
    let mut found = Vec::new();
    for file in files
        .iter()
        .filter(|file| file.extension().is_some_and(|ext| ext == "md"))
    {
        found.extend(markdown::check(paths::root(), file)?);
    }
    Ok(judge(&found))
}

fn judge(found: &[String]) -> Outcome {
    for line in found {
        println!("{line}");
    }
    match found.len() {
        0 => Outcome::Passed,
        n => Outcome::Failed(format!("{n} finding(s), listed above")),
    }
}
