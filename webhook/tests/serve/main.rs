//! The server over real sockets and TLS: statuses, slow clients, crowds, panics, the end. What the
//! cluster would be asked is answered by the test; the time-outs are short, and each test waits for
//! what happens, not for a time.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "test code: a panic shows the line"
)]

mod answers;
mod crowd;
mod end;
mod faults;

mod probes;
mod program;
mod slow;
mod statuses;
mod support;
