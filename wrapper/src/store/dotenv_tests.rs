//! Unit tests of `dotenv`.

use proptest::prelude::*;

use super::*;

fn one(text: &str) -> String {
    let pairs = parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
    assert_eq!(pairs.len(), 1, "{text:?}: {pairs:?}");
    assert_eq!(pairs[0].0, "A");
    pairs[0].1.clone()
}

#[test]
fn each_form_has_its_value() {
    for (text, value) in [
        ("A=b", "b"),
        ("A=", ""),
        ("A= b c \t\n", "b c"),
        ("  export   A = b # comment", "b"),
        ("A=b#c", "b#c"),
        ("A= # only a comment", ""),
        ("A=b\r\n", "b"),
        ("A='b'\r\n# c\r\n", "b"),
        ("A='b' # c", "b"),
        ("A='$HOME \\n \"x\" #'", "$HOME \\n \"x\" #"),
        (
            "A=\"b\\n\\t\\\\ \\\" \\' \\$x $HOME ${X}\"",
            "b\n\t\\ \" ' $x $HOME ${X}",
        ),
        ("A=$HOME", "$HOME"),
        ("A=${X:-y}", "${X:-y}"),
        ("A=a\\nb", "a\\nb"),
        (
            "A='-----BEGIN\nabc\n-----END\n'",
            "-----BEGIN\nabc\n-----END\n",
        ),
        ("A=\"x\ny\"", "x\ny"),
        ("\u{feff}A=b", "b"),
        ("# c\n\n\tA=é", "é"),
        ("A=it's", "it's"),
        ("A=''", ""),
    ] {
        assert_eq!(one(text), value, "{text:?}");
    }
}

#[test]
fn a_variable_may_be_called_export() {
    assert_eq!(
        parse("export=1").unwrap(),
        [("export".to_owned(), "1".to_owned())]
    );
    assert_eq!(
        parse("export =1").unwrap(),
        [("export".to_owned(), "1".to_owned())]
    );
    assert_eq!(
        parse("export export=1").unwrap(),
        [("export".to_owned(), "1".to_owned())]
    );
}

#[test]
fn mistakes_have_a_place() {
    for (text, line, column) in [
        ("A", 1, 2),
        ("A=1\nB=2\nA=3", 3, 1),
        ("A=1\n 2B=hunter2", 2, 2),
        ("=hunter2", 1, 1),
        ("A='hunter2", 1, 3),
        ("\n\nA=\"hunter2\n\n", 3, 3),
        ("A='x'hunter2", 1, 6),
        ("A=\"a\\q\"", 1, 5),
        ("A=\"a\\", 1, 5),
        ("A=`hunter2`", 1, 3),
        ("A B=1", 1, 3),
        ("A.B=1", 1, 2),
        ("A=#hunter2", 1, 3),
        ("hunter2", 1, 8),
    ] {
        let error = parse(text).unwrap_err();
        assert_eq!(
            (error.line, error.column),
            (line, column),
            "{text:?}: {error}"
        );
        assert!(!error.to_string().contains("hunter2"));
    }
}

proptest! {
    #[test]
    fn what_is_quoted_reads_back(value in any::<String>()) {
        match quote(&value) {
            Some(quoted) => prop_assert_eq!(one(&format!("A={quoted}\n")), value),
            None => prop_assert!(value.contains('\0')),
        }
    }

    #[test]
    fn awkward_values_read_back(value in "[ '\"\\\\$`#\r\n\ta=é]{0,12}") {
        prop_assert_eq!(one(&format!("A={}\n", quote(&value).unwrap())), value);
    }

    #[test]
    fn parsing_never_panics(text in any::<String>()) {
        drop(parse(&text));
    }

    #[test]
    fn awkward_texts_never_panic(text in "[ '\"\\\\$`#\r\n\tAB=\u{0}é]{0,40}") {
        drop(parse(&text));
    }
}
