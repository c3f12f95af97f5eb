//! `cloudtaser copy` as an init container runs it (cases P-18): any user, nothing else in the
//! image, read-only root, full volume, killed on the way, replaced while it runs.
//!
//! Mounts and chroots happen in user and mount namespaces of the test's own.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a failing test shows where, and what each command printed"
)]

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use cloudtaser_tests::binary::copy_program;
use cloudtaser_tests::skip;
use sha2::{Digest, Sha256};

/// The program in a folder of its own, where no library lies beside it.
fn cloudtaser() -> PathBuf {
    static ALONE: OnceLock<PathBuf> = OnceLock::new();
    let alone = ALONE.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("copy");
        fs::create_dir_all(&folder).expect("directory");
        let program = folder.join("cloudtaser");
        // Of an earlier run.
        fs::remove_file(&program).unwrap_or_default();
        copy_program(&cloudtaser_tests::cloudtaser(), &program);
        program
    });
    alone.clone()
}

fn copy_to(directory: &Path) -> Command {
    let mut command = Command::new(cloudtaser());
    command.arg("copy").arg(directory);
    command
}

fn run(mut command: Command) -> Output {
    let output = command.output().expect("start");
    println!("{command:?}: {output:?}");
    output
}

fn succeed(command: Command) -> String {
    let output = run(command);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("text")
}

/// Fails with `status`, one line on standard error that holds `text`, and nothing left behind.
fn fail(command: Command, directory: &Path, status: i32, text: &str) {
    let before = names(directory);
    let output = run(command);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{output:?}");
    assert!(
        stderr.starts_with("cloudtaser: ") && stderr.contains(text),
        "{stderr}"
    );
    assert_eq!(names(directory), before, "nothing may be left behind");
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries
        .map(|entry| entry.file_name().display().to_string())
        .collect();
    names.sort();
    names
}

fn digest(path: &Path) -> String {
    let bytes = fs::read(path).expect("read");
    let digest = Sha256::digest(bytes);
    digest.iter().fold(String::from("sha256:"), |text, byte| {
        text + &format!("{byte:02x}")
    })
}

/// A copy is right: same bytes, executable, writable by nobody, and the only file there.
fn assert_copied(directory: &Path) {
    let copy = directory.join("cloudtaser");
    assert_eq!(digest(&copy), digest(&cloudtaser()));
    assert_eq!(fs::metadata(&copy).expect("stat").mode() & 0o7777, 0o555);
    assert_eq!(names(directory), ["cloudtaser"]);
}

#[test]
fn copies_once_and_then_leaves_the_file_alone() {
    let home = tempfile::tempdir().expect("directory");
    let copy = home.path().join("cloudtaser");
    let said = succeed(copy_to(home.path()));
    assert_eq!(
        said,
        format!("cloudtaser: copied {} {}\n", copy.display(), digest(&copy))
    );
    assert_copied(home.path());

    let inode = fs::metadata(&copy).expect("stat").ino();
    let said = succeed(copy_to(home.path()));
    assert!(said.starts_with("cloudtaser: unchanged "), "{said}");
    assert_eq!(fs::metadata(&copy).expect("stat").ino(), inode);

    let mut quiet = copy_to(home.path());
    quiet.arg("--quiet");
    assert_eq!(succeed(quiet), "");
    let mut works = Command::new(&copy);
    works.arg("--version");
    assert!(succeed(works).starts_with("cloudtaser "));
}

/// The library's name, as the wrapper looks for it.
const LIBRARY: &str = cloudtaser_abi::names::PRELOAD_LIBRARY;

#[test]
fn the_library_beside_the_binary_comes_with_it() {
    let (from, home) = (tempfile::tempdir(), tempfile::tempdir());
    let (from, home) = (from.expect("directory"), home.expect("directory"));
    let program = from.path().join("program");
    copy_program(&cloudtaser(), &program);
    let library = from.path().join(LIBRARY);
    fs::write(&library, "any bytes").expect("write");
    let copy = || {
        let mut command = Command::new(&program);
        command.arg("copy").arg(home.path());
        command
    };
    let said = succeed(copy());
    let [first, second] = said.lines().collect::<Vec<_>>()[..] else {
        panic!("two lines: {said}");
    };
    let installed = home.path().join(LIBRARY);
    assert_eq!(
        first,
        format!(
            "cloudtaser: copied {} {}",
            installed.display(),
            digest(&library)
        )
    );
    assert!(second.contains("/cloudtaser sha256:"), "{second}");
    assert_eq!(names(home.path()), ["cloudtaser", LIBRARY]);
    let mode = fs::metadata(&installed).expect("stat").mode();
    assert_eq!(mode & 0o7777, 0o555);
    assert_eq!(succeed(copy()).matches("unchanged ").count(), 2);

    fs::write(&library, "other bytes").expect("write");
    let said = succeed(copy());
    assert!(
        said.contains("copied ") && said.contains("unchanged "),
        "{said}"
    );
    assert_eq!(digest(&installed), digest(&library));

    // Neither is copied when the library cannot be: a binary alone would start without it.
    fs::remove_file(&library).expect("remove");
    fs::create_dir(&library).expect("directory");
    let empty = tempfile::tempdir().expect("directory");
    let mut bad = Command::new(&program);
    bad.arg("copy").arg(empty.path());
    fail(bad, empty.path(), 70, "no regular file");
}

#[test]
fn replaces_what_is_not_a_good_copy() {
    let home = tempfile::tempdir().expect("directory");
    let copy = home.path().join("cloudtaser");
    let elsewhere = home.path().join("elsewhere");

    fs::write(&copy, "other bytes").expect("write");
    assert!(
        succeed(copy_to(home.path())).contains("copied"),
        "wrong bytes"
    );
    assert_copied(home.path());

    fs::set_permissions(&copy, fs::Permissions::from_mode(0o777)).expect("chmod");
    assert!(
        succeed(copy_to(home.path())).contains("copied"),
        "wrong mode"
    );
    assert_copied(home.path());

    fs::remove_file(&copy).expect("remove");
    fs::write(&elsewhere, "must stay").expect("write");
    symlink(&elsewhere, &copy).expect("symlink");
    succeed(copy_to(home.path()));
    assert!(
        fs::symlink_metadata(&copy).expect("stat").is_file(),
        "a link is not followed"
    );
    assert_eq!(fs::read(&elsewhere).expect("read"), b"must stay");
}

#[test]
fn a_useless_directory_is_named_with_the_fix() {
    let home = tempfile::tempdir().expect("directory");
    let missing = home.path().join("missing");
    fail(
        copy_to(&missing),
        &missing,
        64,
        "does not exist; mount a volume",
    );
    let file = home.path().join("file");
    fs::write(&file, "").expect("write");
    fail(copy_to(&file), &file, 64, "not a directory");
    fs::create_dir_all(home.path().join("d/cloudtaser/inner")).expect("directories");
    let occupied = home.path().join("d");
    fail(copy_to(&occupied), &occupied, 64, "remove it");
    let mut no_argument = Command::new(cloudtaser());
    no_argument.arg("copy");
    assert_eq!(run(no_argument).status.code(), Some(64));
}

/// Whether this process may become another user.
fn is_root() -> bool {
    fs::metadata("/proc/self").expect("/proc").uid() == 0
}

#[test]
fn any_user_may_copy_where_he_may_write() {
    if !is_root() {
        return skip("root, to become uid 65534");
    }
    let home = tempfile::tempdir().expect("directory");
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).expect("chmod");
    let target = home.path().join("out");
    fs::create_dir(&target).expect("directory");
    // The build may lie below a directory that this user may not search.
    let program = home.path().join("program");
    copy_program(&cloudtaser(), &program);
    let as_nobody = || {
        let mut command = Command::new(&program);
        command
            .arg("copy")
            .arg(&target)
            .uid(65534)
            .gid(65534)
            .env_clear()
            .current_dir("/");
        command
    };
    fail(as_nobody(), &target, 77, "as uid 65534");
    fs::set_permissions(&target, fs::Permissions::from_mode(0o777)).expect("chmod");
    succeed(as_nobody());
    assert_copied(&target);
    assert_eq!(
        fs::metadata(target.join("cloudtaser")).expect("stat").uid(),
        65534
    );
}

/// Runs `script` as root of new user and mount namespaces, with `$1` the program and `$2` a
/// directory. None, counted as a skip, where such namespaces cannot be made.
fn in_namespaces(script: &str, directory: &Path) -> Option<Output> {
    let unshare = || {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-euc"]);
        command
    };
    let mut probe = unshare();
    probe.arg("mount -t tmpfs none /mnt");
    if !probe.output().is_ok_and(|output| output.status.success()) {
        skip("`unshare` with user and mount namespaces");
        return None;
    }
    let mut command = unshare();
    command
        .arg(script)
        .arg("sh")
        .arg(cloudtaser())
        .arg(directory);
    Some(run(command))
}

#[test]
fn an_image_with_nothing_else_and_a_read_only_root_is_enough() {
    let home = tempfile::tempdir().expect("directory");
    let script = r#"
        root=$2/root; mkdir -p "$root/proc" "$root/out" "$2/volume"
        cp "$1" "$root/cloudtaser"
        mount --rbind "$root" "$root"
        mount --rbind /proc "$root/proc"
        mount --bind "$2/volume" "$root/out"
        mount -o remount,bind,ro "$root"
        if touch "$root/control" 2>/dev/null; then echo "the root is writable"; exit 1; fi
        exec env -i "$(command -v chroot)" "$root" /cloudtaser copy /out
    "#;
    let Some(output) = in_namespaces(script, home.path()) else {
        return;
    };
    assert!(output.status.success(), "{output:?}");
    assert!(
        output
            .stdout
            .starts_with(b"cloudtaser: copied /out/cloudtaser sha256:")
    );
    assert_copied(&home.path().join("volume"));
    assert_eq!(
        names(&home.path().join("root")),
        ["cloudtaser", "out", "proc"]
    );
}

#[test]
fn a_full_or_noexec_or_read_only_volume_is_an_error_and_stays_empty() {
    let home = tempfile::tempdir().expect("directory");
    for (options, status, text) in [
        ("size=64k", 70, "no room in"),
        ("noexec", 64, "noexec"),
        ("ro", 77, "cannot write into"),
    ] {
        let script = format!(
            r#"mount -t tmpfs -o {options} none "$2"
               set +e; "$1" copy "$2"; status=$?; ls -A "$2"; exit $status"#
        );
        let Some(output) = in_namespaces(&script, home.path()) else {
            return;
        };
        assert_eq!(output.status.code(), Some(status), "{options}");
        assert!(
            String::from_utf8_lossy(&output.stderr).contains(text),
            "{options}"
        );
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            "",
            "{options}: left behind"
        );
    }
}

/// `RLIMIT_FSIZE` of 64 KiB (`ulimit -f` counts 512 bytes): the write beyond it is where the
/// process dies of SIGXFSZ, or sees EFBIG when that signal is ignored.
fn with_small_files(before: &str, directory: &Path) -> Command {
    let mut command = Command::new("sh");
    let script = format!(r#"{before} ulimit -c 0; ulimit -f 128; exec "$0" copy "$1""#);
    command
        .arg("-c")
        .arg(script)
        .arg(cloudtaser())
        .arg(directory);
    command
}

#[test]
fn killed_on_the_way_it_leaves_nothing_under_the_final_name() {
    let home = tempfile::tempdir().expect("directory");
    let copy = home.path().join("cloudtaser");
    let killed = |expected: Option<&[u8]>| {
        let output = run(with_small_files("", home.path()));
        assert_eq!(output.status.code(), None, "died of a signal");
        assert_eq!(fs::read(&copy).ok().as_deref(), expected);
    };
    killed(None);
    fs::write(&copy, "an older copy").expect("write");
    killed(Some(b"an older copy"));
    // The same, but the process lives on and cleans up.
    fs::remove_file(&copy).expect("remove");
    for name in names(home.path()) {
        fs::remove_file(home.path().join(name)).expect("remove");
    }
    fail(
        with_small_files("trap '' XFSZ;", home.path()),
        home.path(),
        70,
        "no room in",
    );
}

#[test]
fn a_copy_that_is_being_executed_is_replaced() {
    let home = tempfile::tempdir().expect("directory");
    let other = tempfile::tempdir().expect("directory");
    let copy = home.path().join("cloudtaser");
    // One byte more than ours, so that it must be replaced; the kernel does not mind it.
    // Another process writes it: a descriptor of ours would be inherited by whatever another test
    // starts just then, and the kernel executes no file that somebody may write.
    let written = Command::new("sh")
        .args(["-c", r#"cat "$1" > "$2" && printf '\0' >> "$2""#, "sh"])
        .arg(cloudtaser())
        .arg(&copy)
        .status();
    assert!(written.expect("sh").success());
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).expect("chmod");

    // It waits for ever in its last step: nobody reads the pipe that it writes its line to, and
    // the pipe is full (65536 bytes, pipe(7)).
    let (reader, mut writer) = std::io::pipe().expect("pipe");
    writer.write_all(&[0; 65_536]).expect("fill the pipe");
    let mut running = Command::new(&copy)
        .arg("copy")
        .arg(other.path())
        .stdout(Stdio::from(writer))
        .spawn()
        .expect("start");
    let busy = fs::OpenOptions::new()
        .write(true)
        .open(&copy)
        .expect_err("control");
    assert_eq!(busy.kind(), std::io::ErrorKind::ExecutableFileBusy);

    let said = succeed(copy_to(home.path()));
    assert!(said.contains("copied"), "{said}");
    assert_copied(home.path());
    assert!(running.try_wait().expect("wait").is_none(), "it still runs");
    running.kill().expect("kill");
    running.wait().expect("wait");
    drop(reader);
}
