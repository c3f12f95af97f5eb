//! Properties of the readers of references, over any text and over any reference.

use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Result<Reference, ReferenceError> {
    parse(text, &Schemes::new(["local"]))
}

/// Text that is rich in what the grammar knows.
fn syntax_text() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        4 => "[a-z/ä#?:}{$\\\\>=.-]",
        1 => Just(String::from("${vault:")),
        1 => Just(String::from("vault:")),
        1 => Just(String::from("#{\"a\":\"")),
        1 => Just(String::from("\"}")),
        1 => Just(String::from("v1:aBcD")),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(token, 0..24).prop_map(|tokens| tokens.concat())
}

fn name() -> impl Strategy<Value = String> {
    "[^\\p{Cc}]{1,12}".prop_filter("Go template", |name| !name.starts_with("${."))
}

/// Objects with strings of everything that could be mistaken for syntax, and a marker.
fn json_object() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::{Value, json};
    let text = "(hunter2|[#?{}\"\\\\:$> \n\u{e4}x-]){0,6}";
    let leaf = prop_oneof![
        text.prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
    ];
    let nested = leaf.prop_recursive(3, 16, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(text, inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    prop::collection::hash_map(text, nested, 0..4)
        .prop_map(|map| Value::Object(map.into_iter().collect()))
}

fn target() -> impl Strategy<Value = Target> {
    let read = (
        name(),
        prop::option::of(name()),
        prop::option::of(1..=u64::MAX),
    )
        .prop_map(|(path, field, version)| Target::Read {
            path,
            version: version.filter(|_| field.is_some()),
            field,
        });
    let field = name().prop_filter("parameters", |name| !name.contains('{'));
    let write =
        (name(), prop::option::of(field), json_object()).prop_map(|(path, field, object)| {
            let (parameters, _) = Parameters::read(&object.to_string()).unwrap();
            Target::Write {
                path,
                parameters: if field.is_some() {
                    parameters
                } else {
                    Parameters::default()
                },
                field,
            }
        });
    prop_oneof![
        read.prop_filter("login", |target| target.path() != "login"
            || target.field().is_some()),
        write
    ]
}

/// The canonical text with its parameters, which it does not show itself.
fn readable(mut reference: Reference) -> String {
    let parameters = match &mut reference.target {
        Target::Write { parameters, .. } => std::mem::take(parameters),
        _ => return reference.to_string(),
    };
    let suffix = if reference.fallback == Fallback::Optional {
        "?"
    } else {
        ""
    };
    reference.fallback = Fallback::Required;
    match parameters.is_empty() {
        true => format!("{reference}{suffix}"),
        false => format!("{reference}#{}{suffix}", parameters.expose()),
    }
}

proptest! {
    #[test]
    fn any_text_gives_an_answer_with_a_position_inside_it(tail in syntax_text()) {
        for text in [
            tail.clone(),
            format!("vault:{tail}"),
            format!(">>vault:a#b{tail}"),
            format!("${{vault:a#b{tail}"),
            format!("x${{>>vault:a#b#{{{tail}"),
        ] {
            let schemes = Schemes::new(["local"]);
            let results = [
                parse(&text, &schemes).err(),
                template::parse(&text, &schemes).err(),
                parse_env_from(&text, &schemes).err(),
            ];
            for error in results.into_iter().flatten() {
                let at = error.place().column - 1;
                prop_assert!(text.is_char_boundary(at), "{text:?}: {error}");
            }
        }
    }

    #[test]
    fn canonical_text_reads_back_as_the_same_reference(
        target in target(),
        optional: bool,
    ) {
        let fallback = if optional { Fallback::Optional } else { Fallback::Required };
        let reference = Reference { scheme: "bao".into(), target, fallback };
        let text = readable(reference.clone());
        prop_assert_eq!(read(&text), Ok(reference.clone()), "{}", text);
        let inline = template::parse(&format!("<${{{text}}}>"), &Schemes::new([]));
        let template = inline.unwrap();
        prop_assert_eq!(template.references().collect::<Vec<_>>(), vec![&reference]);
    }

    #[test]
    fn r8_any_parameters_arrive_and_are_never_printed(
        object in json_object(),
        tail in "[}?:#x-]{0,4}",
    ) {
        let text = object.to_string();
        let result = read(&format!(">>vault:a#b#{text}{tail}"));
        let ends = ["", "?"].contains(&tail.as_str()) || tail.starts_with(":-");
        prop_assert_eq!(result.is_ok(), ends);
        let value = format!("${{>>vault:a#b#{text}}}{tail}");
        let inline = template::parse(&value, &Schemes::new([])).unwrap();
        let target = inline.references().next().map(|reference| &reference.target);
        let Some(Target::Write { parameters, .. }) = target else {
            panic!("no write: {target:?}");
        };
        let read: serde_json::Value = serde_json::from_str(parameters.expose()).unwrap();
        prop_assert_eq!(read, object);
        let debug = format!("{:?}", inline);
        prop_assert!(!debug.contains("hunter2"), "{}", debug);
    }

    #[test]
    fn no_fault_shows_parameters(tail in syntax_text()) {
        for value in [
            format!(">>vault:a#b#{{\"hunter2{tail}"),
            format!(">>vault:a#b#{{\"hunter2\":1}}{tail}"),
            format!(">>vault:a#b{{\"hunter2{tail}"),
            format!("vault:a#b#{{\"hunter2{tail}"),
        ] {
            for value in [value.clone(), format!("${{{value}}}"), format!("${{{value}")] {
                let Err(error) = template::parse(&value, &Schemes::new([])) else {
                    continue;
                };
                prop_assert!(!error.to_string().contains("hunter2"), "{value}: {error}");
            }
        }
    }

    #[test]
    fn r9_any_ciphertext_arrives(
        version in 0..1000u32,
        bytes in prop::collection::vec(any::<u8>(), 1..40),
    ) {
        use base64::prelude::*;
        let ciphertext = format!("vault:v{version}:{}", BASE64_STANDARD.encode(&bytes));
        let expected = Target::Decrypt { ciphertext: ciphertext.clone() };
        prop_assert_eq!(&read(&ciphertext).unwrap().target, &expected);
        let inline = template::parse(&format!("a${{{ciphertext}}}b"), &Schemes::new([]));
        let inline = inline.unwrap();
        prop_assert_eq!(&inline.references().next().unwrap().target, &expected);
        let cut = &ciphertext[..ciphertext.len() - 1];
        prop_assert!(read(cut).is_err());
    }
}
