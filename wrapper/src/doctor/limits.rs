//! Checks of limits and of the roads on which memory reaches a disk: swap and hibernation.

use cloudtaser_abi::protection::Protection;
use rustix::process::{Resource, getrlimit};

use super::memory::REGION_BYTES;
use super::proc_status::CAP_IPC_LOCK;
use super::report::Verdict;
use super::{Place, bytes, read_line};

/// Left below the memory limit, in bytes, that a start should find. Chosen: region, heap reserve
/// and code of the wrapper stay below 8 MiB; the program needs some too.
const ROOM_BYTES: u64 = 16 << 20;

/// `RLIMIT_MEMLOCK`: locked and secret memory together.
pub(super) fn memlock(place: &Place<'_>) -> Verdict {
    let limit = getrlimit(Resource::Memlock);
    let text = |limit: Option<u64>| limit.map_or_else(|| String::from("unlimited"), bytes);
    let finding = format!("soft {}, hard {}", text(limit.current), text(limit.maximum));
    if place.proc_status.has_capability(CAP_IPC_LOCK) {
        return Verdict::ok(format!("{finding}; CAP_IPC_LOCK lifts it"));
    }
    let needed = REGION_BYTES as u64;
    let region = bytes(needed);
    match (limit.current, limit.maximum) {
        (Some(soft), _) if soft >= needed => {
            Verdict::ok(format!("{finding}; an ordinary region ({region}) fits"))
        }
        (None, _) => Verdict::ok(finding),
        (Some(_), Some(hard)) if hard < needed => Verdict::warn(
            format!("{finding}; an ordinary region ({region}) does not fit"),
            "LimitMEMLOCK=8M in the systemd unit of the container runtime or of the service",
        ),
        (Some(_), _) => Verdict::warn(
            format!("{finding}; an ordinary region ({region}) does not fit"),
            "raise the soft limit (ulimit -l)",
        ),
    }
}

/// The memory limit of our cgroup (version 2). Secret memory counts and cannot be evicted.
pub(super) fn cgroup_memory(_: &Place<'_>) -> Verdict {
    let Some(groups) = read_line("/proc/self/cgroup") else {
        return Verdict::ok("unknown: /proc/self/cgroup cannot be read");
    };
    let Some(own) = groups.lines().find_map(|line| line.strip_prefix("0::/")) else {
        return Verdict::ok("unknown: no cgroup of version 2");
    };
    let number = |file: &str| {
        let path = format!("/sys/fs/cgroup/{own}/{file}");
        read_line(&path)?.parse::<u64>().ok()
    };
    room(number("memory.max"), number("memory.current"))
}

fn room(limit: Option<u64>, used: Option<u64>) -> Verdict {
    let (Some(limit), Some(used)) = (limit, used) else {
        return Verdict::ok("none seen in our own cgroup");
    };
    let finding = format!("{} used of {}", bytes(used), bytes(limit));
    if limit.saturating_sub(used) < ROOM_BYTES {
        Verdict::warn(
            format!("{finding}: little room, and secret memory cannot be evicted"),
            "raise the container's memory limit",
        )
    } else {
        Verdict::ok(finding)
    }
}

/// Swap. The region is safe from it when locked or secret; the program's own copies are not.
pub(super) fn swap(_: &Place<'_>) -> Verdict {
    let Some(swaps) = read_line("/proc/swaps") else {
        return Verdict::ok("unknown: /proc/swaps cannot be read");
    };
    let areas = swap_areas(&swaps);
    if areas.is_empty() {
        return Verdict::ok("off");
    }
    Verdict::warn(
        format!(
            "on ({}): what the program copies may be written there",
            areas.join(", ")
        ),
        "swapoff -a, encrypted swap, or memory.swap.max=0 for this cgroup",
    )
}

/// The first column; the first line is a heading (`proc_swaps(5)`).
fn swap_areas(swaps: &str) -> Vec<&str> {
    let lines = swaps.lines().skip(1);
    lines
        .filter_map(|line| line.split_whitespace().next())
        .collect()
}

/// Hibernation writes all memory to disk; the kernel refuses it while secret memory exists.
pub(super) fn hibernation(place: &Place<'_>) -> Verdict {
    let states = read_line("/sys/power/state").unwrap_or_default();
    if !states.split_whitespace().any(|state| state == "disk") {
        return Verdict::ok("not offered by this kernel, or not visible here");
    }
    if place.memory.level() >= Protection::Secretmem {
        return Verdict::ok("possible; the kernel refuses it while secret memory exists");
    }
    Verdict::warn(
        "possible, and would write the secrets to disk",
        "get secret memory (see above), or boot with nohibernate",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::report::Outcome;

    #[test]
    fn swap_areas_stand_below_the_heading() {
        let heading = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority";
        assert!(swap_areas(heading).is_empty());
        let one = format!("{heading}\n/dev/sda2   partition\t1000\t0\t-2\n");
        assert_eq!(swap_areas(&one), ["/dev/sda2"]);
    }

    #[test]
    fn little_room_is_warned_of() {
        assert_eq!(room(Some(64 << 20), Some(8 << 20)).outcome, Outcome::Ok);
        assert_eq!(room(Some(64 << 20), Some(60 << 20)).outcome, Outcome::Warn);
        assert_eq!(room(None, Some(1)).outcome, Outcome::Ok);
    }
}
