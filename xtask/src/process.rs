//! Questions about other processes, answered from `/proc`.

use std::fs;

/// The first child of a process, by the parent that `/proc/PID/stat` names (proc_pid_stat(5)).
pub(crate) fn child_of(parent: u32) -> Option<u32> {
    let parent = parent.to_string();
    fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        // After the name in parentheses, which may hold anything: state, parent.
        let (_, rest) = stat.rsplit_once(") ")?;
        (rest.split(' ').nth(1)? == parent).then_some(pid)
    })
}

/// Whether a process has a child that has become the program `name` (its `comm`).
pub(crate) fn has_become(parent: u32, name: &str) -> bool {
    child_of(parent)
        .and_then(|child| fs::read_to_string(format!("/proc/{child}/comm")).ok())
        .is_some_and(|comm| comm.trim_end() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_is_found_by_its_parent() {
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        let mine = child_of(std::process::id());
        child.kill().unwrap();
        child.wait().unwrap();
        // Other tests of this program have children too; that one is found is the point.
        assert!(mine.is_some());
        assert_eq!(child_of(u32::MAX), None);
    }
}
