//! Descriptors of our own maps: whoever had one could take marks away, or read who is marked.
//!
//! Prototype: `int bpf_map(struct bpf_map *map, fmode_t fmode)` (include/linux/lsm_hook_defs.h).
//! Called for every new descriptor: of a map that was just made, by id, and from a pin. The daemon
//! has its descriptors before this is attached.
//! First kernel: 5.11, for task storage.
//! Fails closed for our maps, and knows no others. Nobody is excepted.

use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use cloudtaser_abi::enforce::Hook;
use cloudtaser_abi::verdict;

use crate::answer::answer;
use crate::{storage, tracing};

/// The program.
#[lsm(hook = "bpf_map")]
pub fn bpf_map(ctx: LsmContext) -> i32 {
    let map: *const u8 = ctx.arg(0);
    let is_ours = storage::is_ours(map) || tracing::is_ours(map);
    answer(Hook::BpfMap, ctx.arg(2), verdict::map(is_ours))
}
