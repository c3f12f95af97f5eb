//! One LSM hook or tracepoint a file, named as the kernel names it.

mod bpf;
mod bpf_map;
mod bprm_creds_for_exec;
mod file_open;
mod inode_rename;
mod inode_unlink;
mod locked_down;
mod perf_event_open;
mod ptrace_access_check;
mod ptrace_traceme;
mod sb_umount;
mod sched_process_exit;
mod sched_process_fork;
mod socket_listen;
mod task_alloc;
mod task_kill;
mod task_prctl;
mod task_setrlimit;
mod task_to_inode;
mod unix_stream_connect;
