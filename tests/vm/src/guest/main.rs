//! The one program of the virtual machine: its init, the attacked process and the attacker.
//!
//! As PID 1 it is [`init`]; the other roles are words on its own command line.
#![expect(
    clippy::exit,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test: it panics where it cannot go on, and the runner sees the lost line"
)]

mod action;
mod actor;
mod container;
mod init;
mod memory;
mod perf;
mod pins;
mod product;
mod races;
mod sys;
mod uring;

/// Where the attacked process keeps the marker: an address of our own, the same for everybody.
const MARKER_AT: usize = 0x10_0000_0000;
/// The descriptor of a file that holds the marker.
const MARKER_FD: i32 = 50;

/// The control group of a node agent that the operator trusts.
const AGENT: &str = "/sys/fs/cgroup/agent";

/// Where the enforcer pins its hooks, and the file systems that the folder is in.
const PINS: &str = "/pins/bpf/cloudtaser";
const PINS_MOUNTS: [(&str, &str); 2] = [("tmpfs", "/pins"), ("bpf", "/pins/bpf")];

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let word = |index: usize| args.get(index).map_or("", String::as_str);
    match word(1) {
        "container" => container::run(),
        "target" => container::target(word(2)),
        "hold" => container::hold(word(2)),
        "app" => product::app(),
        "as" => actor::execute_as(&args[2..]),
        "heir" => container::heir(word(2)),
        "orphan" => container::orphan(),
        "true" => {}
        "unpin" => pins::remove(),
        "attack" => actor::enter(&args[2..]),
        "act" => action::act(&args[2..]),
        _ => init::run(),
    }
}
