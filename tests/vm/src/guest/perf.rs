//! `perf_event_open(2)` and `bpf(2)`, as their structures are in linux/perf_event.h and linux/bpf.h.

use std::io;

use crate::sys;

/// `PERF_TYPE_SOFTWARE`; its event 0 is the processor's clock.
const SOFTWARE: u32 = 1;
/// `PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER`.
const SAMPLE: u64 = 1 << 12 | 1 << 13;
/// The bits `disabled`, `exclude_kernel` and `exclude_hv`.
const FLAGS: u64 = 1 | 1 << 5 | 1 << 6;
/// `PERF_ATTR_SIZE_VER5`, in bytes.
const SIZE: u32 = 112;

/// Samples registers and stack of a process, or of whatever runs on the first processor.
pub(crate) fn sample(process: Option<u32>) -> io::Result<Vec<u8>> {
    let mut attr = [0_u64; 14];
    attr[0] = u64::from(SOFTWARE) | u64::from(SIZE) << 32;
    // Nanoseconds between samples.
    attr[2] = 1_000_000;
    attr[3] = SAMPLE;
    attr[5] = FLAGS;
    // The stack pointer's register (asm/perf_regs.h), and bytes of stack.
    attr[10] = 1 << 7;
    attr[11] = 4096;
    open(&mut attr, process)
}

/// A probe at the start of a program, in whoever runs it: the type of the `uprobe` unit.
pub(crate) fn uprobe(kind: u32) -> io::Result<Vec<u8>> {
    // Instructions that do nothing: the kernel looks at what it probes.
    std::fs::write("/tmp/probed", [0x90; 64])?;
    let mut path = sys::text("/tmp/probed");
    let mut attr = [0_u64; 14];
    attr[0] = u64::from(kind) | u64::from(SIZE) << 32;
    attr[5] = 1;
    attr[7] = u64::try_from(sys::address(path.as_mut_slice())).unwrap();
    open(&mut attr, None)
}

fn open(attr: &mut [u64; 14], process: Option<u32>) -> io::Result<Vec<u8>> {
    let minus_one = usize::MAX;
    let (process, cpu) = match process {
        Some(process) => (usize::try_from(process).unwrap(), minus_one),
        None => (minus_one, 0),
    };
    let attr = sys::address(attr);
    sys::call(
        libc::SYS_perf_event_open,
        [attr, process, cpu, minus_one, 0, 0],
    )
    .map(|_| Vec::new())
}

/// Loads a program of a type that answers 0.
pub(crate) fn load(kind: u32) -> io::Result<Vec<u8>> {
    // `r0 = 0; exit`.
    let mut program = [0xb7_u64, 0x95];
    let mut license = sys::text("GPL");
    let mut attr = [0_u64; 16];
    attr[0] = u64::from(kind) | 2 << 32;
    attr[1] = u64::try_from(sys::address(&mut program)).unwrap();
    attr[2] = u64::try_from(sys::address(license.as_mut_slice())).unwrap();
    // BPF_PROG_LOAD
    bpf(5, &mut attr).map(|_| Vec::new())
}

/// Makes a map and pins it.
pub(crate) fn pin(path: &str) -> io::Result<()> {
    let mut attr = [0_u64; 16];
    // BPF_MAP_CREATE: an array of one word.
    attr[0] = 2 | 4 << 32;
    attr[1] = 8 | 1 << 32;
    let map = bpf(0, &mut attr)?;
    let mut path = sys::text(path);
    attr = [0_u64; 16];
    attr[0] = u64::try_from(sys::address(path.as_mut_slice())).unwrap();
    attr[1] = u64::try_from(map).unwrap();
    // BPF_OBJ_PIN
    bpf(6, &mut attr).map(drop)
}

/// Opens every map of the node, by id. With no enforcer there is one that we made.
pub(crate) fn maps() -> io::Result<Vec<u8>> {
    let mut attr = [0_u64; 16];
    // BPF_MAP_CREATE: an array of one word.
    attr[0] = 2 | 4 << 32;
    attr[1] = 8 | 1 << 32;
    let _kept = bpf(0, &mut attr)?;
    let mut id = 0;
    loop {
        // BPF_MAP_GET_NEXT_ID: the next one goes where the high word is.
        attr = [0_u64; 16];
        attr[0] = id;
        if bpf(12, &mut attr).is_err() {
            return Ok(Vec::new());
        }
        id = attr[0] >> 32;
        attr = [0_u64; 16];
        attr[0] = id;
        // BPF_MAP_GET_FD_BY_ID
        bpf(14, &mut attr)?;
    }
}

fn bpf(command: usize, attr: &mut [u64; 16]) -> io::Result<i64> {
    let size = size_of_val(attr);
    sys::call(libc::SYS_bpf, [command, sys::address(attr), size, 0, 0, 0])
}
