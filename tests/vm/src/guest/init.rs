//! PID 1: runs the table without the enforcer, with it, and once without each hook, and reports.
//!
//! Every line of a result begins with a nonce that only we know: it came in a file that is gone
//! before anything else starts, so nothing that is tested can speak for us.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use cloudtaser_abi::enforce::ALL;
use cloudtaser_vm::table::{ATTACKS, Actor, runs};

use crate::action::{LOOT, hex};
use crate::{AGENT, PINS, perf, pins, product, sys};

/// Longest wait for a process to appear or to answer. Chosen: emulation on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the programs are called by.
const SWITCH: &str = "/proc/sys/kernel/ftrace_enabled";

pub(crate) struct Runner {
    nonce: String,
    pub(crate) marker: String,
}

/// Everything, then the power goes off.
pub(crate) fn run() {
    for (kind, at) in [
        ("proc", "/proc"),
        ("sysfs", "/sys"),
        ("devtmpfs", "/dev"),
        ("tmpfs", "/tmp"),
    ] {
        sys::mount(kind, at, 0).expect(kind);
    }
    sys::mount("securityfs", "/sys/kernel/security", 0).expect("securityfs");
    sys::mount("tracefs", "/sys/kernel/tracing", 0).expect("tracefs");
    sys::mount("debugfs", "/sys/kernel/debug", 0).expect("debugfs");
    sys::mount("cgroup2", "/sys/fs/cgroup", 0).expect("cgroup2");
    fs::create_dir(AGENT).expect("a control group");
    let nonce = fs::read_to_string("/nonce").expect("a nonce");
    fs::remove_file("/nonce").expect("a nonce");
    let (nonce, marker) = nonce.trim().split_once(' ').expect("a nonce and a marker");
    let runner = Runner {
        nonce: nonce.to_owned(),
        marker: marker.to_owned(),
    };
    let words = fs::read_to_string("/proc/cmdline").expect("cmdline");
    let wanted = words
        .split_whitespace()
        .find_map(|word| word.strip_prefix("cloudtaser.runs="));
    // A same-user ptrace must succeed in the control run.
    let _no_yama = fs::write("/proc/sys/kernel/yama/ptrace_scope", "0");
    // So must an event of a process's own.
    fs::write("/proc/sys/kernel/perf_event_paranoid", "1").expect("perf_event_paranoid");
    for name in wanted.unwrap_or("control").split(',') {
        runner.one(name);
    }
    runner.say("end");
    let magic = [0xfee1_dead, 672_274_793, 0x0123_4567];
    let _off = sys::call(libc::SYS_reboot, [magic[0], magic[1], magic[2], 0, 0, 0]);
}

impl Runner {
    pub(crate) fn say(&self, text: &str) {
        println!("{} {text}", self.nonce);
    }

    /// One run: `control`, `enforced`, `observe`, `selftest`, or a hook that is left out.
    fn one(&self, name: &str) {
        let start = Instant::now();
        self.say(&format!("begin {name}"));
        if name == "selftest" {
            self.selftest("selftest");
            // Programs that are attached and never called: the test must see it (A93).
            fs::write(SWITCH, "0").expect("ftrace_enabled");
            self.selftest("blind");
            fs::write(SWITCH, "1").expect("ftrace_enabled");
        } else {
            pins::mount();
            let mut enforcer = (name != "control").then(|| self.enforcer(name));
            let mut end = || {
                if let Some(mut enforcer) = enforcer.take() {
                    enforcer.kill().expect("the enforcer lives");
                    enforcer.wait().expect("the enforcer");
                }
            };
            // The attacks that count are tried when the daemon is gone and its pins are there.
            if name == "enforced" {
                end();
                self.second();
            }
            self.attacks(name);
            product::run(self, name);
            self.orphan(name);
            // The last guarded process is gone: everybody may load programs, with the enforcer.
            self.say(&format!("disarmed {name} {}", perf::load(5).is_ok()));
            end();
            if fs::metadata(PINS).is_ok() {
                let removed = Command::new("/vm").arg("unpin").status();
                assert!(removed.expect("a process").success(), "pins are left");
            }
            // The kernel takes its time to detach; from then on everybody may load programs.
            until(|| perf::load(5).ok());
        }
        self.say(&format!("done {name} {}", start.elapsed().as_millis()));
    }

    fn enforcer(&self, run: &str) -> Child {
        let start = Instant::now();
        let mut command = Command::new("/enforcer");
        command
            .args(["run", "--object", "/enforcer.o", "--trust-cgroup", AGENT])
            .args(["--pin", PINS])
            .stdout(Stdio::piped());
        if run == "observe" {
            command.arg("--observe");
        } else if let Some(hook) = ALL.into_iter().find(|hook| hook.name() == run) {
            let first = hook.stands_behind().into_iter();
            for hook in first.chain([hook]) {
                command.args(["--insecure-without", hook.name()]);
            }
        }
        let mut child = command.spawn().expect("the enforcer");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let tier = lines.next().and_then(Result::ok).unwrap_or_default();
        let ready = lines.next().and_then(Result::ok).unwrap_or_default();
        assert_eq!(ready, "ready", "the enforcer did not start");
        self.say(&format!("{tier} after {}", start.elapsed().as_millis()));
        child
    }

    /// Whether programs may be loaded while only a child of a registered process lives.
    fn orphan(&self, run: &str) {
        let mut command = Command::new("/vm");
        let command = command.arg("orphan");
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut registered = command.spawn().expect("a process");
        let input = registered.stdin.take();
        let mut output = registered.stdout.take().expect("a pipe");
        registered.wait().expect("a process");
        self.say(&format!("orphan {run} {}", perf::load(5).is_err()));
        drop(input);
        // It is counted no more by the time that its descriptors are closed.
        output.read_to_end(&mut Vec::new()).expect("an end");
    }

    /// A second daemon, beside pins.
    fn second(&self) {
        let mut command = Command::new("/enforcer");
        let command = command.args(["run", "--object", "/enforcer.o", "--pin", PINS]);
        let output = command.output().expect("the enforcer");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        let is_refused = !output.status.success() && text.contains("are pinned in");
        self.say(&format!("second refused {is_refused} {}", text.trim()));
    }

    fn selftest(&self, what: &str) {
        let mut command = Command::new("/enforcer");
        let output = command
            .args(["selftest", "--object", "/enforcer.o"])
            .output();
        let output = output.expect("the enforcer");
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            self.say(&format!("{what} {line}"));
        }
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
        self.say(&format!("{what} status {}", output.status.success()));
    }

    /// For the judge: `ERRNO BYTES`, and whether the marker is in what the attacker got. `result`
    /// is what he says: those and behind them the bytes, or the file where they are.
    pub(crate) fn verdict(&self, result: &str) -> String {
        let (first, rest) = result.rsplit_once(' ').unwrap_or((result, ""));
        let loot = if rest.starts_with(LOOT) {
            let loot = hex(&fs::read(rest).expect("a file"));
            fs::remove_file(rest).expect("a file");
            loot
        } else {
            rest.to_owned()
        };
        let is_found = loot.contains(&hex(self.marker.as_bytes()));
        let mark = if is_found { "marker" } else { "clean" };
        format!("{first} {mark}")
    }

    fn result(&self, run: &str, row: usize, actor: Actor, result: &str) {
        let (id, actor) = (ATTACKS[row].id, actor.name());
        let verdict = self.verdict(result);
        self.say(&format!("result {run} {id} {actor} {verdict}"));
    }

    fn attacks(&self, run: &str) {
        let mut container = Command::new("/vm");
        let container = container
            .arg("container")
            .env_clear()
            .env("MARKER", &self.marker);
        let mut container = container
            .stdout(Stdio::null())
            .spawn()
            .expect("a container");
        let pause = find("pause");
        for name in ["T14-suid", "T14-fcap", "T1000-suid", "T1000-fcap"] {
            find(name);
        }
        for actor in [
            Actor::User,
            Actor::Root14,
            Actor::Sibling,
            Actor::Root,
            Actor::Agent,
        ] {
            if runs(run, actor) {
                outside(run, actor, pause, |row, result| {
                    self.result(run, row, actor, result);
                });
            }
        }
        let is_inside = |row: &usize| ATTACKS[*row].actors.contains(&Actor::Tree);
        if runs(run, Actor::Tree) {
            for row in (0..ATTACKS.len()).filter(is_inside) {
                self.result(run, row, Actor::Tree, &inside(row));
            }
        }
        // Both targets are still there.
        for name in ["T14", "T1000"] {
            find(name);
        }
        let pid = usize::try_from(pause).unwrap();
        sys::call(libc::SYS_kill, [pid, 9, 0, 0, 0, 0]).expect("kill");
        container.wait().expect("the container");
    }
}

/// An attacker from outside the tree, who tries all his rows; each answer as it comes.
fn outside(run: &str, actor: Actor, pause: u32, each: impl FnMut(usize, &str)) {
    let name = match actor {
        Actor::Root14 | Actor::Sibling => "T14",
        _ => "T1000",
    };
    let (target, child) = (find(name), find(&format!("{name}-child")));
    let ids = [target, local(target), pause, child, local(child)];
    attacker(run, actor, ids, "", each);
}

/// An attacker, who tries his rows, or those of `only`.
pub(crate) fn attacker(
    run: &str,
    actor: Actor,
    ids: [u32; 5],
    only: &str,
    mut each: impl FnMut(usize, &str),
) {
    let mut attacker = Command::new("/vm")
        .args(["attack", run, actor.name()])
        .args(ids.map(|id| id.to_string()))
        .arg(only)
        .env_clear()
        .stdout(Stdio::piped())
        .spawn()
        .expect("an attacker");
    let output = BufReader::new(attacker.stdout.take().expect("a pipe"));
    for line in output.lines().map_while(Result::ok) {
        let (row, result) = line.split_once(' ').expect("a result");
        each(row.parse().expect("a row"), result);
    }
    attacker.wait().expect("an attacker");
}

/// The target's child does it.
fn inside(row: usize) -> String {
    fs::write("/tmp/T1000-ask", row.to_string()).expect("a request");
    std::os::unix::fs::chown("/tmp/T1000-ask", Some(1000), Some(1000)).expect("a request");
    fs::rename("/tmp/T1000-ask", "/tmp/T1000-do").expect("a request");
    let done = "/tmp/T1000-done";
    until(|| fs::read(done).ok());
    let result = fs::read(done).expect("a result");
    fs::remove_file(done).expect("a result");
    String::from_utf8_lossy(&result).into_owned()
}

/// The process of that name, as soon as there is one.
pub(crate) fn find(name: &str) -> u32 {
    until(|| {
        let mut ids = fs::read_dir("/proc")
            .ok()?
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
        ids.find(|id| {
            let comm = fs::read_to_string(format!("/proc/{id}/comm")).unwrap_or_default();
            comm.trim() == name
        })
    })
}

/// Its id in its own PID namespace.
fn local(pid: u32) -> u32 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("status");
    let line = status
        .lines()
        .find(|line| line.starts_with("NSpid:"))
        .expect("NSpid");
    line.split_whitespace()
        .last()
        .and_then(|id| id.parse().ok())
        .expect("an id")
}

fn until<T>(found: impl FnMut() -> Option<T>) -> T {
    within(found).expect("no longer wait")
}

/// Asks until there is an answer, or patience is at its end.
pub(crate) fn within<T>(mut found: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        let answer = found();
        if answer.is_some() || start.elapsed() > PATIENCE {
            return answer;
        }
        sleep(Duration::from_millis(2));
    }
}
