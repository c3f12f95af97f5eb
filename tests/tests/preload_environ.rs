//! Secret variables: where a program finds them, by whatever C library and language, and what the
//! kernel's copy of the environment has, which is nothing.
#![expect(clippy::expect_used, reason = "test code: a panic shows the line")]

use std::collections::BTreeSet;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use cloudtaser_tests::compile::{self, CLibrary};
use cloudtaser_tests::preload::Served;
use cloudtaser_tests::process::{children, only_child};
use cloudtaser_tests::running::pid_of;
use cloudtaser_tests::{marker, skip};

const NAME: &str = "DB_PASSWORD";

fn served() -> Served {
    Served::new(&marker()).variable(NAME)
}

fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

#[test]
fn a_library_that_binds_to_the_c_library_alone_is_served_and_shows_nothing() {
    let served = Served::new("hunter2-secret").variable("SECRET");
    let program = compile::program("deep", CLibrary::Glibc, served.folder());
    let library = compile::library("deep", CLibrary::Glibc, served.folder());
    let ended = served.run(&[program, library, served.path()]).with(0);
    // The shell has the variable, and not in the kernel's copy; HOME is found there.
    let expected = "read 14 [hunter2-secret]\nhunter2-secret\n0\n1\n";
    assert_eq!(ended.stdout(), expected);
}

#[test]
fn every_language_finds_the_variable_and_the_kernel_does_not_have_it() {
    let served = served();
    let clean = "grep -c DB_PASSWORD= /proc/self/environ";
    for (program, words) in [
        ("sh", &["-c", "echo $DB_PASSWORD"][..]),
        ("bash", &["-c", "echo $DB_PASSWORD"]),
        ("dash", &["-c", "echo $DB_PASSWORD"]),
        ("printenv", &["DB_PASSWORD"]),
        (
            "python3",
            &["-c", "import os; print(os.environ['DB_PASSWORD'])"],
        ),
        ("perl", &["-e", "print \"$ENV{DB_PASSWORD}\\n\""]),
        ("ruby", &["-e", "puts ENV['DB_PASSWORD']"]),
        ("lua", &["-e", "print(os.getenv('DB_PASSWORD'))"]),
        ("node", &["-e", "console.log(process.env.DB_PASSWORD)"]),
        ("awk", &["BEGIN { print ENVIRON[\"DB_PASSWORD\"] }"]),
        ("php", &["-r", "echo getenv('DB_PASSWORD'), \"\\n\";"]),
    ] {
        if !is_there(program) {
            skip(program);
            continue;
        }
        let command: Vec<_> = [program].iter().chain(words).copied().collect();
        let ended = served.run(&command).with(0);
        assert_eq!(ended.stdout(), format!("{}\n", served.value()), "{ended:?}");
    }
    // The kernel's copy of the shell's environment, read by its child.
    let script = "grep -c DB_PASSWORD= /proc/$$/environ; :";
    assert_eq!(served.run(&["sh", "-c", script]).with(0).stdout(), "0\n");
    let control = served.with(|wrapper| wrapper.delivery(Some("environ")));
    let control = control.run(&["sh", "-c", &format!("{clean}; :")]);
    assert_eq!(control.with(0).stdout(), "1\n");
}

#[test]
fn constructors_getenv_and_main_see_the_same() {
    let served = served();
    for library in CLibrary::DYNAMIC {
        let program = compile::program("exec", library, served.folder());
        let words = [program.into_os_string(), "show".into()];
        let value = served.value();
        let wanted = format!("| {value} {value} {value} | clean | X=-\n");
        assert_eq!(served.run(&words).with(0).stdout(), wanted, "{library:?}");
    }
}

#[test]
fn our_own_variables_are_seen_by_nobody() {
    let served = served().with(|wrapper| wrapper.env("LD_PRELOAD", ""));
    let ended = served.run(&["env"]).with(0);
    for name in ["CLOUDTASER_", "LD_PRELOAD"] {
        assert!(!ended.stdout().contains(name), "{ended:?}");
    }
}

/// Reads what the kernel has of every process below the wrapper, again and again.
struct Poller {
    polls: u32,
    programs: BTreeSet<i32>,
    found: u32,
    /// The first process that was found, and its environment, for who has to explain it.
    first: Option<String>,
}

fn poll(wrapper: &mut Child, needle: &str) -> Poller {
    let mut poller = Poller {
        polls: 0,
        programs: BTreeSet::new(),
        found: 0,
        first: None,
    };
    let shell = only_child(pid_of(wrapper));
    let end = Instant::now() + Duration::from_secs(120);
    while wrapper.try_wait().expect("waited for").is_none() {
        assert!(Instant::now() < end, "it does not end");
        for _ in 0..100 {
            for pid in children(shell).into_iter().chain([shell]) {
                let environ = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
                let mut pieces = environ.windows(needle.len());
                if pieces.any(|piece| piece == needle.as_bytes()) {
                    poller.found += 1;
                    poller
                        .first
                        .get_or_insert_with(|| describe(pid, shell, &environ));
                }
                if !environ.is_empty() {
                    poller.programs.insert(pid);
                }
            }
            poller.polls += 1;
        }
    }
    poller
}

fn describe(pid: i32, shell: i32, environ: &[u8]) -> String {
    let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    format!(
        "{pid} below {shell}, `{}`: {}",
        command.escape_ascii(),
        environ.escape_ascii()
    )
}

fn watched(served: &Served, execs: u32) -> Poller {
    let script = format!("i=0; while [ $i -lt {execs} ]; do /bin/true; i=$((i+1)); done; echo $i");
    let mut command = served.wrapper().command(&["sh", "-c", &script]);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("started");
    let poller = poll(&mut child, served.value());
    let output = child.wait_with_output().expect("waited for");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        format!("{execs}\n")
    );
    poller
}

#[test]
fn no_process_of_ten_thousand_has_the_value_in_the_kernel() {
    let served = served();
    let poller = watched(&served, 10_000);
    assert_eq!(
        poller.found, 0,
        "{} polls, {:?}",
        poller.polls, poller.first
    );
    // It met a good part of the programs: most of them on a machine that has nothing else to do, at
    // 10 to 27 thousand looks a second.
    assert!(poller.polls > 2_000, "{} polls", poller.polls);
    let met = poller.programs.len();
    assert!(met > 500, "{met} programs met");
    let control = served.with(|wrapper| wrapper.delivery(Some("environ")));
    let poller = watched(&control, 200);
    assert!(
        poller.found > 10,
        "control: {} found in {} polls",
        poller.found,
        poller.polls
    );
}
