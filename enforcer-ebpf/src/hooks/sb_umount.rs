//! Unmounting of the file system of the pins, and lazily of one above it.
//!
//! Prototype: `int sb_umount(struct vfsmount *mnt, int flags)` (include/linux/lsm_hook_defs.h).
//! Called for the mount that is named in the call alone: with MNT_DETACH what is mounted below goes
//! with it and is not asked about. Mounts of a part of a file system are others' (a pod's volumes),
//! as are those of other mount namespaces, the last of which takes the pins with it.
//! First kernel: 5.11, for task storage.
//! Fails open while nobody is guarded, and to the operator's list, as `inode_unlink`.

use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use cloudtaser_abi::enforce::{ABOVE, Hook};
use cloudtaser_abi::verdict::{self, Unmount};

use crate::answer::answer;
use crate::offsets::{self, load};
use crate::{storage, tracing};

/// `MNT_DETACH` (include/linux/fs.h).
const MNT_DETACH: i32 = 2;

/// Devices of the file systems from the pins' own up to the root; zeros behind.
#[unsafe(no_mangle)]
static PIN_DEVICES: [u64; ABOVE] = [0; ABOVE];
/// The mount namespace that the daemon was started in.
#[unsafe(no_mangle)]
static PIN_NAMESPACE: u64 = 0;

/// The program.
#[lsm(hook = "sb_umount")]
pub fn sb_umount(ctx: LsmContext) -> i32 {
    if offsets::read(&PIN_DEVICES[0]) == 0 || !tracing::is_guarded() {
        return 0;
    }
    let mount: *const u8 = ctx.arg(0);
    // SAFETY: the hook's first argument is the mount.
    let super_block: *const u8 = unsafe { load(mount, &offsets::VFSMOUNT_MNT_SB, 0) };
    // SAFETY: the hook's first argument is the mount.
    let root: *const u8 = unsafe { load(mount, &offsets::VFSMOUNT_MNT_ROOT, 0) };
    // SAFETY: the verifier knows the field's type.
    let whole: *const u8 = unsafe { load(super_block, &offsets::SUPER_BLOCK_S_ROOT, 0) };
    // SAFETY: the verifier knows the field's type.
    let device: u32 = unsafe { load(super_block, &offsets::SUPER_BLOCK_S_DEV, 0) };
    let device = u64::from(device);
    let mut is_above = false;
    for above in PIN_DEVICES.iter().skip(1) {
        is_above |= device == offsets::read(above);
    }
    let unmount = Unmount {
        is_pins: device == offsets::read(&PIN_DEVICES[0]),
        is_above,
        is_whole: root == whole,
        is_lazy: ctx.arg::<i32>(1) & MNT_DETACH != 0,
        is_our_namespace: namespace() == offsets::read(&PIN_NAMESPACE),
    };
    answer(Hook::SbUmount, ctx.arg(2), verdict::unmount(&unmount))
}

/// The current task's mount namespace, by the number that `/proc/self/ns/mnt` shows.
#[inline(always)]
fn namespace() -> u64 {
    // SAFETY: the current task, as the helper types it.
    let spaces: *const u8 = unsafe { load(storage::current(), &offsets::TASK_NSPROXY, 0) };
    if spaces.is_null() {
        return 0;
    }
    // SAFETY: the verifier knows the field's type.
    let space: *const u8 = unsafe { load(spaces, &offsets::NSPROXY_MNT_NS, 0) };
    if space.is_null() {
        return 0;
    }
    // SAFETY: the verifier knows the field's type.
    let number: u32 = unsafe { load(space, &offsets::MNT_NAMESPACE_INUM, 0) };
    u64::from(number)
}
