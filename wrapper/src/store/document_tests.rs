//! Unit tests of `document`: what parses, what does not, and that errors show nothing.

use proptest::prelude::*;

use super::*;
use crate::store::path::SecretPath;

const HEAD: &str = r#""format":"cloudtaser-store","version":1,"recipients":["age1x"]"#;

fn with_secrets(secrets: &str) -> String {
    format!("{{{HEAD},\"secrets\":{{{secrets}}}}}")
}

fn entry(versions: &str, current: u64) -> String {
    format!(
        r#""secret/data/db":{{"created_time":"t","updated_time":"t","current_version":{current},"oldest_version":1,"max_versions":10,"versions":{{{versions}}}}}"#
    )
}

#[test]
fn values_are_carried_over_byte_for_byte() {
    let data = r#"{ "n" : 1.50E+300, "big":123456789012345678901234567890, "u":"\u00e9\/" }"#;
    let text = with_secrets(&entry(
        &format!(r#""1":{{"created_time":"t","data":{data}}}"#),
        1,
    ));
    let document = parse(&text).unwrap();
    let again = serde_json::to_string(&document).unwrap();
    assert!(again.contains(data), "the value's text was changed");
    let fields = document.secrets["secret/data/db"].versions[&1]
        .fields()
        .unwrap();
    assert_eq!(fields["big"].to_string(), "123456789012345678901234567890");
    assert_eq!(fields["u"], "é/");
}

#[test]
fn a_newer_layout_is_told_even_when_its_shape_is_unknown() {
    let newer = r#"{"format":"cloudtaser-store","version":2,"shape":{"new":[1]}}"#;
    assert_eq!(parse(newer).unwrap_err(), DocumentError::Newer { found: 2 });
    let same_shape = with_secrets("").replace("\"version\":1", "\"version\":99");
    assert_eq!(
        parse(&same_shape).unwrap_err(),
        DocumentError::Newer { found: 99 }
    );
}

#[test]
fn what_contradicts_itself_is_refused() {
    let good = r#""1":{"created_time":"t","data":{}}"#;
    assert!(
        parse(&with_secrets(&entry(good, 1))).is_ok(),
        "the control does not parse"
    );
    for bad in [
        with_secrets(&entry(good, 2)),
        with_secrets(&entry(good, 0)),
        with_secrets(&entry(
            &format!(r#"{good},"7":{{"created_time":"t","data":{{}}}}"#),
            1,
        )),
        with_secrets(&entry(r#""1":{"created_time":"t","data":[1]}"#, 1)),
        with_secrets(&entry(r#""1":{"created_time":"t"}"#, 1)),
        with_secrets(&entry(
            r#""1":{"created_time":"t","destroyed":true,"data":{}}"#,
            1,
        )),
        with_secrets(&entry(
            r#""1":{"created_time":"t","data":{},"unknown":1}"#,
            1,
        )),
        with_secrets(&entry(good, 1)).replace("secret/data/db", "secret/db"),
        with_secrets("").replace("cloudtaser-store", "other"),
        with_secrets("").replace("\"version\":1", "\"version\":0"),
    ] {
        assert!(parse(&bad).is_err(), "was taken: {bad}");
    }
}

#[test]
fn errors_show_the_place_and_never_the_text() {
    for (text, line) in [
        ("\"hunter2\"", 1),
        ("{\n\"format\": hunter2}", 2),
        (r#"{"format":"cloudtaser-store","version":"hunter2"}"#, 1),
        (r#"{"hunter2":1}"#, 1),
    ] {
        let error = parse(text).unwrap_err();
        let DocumentError::Json { line: found, .. } = &error else {
            panic!("{error:?}")
        };
        assert_eq!(*found, line);
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}

#[test]
fn a_passphrase_stands_in_place_of_keys() {
    let text = with_secrets("").replace(r#"["age1x"]"#, r#""passphrase""#);
    let document = parse(&text).unwrap();
    assert_eq!(
        document.recipients,
        Recipients::Passphrase(PassphraseWord::Passphrase)
    );
    assert_eq!(serde_json::to_string(&document).unwrap(), text);
    assert!(parse(&text.replace("passphrase", "hunter2")).is_err());
}

proptest! {
    #[test]
    fn what_is_written_reads_back(
        secrets in proptest::collection::btree_map(
            "[a-z]{1,5}",
            proptest::collection::btree_map("[^\\p{Cc}#]{1,8}", any::<String>(), 0..4),
            0..6,
        )
    ) {
        let mut document = Document::new(Recipients::Keys(vec!["age1x".into()]));
        for (name, fields) in &secrets {
            let path = SecretPath::parse(&format!("secret/{name}")).unwrap();
            let fields = fields.iter().map(|(k, v)| (k.clone(), v.clone().into())).collect();
            document.put(&path, &fields, "t").unwrap();
        }
        let text = serde_json::to_string(&document).unwrap();
        let again = parse(&text).unwrap();
        prop_assert_eq!(again.secrets.len(), secrets.len());
        for (name, fields) in &secrets {
            let path = SecretPath::parse(&format!("secret/{name}")).unwrap();
            let found = again.find(&path, None).unwrap().1.fields().unwrap();
            let found: BTreeMap<_, _> = found
                .into_iter()
                .map(|(k, v)| (k, v.as_str().unwrap().to_owned()))
                .collect();
            prop_assert_eq!(&found, fields);
        }
        prop_assert_eq!(serde_json::to_string(&again).unwrap(), text);
    }

    #[test]
    fn parsing_never_panics(text in any::<String>()) {
        drop(parse(&text));
    }

    #[test]
    fn a_changed_document_never_panics(at in 0_usize..400, byte in 0x20_u8..0x7f) {
        let version = r#""1":{"created_time":"t","deletion_time":"u","data":{"a":"\u0041"}}"#;
        let mut bytes = with_secrets(&entry(version, 1)).into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        if let Ok(document) = parse(std::str::from_utf8(&bytes).unwrap()) {
            for entry in document.secrets.values() {
                for version in entry.versions.values() {
                    drop(version.fields());
                }
            }
        }
    }
}
