//! The sdk tier: the Go SDK in `sdk-go/`, by Go's own tools, and a static Go program under the
//! wrapper.
//!
//! Go and its module proxy are needed. What these, the database of known defects, or the machine
//! (PostgreSQL, Python) does not give is a skip that says so.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::gotest;
use super::report::{Outcome, Report};
use crate::exec::Cmd;
use crate::setup::{self, server};
use crate::versions::{APT_SDK, GOVULNCHECK, STATICCHECK};
use crate::{paths, product};

/// Seconds of fuzzing for each target. Chosen as in the tier `fuzz`.
const FUZZ_SECONDS: u32 = 20;

/// The modules, from the checkout's top folder. The second one may have dependencies.
const MODULES: [&str; 2] = ["sdk-go", "sdk-go/integration"];

/// Systems that the SDK must compile for, beside the one it is tested on.
const OTHERS: [(&str, &str); 4] = [
    ("linux", "arm64"),
    ("linux", "s390x"),
    ("darwin", "arm64"),
    ("windows", "amd64"),
];

/// A step: its name in the table, and what runs it.
type Step = (&'static str, fn() -> Result<Outcome>);

const STEPS: [Step; 6] = [
    ("gofmt", gofmt),
    ("go vet", vet),
    ("go build for other systems", others),
    ("staticcheck", staticcheck),
    ("govulncheck", govulncheck),
    ("go test -fuzz FuzzOpen", fuzz),
];

/// Each step that the filter names, then the tests whose name contains it.
pub(super) fn tier(report: &mut Report, filter: Option<&str>) -> Result<()> {
    if let Some(lack) = server::go_lack(None) {
        report.add("the Go SDK", Outcome::Skipped(lack));
        return Ok(());
    }
    // Whoever may not install it gets the rest, and skips that say what is missing.
    if let Err(error) = setup::packages(APT_SDK) {
        println!("setup: {error:#}");
    }
    let wanted = |name: &str| filter.is_none_or(|part| name.contains(part));
    for (name, step) in STEPS.into_iter().filter(|(name, _)| wanted(name)) {
        let outcome = step().unwrap_or_else(|error| Outcome::Failed(format!("{error:#}")));
        report.add(name, outcome);
    }
    for module in MODULES {
        for (name, outcome) in tests(module)?.into_iter().filter(|(name, _)| wanted(name)) {
            report.add(&name, outcome);
        }
    }
    wrapped(report, filter)
}

/// `go` in a module, with go.mod and go.sum as they were committed.
fn go(module: &str) -> Cmd {
    Cmd::new("go")
        .env("GOFLAGS", "-mod=readonly -buildvcs=false")
        .env("GOWORK", "off")
        .dir(&paths::root().join(module))
}

fn judge(cmd: Cmd) -> Result<Outcome> {
    let status = cmd.status()?;
    Ok(if status.success() {
        Outcome::Passed
    } else {
        Outcome::Failed(format!("{status}; see the output above"))
    })
}

/// The first step that does not pass, else a pass.
fn all(steps: impl IntoIterator<Item = Cmd>) -> Result<Outcome> {
    for step in steps {
        let outcome = judge(step)?;
        if outcome != Outcome::Passed {
            return Ok(outcome);
        }
    }
    Ok(Outcome::Passed)
}

fn gofmt() -> Result<Outcome> {
    let cmd = Cmd::new("gofmt")
        .args(["-l", "."])
        .dir(&paths::root().join("sdk-go"));
    let output = cmd.ask()?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(if text.is_empty() && output.status.success() {
        Outcome::Passed
    } else {
        Outcome::Failed(format!("not formatted: {}", text.replace('\n', " ")))
    })
}

fn vet() -> Result<Outcome> {
    all(MODULES.map(|module| go(module).args(["vet", "./..."])))
}

fn others() -> Result<Outcome> {
    all(OTHERS.map(|(system, machine)| {
        go("sdk-go")
            .args(["vet", "./..."])
            .env("GOOS", system)
            .env("GOARCH", machine)
            .env("CGO_ENABLED", "0")
    }))
}

fn staticcheck() -> Result<Outcome> {
    let program = match setup::go_tool(STATICCHECK) {
        Ok(program) => program,
        Err(error) => return Ok(Outcome::Skipped(format!("{error:#}"))),
    };
    all(MODULES.map(|module| {
        Cmd::new(&program)
            .arg("./...")
            .env("GOFLAGS", "-mod=readonly -buildvcs=false")
            .dir(&paths::root().join(module))
    }))
}

/// Without its database nothing is known: that is a skip with its reason.
fn govulncheck() -> Result<Outcome> {
    let program = match setup::go_tool(GOVULNCHECK) {
        Ok(program) => program,
        Err(error) => return Ok(Outcome::Skipped(format!("{error:#}"))),
    };
    let output = Cmd::new(program)
        .arg("./...")
        .dir(&paths::root().join("sdk-go"))
        .ask()?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    if text.contains("fetching vulnerabilities") || text.contains("vuln.go.dev") {
        let last = text.trim().lines().last().unwrap_or_default();
        return Ok(Outcome::Skipped(format!("no database: {last}")));
    }
    print!("{}{text}", String::from_utf8_lossy(&output.stdout));
    Ok(if output.status.success() {
        Outcome::Passed
    } else {
        Outcome::Failed(format!("{}; see the output above", output.status))
    })
}

/// What is found and is of interest is kept in the cache folder; what breaks the reader is written
/// into the package's `testdata`, to be committed.
fn fuzz() -> Result<Outcome> {
    let kept = paths::cache()?.join("fuzz").join("sdk-go");
    std::fs::create_dir_all(&kept).with_context(|| format!("cannot make {}", kept.display()))?;
    judge(
        go("sdk-go")
            .args(["test", "-run=^$", "-fuzz=^FuzzOpen$", "-parallel=1"])
            .arg(format!("-fuzztime={FUZZ_SECONDS}s"))
            .arg("./internal/region")
            .arg(format!("-test.fuzzcachedir={}", kept.display())),
    )
}

/// The race detector needs cgo and a C compiler, which Rust's linker is.
fn tests(module: &str) -> Result<Vec<(String, Outcome)>> {
    let mut reader = gotest::Reader::default();
    let status = go(module)
        .args(["test", "-race", "-v", "-count=1", "./..."])
        .env("CGO_ENABLED", "1")
        .lines(|line| reader.line(line))?;
    Ok(reader.finish(status.success()))
}

/// The tests in Rust: the wrapper starts a static Go program, a writer in Rust rotates.
fn wrapped(report: &mut Report, filter: Option<&str>) -> Result<()> {
    let binary = product::build(true)?;
    let cargo = super::workspace()
        .args(["--features", "cloudtaser-tests/sdk-go"])
        .args(["--test", "sdk_go", "--test", "region_examples"])
        .env("CLOUDTASER_BIN", binary)
        .env("CLOUDTASER_SDK_PROGRAM", program()?);
    super::cargo_test(report, cargo, filter)
}

/// The program that those tests start: static, as Go builds it for `scratch` images.
fn program() -> Result<PathBuf> {
    let program = paths::target()?.join("sdk-go-program");
    go("sdk-go/integration")
        .args(["build", "-trimpath", "-o"])
        .arg(&program)
        .arg("./program")
        .env("CGO_ENABLED", "0")
        .run()?;
    Ok(program)
}
