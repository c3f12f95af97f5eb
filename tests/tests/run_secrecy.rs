//! No secret in what others see or we say: arguments and environment of the wrapper, its output at
//! every level, and every error of a start (P-16, H4).

use std::process::Stdio;

use cloudtaser_tests::process::{eventually, only_child};
use cloudtaser_tests::search::random_text;
use cloudtaser_tests::{Ended, Planted, Wrapper, skip};
use cloudtaser_wrapper::status;

/// Both outputs must be without the marker, whole or any 8 characters of it.
#[track_caller]
fn assert_silent(ended: &Ended, marker: &str) {
    for output in [&ended.output.stdout, &ended.output.stderr] {
        for part in marker.as_bytes().windows(8) {
            let has_part = output.windows(8).any(|window| window == part);
            assert!(!has_part, "a part of {marker} is told: {ended:?}");
        }
    }
}

#[test]
fn the_check_itself_finds_a_part_of_the_marker() {
    let marker = random_text(20);
    let ended = Wrapper::product().run(&["echo", &marker[5..15]]).with(0);
    let found = std::panic::catch_unwind(|| assert_silent(&ended, &marker));
    assert!(found.is_err(), "control");
}

#[test]
fn a_verbose_start_tells_no_value() {
    let marker = random_text(40);
    for flags in [&[][..], &["--exec"]] {
        let wrapper = Wrapper::memory(&[Planted::new("secret/db", "password", marker.as_str())])
            .env("A", "vault:secret/db#password")
            .env("URL", "x://${vault:secret/db#password}@h")
            .flags(&["--env-from", "P_=vault:secret/db", "--verbose"])
            .flags(flags);
        assert_silent(&wrapper.run(&["true"]).with(0), &marker);
        // Control: the program has it.
        let ended = wrapper
            .run(&["sh", "-c", "echo $A $URL $P_password"])
            .with(0);
        assert_eq!(ended.stdout().matches(&marker).count(), 3);
    }
}

#[test]
fn no_error_repeats_a_misplaced_value() {
    let marker = random_text(24);
    let m = marker.as_str();
    let flags = |flags: &[&str]| {
        let flags: Vec<_> = flags.iter().map(|flag| flag.replace("MARKER", m)).collect();
        Wrapper::memory(&[Planted::new("secret/db", "password", m)]).flags(&flags)
    };
    let file = |toml: &str| flags(&[]).file(&toml.replace("MARKER", m));
    let variable = |name: &str, value: &str| flags(&[]).env(name, value.replace("MARKER", m));
    let starts = [
        flags(&["MARKER"]),
        flags(&["--MARKER"]),
        flags(&["--min-protection", "MARKER"]),
        flags(&["--enforcer", "MARKER"]),
        flags(&["--enforcer=MARKER"]),
        flags(&["--exec=MARKER"]),
        flags(&["--source", "MARKER"]),
        flags(&["--env", "MARKER"]),
        flags(&["--env", "A=vault:x#y:-MARKER}", "--env", "B=vault:"]),
        flags(&["--env", "A=${vault:none#y:-MARKER"]),
        flags(&[
            "--env",
            "A=vault:none#y",
            "--env",
            "B=${vault:none#x}MARKER",
        ]),
        flags(&[
            "--env",
            "A=vault:secret/db#other",
            "--env",
            "B=vault:none#x:-MARKER",
        ]),
        flags(&["--env", "A=vault:x#y#MARKER"]),
        flags(&["--env-from", "MARKER"]),
        variable("CLOUDTASER_ENFORCER", "MARKER"),
        variable("CLOUDTASER_MIN_PROTECTION", "MARKER"),
        variable("CLOUDTASER_EXEC", "MARKER"),
        variable("CLOUDTASER_VERBOSE", "MARKER"),
        variable("CLOUDTASER_SOURCE", "MARKER"),
        variable("CLOUDTASER_ENV", "MARKER"),
        variable("CLOUDTASER_ENV_FROM", "MARKER"),
        variable("A", "${vault:none#y:-MARKER"),
        variable("A", "MARKER ${vault:none#y} MARKER"),
        file("MARKER"),
        file("MARKER = 1"),
        file("[env]\nA = MARKER"),
        file("[env]\nA = ['MARKER']"),
        file("[env]\nA = 'x\nMARKER'"),
        file("[env]\nA = 'MARKER'\nA = 'MARKER'"),
        file("[MARKER]\n"),
        file("exec = 'MARKER'"),
        file("enforcer = 'MARKER'"),
        file("min_protection = 'MARKER'"),
        file("source = 'MARKER'").without("CLOUDTASER_SOURCE"),
        file("env = 'MARKER'"),
        file("env_from = 'MARKER'"),
    ];
    for wrapper in starts {
        let ended = wrapper.run(&["true"]);
        let is_expected = [status::USAGE, status::NO_SECRET].map(i32::from);
        assert!(is_expected.contains(&ended.status()), "no error: {ended:?}");
        ended.says(&["cloudtaser: "]);
        assert_silent(&ended, m);
    }
}

#[test]
fn values_that_cannot_be_delivered_are_not_told() {
    let marker = random_text(24);
    let long = marker.repeat(6000);
    let nul = format!("{marker}\0{marker}");
    for value in [long, nul] {
        let wrapper = Wrapper::memory(&[Planted::new("secret/db", "password", value)]);
        let wrapper = wrapper
            .env("A", "vault:secret/db#password")
            .flags(&["--verbose"]);
        let ended = wrapper.run(&["true"]).with(status::USAGE.into());
        assert_silent(&ended, &marker);
    }
    let malformed = Wrapper::memory(&[]).env("A", "vault:secret/db#password");
    let _file = malformed.write("secrets.json", format!("{{\"secret/db\": {marker}"));
    assert_silent(
        &malformed.run(&["true"]).with(status::SOURCE.into()),
        &marker,
    );
}

#[test]
fn help_shows_no_variable_of_ours() {
    let marker = random_text(24);
    let mut command = std::process::Command::new(cloudtaser_tests::cloudtaser());
    command.args(["run", "--help"]);
    for name in [
        "STORE",
        "IDENTITY",
        "PASSPHRASE_FILE",
        "ENV",
        "SOURCE",
        "CONFIG",
    ] {
        command.env(format!("CLOUDTASER_{name}"), &marker);
    }
    assert_silent(&Ended::of(command, b"").with(0), &marker);
}

#[test]
fn arguments_and_environment_of_the_wrapper_are_without_it() {
    if !rustix::process::geteuid().is_root() {
        return skip("root, who alone may read the wrapper's environ");
    }
    let marker = random_text(40);
    let wrapper = Wrapper::memory(&[Planted::new("secret/db", "password", marker.as_str())])
        .env("A", "vault:secret/db#password")
        .flags(&["--env", "B=vault:secret/db#password"]);
    let mut command = wrapper.command(&["cat"]);
    let mut child = command.stdin(Stdio::piped()).spawn().expect("started");
    let pid = i32::try_from(child.id()).expect("a process id");
    let program = only_child(pid);
    let is_in = |pid: i32, file: &str| {
        let bytes = std::fs::read(format!("/proc/{pid}/{file}")).expect("readable by root");
        assert!(!bytes.is_empty(), "{file} of {pid}");
        bytes
            .windows(marker.len())
            .any(|window| window == marker.as_bytes())
    };
    // Until the program runs, its process has the wrapper's environment still.
    let has_it = eventually(|| is_in(program, "environ"));
    assert!(has_it, "control: the program's has it");
    for (pid, file) in [(pid, "environ"), (pid, "cmdline"), (program, "cmdline")] {
        assert!(!is_in(pid, file), "{file} of {pid}");
    }
    drop(child.stdin.take());
    assert!(child.wait().expect("waited for").success());
}
