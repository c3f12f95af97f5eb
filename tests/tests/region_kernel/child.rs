//! The other half of the tests of refusals: a process of its own that gives up rights, makes a
//! region, and says what it got.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::Command;

use cloudtaser_abi::protection::Protection;
use cloudtaser_wrapper::region::{EntrySpec, Layout, Region, RegionError};
use rustix::process::{Resource, Rlimit, getuid, setrlimit};
use rustix::thread::{Uid, set_thread_uid};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};

/// What the child is to give up, and to demand, as words `key=value`.
const TASK: &str = "CLOUDTASER_TEST_REGION";

/// Begins the line of the child's answer, among the test harness's own lines.
const ANSWER: &str = "region-answer ";

/// Runs `task` in a child and gives its answer.
pub(crate) fn run(task: &str) -> String {
    let program = std::env::current_exe().expect("own path");
    let output = Command::new(program)
        .args(["--exact", "child::answers", "--nocapture"])
        .env(TASK, task)
        .output()
        .expect("child");
    let text = String::from_utf8(output.stdout.clone()).expect("UTF-8");
    let answer = text.lines().find_map(|line| line.split_once(ANSWER));
    match answer {
        Some((_, answer)) => answer.to_owned(),
        None => panic!("{task}: {output:?}"),
    }
}

/// Not a test by itself: the child's main function. Passes at once in the parent.
#[test]
fn answers() {
    let Ok(task) = std::env::var(TASK) else {
        return;
    };
    let task: BTreeMap<&str, &str> = task
        .split(' ')
        .map(|word| word.split_once('=').expect("key=value"))
        .collect();
    if let Some(errno) = task.get("filter") {
        refuse_memfd_secret(errno.parse().expect("errno"));
    }
    if let Some(limit) = task.get("memlock") {
        limit_memlock(limit.parse().expect("bytes"));
    }
    let size = task
        .get("bytes")
        .map_or(1000, |bytes| bytes.parse().expect("bytes"));
    let minimum = task.get("min").map_or("none", |level| *level);
    let answer = answer(size, minimum.parse().expect("level"));
    let written = writeln!(std::io::stdout(), "\n{ANSWER}{answer}");
    written.expect("answer");
}

/// A region whose capacity is the highest below `size` bytes.
fn answer(size: usize, minimum: Protection) -> String {
    let spec = EntrySpec {
        value_len: (size - 512) * 100 / 250 - 16,
        ..EntrySpec::default()
    };
    let layout = Layout::plan(&[spec]).expect("layout");
    assert!(
        (size - 512..=size).contains(&layout.capacity),
        "{}",
        layout.capacity
    );
    let region = match Region::create(layout, minimum) {
        Ok(region) => region,
        Err(error @ RegionError::TooWeak { .. }) => {
            return format!("exit={} {error}", error.exit_status());
        }
        Err(error) => panic!("{error}"),
    };
    let refusals = region.refusals().iter();
    let refusals: Vec<String> = refusals
        .map(|refusal| format!("{}:{}", refusal.call, refusal.reason()))
        .collect();
    let open = std::fs::read_dir("/proc/self/fd").expect("fd");
    let open = open.filter_map(|fd| std::fs::read_link(fd.ok()?.path()).ok());
    let kept = open.filter(|link| link.to_string_lossy().contains("secretmem"));
    format!(
        "level={} descriptors={} refusals={}",
        region.protection(),
        kept.count(),
        refusals.join(",")
    )
}

/// Sets the limit and gives up root, whose `CAP_IPC_LOCK` would lift it. This thread alone: the
/// kernel looks at the thread that maps.
fn limit_memlock(bytes: u64) {
    let limit = Rlimit {
        current: Some(bytes),
        maximum: Some(bytes),
    };
    setrlimit(Resource::Memlock, limit).expect("setrlimit");
    if getuid().is_root() {
        set_thread_uid(Uid::from_raw(65534)).expect("setuid");
    }
}

/// A real filter that answers `memfd_secret` with `errno` in the kernel's place.
fn refuse_memfd_secret(errno: u32) {
    let filter = SeccompFilter::new(
        BTreeMap::from([(libc::SYS_memfd_secret, Vec::new())]),
        SeccompAction::Allow,
        SeccompAction::Errno(errno),
        std::env::consts::ARCH.try_into().expect("architecture"),
    );
    let program = filter.and_then(BpfProgram::try_from).expect("filter");
    apply_filter(&program).expect("seccomp");
}
