//! The same shared object in an older glibc, with programs of its own time: in a root folder that
//! the set-up unpacked, entered in a mount namespace of the test's.

use std::path::{Path, PathBuf};
use std::process::Command;

use cloudtaser_tests::preload::library_file;
use cloudtaser_tests::wrapper::Ended;
use cloudtaser_tests::{cloudtaser, skip};

/// Where the set-up unpacked it.
const ROOT: &str = "CLOUDTASER_OLD_GLIBC";

/// A copy of the root folder with the product in it.
fn root(folder: &Path) -> Option<PathBuf> {
    let from = std::env::var_os(ROOT)?;
    let root = folder.join("root");
    let copied = Command::new("cp").arg("-a").arg(from).arg(&root).status();
    assert!(copied.expect("cp").success());
    for file in [cloudtaser(), library_file()] {
        let copied = Command::new("cp").arg(file).arg(&root).status();
        assert!(copied.expect("cp").success());
    }
    std::fs::create_dir_all(root.join("proc")).expect("made");
    Some(root)
}

/// Runs a script of the machine's shell with the root folder as `$1` and /proc in it.
fn inside(root: &Path, script: &str) -> Ended {
    let script = format!("mount -t proc proc \"$1/proc\" && {script}");
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "sh", "-c", &script, "sh"])
        .arg(root)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", "/");
    Ended::of(command, b"")
}

#[test]
fn an_older_glibc_is_served_too() {
    if !rustix::process::geteuid().is_root() {
        skip("root, who alone may change the root folder");
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let Some(root) = root(folder.path()) else {
        skip("CLOUDTASER_OLD_GLIBC names no folder: run `cargo xtask test runtimes`");
        return;
    };
    let made = inside(
        &root,
        "chroot \"$1\" /cloudtaser store init && \
         printf %s hunter2-secret | chroot \"$1\" /cloudtaser store set secret/db password",
    );
    drop(made.with(0));
    let served = "cat /run/x/password; echo; echo $DB; sed s/h/H/ < /run/x/password; echo; \
                  ls /run/x; tr a-z A-Z < /run/x/password; echo; dash -c 'echo $DB'";
    let ended = inside(
        &root,
        &format!(
            "chroot \"$1\" /cloudtaser run --delivery preload \
             --file /run/x/password=vault:secret/db#password \
             --env DB=vault:secret/db#password -- /bin/dash -c \"{}\"",
            served.replace('$', "\\$")
        ),
    );
    let expected = "hunter2-secret\nhunter2-secret\nHunter2-secret\npassword\nHUNTER2-SECRET\n\
                    hunter2-secret\n";
    assert_eq!(ended.with(0).stdout(), expected);
    // The control: the same programs without us find nothing.
    let bare = inside(&root, "chroot \"$1\" /bin/dash -c 'cat /run/x/password'");
    bare.with(1).says(&["No such file"]);
}
