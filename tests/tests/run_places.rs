//! `cloudtaser run` in places that are hostile or odd: each test keeps out a defect that was seen.

use std::process::Command;

use cloudtaser_tests::{Ended, Planted, Wrapper, cloudtaser};

/// Sixteen bytes that the program must get.
const VALUE: &str = "value-0123456789";

fn with_secret() -> Wrapper {
    Wrapper::local(&[Planted::new("secret/db", "password", VALUE)])
        .env("PASSWORD", "vault:secret/db#password")
}

fn gets_the_value(wrapper: &Wrapper) {
    let ended = wrapper.run(&["printenv", "PASSWORD"]).with(0);
    assert_eq!(ended.stdout(), format!("{VALUE}\n"));
}

/// Whoever may write the folder could otherwise hold up every start there for ever.
#[test]
fn a_pipe_in_place_of_the_configuration_does_not_hold_us_up() {
    let wrapper = with_secret();
    gets_the_value(&wrapper);
    let made = Command::new("mkfifo")
        .arg(wrapper.folder().join("cloudtaser.toml"))
        .status();
    assert!(made.is_ok_and(|status| status.success()));
    wrapper
        .run(&["true"])
        .with(64)
        .says(&["no regular file", "--config"]);
}

/// The wipe of finished calls once took more stack than there was (SIGSEGV).
#[test]
fn a_small_stack_is_enough() {
    gets_the_value(&with_secret().under(format!("stack={}", 256 << 10)));
}

/// The parent's process id reads as 0 from a child in a PID namespace of its own.
#[test]
fn a_new_pid_namespace_is_no_dead_parent() {
    let wrapper = with_secret();
    let wrapped = wrapper.command(&["printenv", "PASSWORD"]);
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--pid", "--"]);
    command.arg(wrapped.get_program()).args(wrapped.get_args());
    command.current_dir(wrapper.folder()).env_clear();
    command.envs(
        wrapped
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    assert_eq!(
        Ended::of(command, b"").with(0).stdout(),
        format!("{VALUE}\n")
    );
}

/// A pod's author can write the mark of a second start, and its process id is 1 in a container: the
/// first start must not take itself for the second one, which registers and proves nothing.
#[test]
fn the_mark_of_a_second_start_cannot_be_written_by_others() {
    let wrapper = with_secret();
    let line = "tr '\\0' '\\n' </proc/1/environ | grep REEXECUTED; echo $PASSWORD";
    let wrapped = wrapper.command(&["sh", "-c", line]);
    let mut command = Command::new("unshare");
    command.args([
        "--user",
        "--map-root-user",
        "--pid",
        "--fork",
        "--mount-proc",
        "--",
    ]);
    command.arg(wrapped.get_program()).args(wrapped.get_args());
    command.current_dir(wrapper.folder()).env_clear();
    let variables = wrapped.get_envs();
    command.envs(variables.filter_map(|(name, value)| Some((name, value?))));
    command.env("CLOUDTASER_REEXECUTED", "1:proven");
    // The second start wrote its own: nobody refused anything here.
    let expected = format!("CLOUDTASER_REEXECUTED=1:\n{VALUE}\n");
    assert_eq!(Ended::of(command, b"").with(0).stdout(), expected);
}

/// An alarm that was set before the start is the program's: without us it would get it.
#[test]
fn an_alarm_from_before_reaches_the_program() {
    let wrapper = with_secret();
    let line = "alarm 1; exec @ARGV";
    let mut command = Command::new("perl");
    command
        .args(["-e", line])
        .arg(cloudtaser())
        .args(["run", "--", "sleep", "20"]);
    command.current_dir(wrapper.folder());
    assert_eq!(Ended::of(command, b"").status(), 128 + 14);
    let mut bare = Command::new("perl");
    bare.args(["-e", line, "sleep", "20"]);
    assert_eq!(Ended::of(bare, b"").status(), 128 + 14, "control");
}

/// The heap's lock and the region share one limit; more limit must not weaken the region.
#[test]
fn the_heap_yields_to_the_region() {
    let values: Vec<_> = (0..11)
        .map(|number| Planted::new("secret/all", &format!("F{number}"), "x".repeat(120_000)))
        .collect();
    for limit in [4095_u64, 4096] {
        let wrapper = Wrapper::memory(&values)
            .for_every_user()
            .under(format!("stack={}", 64_u64 << 20))
            .under(format!("memlock={}", limit << 10))
            .under("uid=65534")
            .flags(&[
                "--env-from",
                "vault:secret/all",
                "--min-protection",
                "secretmem",
            ]);
        let _ended = wrapper.run(&["true"]).with(0);
    }
}

/// The second start is executed through a link whose name is not ours.
#[test]
fn the_process_is_called_by_our_name() {
    let ended = with_secret()
        .run(&["sh", "-c", "cat /proc/$PPID/comm"])
        .with(0);
    assert_eq!(ended.stdout(), "cloudtaser\n");
}

/// A flag and a variable win over the file, also where they say no.
#[test]
fn exec_can_be_switched_off() {
    let named = |wrapper: Wrapper| {
        wrapper
            .file("exec = true\n")
            .run(&["sh", "-c", "cat /proc/$PPID/comm"])
    };
    assert_ne!(
        named(with_secret()).with(0).stdout(),
        "cloudtaser\n",
        "control"
    );
    let off = with_secret().flags(&["--exec=false"]);
    assert_eq!(named(off).with(0).stdout(), "cloudtaser\n");
    let off = with_secret().env("CLOUDTASER_EXEC", "false");
    assert_eq!(named(off).with(0).stdout(), "cloudtaser\n");
}
