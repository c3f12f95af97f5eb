//! What stands in the program's environment, and where an option may be written (P-15, P-19, R1,
//! R4, R7, R10, R16, H7).
#![expect(clippy::expect_used, reason = "test code: a panic shows the line")]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use cloudtaser_tests::{Ended, Planted, Wrapper};
use cloudtaser_wrapper::status;

fn secrets() -> Wrapper {
    Wrapper::memory(&[
        Planted::new("secret/db", "user", "alice"),
        Planted::new("secret/db", "password", "s3cret"),
        Planted::new("secret/other", "user", "bob"),
        Planted::new("secret/odd", "reference", "vault:secret/db#password"),
        Planted::new("secret/odd", "empty", ""),
        Planted::new("secret/odd", "lines", "a\nb\n"),
        Planted::new("secret/odd", "bytes", b"\xff\x01\xfe".as_slice()),
    ])
}

/// The program's environment, as the kernel holds it.
fn seen(wrapper: &Wrapper) -> BTreeMap<Vec<u8>, Vec<u8>> {
    environment(&wrapper.run(&["cat", "/proc/self/environ"]).with(0))
}

fn environment(ended: &Ended) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let strings = ended.output.stdout.split(|byte| *byte == 0);
    let mut all = BTreeMap::new();
    for string in strings.filter(|string| !string.is_empty()) {
        let equals = string
            .iter()
            .position(|byte| *byte == b'=')
            .expect("NAME=value");
        let (name, value) = string.split_at(equals);
        let before = all.insert(name.to_vec(), value.get(1..).unwrap_or_default().to_vec());
        assert!(before.is_none(), "twice: {}", String::from_utf8_lossy(name));
    }
    all
}

#[track_caller]
fn assert_has(wrapper: &Wrapper, wanted: &[(&str, &str)]) {
    let seen = seen(wrapper);
    for (name, value) in wanted {
        let found = seen.get(name.as_bytes());
        let found = found.map(|value| String::from_utf8_lossy(value).into_owned());
        assert_eq!(found.as_deref(), Some(*value), "{name}");
    }
}

#[track_caller]
fn assert_lacks(wrapper: &Wrapper, names: &[&str]) {
    let seen = seen(wrapper);
    for name in names {
        assert!(!seen.contains_key(name.as_bytes()), "{name}");
    }
}

#[test]
fn references_are_replaced_wherever_they_stand() {
    let url = "postgres://${vault:secret/db#user}:${vault:secret/db#password}@db/$HOME";
    let wrapper = secrets()
        .env("INHERITED", "vault:secret/db#password")
        .env("URL", url)
        .env("PLAIN", "pa$$ word ${not} #x")
        .flags(&[
            "--env",
            "FLAG=bao:secret/db#user",
            "-e",
            "OWN=memory:secret/other",
        ])
        .file("[env]\nFILE = 'vault:secret/db#user'\nFILE_PLAIN = 'plain'\n");
    assert_has(
        &wrapper,
        &[
            ("INHERITED", "s3cret"),
            ("URL", "postgres://alice:s3cret@db/$HOME"),
            ("PLAIN", "pa$$ word ${not} #x"),
            ("FLAG", "alice"),
            ("OWN", "bob"),
            ("FILE", "alice"),
            ("FILE_PLAIN", "plain"),
        ],
    );
}

#[test]
fn values_arrive_byte_for_byte() {
    let wrapper = secrets()
        .flags(&["--env-from", "vault:secret/odd"])
        .env("BYTES_TOO", OsStr::from_bytes(b"\xff\xfe"));
    let seen = seen(&wrapper);
    let value = |name: &str| seen.get(name.as_bytes()).expect("delivered").as_slice();
    assert_eq!(
        value("reference"),
        b"vault:secret/db#password",
        "never expanded twice"
    );
    assert_eq!(value("empty"), b"");
    assert_eq!(value("lines"), b"a\nb\n");
    assert_eq!(value("bytes"), b"\xff\x01\xfe");
    assert_eq!(value("BYTES_TOO"), b"\xff\xfe");
}

#[test]
fn flag_wins_over_file_and_that_over_inherited() {
    let inherited = secrets().env("A", "vault:secret/db#user");
    assert_has(&inherited, &[("A", "alice")]);
    let file = inherited.file("[env]\nA = 'vault:secret/other#user'\n");
    assert_has(&file, &[("A", "bob")]);
    let flag = file.flags(&["--env", "A=flag"]);
    assert_has(&flag, &[("A", "flag")]);
}

#[test]
fn all_keys_get_their_prefix_and_are_the_weakest() {
    let wrapper = secrets()
        .env("DB_user", "inherited")
        .flags(&[
            "--env-from",
            "DB_=vault:secret/db",
            "--env-from",
            "vault:secret/other",
        ])
        .flags(&["--env-from", "O_=vault:none?"]);
    assert_has(
        &wrapper,
        &[
            ("DB_user", "inherited"),
            ("DB_password", "s3cret"),
            ("user", "bob"),
        ],
    );
    let later = secrets().flags(&[
        "--env-from=vault:secret/db",
        "--env-from=vault:secret/other",
    ]);
    assert_has(&later, &[("user", "bob"), ("password", "s3cret")]);
}

#[test]
fn defaults_and_optional_references_stand_in() {
    let wrapper = secrets()
        .env("DEFAULT", "vault:secret/none#x:-instead")
        .env("OPTIONAL", "vault:secret/none#x?")
        .env("PART", "a${vault:secret/none#x?}b");
    assert_has(&wrapper, &[("DEFAULT", "instead"), ("PART", "ab")]);
    assert_lacks(&wrapper, &["OPTIONAL"]);
}

#[test]
fn literal_variables_are_not_looked_at() {
    let reference = "vault:secret/none#x";
    let wrapper = secrets().env("A", reference);
    let _control = wrapper.run(&["true"]).with(status::NO_SECRET.into());
    assert_has(&wrapper.flags(&["--literal", "A"]), &[("A", reference)]);
}

#[test]
fn variables_of_ours_and_of_the_servers_stay_behind() {
    let names = [
        "CLOUDTASER_VERBOSE",
        "CLOUDTASER_ANY",
        "VAULT_TOKEN",
        "BAO_ADDR",
    ];
    for flags in [&[][..], &["--exec"]] {
        let with = || {
            let wrapper = names
                .iter()
                .fold(secrets(), |wrapper, name| wrapper.env(name, "no"));
            wrapper.flags(flags).env("VAULTED", "yes")
        };
        assert_lacks(&with(), &names);
        let ours = seen(&with());
        let ours = ours.keys().filter(|name| name.starts_with(b"CLOUDTASER"));
        assert_eq!(ours.count(), 0, "the re-execution's mark, too");
        assert_has(&with(), &[("VAULTED", "yes")]);
        let passed = with().flags(&["--pass", &names.join(",")]);
        assert_has(&passed, &names.map(|name| (name, "no")));
    }
}

#[test]
fn inherit_says_which_variables_there_are() {
    let with = |inherit: &str| {
        let wrapper = secrets().env("A", "1").env("B", "2");
        wrapper.flags(&["--inherit", inherit, "--env", "C=vault:secret/db#user"])
    };
    let names = |wrapper: Wrapper| {
        let seen = seen(&wrapper).into_keys();
        seen.map(|name| String::from_utf8_lossy(&name).into_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(with("none")), ["C"]);
    assert_eq!(names(with("A,HOME")), ["A", "C", "HOME"]);
    assert_eq!(names(with("all")), ["A", "B", "C", "HOME", "PATH"]);
}

/// One option in its three places: flag, variable, key. The effect is told by what the program
/// prints and how the start ends.
struct Option {
    flag: &'static [&'static str],
    variable: (&'static str, &'static str),
    /// `None`: it makes no sense in the file.
    toml: std::option::Option<&'static str>,
    /// Where the effect is looked for.
    effect: fn(&Ended) -> bool,
}

fn has(ended: &Ended, text: &str) -> bool {
    ended.stdout().split('\0').any(|string| string == text)
}

const OPTIONS: [Option; 12] = [
    Option {
        flag: &["--env", "A=vault:secret/db#user", "--env", "B=b"],
        variable: ("CLOUDTASER_ENV", "A=vault:secret/db#user\nB=b"),
        toml: Some("[env]\nA = 'vault:secret/db#user'\nB = 'b'"),
        effect: |ended| has(ended, "A=alice") && has(ended, "B=b"),
    },
    Option {
        flag: &[
            "--env-from",
            "P_=vault:secret/db",
            "--env-from",
            "vault:secret/other",
        ],
        variable: (
            "CLOUDTASER_ENV_FROM",
            "P_=vault:secret/db\nvault:secret/other",
        ),
        toml: Some("env_from = ['P_=vault:secret/db', 'vault:secret/other']"),
        effect: |ended| has(ended, "P_user=alice") && has(ended, "user=bob"),
    },
    Option {
        flag: &["--literal", "REFERENCE,X"],
        variable: ("CLOUDTASER_LITERAL", "REFERENCE,X"),
        toml: Some("literal = ['REFERENCE', 'X']"),
        effect: |ended| has(ended, "REFERENCE=vault:secret/db#password"),
    },
    Option {
        flag: &["--inherit", "PATH"],
        variable: ("CLOUDTASER_INHERIT", "PATH"),
        toml: Some("inherit = ['PATH']"),
        effect: |ended| ended.status() == 0 && !ended.stdout().contains("HOME="),
    },
    Option {
        flag: &["--pass", "VAULT_ADDR"],
        variable: ("CLOUDTASER_PASS", "VAULT_ADDR"),
        toml: Some("pass = 'VAULT_ADDR'"),
        effect: |ended| has(ended, "VAULT_ADDR=a"),
    },
    Option {
        flag: &["--source", "nowhere"],
        variable: ("CLOUDTASER_SOURCE", "nowhere"),
        toml: Some("source = 'nowhere'"),
        effect: |ended| ended.stderr().contains("no secret source of that name"),
    },
    Option {
        flag: &["--min-protection", "enforced"],
        variable: ("CLOUDTASER_MIN_PROTECTION", "enforced"),
        toml: Some("min_protection = 'enforced'"),
        effect: |ended| ended.status() == 77 || ended.stderr().contains("enforced"),
    },
    Option {
        flag: &["--enforcer", "require"],
        variable: ("CLOUDTASER_ENFORCER", "require"),
        toml: Some("enforcer = 'require'"),
        effect: |ended| ended.status() == 77,
    },
    Option {
        flag: &["--exec"],
        variable: ("CLOUDTASER_EXEC", "1"),
        toml: Some("exec = true"),
        effect: |ended| !ended.stderr().contains("ended with status"),
    },
    Option {
        flag: &["--config", "other.toml"],
        variable: ("CLOUDTASER_CONFIG", "other.toml"),
        toml: None,
        effect: |ended| has(ended, "OTHER=file"),
    },
    Option {
        flag: &["--verbose"],
        variable: ("CLOUDTASER_VERBOSE", "true"),
        toml: None,
        effect: |ended| ended.stderr().contains("secret memory is at level"),
    },
    Option {
        flag: &["-e", "A=short"],
        variable: ("CLOUDTASER_ENV", "A=short"),
        toml: Some("[env]\nA = 'short'"),
        effect: |ended| has(ended, "A=short"),
    },
];

#[test]
fn every_option_works_in_every_place() {
    for option in OPTIONS {
        let base = || {
            let wrapper = secrets()
                .env("REFERENCE", "vault:secret/db#password")
                .env("VAULT_ADDR", "a");
            let _file = wrapper.write("other.toml", "[env]\nOTHER = 'file'\n");
            wrapper
        };
        let is_verbose = option.flag != ["--verbose"];
        let told = |wrapper: Wrapper| {
            let wrapper = if is_verbose {
                wrapper.flags(&["--verbose"])
            } else {
                wrapper
            };
            wrapper.run(&["cat", "/proc/self/environ"])
        };
        let control = told(base());
        assert!(
            !(option.effect)(&control),
            "control: {:?} {control:?}",
            option.flag
        );
        let flag = told(base().flags(option.flag));
        assert!((option.effect)(&flag), "{:?} {flag:?}", option.flag);
        let (name, value) = option.variable;
        let variable = told(base().env(name, value));
        assert!((option.effect)(&variable), "{name} {variable:?}");
        let Some(toml) = option.toml else { continue };
        // `--source` of the test's own set-up is a variable and would win over the file.
        let file = base().file(toml);
        let file = if toml.starts_with("source") {
            file.without("CLOUDTASER_SOURCE")
        } else {
            file
        };
        let file = told(file);
        assert!((option.effect)(&file), "{toml} {file:?}");
    }
}

#[test]
fn an_unknown_key_has_its_place_and_a_suggestion() {
    let wrapper = secrets().file("# x\nexec = false\n  min_protecton = 'locked'\n");
    let ended = wrapper.run(&["true"]).with(status::USAGE.into());
    ended.says(&[
        "cloudtaser.toml:3:3",
        "`min_protecton`",
        "did you mean `min_protection`?",
    ]);
}

#[test]
fn a_file_of_anothers_making_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let wrapper = secrets().file("exec = false\n");
    let _control = wrapper.run(&["true"]).with(0);
    let file = wrapper.folder().join("cloudtaser.toml");
    let everybody = std::fs::Permissions::from_mode(0o666);
    std::fs::set_permissions(file, everybody).expect("chmod");
    let ended = wrapper.run(&["true"]).with(status::USAGE.into());
    ended.says(&["cloudtaser.toml", "chmod o-w"]);
}

#[test]
fn an_environment_that_is_too_large_is_told_before_the_start() {
    // 8 MiB of stack, the default, allow 2 MiB of strings (execve(2)).
    let large = |count: usize| {
        let secrets: Vec<_> = (0..count)
            .map(|number| Planted::new("large", &format!("F{number}"), vec![b'x'; 60 << 10]))
            .collect();
        let wrapper = Wrapper::memory(&secrets).under(format!("stack={}", 8 << 20));
        wrapper.flags(&["--env-from", "vault:large"])
    };
    for flags in [&[][..], &["--exec"]] {
        let _control = large(33).flags(flags).run(&["true"]).with(0);
        let ended = large(36)
            .flags(flags)
            .run(&["true"])
            .with(status::USAGE.into());
        ended.says(&["2097152", "ulimit -s"]);
    }
    let single = Wrapper::memory(&[Planted::new("one", "F", vec![b'x'; 128 << 10])]);
    let ended = single.env("F", "vault:one").run(&["true"]);
    ended
        .with(status::USAGE.into())
        .says(&["`F`", "131072 bytes", "deliver it as a file"]);
}
