//! Other processes as `/proc` shows them.

use std::time::{Duration, Instant};

/// How long a condition is waited for. Chosen: far more than any takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(20);

/// Waits until `holds`, and answers whether it came to that within the limit (20 s).
pub fn eventually(holds: impl FnMut() -> bool) -> bool {
    within(LIMIT, holds)
}

/// Waits until `holds`, and answers whether it came to that within `limit`.
pub fn within(limit: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + limit;
    while !holds() {
        if Instant::now() > end {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}

/// The children of `pid`, zombies too.
#[must_use]
pub fn children(pid: i32) -> Vec<i32> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let text = text.unwrap_or_default();
    text.split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect()
}

/// The one child of `pid`, which is waited for.
///
/// # Panics
///
/// When it has none, or several.
#[must_use]
pub fn only_child(pid: i32) -> i32 {
    assert!(
        eventually(|| !children(pid).is_empty()),
        "{pid} has no child"
    );
    match children(pid).as_slice() {
        [child] => *child,
        several => panic!("{pid} has the children {several:?}"),
    }
}

/// The letter of a process's state (proc_pid_stat(5)); `None` when there is no such process.
#[must_use]
pub fn state(pid: i32) -> Option<char> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before it stands in parentheses and may hold anything.
    text.rsplit_once(") ")?.1.chars().next()
}

/// The most memory that `pid` has had at once until now, in bytes (`VmHWM`, proc_pid_status(5)),
/// since it runs its program; `None` when it has ended.
///
/// # Panics
///
/// When the kernel writes something else.
#[must_use]
pub fn peak_memory(pid: i32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let text = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib = text.trim().strip_suffix(" kB").expect("KiB");
    Some(kib.parse::<u64>().expect("a number") << 10)
}

/// Whether there is a process `pid`, a zombie too.
#[must_use]
pub fn exists(pid: i32) -> bool {
    state(pid).is_some()
}

/// Whether `pid` runs, sleeps or is stopped: not gone and no zombie.
#[must_use]
pub fn is_alive(pid: i32) -> bool {
    state(pid).is_some_and(|state| !['Z', 'X'].contains(&state))
}
