//! `cloudtaser run` in the machine: how it starts with and without an enforcer, and what is tried
//! on it and on the program that it started.

/// The values of `--enforcer` that a run tries: where a hook is left out, the one that must notice.
#[must_use]
pub fn modes(run: &str) -> &'static [&'static str] {
    match run {
        "control" | "enforced" | "observe" => &["require", "prefer", "off"],
        _ => &["require"],
    }
}

/// Runs in which it is started. Beside the two whole ones and `observe`: those without a hook whose
/// lack the wrapper's helper must notice.
pub const STARTS: [&str; 8] = [
    "control",
    "enforced",
    "observe",
    "task_prctl",
    "task_alloc",
    "task_to_inode",
    "ptrace_access_check",
    "file_open",
];

/// How a start must end: the exit status, and whether the program got the secret. 77 is the
/// wrapper's status where protection is missing that was demanded.
#[must_use]
pub fn ends(run: &str, mode: &str) -> (i32, bool) {
    if mode == "require" && run != "enforced" {
        (77, false)
    } else {
        (0, true)
    }
}

/// Runs in which its processes are attacked.
pub const ATTACKED: [&str; 2] = ["control", "enforced"];

/// Who is attacked: the wrapper and the program that has its secrets by the preload library; a
/// static program that has them as plain variables, and its wrapper.
pub const TARGETS: [&str; 4] = ["wrapper", "preloaded", "static-wrapper", "static"];

/// What is tried, by root of the node: ids of the table. All of it must succeed without an enforcer
/// and be refused with one.
pub const ATTEMPTS: [&str; 8] = [
    "A01.mem-all",
    "A02.environ",
    "A04.maps",
    "A06.fd-list",
    "A09.exe",
    "A27.seize",
    "A31.process_vm_readv-all",
    "A33.descriptors",
];
