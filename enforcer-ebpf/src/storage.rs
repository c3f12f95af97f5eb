//! Which group a task belongs to, and which group a procfs inode tells about. 0 is none.
//!
//! Both are storage that the kernel ties to the object itself: no map is keyed by a process id, so
//! neither fork nor a reused id can race with us, and what ends is forgotten with its mark.

use core::ffi::c_void;
use core::ptr;

use aya_ebpf::helpers::generated::{
    bpf_get_current_task_btf, bpf_inode_storage_get, bpf_task_storage_get,
};
use aya_ebpf::macros::btf_map;

use crate::offsets::{self, load};

/// `BPF_LOCAL_STORAGE_GET_F_CREATE` (linux/bpf.h).
const CREATE: u64 = 1;
/// `BPF_MAP_TYPE_INODE_STORAGE` and `BPF_MAP_TYPE_TASK_STORAGE` (linux/bpf.h).
const INODE_STORAGE: usize = 28;
const TASK_STORAGE: usize = 29;
/// `BPF_F_NO_PREALLOC`, which storage maps demand.
const NO_PREALLOC: usize = 1;

/// A storage map as BTF describes it; aya-ebpf 0.2 has no typed task storage.
#[repr(C)]
pub(crate) struct Storage<const TYPE: usize> {
    r#type: *const [i32; TYPE],
    key: *const i32,
    value: *const u64,
    max_entries: *const [i32; 0],
    map_flags: *const [i32; NO_PREALLOC],
}

// SAFETY: the fields are never read; the loader puts a map's descriptor in the place of the
// address.
unsafe impl<const TYPE: usize> Sync for Storage<TYPE> {}

impl<const TYPE: usize> Storage<TYPE> {
    const fn new() -> Self {
        Self {
            r#type: ptr::null(),
            key: ptr::null(),
            value: ptr::null(),
            max_entries: ptr::null(),
            map_flags: ptr::null(),
        }
    }

    #[inline(always)]
    fn as_ptr(&self) -> *mut c_void {
        ptr::from_ref(self).cast_mut().cast()
    }
}

#[btf_map]
static TASK_GROUPS: Storage<TASK_STORAGE> = Storage::new();

/// 1 at tasks that are counted as guarded.
#[btf_map]
static COUNTED: Storage<TASK_STORAGE> = Storage::new();

#[btf_map]
static INODE_GROUPS: Storage<INODE_STORAGE> = Storage::new();

/// Whether a map is one of this module: the kernel's structure is at the address that the loader
/// puts in the place of ours.
#[inline(always)]
pub(crate) fn is_ours(map: *const u8) -> bool {
    TASK_GROUPS.as_ptr().cast_const().cast() == map
        || COUNTED.as_ptr().cast_const().cast() == map
        || INODE_GROUPS.as_ptr().cast_const().cast() == map
}

/// The task that runs.
#[inline(always)]
pub(crate) fn current() -> *const u8 {
    // SAFETY: the helper takes nothing and always answers.
    unsafe { bpf_get_current_task_btf() }.cast_const().cast()
}

/// The group of a task: its own mark, else that of its process's first thread.
///
/// # Safety
///
/// `task` is a `task_struct` that the verifier knows as such.
#[inline(always)]
pub(crate) unsafe fn group_of(task: *const u8) -> u64 {
    // SAFETY: this function's condition.
    let own = unsafe { own_group(task) };
    if own != 0 {
        return own;
    }
    // SAFETY: this function's condition; the field holds another task.
    let leader: *const u8 = unsafe { load(task, &offsets::TASK_GROUP_LEADER, 0) };
    // SAFETY: the verifier knows the field's type.
    unsafe { own_group(leader) }
}

/// # Safety
///
/// As for [`group_of`].
#[inline(always)]
unsafe fn own_group(task: *const u8) -> u64 {
    // SAFETY: this function's condition.
    unsafe { value(&TASK_GROUPS, task) }
}

/// Whether a task is counted as guarded.
///
/// # Safety
///
/// As for [`group_of`].
#[inline(always)]
pub(crate) unsafe fn is_counted(task: *const u8) -> bool {
    // SAFETY: this function's condition.
    unsafe { value(&COUNTED, task) != 0 }
}

/// Notes that a task is counted. False when the kernel has no memory.
///
/// # Safety
///
/// As for [`group_of`].
#[inline(always)]
pub(crate) unsafe fn mark_counted(task: *const u8) -> bool {
    // SAFETY: this function's condition.
    unsafe { mark(&COUNTED, task, 1) }
}

/// What a map holds for a task; 0 if nothing.
///
/// # Safety
///
/// As for [`group_of`].
#[inline(always)]
unsafe fn value(map: &Storage<TASK_STORAGE>, task: *const u8) -> u64 {
    // SAFETY: the map is a task storage and `task` a task: the verifier checks both.
    let value =
        unsafe { bpf_task_storage_get(map.as_ptr(), task.cast_mut().cast(), ptr::null_mut(), 0) };
    // SAFETY: null, or the storage's value of 8 bytes, which lives as long as this program runs.
    unsafe { value.cast::<u64>().as_ref() }
        .copied()
        .unwrap_or(0)
}

/// Marks a task. False when the kernel has no memory.
///
/// # Safety
///
/// As for [`group_of`].
#[inline(always)]
pub(crate) unsafe fn mark_task(task: *const u8, group: u64) -> bool {
    // SAFETY: this function's condition.
    unsafe { mark(&TASK_GROUPS, task, group) }
}

/// Has a map hold a value for a task that it holds none for.
///
/// # Safety
///
/// As for [`group_of`].
#[inline(always)]
unsafe fn mark(map: &Storage<TASK_STORAGE>, task: *const u8, first: u64) -> bool {
    let mut value = first;
    // SAFETY: as in `value`; the first value is copied from our stack, 8 bytes.
    let made = unsafe {
        bpf_task_storage_get(
            map.as_ptr(),
            task.cast_mut().cast(),
            ptr::from_mut(&mut value).cast(),
            CREATE,
        )
    };
    !made.is_null()
}

/// The group that a procfs inode tells about.
///
/// # Safety
///
/// `inode` is an `inode` that the verifier knows as such.
#[inline(always)]
pub(crate) unsafe fn inode_group(inode: *const u8) -> u64 {
    // SAFETY: the map is an inode storage and `inode` an inode: the verifier checks both.
    let value = unsafe {
        bpf_inode_storage_get(
            INODE_GROUPS.as_ptr(),
            inode.cast_mut().cast(),
            ptr::null_mut(),
            0,
        )
    };
    // SAFETY: null, or the storage's value of 8 bytes, which lives as long as this program runs.
    unsafe { value.cast::<u64>().as_ref() }
        .copied()
        .unwrap_or(0)
}

/// Notes which group an inode tells about. False when the kernel has no memory.
///
/// # Safety
///
/// As for [`inode_group`].
#[inline(always)]
pub(crate) unsafe fn mark_inode(inode: *const u8, group: u64) -> bool {
    let mut value = group;
    // SAFETY: as in `inode_group`; the first value is copied from our stack, 8 bytes.
    let made = unsafe {
        bpf_inode_storage_get(
            INODE_GROUPS.as_ptr(),
            inode.cast_mut().cast(),
            ptr::from_mut(&mut value).cast(),
            CREATE,
        )
    };
    if made.is_null() {
        return false;
    }
    // A new process may have the inode of one that registered again: the last word counts.
    // SAFETY: not null, 8 bytes, as in `inode_group`.
    unsafe { made.cast::<u64>().write(group) };
    true
}
