//! Proof that the enforcer refuses: attempts by a helper that is outside of our group.
//!
//! That an enforcer registered us proves nothing: it may only observe, lack a hook, or be switched
//! off without knowing. So a helper, forked before registration, tries what every process of our
//! user may do without an enforcer. It tries it first on a child of its own, where it must succeed,
//! then on a child of ours, forked after registration, where it must not. Both children hold no
//! secret, and so can be dumpable; we ourselves are not, and nobody may look into us anyway.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;

use rustix::io::{read, retry_on_intr, write};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Signal, kill_process};

use crate::sys::exec::exit_now;
use crate::sys::fork::{Child, fork};
use crate::sys::prctl;

/// What the attempts came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Proof {
    /// Every one was refused.
    Refused,
    /// One of them got through: its name.
    Through(&'static str),
    /// The attempts do not succeed where they must either, so they prove nothing.
    Impossible,
}

/// What is tried, in words, and whether it gets through.
type Attempt = (&'static str, fn(Pid) -> bool);

/// Each with a bit of its own. All are free to every process of the same user, and the last two are
/// of a child that is dumpable.
const ATTEMPTS: [Attempt; 3] = [
    ("a signal", |pid| kill_process(pid, Signal::URG).is_ok()),
    ("opening cmdline", |pid| {
        fs::File::open(below(pid, "cmdline")).is_ok()
    }),
    ("the link exe", |pid| {
        fs::read_link(below(pid, "exe")).is_ok()
    }),
];
/// The signal to ourselves, behind the attempts on the child.
const OURSELVES: u8 = 1 << ATTEMPTS.len();
/// The control failed.
const IMPOSSIBLE: u8 = 1 << 7;

fn below(pid: Pid, name: &str) -> String {
    format!("/proc/{}/{name}", pid.as_raw_nonzero())
}

/// The process outside. Dropped without a question it ends.
#[derive(Debug)]
pub struct Helper {
    question: OwnedFd,
    answer: OwnedFd,
    _process: Child,
}

impl Helper {
    /// Forks it. Before registration: later it would be one of us.
    ///
    /// # Errors
    ///
    /// What `pipe2(2)` and `fork(2)` answer; `Unsupported` where our children are in another PID
    /// namespace, whose first process the helper would be: the namespace would end with it.
    pub fn new() -> io::Result<Self> {
        // The second link leads nowhere while that namespace has no process (pid_namespaces(7)).
        let (own, childrens) = ("/proc/self/ns/pid", "/proc/self/ns/pid_for_children");
        if fs::read_link(own)? != fs::read_link(childrens)? {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let (question_end, question) = pipe_with(PipeFlags::CLOEXEC)?;
        let (answer, answer_end) = pipe_with(PipeFlags::CLOEXEC)?;
        let Some(process) = fork()? else {
            drop((question, answer));
            let mut pids = [0; 8];
            if let Ok(8) = retry_on_intr(|| read(&question_end, &mut pids)) {
                // Without an answer nothing is proven.
                let _told = write(&answer_end, &[tried(pids)]);
            }
            exit_now(0);
        };
        Ok(Self {
            question,
            answer,
            _process: process,
        })
    }

    /// Has it try, on us and on a child that is forked now, after registration.
    ///
    /// # Errors
    ///
    /// What `fork(2)` and the pipes answer.
    pub fn ask(self) -> io::Result<Proof> {
        let target = Target::new()?;
        let mut pids = [0; 8];
        let both = [rustix::process::getpid(), target.process.pid()];
        for (place, pid) in pids.chunks_exact_mut(4).zip(both) {
            place.copy_from_slice(&pid.as_raw_nonzero().get().to_ne_bytes());
        }
        write(&self.question, &pids)?;
        let mut answer = [IMPOSSIBLE];
        retry_on_intr(|| read(&self.answer, &mut answer))?;
        Ok(Proof::read(answer))
    }
}

impl Proof {
    fn read([through]: [u8; 1]) -> Self {
        let names = ATTEMPTS.iter().map(|attempt| attempt.0);
        let found = names.chain(["a signal to the wrapper"]).enumerate();
        match found.filter(|(bit, _)| through & (1 << bit) != 0).last() {
            _ if through & IMPOSSIBLE != 0 => Self::Impossible,
            Some((_, name)) => Self::Through(name),
            None => Self::Refused,
        }
    }
}

/// A dumpable child that does nothing, and ends with us or with this.
#[derive(Debug)]
struct Target {
    _life: OwnedFd,
    process: Child,
}

impl Target {
    fn new() -> io::Result<Self> {
        let (life_end, life) = pipe_with(PipeFlags::CLOEXEC)?;
        let (ready, ready_end) = pipe_with(PipeFlags::CLOEXEC)?;
        let Some(process) = fork()? else {
            drop((life, ready));
            let _known_by_the_control = prctl::set_dumpable(true);
            drop(ready_end);
            let _ended = retry_on_intr(|| read(&life_end, &mut [0]));
            exit_now(0);
        };
        drop(ready_end);
        let _is_ready = retry_on_intr(|| read(&ready, &mut [0]))?;
        Ok(Self {
            _life: life,
            process,
        })
    }
}

/// In the helper: what got through, a bit each.
fn tried(pids: [u8; 8]) -> u8 {
    let [a, b, c, d, child @ ..] = pids;
    let pid = |bytes| Pid::from_raw(i32::from_ne_bytes(bytes));
    let (Some(wrapper), Some(child)) = (pid([a, b, c, d]), pid(child)) else {
        return IMPOSSIBLE;
    };
    let each = |target: Pid| {
        let bits = ATTEMPTS.iter().enumerate();
        bits.filter(|(_, (_, attempt))| attempt(target))
            .fold(0, |all, (bit, _)| all | (1 << bit))
    };
    match Target::new().map(|control| each(control.process.pid())) {
        Ok(all) if all == OURSELVES - 1 => {}
        _ => return IMPOSSIBLE,
    }
    let is_reached = kill_process(wrapper, Signal::URG).is_ok();
    each(child) | if is_reached { OURSELVES } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_by_its_bits() {
        assert_eq!(Proof::read([0]), Proof::Refused);
        assert_eq!(Proof::read([0b10]), Proof::Through("opening cmdline"));
        assert_eq!(
            Proof::read([OURSELVES]),
            Proof::Through("a signal to the wrapper")
        );
        assert_eq!(Proof::read([IMPOSSIBLE]), Proof::Impossible);
    }

    #[test]
    fn without_an_enforcer_everything_gets_through() {
        let proof = Helper::new().unwrap().ask().unwrap();
        assert_eq!(proof, Proof::Through("a signal to the wrapper"));
    }
}
