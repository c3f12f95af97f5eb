//! What `cloudtaser store` asks on a terminal, and that it shows nothing of the answers.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "tests panic, so that the line is shown"
)]

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::Command;
use std::time::{Duration, Instant};

use cloudtaser_tests::marker;
use cloudtaser_tests::store::Home;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// How long a prompt may take to appear. Chosen: far above what a busy machine needs.
const LIMIT: Duration = Duration::from_secs(20);

/// Runs a command on a terminal of its own; answers each prompt. Gives the status and everything
/// that the terminal showed.
fn on_terminal(command: &Command, answers: &[(&str, &str)]) -> (i32, String) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    let slave = std::fs::File::options()
        .read(true)
        .write(true)
        .open(name)
        .unwrap();
    let mut outer = Command::new("setsid");
    outer
        .args(["--ctty", "--wait"])
        .arg(command.get_program())
        .args(command.get_args());
    outer.env_clear();
    for (name, value) in command.get_envs() {
        outer.env(name, value.unwrap());
    }
    let end = |slave: &std::fs::File| OwnedFd::from(slave.try_clone().unwrap());
    outer
        .stdin(end(&slave))
        .stdout(end(&slave))
        .stderr(end(&slave));
    let mut child = outer.spawn().unwrap();
    // The command keeps copies for the child; the terminal must end with the child.
    drop((outer, slave));

    rustix::io::ioctl_fionbio(&master, true).unwrap();
    let mut terminal = std::fs::File::from(master);
    let mut shown = Vec::new();
    let mut answered = 0;
    let start = Instant::now();
    let mut seen = 0;
    let status = loop {
        assert!(
            start.elapsed() < LIMIT,
            "it waits: {}",
            String::from_utf8_lossy(&shown)
        );
        let mut piece = [0; 4096];
        match terminal.read(&mut piece) {
            Ok(length) if length > 0 => shown.extend_from_slice(&piece[..length]),
            _ => {
                if let Some(status) = child.try_wait().unwrap() {
                    break status;
                }
                std::thread::yield_now();
            }
        }
        let text = String::from_utf8_lossy(&shown[seen..]).into_owned();
        if let Some((_, answer)) = answers.get(answered).filter(|(q, _)| text.contains(q)) {
            seen = shown.len();
            answered += 1;
            terminal
                .write_all(format!("{answer}\n").as_bytes())
                .unwrap();
        }
    };
    assert_eq!(
        answered,
        answers.len(),
        "not asked: {}",
        String::from_utf8_lossy(&shown)
    );
    (
        status.code().unwrap(),
        String::from_utf8_lossy(&shown).into_owned(),
    )
}

#[test]
fn a_value_is_asked_for_twice_and_not_shown() {
    let home = Home::with_store();
    let secret = marker();
    let command = home.command(["set", "secret/a", "f"]);
    let prompts = |again| [("Value of f:", &*secret), ("once more:", again)];
    let (status, shown) = on_terminal(&command, &prompts(&secret));
    assert_eq!(status, 0, "{shown}");
    assert!(!shown.contains(&secret), "{shown}");
    assert_eq!(home.ok(["get", "secret/a#f"], b""), secret.as_bytes());
    let (status, shown) = on_terminal(&command, &prompts("mistyped"));
    assert_eq!(status, 64, "{shown}");
    assert!(!shown.contains(&secret), "{shown}");

    // `get` on a terminal ends the line; `export` refuses to show everything.
    let (_, shown) = on_terminal(&home.command(["get", "secret/a#f"]), &[]);
    assert_eq!(shown, format!("{secret}\r\n"));
    let (status, shown) = on_terminal(&home.command(["export"]), &[]);
    assert_eq!(status, 64, "{shown}");
    assert!(!shown.contains(&secret), "{shown}");
}

#[test]
fn a_passphrase_is_asked_for_and_not_shown() {
    let home = Home::new();
    let secret = marker();
    let twice = [("Passphrase", &*secret), ("once more:", &*secret)];
    let (status, shown) = on_terminal(&home.command(["init", "--passphrase"]), &twice);
    assert_eq!(status, 0, "{shown}");
    assert!(!shown.contains(&secret), "{shown}");
    let (status, shown) = on_terminal(&home.command(["list"]), &[("Passphrase", &secret)]);
    assert_eq!(status, 0, "{shown}");
    let (status, shown) = on_terminal(&home.command(["list"]), &[("Passphrase", "wrong")]);
    assert_eq!(status, 69, "{shown}");
}

#[test]
fn an_ssh_key_is_unlocked_only_when_it_is_needed() {
    let home = Home::new();
    let secret = marker();
    let key = home.path().join("key");
    let identity = key.to_str().unwrap().to_owned();
    // The passphrase is typed, not given as an argument.
    let mut keygen = Command::new("ssh-keygen");
    keygen.args(["-q", "-t", "ed25519", "-a", "1", "-f", &identity]);
    keygen.env("PATH", "/usr/bin:/bin").env("HOME", home.path());
    let (status, shown) = on_terminal(&keygen, &[("passphrase", &*secret), ("again", &*secret)]);
    assert_eq!(status, 0, "{shown}");
    let public = std::fs::read_to_string(key.with_extension("pub")).unwrap();
    home.ok(["init", "--recipient", public.trim()], b"");
    let list = home.command(["list", "--identity", &identity]);
    let (status, shown) = on_terminal(&list, &[("Passphrase of the SSH key", &*secret)]);
    assert_eq!(status, 0, "{shown}");
    assert!(!shown.contains(&secret), "{shown}");
    let (status, shown) = on_terminal(&list, &[("Passphrase of the SSH key", "wrong")]);
    assert_eq!(status, 69, "{shown}");
    assert!(shown.contains("locked"), "{shown}");
    // With another identity that opens the store, nobody is asked.
    let both = Home::with_store();
    let text = std::fs::read_to_string(both.identity()).unwrap();
    let age = text
        .lines()
        .find_map(|line| line.strip_prefix("# public key: "))
        .unwrap();
    std::fs::remove_file(both.store()).unwrap();
    both.ok(
        ["init", "--recipient", age, "--recipient", public.trim()],
        b"",
    );
    let identities = format!("{identity}:{}", both.identity().display());
    let (status, shown) = on_terminal(&both.command(["list", "--identity", &identities]), &[]);
    assert_eq!(status, 0, "{shown}");
}

#[test]
fn a_mistake_in_the_editor_can_be_corrected() {
    let home = Home::with_store();
    let editor = home.path().join("editor");
    // The first time it writes half an object, the second time it completes what it finds.
    let text = "#!/bin/sh\nif grep -q broken \"$1\"; then printf '{\"f\":\"whole\"}' > \"$1\"; \
                else printf '{\"f\":\"broken' > \"$1\"; fi\n";
    std::fs::write(&editor, text).unwrap();
    std::fs::set_permissions(&editor, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let mut command = home.command(["edit", "secret/a"]);
    command.env("EDITOR", &editor);
    let (status, shown) = on_terminal(&command, &[("edit again? [Y/n]", "n")]);
    assert_eq!(status, 64, "{shown}");
    let (status, shown) = on_terminal(&command, &[("edit again? [Y/n]", "")]);
    assert_eq!(status, 0, "{shown}");
    assert_eq!(home.ok(["get", "secret/a#f"], b""), b"whole");
}
