//! A row's three runs, which differ in one thing each (F3, F4).
//!
//! 1. *Real*: the files lie on disk, the variables stand in the environment, and we are not there.
//! 2. *Nothing*: neither is there, nor are we. It must look different, or the row proves nothing.
//! 3. *Ours*: nothing on disk, and the wrapper. It must look as the first, byte for byte.

use std::process::Command;

use cloudtaser_tests::{Planted, Wrapper, skip};

use crate::disk::OnDisk;
use crate::fill::Filled;
use crate::programs;
use crate::row::{Expected, Library, PRIVATE, Row};
use crate::served::{Helper, serve};
use crate::watch::{Seen, run, wrapper_lines};

/// Checks one row, or skips it with what is missing.
pub(crate) fn check(name: &str, row: &Row) {
    if let Some(missing) = programs::missing(row) {
        skip(&format!(
            "{missing}: run `cargo xtask test runtimes` as root"
        ));
        return;
    }
    if row.root && !rustix::process::geteuid().is_root() {
        skip("root, who alone can start the program so");
        return;
    }
    let filled = Filled::of(name, row);
    let wrapper = wrapper(row, &filled);
    prepare(&filled, &wrapper);
    let _helper = (!row.helper.is_empty()).then(|| Helper::start(&wrapper, &filled));

    let real = {
        let _files = OnDisk::write(&filled);
        let mut command = at(wrapper.bare(&filled.command), &filled);
        command.envs(filled.variables.iter().map(|(name, value)| (name, value)));
        go(row, &filled, command, &[])
    };
    assert_eq!(real.status, row.status, "with real files: {real:?}");

    let nothing = go(
        row,
        &filled,
        at(wrapper.bare(&filled.command), &filled),
        &[],
    );
    assert_ne!(
        (real.status, &real.stdout, &real.stderr),
        (nothing.status, &nothing.stdout, &nothing.stderr),
        "the program does not need the secrets"
    );
    for value in filled.needles() {
        let is_told = nothing.stdout.contains(&value) || nothing.stderr.contains(&value);
        assert!(!is_told, "`{value}` comes from elsewhere: {nothing:?}");
    }

    let needles = match row.expected {
        Expected::Plain(_) => Vec::new(),
        _ => filled.needles(),
    };
    let ours = go(
        row,
        &filled,
        at(wrapper.command(&filled.command), &filled),
        &needles,
    );
    let says = |report: &str| {
        let lines = wrapper_lines(&ours.stderr);
        let is_said = lines.iter().any(|line| line.contains(report));
        assert!(is_said, "no `{report}`: {ours:?}");
    };
    match row.expected {
        Expected::Same => assert_same(row, &ours, &real),
        Expected::Hidden => {
            let hidden = real.stdout.replace("in environ 1", "in environ 0");
            assert_ne!(real.stdout, hidden, "no child has looked: {real:?}");
            assert_eq!(
                (ours.status, &ours.stdout),
                (real.status, &hidden),
                "{ours:?}"
            );
        }
        Expected::Refused(text) => {
            assert_ne!(ours.status, real.status, "{ours:?}");
            assert!(ours.stderr.contains(text), "no `{text}`: {ours:?}");
        }
        Expected::Unserved(report) => {
            assert_eq!(
                (ours.status, &ours.stdout),
                (nothing.status, &nothing.stdout),
                "{ours:?}"
            );
            says(report);
        }
        Expected::Plain(report) => {
            assert_eq!(
                (ours.status, &ours.stdout),
                (real.status, &real.stdout),
                "{ours:?}"
            );
            says(report);
        }
    }
}

fn assert_same(row: &Row, ours: &Seen, real: &Seen) {
    let outputs = |seen: &Seen| (seen.status, seen.stdout.clone(), seen.stderr.clone());
    assert!(
        outputs(ours) == outputs(real),
        "{} ({:?}): with us{ours:?}\nwith real files{real:?}",
        row.reads,
        row.library,
    );
    assert!(row.library != Library::None, "a row of `limits`");
}

/// One run to its end, or of a server, until it has answered.
fn go(row: &Row, filled: &Filled, command: Command, needles: &[String]) -> Seen {
    let mut seen = if row.ask.is_empty() {
        run(command, filled, needles)
    } else {
        serve(command, filled, needles)
    };
    seen.stdout = (row.normal)(seen.stdout);
    seen.stderr = (row.normal)(seen.stderr);
    seen
}

/// The wrapper with the row's secrets in a store, and ready to deliver them.
fn wrapper(row: &Row, filled: &Filled) -> Wrapper {
    let field = |kind: &str, number: usize| format!("{kind}{number}");
    let planted = |kind: &'static str, values: &[(String, String)]| {
        let numbered = values.iter().enumerate();
        let all = numbered.map(|(number, (_, value))| {
            Planted::new("secret/row", &field(kind, number), value.as_str())
        });
        all.collect::<Vec<_>>()
    };
    let mut secrets = planted("file", &filled.files);
    secrets.extend(planted("variable", &filled.variables));
    let mut flags = vec!["--source=local".to_owned()];
    for (number, (path, _)) in filled.files.iter().enumerate() {
        // Without a mode it is the default's, which most rows are there to show.
        let mode = match row.mode {
            PRIVATE => String::new(),
            mode => format!(",mode={mode:04o}"),
        };
        flags.push(format!(
            "--file={path}{mode}=vault:secret/row#{}",
            field("file", number)
        ));
    }
    for (number, (name, _)) in filled.variables.iter().enumerate() {
        flags.push(format!(
            "--env={name}=vault:secret/row#{}",
            field("variable", number)
        ));
    }
    // Where it cannot serve, `preload` refuses to start the program.
    let is_left = matches!(row.expected, Expected::Unserved(_) | Expected::Plain(_));
    let delivery = (!is_left).then_some("preload");
    let wrapper = Wrapper::local(&secrets).flags(&flags).delivery(delivery);
    // Whatever a row starts ends with the row's thread.
    let wrapper = wrapper.under(format!("death={}", libc::SIGTERM));
    let variables = filled.environment.iter();
    variables.fold(wrapper, |wrapper, (name, value)| wrapper.env(name, value))
}

fn prepare(filled: &Filled, wrapper: &Wrapper) {
    for (name, content) in &filled.beside {
        std::fs::write(filled.here.join(name), content).expect("written");
    }
    if !filled.prepare.is_empty() {
        let words = ["sh", "-e", "-c", &filled.prepare];
        let seen = run(at(wrapper.bare(&words), filled), filled, &[]);
        assert_eq!(seen.status, 0, "preparing: {seen:?}");
    }
}

/// In the row's folder: the wrapper's own, with the store, is for no program.
pub(crate) fn at(mut command: Command, filled: &Filled) -> Command {
    command.current_dir(&filled.here).env("HOME", &filled.here);
    command
}
