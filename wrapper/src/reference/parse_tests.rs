//! Tests of one reference: the grammar, and each fault with its column.

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
        (plain.scheme.as_str(), plain.target.path()),
        ("vault", "secret/db")
    );
    assert_eq!(
        (plain.target.field(), plain.target.version()),
        (Some("password"), None)
    );
    assert_eq!(plain.fallback, Fallback::Required);
    let pinned = read("bao:secret/db#password#12").unwrap();
    assert_eq!(
        (pinned.scheme.as_str(), pinned.target.version()),
        ("bao", Some(12))
    );
    let sole = read("local:secret/db").unwrap();
    assert_eq!((sole.scheme.as_str(), sole.target.field()), ("local", None));
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
    assert_eq!(reference.target.path(), "a#b?c:-d}e\\f:g");
    assert_eq!(reference.target.field(), Some("h:i j"));
}

#[test]
fn h4_template_syntax_in_a_path_is_data() {
    let path = "secret/{{.x}}/\"'$(id)`id`/${HOME}/$HOME";
    for prefix in ["", ">>"] {
        let reference = read(&format!("{prefix}vault:{path}#a")).unwrap();
        assert_eq!(reference.target.path(), path);
    }
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
        ("vault:login", 7, "is never handed to the program"),
        ("bao:login?", 5, "is never handed to the program"),
        ("vault:a#b#{\"p\":\"hunter2\"}", 11, "write `>>` before"),
        (">>", 1, "no known scheme"),
        (">>vault:", 9, "the path is empty"),
        (">>vault:a#", 11, "the field is empty"),
        (">>vault:a#b#", 13, "the object of parameters is empty"),
        (">>vault:a#b# ?", 14, "the object of parameters is empty"),
        (">>vault:a#b#2", 13, "they begin with `{`"),
        (">>vault:a#b#{\"p\":hunter2}", 18, "expected value"),
        (">>vault:a#b#{\"p\":\"hunter2", 26, "they end before"),
        (">>vault:a#{\"p\":\"hunter2\"}", 11, "stand behind a field"),
        (">>vault:a#b{\"p\":\"hunter2\"}", 11, "stand behind a field"),
        (">>vault:a#b#{\"p\":1}x", 20, "only `?` or `:-default`"),
        (">>vault:a#b#{\"p\":1}#x", 20, "only `?` or `:-default`"),
        (">>vault:a#b#{\"p\":1}?x", 21, "`?` must be the last"),
        (">>vault:a#${.b}#{}", 11, "Go templates are not supported"),
        (">>vault:a#b${vault:c}", 12, "inside another"),
        (
            ">>vault:v1:aBcD",
            9,
            "one value, which has no keys and is not",
        ),
    ] {
        let (at, why) = fault(text);
        assert_eq!(at, column, "{text}: {why}");
        assert!(why.contains(reason), "{text}: {why}");
        let whole = read(text).unwrap_err().to_string();
        assert!(!whole.contains("hunter"), "{whole}");
    }
}

#[test]
fn r15_only_the_login_itself_is_refused() {
    for text in [
        "vault:login#a",
        "vault:login/a",
        "local:login",
        ">>vault:login",
    ] {
        assert!(read(text).is_ok(), "{text}");
    }
}

#[test]
fn r7_r8_a_write_has_parameters_and_a_fallback() {
    let target = |text: &str| match read(text).expect(text).target {
        Target::Write {
            path,
            field,
            parameters,
        } => (path, field, String::from(parameters.expose())),
        other => panic!("{other:?}"),
    };
    let wanted = |parameters: &str| ("a".into(), Some("b".into()), parameters.into());
    for text in [">>vault:a#b", ">>bao:a#b#{}", ">>local:a#b# { } \n"] {
        assert_eq!(target(text), wanted("{}"));
    }
    let object = r##"{"z":"#?:-}{\"\\","a":"it's ${vault:x#y}"}"##;
    let sorted = r##"{"a":"it's ${vault:x#y}","z":"#?:-}{\"\\"}"##;
    let fallbacks = [
        ("", Fallback::Required),
        ("?", Fallback::Optional),
        (":-{\"d\":1}#?", Fallback::Default("{\"d\":1}#?".into())),
    ];
    for (text, fallback) in fallbacks {
        let value = format!(">>vault:a#b#{object}{text}");
        assert_eq!(target(&value), wanted(sorted));
        assert_eq!(read(&value).unwrap().fallback, fallback);
    }
    assert_eq!(target(">>vault:a:-{x}").1, None);
    assert_eq!(target(">>vault:a#b:-{x}"), wanted("{}"));
    assert_eq!(target(">>vault:a#b?"), wanted("{}"));
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
