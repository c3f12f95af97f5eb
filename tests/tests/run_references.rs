//! References of every kind from the variable to the program (R4, R5, R7, R8, R9, R13, R15, H4).
//! What a variable is made of otherwise is in `run_environment`.

use cloudtaser_tests::{Ended, Planted, Wrapper};
use cloudtaser_wrapper::status;

/// A marker that no output may show.
const MARKER: &str = "m4rk3r-of-parameters";

fn secrets() -> Wrapper {
    Wrapper::memory(&[
        Planted::new("secret/db", "user", "alice"),
        Planted::new("secret/db", "password", "s3cret"),
        Planted::new("pki/issue/web", "certificate", "CERT\n"),
        Planted::new("pki/issue/web", "private_key", "KEY\n"),
        Planted::new("vault:v1:c2VjcmV0", "plaintext", b"\xffraw".as_slice()),
        Planted::new("vault:v2:dHdv", "plaintext", "two"),
    ])
}

/// What the program is given as `names`, a line for each; fails on a start that fails.
fn given(wrapper: &Wrapper, names: &[&str]) -> String {
    let script: String = names
        .iter()
        .map(|name| format!("printf '%s|' \"${name}\"\n"))
        .collect();
    let ended = wrapper.run(&["sh", "-c", &script]).with(0);
    String::from_utf8_lossy(&ended.output.stdout).into_owned()
}

fn refused(name: &str, value: &str) -> Ended {
    let ended = secrets().env(name, value).run(&["echo", "started"]);
    assert_eq!(ended.stdout(), "", "{ended:?}");
    ended
}

#[test]
fn r4_r5_references_between_text_are_assembled_once() {
    let wrapper = secrets()
        .env(
            "URL",
            "pg://${vault:secret/db#user}:${bao:secret/db#password}@h/$${vault:x}",
        )
        .env("SAME", "${vault:secret/db#user}${vault:secret/db#user}");
    assert_eq!(
        given(&wrapper, &["URL", "SAME"]),
        "pg://alice:s3cret@h/${vault:x}|alicealice|"
    );
}

#[test]
fn r7_variables_of_one_certificate_are_one_write() {
    let path = ">>vault:pki/issue/web";
    let wrapper = secrets()
        .env(
            "CERT",
            format!("{path}#certificate#{{\"cn\":\"web\",\"ttl\":\"1h\"}}"),
        )
        .env(
            "KEY",
            format!("${{{path}#private_key#{{\"ttl\":\"1h\", \"cn\":\"web\"}}}}"),
        )
        .env(
            "FIRST",
            format!("{path}#writes#{{\"cn\":\"web\",\"ttl\":\"1h\"}}"),
        )
        .file(
            "[env]\nSECOND = '>>bao:pki/issue/web#writes#{\"cn\":\"\\u0077eb\",\"ttl\":\"1h\"}'\n",
        );
    let names = ["CERT", "KEY", "FIRST", "SECOND"];
    assert_eq!(given(&wrapper, &names), "CERT\n|KEY\n|1|1|");

    // Control: other parameters are another write, and so is none.
    let other = wrapper
        .env(
            "THIRD",
            format!("{path}#writes#{{\"ttl\":\"2h\",\"cn\":\"web\"}}"),
        )
        .env("FOURTH", format!("{path}#writes"));
    let names = ["FIRST", "THIRD", "FOURTH"];
    let mut writes: Vec<_> = given(&other, &names).split('|').map(String::from).collect();
    writes.sort();
    assert_eq!(writes, ["", "1", "2", "3"]);
}

#[test]
fn r8_parameters_hold_any_syntax() {
    let object = r##"{"a":"}#?:-\"${vault:secret/db#user}'","b":{"c":[{}],"n":1.50}}"##;
    let wrapper = secrets()
        .env(
            "WHOLE",
            format!(">>vault:pki/issue/web#parameters#{object}"),
        )
        .env(
            "INSIDE",
            format!("<${{>>vault:pki/issue/web#parameters#{object}}}>"),
        )
        .env(
            "DEFAULT",
            format!(">>vault:pki/issue/web#none#{object}:-{object}"),
        );
    assert_eq!(
        given(&wrapper, &["WHOLE", "INSIDE", "DEFAULT"]),
        format!("{object}|<{object}>|{object}|")
    );
}

#[test]
fn r9_ciphertexts_are_decrypted_whole_and_inside() {
    let wrapper = secrets()
        .env("INSIDE", "a${vault:v2:dHdv}b${bao:v2:dHdv}")
        .flags(&["--env", "WHOLE=memory:v1:c2VjcmV0"]);
    let ended = wrapper
        .run(&["sh", "-c", "printf '%s' \"$INSIDE $WHOLE\""])
        .with(0);
    assert_eq!(ended.output.stdout, b"atwobtwo \xffraw");
}

#[test]
fn r13_what_is_missing_is_66_and_has_no_default_where_none_can_be() {
    let ended = refused("A", &format!(">>vault:pki/none#x#{{\"p\":\"{MARKER}\"}}"));
    let ended = ended.with(status::NO_SECRET.into());
    ended.says(&[
        "`>>vault:pki/none#x#{…}` (variable `A`, column 1)",
        "write `?`",
    ]);
    let ended = refused("A", "vault:v1:bm9uZQ==").with(status::NO_SECRET.into());
    ended.says(&["cannot decrypt `vault:v1:…` (variable `A`, column 1): there is no"]);
    for suffix in ["?", ":-d"] {
        let ended = refused("A", &format!("vault:v1:bm9uZQ=={suffix}"));
        ended
            .with(status::USAGE.into())
            .says(&["cannot be missing"]);
    }
    let optional = secrets()
        .env("A", ">>vault:pki/none#x?")
        .env("B", "<${>>vault:pki/issue/web#x#{\"a\":\"}\"}:-d}>");
    assert_eq!(given(&optional, &["A", "B"]), "|<d>|");
}

#[test]
fn r15_the_login_token_is_for_nobody() {
    for value in ["vault:login", "bao:login", "${vault:login}", "vault:login?"] {
        let ended = refused("TOKEN", value).with(status::USAGE.into());
        ended.says(&["variable `TOKEN`", "never handed to the program"]);
    }
}

#[test]
fn h4_no_output_shows_parameters() {
    for value in [
        format!(">>vault:pki/issue/web#none#{{\"p\":\"{MARKER}\"}}"),
        format!(">>vault:pki/issue/web#{{\"p\":\"{MARKER}\"}}"),
        format!(">>vault:pki/issue/web#certificate#{{\"p\":\"{MARKER}\"}}x"),
        format!(">>vault:pki/issue/web#certificate#{{\"p\":\"{MARKER}"),
        format!("${{>>vault:pki/issue/web#certificate#{{\"{MARKER}\"}}}}"),
        format!("vault:pki/issue/web#certificate#{{\"p\":\"{MARKER}\"}}"),
    ] {
        let wrapper = secrets().env("A", &value).flags(&["--verbose"]);
        let ended = wrapper.run(&["echo", "started"]);
        assert_ne!(ended.status(), 0, "{value}");
        ended.says(&["variable `A`"]);
        assert!(!ended.stderr().contains(MARKER), "{value}: {ended:?}");
    }
}

#[test]
fn the_local_store_says_that_it_needs_a_server() {
    let local = || Wrapper::local(&[Planted::new("secret/db", "user", "alice")]);
    let _control = local().env("A", "vault:secret/db").run(&["true"]).with(0);
    for value in [">>vault:secret/db#user:-d", "vault:v1:c2VjcmV0"] {
        let ended = local().env("A", value).run(&["true"]);
        ended.with(status::USAGE.into()).says(&["server", "--addr"]);
    }
}
