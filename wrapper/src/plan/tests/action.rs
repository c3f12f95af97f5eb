//! Tests of references that write or decrypt: what is asked for, once, and what stands for it.

use super::*;
use crate::source::{Action, PLAINTEXT_FIELD};

const CERTIFICATE: &str = r#">>vault:pki/issue/web#certificate#{"common_name":"web","ttl":"1h"}"#;
const KEY: &str = r#">>bao:pki/issue/web#private_key#{ "ttl":"1h", "common_name":"web" }"#;

/// Answers of a server that issues, by the order of requests: `NUMBER` in each value tells which.
fn issued(plan: &Plan) -> Answers {
    let mut answers = Answers::default();
    for source in plan.sources() {
        let requests = plan.requests(&source);
        let fields = requests.iter().enumerate().map(|(number, request)| {
            let names: &[&str] = match request.action {
                Action::Decrypt => &[PLAINTEXT_FIELD],
                _ => &["certificate", "private_key"],
            };
            let value = |name: &&str| {
                (
                    String::from(*name),
                    Secret::from(format!("{name} {number}")),
                )
            };
            Ok(Fields {
                canonical_path: match request.action {
                    Action::Decrypt => "transit/decrypt/app".into(),
                    _ => request.path.clone(),
                },
                values: names.iter().map(value).collect(),
            })
        });
        let fields = fields.collect();
        answers.add(&source, requests, fields);
    }
    answers
}

fn refused(value: &str, error: ReadError) -> PlanErrors {
    let plan = plan(&[("A", value)], &[]).unwrap();
    let mut answers = Answers::default();
    answers.add("local", plan.requests("local"), vec![Err(error)]);
    plan.resolve(answers).unwrap_err()
}

#[test]
fn r7_one_certificate_for_all_who_ask_for_it() {
    let inline = format!("cat <<E\n${{{KEY}}}${{{CERTIFICATE}}}");
    let other = CERTIFICATE.replace("1h", "2h");
    let variables = [
        ("A", CERTIFICATE),
        ("B", KEY),
        ("C", &inline),
        ("D", &other),
    ];
    let plan = plan(&variables, &[]).unwrap();
    let write = |parameters: &str| Request {
        path: "pki/issue/web".into(),
        action: Action::Write {
            parameters: parameters.into(),
        },
    };
    assert_eq!(
        plan.requests("local"),
        [
            write(r#"{"common_name":"web","ttl":"1h"}"#),
            write(r#"{"common_name":"web","ttl":"2h"}"#)
        ]
    );
    let answers = issued(&plan);
    let entries = plan.resolve(answers).unwrap();
    assert_eq!(
        shown(&entries),
        [
            "A=certificate 0",
            "B=private_key 0",
            "C=cat <<E\nprivate_key 0certificate 0",
            "D=certificate 1"
        ]
    );
    assert_eq!(entries[0].reference, "pki/issue/web#certificate");
    assert_eq!(
        entries[2].reference,
        "${pki/issue/web#private_key} ${pki/issue/web#certificate}"
    );
}

#[test]
fn a_write_and_a_read_of_one_path_are_two_requests() {
    let variables = [("A", ">>vault:a#certificate"), ("B", "vault:a#certificate")];
    let plan = plan(&variables, &[]).unwrap();
    assert_eq!(plan.requests("local").len(), 2);
    let answers = issued(&plan);
    assert_eq!(
        shown(&plan.resolve(answers).unwrap()),
        ["A=certificate 1", "B=certificate 0"]
    );
}

#[test]
fn r9_a_ciphertext_is_decrypted_once_wherever_it_stands() {
    let variables = [
        ("A", "vault:v1:aBcD"),
        ("B", "u:${bao:v1:aBcD}@${vault:v2:aBc=}"),
        ("C", "other:v1:aBcD"),
    ];
    let plan = plan(&variables, &[]).unwrap();
    let decrypt = |ciphertext: &str| Request {
        path: ciphertext.into(),
        action: Action::Decrypt,
    };
    let requests = [decrypt("vault:v1:aBcD"), decrypt("vault:v2:aBc=")];
    assert_eq!(plan.requests("local"), requests);
    assert_eq!(plan.requests("other"), requests[..1]);
    let answers = issued(&plan);
    let entries = plan.resolve(answers).unwrap();
    assert_eq!(
        shown(&entries),
        [
            "A=plaintext 0",
            "B=u:plaintext 0@plaintext 1",
            "C=plaintext 0"
        ]
    );
    assert_eq!(entries[0].reference, "transit/decrypt/app#plaintext");
    assert_eq!(
        entries[1].reference, "${transit/decrypt/app#plaintext}",
        "the two are from one key"
    );
}

#[test]
fn r13_fallbacks_of_a_write_cover_what_is_missing_only() {
    let no_secret = || ReadError::NoSecret { path: "a".into() };
    let refusals = [
        ReadError::Refused {
            path: "a".into(),
            text: "unknown role".into(),
        },
        ReadError::Forbidden {
            path: "a".into(),
            fix: "grant `update`".into(),
        },
        ReadError::Unsupported { reason: "no" },
    ];
    for suffix in ["?", ":-d"] {
        let value = format!(">>vault:a#none#{{\"x\":1}}{suffix}");
        let expected: &[&str] = if suffix == "?" { &[] } else { &["A=d"] };
        let plan = plan(&[("A", &value)], &[]).unwrap();
        let answers = issued(&plan);
        assert_eq!(shown(&plan.resolve(answers).unwrap()), expected);

        let plan = super::plan(&[("A", &value)], &[]).unwrap();
        let mut answers = Answers::default();
        answers.add("local", plan.requests("local"), vec![Err(no_secret())]);
        assert_eq!(shown(&plan.resolve(answers).unwrap()), expected);

        for refusal in &refusals {
            let errors = refused(&value, refusal.clone());
            assert_ne!(errors.status(), status::NO_SECRET, "{errors}");
        }
    }
}

#[test]
fn faults_show_neither_parameters_nor_ciphertext() {
    let write = ">>vault:a#none#{\"p\":\"hunter2\"}";
    let plan = plan(&[("A", write), ("B", ">>vault:a:-hunter2")], &[]).unwrap();
    let debug = format!("{plan:?}");
    assert!(!debug.contains("hunter2"), "{debug}");
    let answers = issued(&plan);
    let errors = plan.resolve(answers).unwrap_err();
    assert_eq!(
        errors.to_string(),
        "cannot find the field of `>>vault:a#none#{…}` (variable `A`, column 1); \
         the secret has: certificate, private_key\n\
         cannot choose a field for `>>vault:a:-…` (variable `B`, column 1); \
         write `#` and one of: certificate, private_key"
    );
    let no_key = ReadError::NoSecret {
        path: "transit/keys/app".into(),
    };
    let errors = refused("vault:v1:aBcD", no_key);
    assert_eq!(
        errors.to_string(),
        "cannot decrypt `vault:v1:…` (variable `A`, column 1): there is no secret at \
         `transit/keys/app`"
    );
    assert_eq!(errors.status(), status::NO_SECRET);
}

#[test]
fn a_source_that_decrypts_into_another_field_is_a_fault_of_ours() {
    let plan = plan(&[("A", "vault:v1:aBcD")], &[]).unwrap();
    let fields = Fields {
        canonical_path: "transit/decrypt/app".into(),
        values: BTreeMap::from([("other".into(), Secret::new(Vec::new()))]),
    };
    let mut answers = Answers::default();
    answers.add("local", plan.requests("local"), vec![Ok(fields)]);
    let errors = plan.resolve(answers).unwrap_err();
    assert_eq!(errors.status(), status::INTERNAL);
    assert!(!errors.to_string().contains("aBcD"), "{errors}");
}

proptest! {
    /// However one write is spelled, it is made once.
    #[test]
    fn r7_r8_equal_parameters_are_one_request(
        spaces in prop::collection::vec("[ \t\n]{0,2}", 4),
        flip: bool,
        text in "[#?{}:\\\\\"$-]{0,8}",
    ) {
        let [a, b, c, d] = [0, 1, 2, 3].map(|index| spaces[index].as_str());
        let pairs = [format!("\"k\"{a}:{b}{}", serde_json::json!(text)), String::from("\"l\":[1.0]")];
        let [first, second] = match flip {
            true => [&pairs[1], &pairs[0]],
            false => [&pairs[0], &pairs[1]],
        };
        let one = format!(">>vault:a#certificate#{}", serde_json::json!({"l": [0], "k": text}));
        let one = one.replace("[0]", "[1.0]");
        let other = format!("<${{>>vault:a#private_key#{c}{{{first},{second}}}{d}}}>");
        let plan = plan(&[("A", &one), ("B", &other)], &[]).unwrap();
        prop_assert_eq!(plan.requests("local").len(), 1, "{} {}", one, other);
        let answers = issued(&plan);
        let shown = shown(&plan.resolve(answers).unwrap());
        prop_assert_eq!(shown, vec!["A=certificate 0", "B=<private_key 0>"]);
    }
}
