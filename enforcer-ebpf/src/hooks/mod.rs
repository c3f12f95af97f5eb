//! One LSM hook a file, named as the kernel names it.

mod bpf;
mod bpf_map;
mod file_open;
mod perf_event_open;
mod ptrace_access_check;
mod ptrace_traceme;
mod task_alloc;
mod task_kill;
mod task_prctl;
mod task_setrlimit;
mod task_to_inode;
