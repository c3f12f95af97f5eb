//! Tests of whole values: what is a reference, what stays as it is, and where each part begins.

use proptest::prelude::*;

use super::*;
use crate::reference::Fallback;

fn read(value: &str) -> Result<Template, ReferenceError> {
    parse(value, &Schemes::new(["local"]))
}

/// The parts as text: literals as they are, references in angle brackets with their column.
fn shape(value: &str) -> String {
    let template = read(value).unwrap();
    let part = |part: &Part| match part {
        Part::Literal(text) => String::from_utf8(text.expose().into()).unwrap(),
        Part::Reference(reference, column) => format!("<{column} {reference}>"),
    };
    template.parts.iter().map(part).collect()
}

#[test]
fn r1_a_whole_value_is_one_reference() {
    let template = read("vault:a#b").unwrap();
    assert!(template.is_whole);
    assert_eq!(shape("vault:a#b"), "<1 vault:a#b>");
    assert!(!read("${vault:a#b}").unwrap().is_whole);
}

#[test]
fn r4_references_between_text_have_their_columns() {
    assert_eq!(
        shape("postgres://${vault:db#user}:${bao:db#password#2}@host/${local:x}"),
        "postgres://<12 vault:db#user>:<29 bao:db#password#2>@host/<55 local:x>"
    );
    assert_eq!(shape("ä${vault:a\\}b#c?}"), "ä<3 vault:a\\}b#c?>");
}

#[test]
fn r16_everything_else_survives() {
    for value in [
        "",
        "$",
        "$$",
        "${HOME}",
        "$${HOME}",
        "$$$",
        "a\\b\\${c",
        "${",
        "${vaul:a}",
        "${ vault:a}",
        " vault:a#b",
        "xvault:a#b",
        "$(vault:a)",
        "$vault:a",
        "{vault:a}",
        "${Vault:a}",
        ">>",
        ">>x",
        "${>>x}",
        "vault",
        "$2b$10$abcdefghijkl",
        "vault/a:b",
    ] {
        assert_eq!(shape(value), value);
        assert_eq!(read(value).unwrap().literal(), Some(value.as_bytes()));
    }
}

#[test]
fn r16_dollars_before_a_reference_are_halved() {
    assert_eq!(shape("$${vault:a}"), "${vault:a}");
    assert_eq!(shape("$$${vault:a}"), "$<3 vault:a>");
    assert_eq!(shape("$$$${vault:a}"), "$${vault:a}");
    assert_eq!(
        shape("$$ $${vault:a-${vault:b}}"),
        "$$ ${vault:a-<15 vault:b>}"
    );
    assert_eq!(shape("$${>>vault:a}"), "${>>vault:a}");
    assert_eq!(shape("$${vault:never closed"), "${vault:never closed");
}

#[test]
fn r13_an_inline_default_ends_at_its_brace() {
    let default = |value: &str| match read(value).unwrap().references().next() {
        Some(reference) => match reference.fallback.clone() {
            Fallback::Default(text) => text,
            other => panic!("{other:?}"),
        },
        None => panic!("no reference"),
    };
    assert_eq!(default("${vault:a#b:-x}y"), "x");
    assert_eq!(default("${vault:a#b:-}"), "");
    assert_eq!(default("${vault:a#b:-{1\\}\\\\\\n#?:-}"), "{1}\\\\n#?:-");
    assert_eq!(default("${vault:a#b:-${HOME}"), "${HOME");
}

#[test]
fn faults_have_the_column_of_the_value() {
    for (value, column) in [
        ("a${vault:b#c", 2),
        ("a${vault:b#c\\}", 2),
        ("a${vault:}", 10),
        ("a${vault:b#}", 12),
        ("a${vault:b#c#x}", 14),
        ("a${vault:b#c?d}", 14),
        ("${vault:a#b}${vault:c##}", 23),
        ("${vault:a/${vault:b#c}#d}", 11),
    ] {
        let error = read(value).expect_err(value);
        assert_eq!(error.place().column, column, "{value}: {error}");
    }
    let unclosed = read("${vault:db#user:hunter2@host").unwrap_err();
    assert!(matches!(unclosed, ReferenceError::Unclosed(_)));
    assert!(!unclosed.to_string().contains("hunter2"), "{unclosed}");
}

#[test]
fn r8_the_brace_behind_the_json_closes() {
    let object = r##"{"a":"}#?:-${vault:x}","b":{"c":"}}"}}"##;
    assert_eq!(
        shape(&format!("<${{>>vault:pki#cert#{object}}}>}}")),
        "<<2 >>vault:pki#cert#{…}>>}"
    );
    assert_eq!(
        shape(&format!(
            "${{>>bao:a#b#{object}?}}${{>>bao:a#b# {object} :-{{x\\}}}}y"
        )),
        format!(
            "<1 >>bao:a#b#{{…}}?><{} >>bao:a#b#{{…}}:-…>y",
            object.len() + 15
        )
    );
    assert_eq!(shape("${>>vault:a#b}#{}}"), "<1 >>vault:a#b>#{}}");
    assert_eq!(shape("${>>vault:a\\}#b?}"), "<1 >>vault:a\\}#b?>");
    assert!(read(">>vault:a#b#{}").unwrap().is_whole);
    for (value, column) in [
        ("a${>>vault:b#c#{}", 2),
        ("a${>>vault:b#c#{\"hunter2\":1}", 2),
        ("a${>>vault:b#c#{\"hunter2\":1", 2),
        ("a${>>vault:b#c#}", 16),
        ("a${>>vault:b#c#{\"hunter2\":}}", 27),
        ("a${>>vault:b#c#{\"hunter2\":1}x}", 29),
        ("a${>>vault:b#{\"hunter2\":1}}", 14),
        ("${vault:b#c#{\"hunter2\":\"\"}}", 13),
    ] {
        let error = read(value).expect_err(value);
        assert_eq!(error.place().column, column, "{value}: {error}");
        assert!(!error.to_string().contains("hunter"), "{error}");
    }
}

#[test]
fn r9_ciphertexts_stand_whole_and_inside() {
    assert_eq!(shape("vault:v1:aBc="), "<1 vault:v1:…>");
    assert_eq!(
        shape("u:${vault:v1:aBc=}@${bao:v22:aB+/}"),
        "u:<3 vault:v1:…>@<20 bao:v22:…>"
    );
    let error = read("u:${vault:v1:aB!=}").unwrap_err();
    assert_eq!(error.place().column, 16, "{error}");
    assert!(!error.to_string().contains("aB"), "{error}");
}

#[test]
fn debug_text_holds_no_literal_and_no_default() {
    let value = "hunter2${vault:a#b:-hunter3}${>>vault:a#b#{\"hunter4\":1}}";
    let text = format!("{:?}", read(value).unwrap());
    assert!(!text.contains("hunter"), "{text}");
    assert!(text.contains("vault:a#b:-…"), "{text}");
}

proptest! {
    #[test]
    fn r16_values_without_a_scheme_are_untouched(value in "[a-z$\\\\{}#:? >]{0,40}") {
        prop_assume!(!["vault:", "bao:", "local:"].iter().any(|scheme| value.contains(scheme)));
        prop_assert_eq!(shape(&value), value);
    }

    #[test]
    fn r16_any_text_can_be_escaped(value in "([$\\\\{}x]([$\\\\{}x]|vault:|bao:){0,16})?") {
        // Doubles the dollars that stand directly before `{scheme:`, as the page tells users to.
        let mut escaped = String::new();
        for (at, c) in value.char_indices() {
            let brace = value[at..].trim_start_matches('$');
            let body = brace.strip_prefix('{').unwrap_or_default();
            let opens = Schemes::new([]).strip(body).is_some();
            escaped.push_str(if c == '$' && opens { "$$" } else { "" });
            escaped.extend((c != '$' || !opens).then_some(c));
        }
        let template = read(&escaped).unwrap();
        prop_assert_eq!(template.literal(), Some(value.as_bytes()));
    }
}
