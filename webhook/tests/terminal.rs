//! `kubectl cloudtaser` on a terminal: colours there, unless `NO_COLOR` says no (no-color.org).
#![expect(clippy::unwrap_used, reason = "tests panic, so that the line is shown")]

use std::io::Read;
use std::process::Command;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// What a terminal shows of `lint`, with `NO_COLOR` set to this.
fn shown(no_color: Option<&str>) -> String {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    let slave = std::fs::File::options()
        .read(true)
        .write(true)
        .open(name)
        .unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-cloudtaser"));
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/manifests"));
    command.args(["lint", "--profile", "profile.yaml", "refused.yaml"]);
    command.env_remove("NO_COLOR");
    if let Some(value) = no_color {
        command.env("NO_COLOR", value);
    }
    command.stdin(slave.try_clone().unwrap());
    command.stderr(slave.try_clone().unwrap()).stdout(slave);
    let mut child = command.spawn().unwrap();
    // The command keeps copies for the child; the terminal must end with the child.
    drop(command);
    let mut shown = Vec::new();
    // Its end is EIO (pty(7)); what came before is kept.
    let _end = std::fs::File::from(master).read_to_end(&mut shown);
    assert_eq!(child.wait().unwrap().code(), Some(1));
    String::from_utf8(shown).unwrap()
}

#[test]
fn x5_colours_are_for_terminals_and_no_color_takes_them_away() {
    let coloured = shown(None);
    assert!(coloured.contains("\u{1b}["), "{coloured}");
    // Set to nothing is not set.
    assert_eq!(shown(Some("")), coloured);
    let plain = shown(Some("1"));
    assert!(!plain.contains('\u{1b}'), "{plain}");
    assert!(plain.contains("vault-address"), "{plain}");
    // Control: but for the colours they are the same.
    let mut parts = coloured.split("\u{1b}[");
    let mut stripped = parts.next().unwrap().to_owned();
    for part in parts {
        stripped.push_str(part.split_once('m').unwrap().1);
    }
    assert_eq!(stripped, plain);
}
