//! The kernel fields that the programs read, each by the name of its global.
//!
//! The same list stands in `enforcer-ebpf/src/offsets.rs`; a global that is missing there fails the
//! load.

use crate::btf::{Btf, BtfError};

/// A global, and the field's names: the first that the kernel has counts.
const FIELDS: [(&str, &[&str]); 31] = [
    ("CRED_CAP_EFFECTIVE", &["cred.cap_effective"]),
    // Linux 6.14 renamed it.
    ("DENTRY_D_INAME", &["dentry.d_iname", "dentry.d_shortname"]),
    ("DENTRY_D_INODE", &["dentry.d_inode"]),
    ("FILE_F_INODE", &["file.f_inode"]),
    ("FILE_F_MODE", &["file.f_mode"]),
    ("FILE_F_PATH_DENTRY", &["file.f_path.dentry"]),
    ("INODE_I_INO", &["inode.i_ino"]),
    ("INODE_I_MODE", &["inode.i_mode"]),
    ("INODE_I_RDEV", &["inode.i_rdev"]),
    ("INODE_I_SB", &["inode.i_sb"]),
    ("MNT_NAMESPACE_INUM", &["mnt_namespace.ns.inum"]),
    ("NSPROXY_MNT_NS", &["nsproxy.mnt_ns"]),
    ("SIGNAL_NR_THREADS", &["signal_struct.nr_threads"]),
    ("SOCKET_FILE", &["socket.file"]),
    ("SOCKET_SK", &["socket.sk"]),
    ("SOCK_FAMILY", &["sock.__sk_common.skc_family"]),
    ("SOCK_SK_SOCKET", &["sock.sk_socket"]),
    ("SUPER_BLOCK_S_DEV", &["super_block.s_dev"]),
    ("SUPER_BLOCK_S_MAGIC", &["super_block.s_magic"]),
    ("SUPER_BLOCK_S_ROOT", &["super_block.s_root"]),
    ("TASK_CRED", &["task_struct.cred"]),
    ("TASK_GROUP_LEADER", &["task_struct.group_leader"]),
    ("TASK_NSPROXY", &["task_struct.nsproxy"]),
    ("TASK_PARENT", &["task_struct.parent"]),
    ("TASK_PTRACE", &["task_struct.ptrace"]),
    ("TASK_SIGNAL", &["task_struct.signal"]),
    ("UNIX_ADDRESS_LEN", &["unix_address.len"]),
    ("UNIX_ADDRESS_NAME", &["unix_address.name"]),
    ("UNIX_SOCK_ADDR", &["unix_sock.addr"]),
    ("VFSMOUNT_MNT_ROOT", &["vfsmount.mnt_root"]),
    ("VFSMOUNT_MNT_SB", &["vfsmount.mnt_sb"]),
];

/// Every global with its offset in bytes in the kernel that `btf` describes.
///
/// # Errors
///
/// When the kernel has no such field.
pub(crate) fn find(btf: &Btf<'_>) -> Result<Vec<(&'static str, u64)>, BtfError> {
    let offset = |(global, paths): (&'static str, &[&str])| {
        let mut last = Err(BtfError::Malformed);
        for path in paths {
            last = btf.offset(path);
            if last.is_ok() {
                break;
            }
        }
        Ok((global, last?))
    };
    FIELDS.into_iter().map(offset).collect()
}

/// Reasons of the hook `locked_down` that are refused: the roads to memory and registers. Modules,
/// kexec and hibernation are not among them: nodes need them, and the promise excludes who has them.
const REASONS: [&str; 5] = [
    "LOCKDOWN_DEV_MEM",
    "LOCKDOWN_IOPORT",
    "LOCKDOWN_KCORE",
    "LOCKDOWN_MSR",
    "LOCKDOWN_PCI_ACCESS",
];

/// A bit for each reason's number in the kernel that `btf` describes.
///
/// # Errors
///
/// When the kernel has no such reason.
pub(crate) fn reasons(btf: &Btf<'_>) -> Result<u64, BtfError> {
    let mut bits = 0;
    for name in REASONS {
        let number = btf.enumerator("lockdown_reason", name)?;
        // All are far below 64 (include/linux/security.h has 30).
        bits |= 1_u64.checked_shl(number).unwrap_or(0);
    }
    Ok(bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_found_in_the_running_kernel() {
        let Ok(bytes) = std::fs::read("/sys/kernel/btf/vmlinux") else {
            return; // The tier `vm` reads two kernels' descriptions in any case.
        };
        let bits = reasons(&Btf::parse(&bytes).unwrap()).unwrap();
        assert_eq!(bits.count_ones() as usize, REASONS.len());
    }

    #[test]
    fn fields_are_found_in_the_running_kernel() {
        let Ok(bytes) = std::fs::read("/sys/kernel/btf/vmlinux") else {
            return; // The tier `vm` reads two kernels' descriptions in any case.
        };
        let found = find(&Btf::parse(&bytes).unwrap()).unwrap();
        assert_eq!(found.len(), FIELDS.len());
        let offset = |name: &str| found.iter().find(|field| field.0 == name).unwrap().1;
        assert_ne!(offset("TASK_GROUP_LEADER"), offset("TASK_SIGNAL"));
    }
}
