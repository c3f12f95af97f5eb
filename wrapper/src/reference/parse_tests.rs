//! Tests of one reference: the grammar, each fault with its column, and properties.

use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Result<Reference, ReferenceError> {
    parse(text, &Schemes::new(["local"]))
}

/// The fault's column and its text without the position.
fn fault(text: &str) -> (usize, String) {
    let error = read(text).expect_err(text);
    let (_, reason) = error.to_string().split_once(": ").map_or_else(
        || panic!("no position: {error}"),
        |(place, reason)| (String::from(place), String::from(reason)),
    );
    (error.place().column, reason)
}

#[test]
fn r1_r2_path_field_and_version() {
    let plain = read("vault:secret/db#password").unwrap();
    assert_eq!(
        (plain.scheme.as_str(), plain.path.as_str()),
        ("vault", "secret/db")
    );
    assert_eq!(
        (plain.field.as_deref(), plain.version),
        (Some("password"), None)
    );
    assert_eq!(plain.fallback, Fallback::Required);
    let pinned = read("bao:secret/db#password#12").unwrap();
    assert_eq!((pinned.scheme.as_str(), pinned.version), ("bao", Some(12)));
    let sole = read("local:secret/db").unwrap();
    assert_eq!((sole.scheme.as_str(), sole.field), ("local", None));
}

#[test]
fn r13_optional_and_default_belong_to_one_reference() {
    assert_eq!(read("vault:a#b?").unwrap().fallback, Fallback::Optional);
    assert_eq!(read("vault:a?").unwrap().fallback, Fallback::Optional);
    let default = |text: &str| match read(text).unwrap().fallback {
        Fallback::Default(text) => text,
        other => panic!("{other:?}"),
    };
    assert_eq!(default("vault:a#b#2:-x"), "x");
    assert_eq!(default("vault:a:-"), "");
    assert_eq!(
        default("vault:a#b:-a\\}\\\\b#c?:-d\n${vault:e#f}"),
        "a\\}\\\\b#c?:-d\n${vault:e#f}"
    );
}

#[test]
fn r16_escapes_and_plain_colons() {
    let reference = read("vault:a\\#b\\?c\\:-d\\}e\\\\f:g#h:i j").unwrap();
    assert_eq!(reference.path, "a#b?c:-d}e\\f:g");
    assert_eq!(reference.field.as_deref(), Some("h:i j"));
}

#[test]
fn h4_template_syntax_in_a_path_is_data() {
    let path = "secret/{{.x}}/\"'$(id)`id`/${HOME}/$HOME";
    assert_eq!(read(&format!("vault:{path}#a")).unwrap().path, path);
}

#[test]
fn faults_name_column_and_fix() {
    for (text, column, reason) in [
        ("x", 1, "no known scheme"),
        ("vault:", 7, "the path is empty"),
        ("vault:#a", 7, "the path is empty"),
        ("vault:a#", 9, "the field is empty"),
        ("vault:a##2", 9, "the field is empty"),
        ("vault:a#b#", 11, "the version is empty"),
        ("vault:a#b#0", 11, "not a number from 1"),
        ("vault:a#b#+1", 11, "not a number from 1"),
        ("vault:a#b#latest", 11, "not a number from 1"),
        ("vault:a#b#18446744073709551616", 11, "not a number from 1"),
        ("vault:a#b#1#2", 12, "nothing may follow the version"),
        ("vault:a#b?c", 11, "`?` must be the last"),
        ("vault:a#b?:-c", 11, "`?` must be the last"),
        ("vault:a#b\n", 10, "control character (U+000A) in the field"),
        ("vault:ä\u{1}", 9, "control character (U+0001) in the path"),
        ("vault:a\\b", 8, "a backslash stands only before"),
        ("vault:a\\", 8, "a backslash stands only before"),
        ("vault:a/${vault:b#c}#d", 9, "inside another"),
        ("vault:a#${.b}", 9, "Go templates are not supported"),
        (
            "vault:v1:abcd==",
            7,
            "transit ciphertexts are not supported yet by this source",
        ),
    ] {
        let (at, why) = fault(text);
        assert_eq!(at, column, "{text}: {why}");
        assert!(why.contains(reason), "{text}: {why}");
    }
    assert_eq!(read("vault:v1\\:ab#c").unwrap().path, "v1:ab");
    assert_eq!(read("vault:v1:-x").unwrap().path, "v1");
    assert_eq!(read("vault:v:x").unwrap().path, "v:x");
}

#[test]
fn faults_quote_nothing_behind_their_position() {
    let error = read("vault:a#b#x:-hunter2").unwrap_err();
    assert_eq!(
        error.to_string(),
        "column 11, after `vault:a#b#`: the version is not a number from 1; \
         leave `#…` out for the newest version"
    );
    let long = format!("vault:{}#", "p".repeat(1000));
    assert!(read(&long).unwrap_err().to_string().len() < 200);
}

/// Text that is rich in what the grammar knows.
fn syntax_text() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        4 => "[a-z/ä#?:}{$\\\\>=.-]",
        1 => Just(String::from("${vault:")),
        1 => Just(String::from("vault:")),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(token, 0..24).prop_map(|tokens| tokens.concat())
}

fn name() -> impl Strategy<Value = String> {
    "[^\\p{Cc}]{1,12}".prop_filter("Go template", |name| !name.starts_with("${."))
}

proptest! {
    #[test]
    fn any_text_gives_an_answer_with_a_position_inside_it(tail in syntax_text()) {
        for text in [tail.clone(), format!("vault:{tail}"), format!("${{vault:a#b{tail}")] {
            let schemes = Schemes::new(["local"]);
            let results = [
                parse(&text, &schemes).err(),
                super::super::template::parse(&text, &schemes).err(),
                super::super::parse_env_from(&text, &schemes).err(),
            ];
            for error in results.into_iter().flatten() {
                let at = error.place().column - 1;
                prop_assert!(text.is_char_boundary(at), "{text:?}: {error}");
            }
        }
    }

    #[test]
    fn canonical_text_reads_back_as_the_same_reference(
        path in name(),
        field in prop::option::of(name()),
        version in prop::option::of(1..=u64::MAX),
        optional: bool,
    ) {
        let reference = Reference {
            scheme: "bao".into(),
            path,
            version: version.filter(|_| field.is_some()),
            field,
            fallback: if optional { Fallback::Optional } else { Fallback::Required },
        };
        let text = reference.to_string();
        prop_assert_eq!(read(&text), Ok(reference.clone()), "{}", text);
        let inline = super::super::template::parse(&format!("<${{{text}}}>"), &Schemes::new([]));
        let template = inline.unwrap();
        prop_assert_eq!(template.references().collect::<Vec<_>>(), vec![&reference]);
    }
}
