//! `cargo xtask doctor`: which of the developer's tools are here, a line each with the fix.
//!
//! Looks only; `setup` and the commands themselves install.

use anyhow::Result;

use crate::command::Answer;
use crate::exec::{self, Cmd};
use crate::table::{Table, Tone};
use crate::versions::{APT_LINT, APT_RUN, CARGO_DENY, CARGO_MACHETE};
use crate::{paths, setup, term};

/// One tool.
struct Finding {
    tool: String,
    /// Where it is or what it says of itself.
    found: Option<String>,
    /// What to do when it is missing.
    fix: String,
    /// Whether the demo and the tests cannot do without.
    required: bool,
}

/// The command itself: fails when something required is missing.
pub(crate) fn run() -> Answer {
    let findings = look()?;
    let mut table = Table::new(&["tool", "", "found, or the fix"]);
    for finding in &findings {
        let (word, tone) = match (&finding.found, finding.required) {
            (Some(_), _) => ("ok", Tone::Good),
            (None, true) => ("missing", Tone::Bad),
            (None, false) => ("optional", Tone::Warn),
        };
        let last = finding.found.as_ref().unwrap_or(&finding.fix).clone();
        table.row(vec![
            (finding.tool.clone(), Tone::Plain),
            (word.to_owned(), tone),
            (last, Tone::Plain),
        ]);
    }
    print!("{}", table.render(term::stdout()));
    Ok(findings
        .iter()
        .all(|finding| finding.found.is_some() || !finding.required))
}

fn look() -> Result<Vec<Finding>> {
    let mut all = vec![
        of_rust(
            "rustc",
            "install rustup: rust-toolchain.toml pins the version",
        ),
        of_rust("cargo-clippy", "rustup component add clippy"),
        of_rust("rustfmt", "rustup component add rustfmt"),
    ];
    for package in APT_RUN {
        all.extend(
            package
                .programs
                .iter()
                .map(|name| of_apt(name, package.name, true)),
        );
    }
    for package in APT_LINT {
        all.extend(
            package
                .programs
                .iter()
                .map(|name| of_apt(name, package.name, false)),
        );
    }
    for tool in [CARGO_DENY, CARGO_MACHETE] {
        let file = setup::cargo_tool_path(tool)?;
        all.push(Finding {
            tool: format!("{} {}", tool.name, tool.version),
            found: file.is_file().then(|| file.display().to_string()),
            fix: "`cargo xtask lint` builds it into the cache".to_owned(),
            required: false,
        });
    }
    all.push(Finding {
        tool: "a secret server".to_owned(),
        found: setup::server::here()?.map(|file| file.display().to_string()),
        fix: "`cargo xtask test openbao` builds Vault into the cache with Go".to_owned(),
        required: false,
    });
    all.push(Finding {
        tool: "an image registry".to_owned(),
        found: setup::registry::here()?.map(|file| file.display().to_string()),
        fix: "`cargo xtask test api` builds one into the cache with Go".to_owned(),
        required: false,
    });
    all.push(Finding {
        tool: "a Kubernetes API server".to_owned(),
        found: setup::kube::here()?.map(|file| file.display().to_string()),
        fix: "`cargo xtask test api` builds one into the cache with Go".to_owned(),
        required: false,
    });
    all.push(Finding {
        tool: "go".to_owned(),
        found: exec::which("go").map(|file| file.display().to_string()),
        fix: "only for servers of tests and `cargo xtask bench`: see go.dev/doc/install".to_owned(),
        required: false,
    });
    all.push(Finding {
        tool: "root".to_owned(),
        found: paths::is_root().then(|| "yes".to_owned()),
        fix: "as root, setup installs packages and the demo can search the wrapper's memory"
            .to_owned(),
        required: false,
    });
    Ok(all)
}

fn of_rust(name: &str, fix: &str) -> Finding {
    let answer = Cmd::new(name)
        .arg("--version")
        .dir(paths::root())
        .ask()
        .ok();
    let first = answer
        .filter(|output| output.status.success())
        .map(|output| {
            String::from_utf8_lossy(&output.stdout)
                .lines()
                .next()
                .unwrap_or_default()
                .to_owned()
        });
    Finding {
        tool: name.to_owned(),
        found: first,
        fix: fix.to_owned(),
        required: true,
    }
}

fn of_apt(name: &str, package: &str, required: bool) -> Finding {
    Finding {
        tool: name.to_owned(),
        found: setup::program(name).map(|file| file.display().to_string()),
        fix: format!("`cargo xtask setup` as root, or: apt-get install {package}"),
        required,
    }
}
