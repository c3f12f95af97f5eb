//! The enforcer's kernel programs.
//!
//! One file in `hooks/` for each LSM hook: read who asks and who is asked, let
//! [`cloudtaser_abi::verdict`] decide, answer. Marks are in task and inode storage ([`storage`]),
//! where the fields of kernel structures are is told by the loader ([`offsets`]). Nothing here uses
//! `bpf_probe_read_kernel`, so that the programs load under `lockdown=confidentiality` too.
#![no_std]
#![no_main]
#![feature(asm_experimental_arch)]

mod answer;
mod hooks;
mod offsets;
mod pins;
mod socket;
mod storage;
mod tracing;

/// The helpers that we call are for programs under the GPL only; this object is under both.
#[unsafe(no_mangle)]
#[unsafe(link_section = "license")]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
