//! From the serial line to passed and failed. Pure.
//!
//! A line counts only behind the nonce; what is missing is a failure like what is wrong, with the
//! console's end attached.

use cloudtaser_abi::enforce::{ALL, Hook};
use cloudtaser_vm::table::{self, Attack, Expect};

use super::product;
use crate::test::report::Outcome;

/// What a kernel in trouble says.
const TROUBLE: [&str; 5] = [
    "Oops",
    "BUG:",
    "Kernel panic",
    "general protection fault",
    "vm: the machine",
];
/// Last lines of the console that go with a failure.
const TAIL: usize = 25;

/// The runs of a machine, in order; each hook is left out once.
pub(super) fn runs() -> Vec<&'static str> {
    let mut runs = vec!["control", "selftest", "enforced", "observe"];
    runs.extend(ALL.map(Hook::name));
    runs
}

/// `result RUN ID ACTOR ERRNO BYTES MARK`.
#[derive(Debug)]
struct Attempt<'a> {
    run: &'a str,
    id: &'a str,
    actor: &'a str,
    is_success: bool,
    bytes: u32,
    has_marker: bool,
    errno: &'a str,
}

fn attempt(line: &str) -> Option<Attempt<'_>> {
    let words: Vec<&str> = line.strip_prefix("result ")?.split(' ').collect();
    let [run, id, actor, errno, bytes, mark] = words[..] else {
        return None;
    };
    Some(Attempt {
        run,
        id,
        actor,
        is_success: errno == "0",
        bytes: bytes.parse().ok()?,
        has_marker: mark == "marker",
        errno,
    })
}

/// Every case of a machine: its name and how it ended.
pub(super) fn judge(console: &[String], nonce: &str, attacks: &[Attack]) -> Vec<(String, Outcome)> {
    let ours: Vec<&str> = console
        .iter()
        .filter_map(|line| line.strip_prefix(nonce)?.strip_prefix(' '))
        .collect();
    let attempts: Vec<_> = ours.iter().filter_map(|line| attempt(line)).collect();
    let mut cases = vec![("boots and ends".to_owned(), machine(console, &ours))];
    let is_proven = ours.contains(&"selftest status true") && ours.contains(&"selftest tier lsm");
    cases.push((
        "the self-test finds every hook".to_owned(),
        verdict(is_proven, || {
            "see the console's `selftest` lines".to_owned()
        }),
    ));
    let second = ours
        .iter()
        .any(|line| line.starts_with("second refused true"));
    cases.push((
        "a second daemon says that there are pins".to_owned(),
        verdict(second, || "see the console's line `second`".to_owned()),
    ));
    for (name, line) in [
        (
            "the self-test sees that programs are not called",
            "blind status false",
        ),
        (
            "without a guarded process programs may be loaded",
            "disarmed enforced true",
        ),
        (
            "beside a child alone no program may be loaded",
            "orphan enforced true",
        ),
    ] {
        let outcome = verdict(ours.contains(&line), || format!("no line `{line}`"));
        cases.push((name.to_owned(), outcome));
    }
    for run in ["control", "observe"] {
        let failed = all(&attempts, run, attacks, |attempt, _| attempt.is_success);
        let name = format!("every attack succeeds in the run `{run}`");
        cases.push((name, verdict(failed.is_empty(), || failed.join("; "))));
    }
    let found = attempts
        .iter()
        .any(|attempt| attempt.run == "control" && attempt.has_marker);
    cases.push((
        "the search for the marker can find it".to_owned(),
        verdict(found, || {
            "no attack of the control run got the marker".to_owned()
        }),
    ));
    for attack in attacks {
        let one = std::slice::from_ref(attack);
        let failed = all(&attempts, "enforced", one, is_as_expected);
        cases.push((
            attack.id.to_owned(),
            verdict(failed.is_empty(), || failed.join("; ")),
        ));
    }
    cases.extend(product::judge(&ours));
    for hook in ALL {
        let (first, hook) = (hook.stands_behind().map(Hook::name), hook.name());
        let passed = |attempt: &&Attempt<'_>| attempt.run == hook && attempt.is_success;
        let through = attempts.iter().filter(passed).filter(|attempt| {
            let is_refused = |row: &&Attack| row.id == attempt.id && row.expect == Expect::Refused;
            attacks.iter().find(is_refused).is_some()
        });
        // Behind another hook, which is left out too: what gets through must be what is refused
        // where only the other one is left out.
        let through = through.filter(|attempt| {
            first.is_none_or(|first| {
                let is_same = |other: &&Attempt<'_>| (other.run, other.id) == (first, attempt.id);
                attempts
                    .iter()
                    .any(|other| is_same(&other) && other.errno == "1")
            })
        });
        let mut through: Vec<&str> = through.map(|attempt| attempt.id).collect();
        // The two that count are missed by what else should be refused, or open.
        for (counts, line, what) in [
            (
                Hook::SchedProcessFork,
                "orphan",
                "a program, beside a child",
            ),
            (Hook::SchedProcessExit, "disarmed", "nothing, nor later"),
        ] {
            let line = format!("{line} {hook} false");
            if hook == counts.name() && ours.contains(&line.as_str()) {
                through.push(what);
            }
        }
        println!("vm: without {hook} get through: {}", through.join(" "));
        cases.push((
            format!("without {hook} an attack gets through"),
            verdict(!through.is_empty(), || {
                "no test misses this hook".to_owned()
            }),
        ));
    }
    cases
}

/// Whether the daemon's own attempts were refused, and it says so.
pub(super) fn selftest(console: &[String], nonce: &str) -> Outcome {
    let says = |text: &str| {
        let line = format!("{nonce} selftest {text}");
        console.contains(&line)
    };
    verdict(says("status true") && says("tier lsm"), || {
        let from = console.len().saturating_sub(TAIL);
        console.get(from..).unwrap_or_default().join("\n")
    })
}

/// Attempts of a run that are not as they must be, lost ones among them.
fn all(
    attempts: &[Attempt<'_>],
    run: &str,
    attacks: &[Attack],
    is_right: fn(&Attempt<'_>, &Attack) -> bool,
) -> Vec<String> {
    let mut failed = Vec::new();
    for attack in attacks {
        for actor in attack
            .actors
            .iter()
            .filter(|actor| table::runs(run, **actor))
        {
            let is_it = |attempt: &&Attempt<'_>| {
                (attempt.run, attempt.id, attempt.actor) == (run, attack.id, actor.name())
            };
            match attempts.iter().find(is_it) {
                Some(attempt) if is_right(attempt, attack) => {}
                Some(attempt) => failed.push(format!("{attempt:?}")),
                None => failed.push(format!("{} by {}: lost line", attack.id, actor.name())),
            }
        }
    }
    failed
}

/// Refused is EPERM or EACCES (asm-generic/errno-base.h) and nothing in hand.
fn is_as_expected(attempt: &Attempt<'_>, attack: &Attack) -> bool {
    match attack.expect {
        Expect::Open => attempt.is_success,
        Expect::Refused => {
            matches!(attempt.errno, "1" | "13") && attempt.bytes == 0 && !attempt.has_marker
        }
    }
}

/// The first line by which a kernel in trouble is known.
pub(super) fn trouble(console: &[String]) -> Option<&str> {
    let is_trouble = |line: &&String| TROUBLE.iter().any(|word| line.contains(word));
    console.iter().find(is_trouble).map(String::as_str)
}

fn machine(console: &[String], ours: &[&str]) -> Outcome {
    let what = match trouble(console) {
        Some(line) => line.to_owned(),
        None if ours.last() == Some(&"end") => {
            for line in ours.iter().filter(|line| line.starts_with("done ")) {
                println!("vm: {line} ms");
            }
            return Outcome::Passed;
        }
        None => "the last line is missing".to_owned(),
    };
    let from = console.len().saturating_sub(TAIL);
    let tail = console.get(from..).unwrap_or_default().join("\n");
    Outcome::Failed(format!("{what}\n{tail}"))
}

pub(super) fn verdict(is_well: bool, why: impl FnOnce() -> String) -> Outcome {
    if is_well {
        Outcome::Passed
    } else {
        Outcome::Failed(why())
    }
}

#[cfg(test)]
mod tests {
    use cloudtaser_vm::table::{Action, Actor};

    use super::*;

    const TABLE: &[Attack] = &[Attack {
        id: "A02.environ",
        actors: &[Actor::Root],
        action: Action::Read("environ"),
        expect: Expect::Refused,
        note: "",
    }];

    fn outcome(console: &str, name: &str) -> Outcome {
        let console: Vec<_> = console.lines().map(str::to_owned).collect();
        let cases = judge(&console, "n", TABLE);
        cases.into_iter().find(|case| case.0 == name).unwrap().1
    }

    #[test]
    fn a_refusal_passes_and_nothing_else_does() {
        let line = "n result enforced A02.environ root 1 0 clean";
        assert_eq!(outcome(line, "A02.environ"), Outcome::Passed);
        for line in [
            "",
            "x result enforced A02.environ root 1 0 clean",
            "n result enforced A02.environ root 0 40 clean",
            "n result enforced A02.environ root 2 0 clean",
            "n result enforced A02.environ root 13 0 marker",
        ] {
            let outcome = outcome(line, "A02.environ");
            assert!(matches!(outcome, Outcome::Failed(_)), "{line}");
        }
    }

    #[test]
    fn a_hook_that_nothing_misses_fails() {
        let name = "without file_open an attack gets through";
        let line = "n result file_open A02.environ root 0 40 marker";
        assert_eq!(outcome(line, name), Outcome::Passed);
        let line = "n result file_open A02.environ root 13 0 clean";
        assert!(matches!(outcome(line, name), Outcome::Failed(_)));
    }

    #[test]
    fn a_hook_behind_another_is_judged_by_both_runs() {
        let name = "without bprm_creds_for_exec an attack gets through";
        let through = "n result bprm_creds_for_exec A02.environ root 0 40 marker";
        let lines = format!("{through}\nn result ptrace_traceme A02.environ root 1 0 clean");
        assert_eq!(outcome(&lines, name), Outcome::Passed);
        let lines = format!("{through}\nn result ptrace_traceme A02.environ root 0 40 marker");
        assert!(matches!(outcome(&lines, name), Outcome::Failed(_)));
        assert!(matches!(outcome(through, name), Outcome::Failed(_)));
    }

    #[test]
    fn a_selftest_without_both_lines_fails() {
        let name = "the self-test finds every hook";
        let lines = "n selftest tier lsm\nn selftest status true";
        assert_eq!(outcome(lines, name), Outcome::Passed);
        for lines in [
            "n selftest tier lsm",
            "n selftest tier none\nn selftest status true",
        ] {
            assert!(matches!(outcome(lines, name), Outcome::Failed(_)));
        }
    }

    #[test]
    fn an_oops_and_a_lost_end_fail() {
        let name = "boots and ends";
        assert_eq!(outcome("n end", name), Outcome::Passed);
        for console in ["n done control", "BUG: unable\nn end", ""] {
            assert!(matches!(outcome(console, name), Outcome::Failed(_)));
        }
    }
}
