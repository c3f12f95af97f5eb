//! The fields of `/proc/self/status` that checks ask for (`proc_pid_status(5)`).

/// The file's text; empty where it cannot be read, so that every field is absent then.
#[derive(Debug)]
pub(super) struct ProcStatus(String);

/// Capability numbers (include/uapi/linux/capability.h).
pub(super) const CAP_IPC_LOCK: u32 = 14;
pub(super) const CAP_SYS_PTRACE: u32 = 19;

impl ProcStatus {
    pub(super) fn read() -> Self {
        Self(std::fs::read_to_string("/proc/self/status").unwrap_or_default())
    }

    fn field(&self, name: &str) -> Option<&str> {
        let mut lines = self.0.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        Some(value.trim())
    }

    /// A field that is a decimal number.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.field(name)?.parse().ok()
    }

    /// The effective capabilities, a bit each.
    pub(super) fn capabilities(&self) -> Option<u64> {
        u64::from_str_radix(self.field("CapEff")?, 16).ok()
    }

    /// Whether an effective capability is there; not, when unknown.
    pub(super) fn has_capability(&self, number: u32) -> bool {
        self.capabilities()
            .is_some_and(|all| all.checked_shr(number).is_some_and(|bits| bits & 1 == 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_whole_name() {
        let status = ProcStatus(String::from(
            "Name:\tSeccomp\nTracerPid:\t7\nCapEff:\t0000000000004000\nSeccomp:\t2\nSeccomp_filters:\t1\n",
        ));
        assert_eq!(status.number("TracerPid"), Some(7));
        assert_eq!(status.number("Seccomp"), Some(2));
        assert_eq!(status.number("Tracer"), None);
        assert_eq!(status.number("Name"), None);
        assert!(status.has_capability(CAP_IPC_LOCK));
        assert!(!status.has_capability(CAP_SYS_PTRACE));
        assert!(!status.has_capability(200));
        assert!(!ProcStatus(String::new()).has_capability(CAP_IPC_LOCK));
    }
}
