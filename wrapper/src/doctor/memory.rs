//! Checks of secret memory: made, filled and attacked, not asked for.

use std::sync::atomic::Ordering;

use cloudtaser_abi::protection::Protection;
use rustix::process::getpid;

use super::report::Verdict;
use super::{Place, bytes};
use crate::region::{Memory, acquire};
use crate::sys::mlock::mlock_on_fault;
use crate::sys::mmap::GuardedMapping;
use crate::sys::process_vm_readv::process_vm_readv;

/// What is tried, in bytes: the region of an ordinary program (DESIGN: it fits into 48 KiB).
pub(super) const REGION_BYTES: usize = 49_152;

/// What is written and looked for; no secret.
const MARKER: u64 = u64::from_le_bytes(*b"ctdoctor");

/// What came of reading the memory through the kernel, as another process would.
#[derive(Debug)]
enum Attack {
    /// Refused, while the same attack on ordinary memory succeeded.
    Refused,
    /// The marker was read.
    Succeeded,
    /// Ordinary memory could not be read either, so that a refusal proves nothing.
    Untried(String),
}

/// The memory that a region would get here.
#[derive(Debug)]
pub(super) struct MemoryProbe(Result<(Memory, Attack), String>);

impl MemoryProbe {
    pub(super) fn try_here() -> Self {
        let acquired = acquire(REGION_BYTES).map_err(|(call, error)| format!("{call}: {error}"));
        Self(acquired.map(|memory| {
            let attack = attack(&memory.mapping);
            (memory, attack)
        }))
    }

    /// The level, never higher than what was seen to hold.
    pub(super) fn level(&self) -> Protection {
        match &self.0 {
            Ok((memory, Attack::Succeeded)) => memory.protection.min(Protection::Locked),
            Ok((memory, _)) => memory.protection,
            Err(_) => Protection::None,
        }
    }

    /// What `level`, which is below secret memory, lacks.
    pub(super) fn missing_for_next(&self, level: Protection) -> String {
        let next = match level {
            Protection::None => Protection::Locked,
            _ => Protection::Secretmem,
        };
        let refusals = self.0.as_ref().map(|(memory, _)| memory.refusals.iter());
        let refusal = refusals
            .ok()
            .and_then(|mut all| all.find(|one| one.level == next));
        refusal.map_or_else(
            || format!("{next} needs a kernel that keeps its promise"),
            |refusal| format!("{next} needs this: {}", refusal.fix()),
        )
    }
}

fn attack(target: &GuardedMapping) -> Attack {
    let Some(word) = target.words().first() else {
        return Attack::Untried(String::from("the mapping is empty"));
    };
    word.store(MARKER, Ordering::Relaxed);
    let control = Box::new(MARKER);
    if let Err(why) = read_marker(std::ptr::from_ref(&*control).addr()) {
        return Attack::Untried(why);
    }
    match read_marker(target.as_ptr().addr()) {
        Ok(()) => Attack::Succeeded,
        Err(_refused) => Attack::Refused,
    }
}

/// Reads eight bytes of our own memory through the kernel and compares them with the marker.
fn read_marker(address: usize) -> Result<(), String> {
    let mut found = [0; 8];
    match process_vm_readv(getpid(), address, &mut found) {
        Ok(8) if u64::from_ne_bytes(found) == MARKER => Ok(()),
        Ok(_) => Err(String::from("process_vm_readv read something else")),
        Err(error) => Err(format!("process_vm_readv: {error}")),
    }
}

/// `memfd_secret`, with the attack that it is there to stop.
pub(super) fn secret_memory(place: &Place<'_>) -> Verdict {
    let (memory, attack) = match &place.memory.0 {
        Ok(found) => found,
        Err(why) => {
            return Verdict::fail(
                super::status::INTERNAL,
                format!("not even ordinary memory can be had ({why})"),
                "raise the memory limit",
            );
        }
    };
    if memory.protection < Protection::Secretmem {
        let refusal = memory
            .refusals
            .iter()
            .find(|r| r.level == Protection::Secretmem);
        let (finding, fix) = refusal.map_or_else(
            || {
                (
                    String::from("refused"),
                    String::from("see the kernel's log"),
                )
            },
            |refusal| (refusal.to_string(), refusal.fix()),
        );
        return Verdict::warn(finding, fix);
    }
    let size = bytes(REGION_BYTES as u64);
    match attack {
        Attack::Refused => Verdict::ok(format!(
            "made and filled {size}; the kernel refuses to read it (process_vm_readv), and reads \
             ordinary memory"
        )),
        Attack::Succeeded => Verdict::warn(
            "made, but process_vm_readv reads it: this kernel protects nothing",
            "use another kernel (CVE-2024-50182 on arm64), or find what fakes the call",
        ),
        Attack::Untried(why) => Verdict::warn(
            format!("made and filled {size}; the attack on it could not be tried ({why})"),
            "none needed; a seccomp profile that refuses process_vm_readv protects too",
        ),
    }
}

/// The fallback: ordinary memory, locked.
pub(super) fn locked_memory(place: &Place<'_>) -> Verdict {
    let locked =
        GuardedMapping::new(REGION_BYTES, None).and_then(|mapping| mlock_on_fault(&mapping));
    match locked {
        Ok(()) => Verdict::ok(format!(
            "{} can be locked (mlock2)",
            bytes(REGION_BYTES as u64)
        )),
        Err(error) if place.memory.level() >= Protection::Secretmem => Verdict::ok(format!(
            "mlock2: {error}; not needed, there is secret memory"
        )),
        Err(error) => Verdict::warn(
            format!("mlock2: {error}"),
            "raise RLIMIT_MEMLOCK (ulimit -l, LimitMEMLOCK= of systemd), or grant CAP_IPC_LOCK",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_attack_on_ordinary_memory_succeeds() {
        let ordinary = GuardedMapping::new(8, None).unwrap();
        assert!(
            matches!(attack(&ordinary), Attack::Succeeded),
            "the attack can succeed"
        );
    }

    #[test]
    fn a_level_is_not_believed_when_the_attack_succeeds() {
        let mut memory = acquire(8).unwrap();
        memory.protection = Protection::Secretmem;
        let probe = MemoryProbe(Ok((memory, Attack::Succeeded)));
        assert_eq!(probe.level(), Protection::Locked);
        assert!(!probe.missing_for_next(Protection::Locked).is_empty());
    }
}
