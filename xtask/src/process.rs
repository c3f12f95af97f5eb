//! Questions about other processes, answered from `/proc`.

use std::fs;

/// The children of a process, by the parent that `/proc/PID/stat` names (proc_pid_stat(5)).
fn children_of(parent: u32) -> Vec<u32> {
    let is_child = |entry: fs::DirEntry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        // After the name in parentheses, which may hold anything: state, parent.
        let (_, rest) = stat.rsplit_once(") ")?;
        (rest.split(' ').nth(1)?.parse() == Ok(parent)).then_some(pid)
    };
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(is_child).collect()
}

/// The first child of a process.
pub(crate) fn child_of(parent: u32) -> Option<u32> {
    children_of(parent).first().copied()
}

/// Children, their children and so on, parents first.
pub(crate) fn descendants(parent: u32) -> Vec<u32> {
    let mut found = children_of(parent);
    let mut next = 0;
    while let Some(pid) = found.get(next) {
        found.extend(children_of(*pid));
        next += 1;
    }
    found
}

/// What the kernel calls a process (`comm`); empty when it is gone.
pub(crate) fn name(pid: u32) -> String {
    let comm = fs::read_to_string(format!("/proc/{pid}/comm"));
    comm.map_or_else(|_gone| String::new(), |comm| comm.trim_end().to_owned())
}

/// Whether a process has a child that has become the program `name` (its `comm`).
pub(crate) fn has_become(parent: u32, name: &str) -> bool {
    child_of(parent).is_some_and(|child| self::name(child) == name)
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

    #[test]
    fn descendants_are_found_with_their_names() {
        let mut shell = std::process::Command::new("sh")
            .args(["-c", "sleep 60 & echo started; wait"])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = [0; 8];
        std::io::Read::read_exact(shell.stdout.as_mut().unwrap(), &mut line).unwrap();
        let below = descendants(shell.id());
        assert_eq!(below.len(), 1);
        assert!(["sh", "sleep"].contains(&name(below[0]).as_str()));
        assert!(descendants(std::process::id()).contains(&below[0]));
        let pid = below[0].to_string();
        std::process::Command::new("kill")
            .arg(pid)
            .status()
            .unwrap();
        shell.wait().unwrap();
        assert_eq!(name(u32::MAX), "");
    }
}
