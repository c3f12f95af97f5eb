//! Exit statuses of `cloudtaser run`: the table of its help, each line of it (P-2, P-3, R13).
#![expect(clippy::expect_used, reason = "test code: a panic shows the line")]

use cloudtaser_tests::{Planted, Wrapper};
use cloudtaser_wrapper::status;

const TRUE: [&str; 1] = ["true"];

fn with_secret() -> Wrapper {
    Wrapper::memory(&[Planted::new("secret/db", "password", "p")])
}

#[test]
fn success_is_passed_on() {
    // Control for every refusal below: the same start without the mistake.
    let _ended = Wrapper::product().run(&TRUE).with(0);
    let flags = ["--env", "A=vault:secret/db#password"];
    let _ended = with_secret().flags(&flags).run(&TRUE).with(0);
}

#[test]
fn bad_usage_is_64() {
    let cases: [(&[&str], &str); 9] = [
        (&["--no-such-option"], "--no-such-option"),
        (&["--enforcer", "perhaps"], "require, prefer, off"),
        (&["--min-protection", "perhaps"], "none, locked, secretmem"),
        (&["--source", "nowhere"], "local"),
        (&["--env", "NAME"], "NAME=VALUE"),
        (&["--env", "A=vault:"], "variable `A`"),
        (&["--env", "A=vault:x#y#z"], "variable `A`"),
        (&["--env-from", "P_=x"], "entry 1"),
        (&["--config", "no-such.toml"], "no-such.toml"),
    ];
    for (flags, said) in cases {
        let ended = Wrapper::product().flags(flags).run(&TRUE);
        ended.with(status::USAGE.into()).says(&[said]);
    }
}

#[test]
fn a_missing_program_is_64() {
    let ended = Wrapper::product().run::<&str>(&[]);
    ended.with(status::USAGE.into()).says(&["PROGRAM"]);
    let none = std::process::Command::new(cloudtaser_tests::cloudtaser())
        .arg("run")
        .output();
    let code = none.expect("started").status.code();
    assert_eq!(code, Some(status::USAGE.into()));
}

#[test]
fn a_missing_secret_is_66_and_named() {
    for (reference, said) in [
        ("vault:secret/other#password", "`secret/other`"),
        ("vault:secret/db#pasword", "did you mean `password`?"),
        ("vault:secret/db#password#7", "no version 7"),
        ("memory:secret/none#x", "`secret/none`"),
    ] {
        let ended = with_secret().env("PGPASSWORD", reference).run(&TRUE);
        let ended = ended.with(status::NO_SECRET.into());
        ended.says(&["cloudtaser: ", "`PGPASSWORD`", reference, said]);
    }
    let flags = ["--env-from", "DB_=vault:secret/none"];
    let ended = with_secret().flags(&flags).run(&TRUE);
    ended.with(status::NO_SECRET.into()).says(&["secret/none"]);
}

#[test]
fn every_missing_secret_is_told_at_once() {
    let flags = ["--env", "A=vault:x#y", "--env", "B=vault:secret/db#z"];
    let ended = with_secret().flags(&flags).run(&TRUE);
    ended.with(66).says(&["`A`", "`B`"]);
}

#[test]
fn an_unusable_source_is_69() {
    let wrapper = with_secret().env("A", "vault:secret/db#password");
    let _control = wrapper.run(&TRUE).with(0);
    std::fs::remove_file(wrapper.folder().join("secrets.json")).expect("removed");
    let ended = wrapper.run(&TRUE).with(status::SOURCE.into());
    ended.says(&["`memory`", "No such file"]);
}

#[test]
fn too_little_protection_is_77() {
    for flags in [["--enforcer", "require"], ["--min-protection", "enforced"]] {
        let ended = Wrapper::product().flags(&flags).run(&TRUE);
        if ended.status() == 0 {
            return cloudtaser_tests::skip("a node without the enforcer");
        }
        ended.with(status::PRIVILEGE.into()).says(&["enforcer"]);
    }
}

#[test]
fn a_tracer_is_refused_with_77() {
    let wrapper = Wrapper::product().under("traced");
    let _control = wrapper.run_bare(&["sh", "-c", "exit 3"]).with(3);
    let ended = wrapper.run(&TRUE).with(status::PRIVILEGE.into());
    ended.says(&["traces us"]);
    let _control = Wrapper::product().under("core=0").run(&TRUE).with(0);
}

#[test]
fn a_program_that_is_not_there_is_127() {
    for name in ["no-such-program", "./no-such-program", "/bin/sh/x", ""] {
        let ended = Wrapper::product().run(&[name]);
        ended.with(status::NOT_FOUND.into()).says(&["cloudtaser: "]);
    }
    let wrapper = Wrapper::product();
    let script = wrapper.write("script", "#!/no/such/interpreter\n");
    executable(&script, 0o755);
    let ended = wrapper.run(&["./script"]).with(status::NOT_FOUND.into());
    ended.says(&["/no/such/interpreter"]);
}

#[test]
fn a_program_that_cannot_be_executed_is_126() {
    let wrapper = Wrapper::product();
    let script = wrapper.write("script", "#!/bin/sh\nexit 0\n");
    executable(&script, 0o644);
    let name = "./script";
    let ended = wrapper.run(&[name]).with(status::NOT_EXECUTABLE.into());
    ended.says(&["script"]);
    executable(&script, 0o755);
    let _control = wrapper.run(&[name]).with(0);
    let _directory = wrapper.run(&["/"]).with(status::NOT_EXECUTABLE.into());
    let no_format = wrapper.write("no-format", "neither\n");
    executable(&no_format, 0o755);
    for flags in [&[][..], &["--exec"]] {
        let wrapper = Wrapper::product().flags(flags);
        let ended = wrapper.run(&[&no_format]);
        let _ended = ended.with(status::NOT_EXECUTABLE.into());
    }
}

fn executable(file: &std::path::Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    let permissions = std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(file, permissions).expect("chmod");
}

#[test]
fn the_programs_own_status_is_passed_on() {
    for exit in [0, 1, 5, 63, 255] {
        let command = format!("exit {exit}");
        for flags in [&[][..], &["--exec"]] {
            let wrapper = Wrapper::product().flags(flags);
            let ended = wrapper.run(&["sh", "-c", &command]).with(exit);
            assert_eq!(ended.stderr(), "", "nothing of ours to say");
        }
    }
}

#[test]
fn a_status_that_could_be_ours_is_told_apart() {
    for exit in [64, 66, 69, 70, 77, 126, 127] {
        let command = format!("exit {exit}");
        let ended = Wrapper::product().run(&["sh", "-c", &command]).with(exit);
        ended.says(&[
            &format!("status {exit} is that of `"),
            "sh`",
            "not of cloudtaser",
        ]);
    }
}

#[test]
fn death_by_a_signal_is_128_and_its_number() {
    // Those that do not kill: CHLD, CONT, STOP, TSTP, TTIN, TTOU, URG, WINCH (signal(7)).
    let harmless = [17, 18, 19, 20, 21, 22, 23, 28];
    let signals = (1..=31).chain([34, 64]);
    for signal in signals.filter(|signal| !harmless.contains(signal)) {
        let command = format!("kill -{signal} $$; sleep 10");
        let wrapper = Wrapper::product().under("core=0");
        let ended = wrapper.run(&["sh", "-c", &command]);
        let ended = ended.with(128 + signal);
        ended.says(&[&format!("died of signal {signal}")]);
    }
}
