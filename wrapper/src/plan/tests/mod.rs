//! Tests of the plan against answers written down here: no source, no environment. What goes
//! wrong is in `fault`, what is written or decrypted in `action`, the examples of
//! `docs/references.md` in `document`.

mod action;
mod document;
mod fault;
mod files;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use proptest::prelude::*;

use super::*;
use crate::reference::Schemes;
use crate::source::render;
use crate::status;

/// A secret server in a table: path → fields, or why there are none.
type Table = Vec<(
    &'static str,
    Result<Vec<(&'static str, Vec<u8>)>, ReadError>,
)>;

fn table() -> Table {
    let text = |text: &str| text.as_bytes().to_vec();
    let no_version = ReadError::NoVersion {
        path: "secret/db".into(),
        version: 9,
    };
    let deleted = ReadError::Deleted {
        path: "secret/gone".into(),
        version: 2,
    };
    let destroyed = ReadError::Destroyed {
        path: "secret/burnt".into(),
        version: 1,
    };
    let bad = ReadError::BadPath {
        path: "bad".into(),
        reason: "a path has a mount and a name",
    };
    vec![
        (
            "secret/db",
            Ok(vec![
                ("user", text("app")),
                ("password", text("p\u{e4}$$ss")),
            ]),
        ),
        ("secret/one", Ok(vec![("only", text("1"))])),
        ("secret/none", Ok(vec![])),
        (
            "secret/echo",
            Ok(vec![(
                "v",
                text("${vault:secret/db#password} vault:secret/db#user $${bao:x}"),
            )]),
        ),
        (
            "secret/all",
            Ok(vec![
                ("A", text("all-a")),
                ("B", text("all-b")),
                ("user", text("u2")),
            ]),
        ),
        ("secret/nul", Ok(vec![("v", b"a\0b".to_vec())])),
        (
            "secret/names",
            Ok(vec![("a=b", text("1")), ("c\u{1b}[2J", text("2"))]),
        ),
        ("secret/own", Ok(vec![("CLOUDTASER_STORE", text("1"))])),
        ("secret/db@9", Err(no_version)),
        ("secret/db@2", Ok(vec![("password", text("old"))])),
        ("secret/gone", Err(deleted)),
        ("secret/burnt", Err(destroyed)),
        ("bad", Err(bad)),
    ]
}

fn answer(plan: &Plan, table: &Table) -> Answers {
    let mut answers = Answers::default();
    for source in plan.sources() {
        let requests = plan.requests(&source);
        let results = requests
            .iter()
            .map(|request| read(table, request))
            .collect();
        answers.add(&source, requests, results);
    }
    answers
}

fn read(table: &Table, request: &Request) -> Result<Fields, ReadError> {
    let key = match request.action {
        Action::Read {
            version: Some(version),
        } => format!("{}@{version}", request.path),
        _ => request.path.clone(),
    };
    let path = request.path.clone();
    let Some((_, result)) = table.iter().find(|(path, _)| *path == key) else {
        return Err(ReadError::NoSecret { path });
    };
    let fields = result.clone()?;
    let values = fields
        .into_iter()
        .map(|(name, value)| (name.into(), Secret::new(value)));
    Ok(Fields {
        canonical_path: path.replacen("secret/", "secret/data/", 1),
        values: values.collect(),
    })
}

fn draft() -> Draft {
    Draft::new(Schemes::new(["local", "other"]))
}

/// A plan of `NAME`, `value` pairs from the command line.
fn plan(variables: &[(&str, &str)], env_from: &[&str]) -> Result<Plan, PlanErrors> {
    let mut draft = draft();
    for (name, value) in variables {
        draft.deliver(name, value, Origin::Flag);
    }
    for text in env_from {
        draft.env_from(text);
    }
    draft.finish("local")
}

fn resolve(plan: Plan) -> Result<Vec<Entry>, PlanErrors> {
    let answers = answer(&plan, &table());
    plan.resolve(answers)
}

/// `NAME=value` of every entry.
fn env(variables: &[(&str, &str)], env_from: &[&str]) -> Vec<String> {
    shown(&resolve(plan(variables, env_from).unwrap()).unwrap())
}

fn shown(entries: &[Entry]) -> Vec<String> {
    let text = |entry: &Entry| String::from_utf8(entry.value.expose().into()).unwrap();
    entries
        .iter()
        .map(|e| match &e.destination {
            Destination::Variable(to) | Destination::File(to) => format!("{to}={}", text(e)),
        })
        .collect()
}

/// The errors of a plan that is made and cannot be filled.
fn fault(variables: &[(&str, &str)], env_from: &[&str]) -> PlanErrors {
    resolve(plan(variables, env_from).unwrap()).expect_err("must fail")
}

#[test]
fn r1_r2_plain_and_pinned() {
    assert_eq!(
        env(
            &[
                ("A", "vault:secret/db#password"),
                ("B", "bao:secret/db#password#2")
            ],
            &[]
        ),
        ["A=p\u{e4}$$ss", "B=old"]
    );
    assert_eq!(env(&[("A", "local:secret/one")], &[]), ["A=1"]);
}

#[test]
fn entries_are_labelled_with_the_sources_own_path() {
    let variables = [(
        "A",
        "${vault:secret/db#user}:${vault:secret/db#password#2}-${vault:secret/db#user}",
    )];
    let entries = resolve(plan(&variables, &["P_=vault:secret/one"]).unwrap()).unwrap();
    assert_eq!(
        entries[0].reference,
        "${secret/data/db#user} ${secret/data/db#password#2}"
    );
    assert_eq!(entries[1].reference, "secret/data/one#only");
}

#[test]
fn r4_inline_references_and_text_are_assembled_once() {
    let variables = [(
        "URL",
        "pg://${vault:secret/db#user}:${vault:secret/db#password}@h/$${vault:x}$",
    )];
    assert_eq!(
        env(&variables, &[]),
        ["URL=pg://app:p\u{e4}$$ss@h/${vault:x}$"]
    );
}

#[test]
fn r5_several_keys_of_one_secret_are_one_request() {
    let variables = [
        ("A", "vault:secret/db#user"),
        ("B", "x${bao:secret/db#password}y${local:secret/db#user}"),
        ("C", "vault:secret/db#user#2?"),
        ("D", "other:secret/db#user"),
    ];
    let plan = plan(&variables, &["P_=vault:secret/db"]).unwrap();
    let request = |version| Request::read("secret/db", version);
    assert_eq!(plan.requests("local"), [request(None), request(Some(2))]);
    assert_eq!(plan.requests("other"), [request(None)]);
    assert_eq!(Vec::from_iter(plan.sources()), ["local", "other"]);
}

#[test]
fn r10_all_keys_precedence() {
    assert_eq!(
        env(&[], &["vault:secret/db", "vault:secret/all"]),
        ["A=all-a", "B=all-b", "password=p\u{e4}$$ss", "user=u2"]
    );
    assert_eq!(
        env(&[], &["vault:secret/all", "vault:secret/db"])[3],
        "user=app",
        "the later path wins"
    );
    assert_eq!(
        env(
            &[("A", "vault:secret/one#only"), ("B", "plain")],
            &["bao:secret/all"]
        ),
        ["A=1", "user=u2"]
    );
    assert_eq!(env(&[], &["P_=vault:secret/db#2"]), ["P_password=old"]);
    assert_eq!(
        env(&[], &["vault:secret/missing?", "vault:secret/one"]),
        ["only=1"]
    );

    let mut draft = draft();
    draft.inherit(OsStr::new("A"), OsStr::new("inherited"));
    draft.inherit(OsStr::new("B"), OsStr::from_bytes(b"\xff"));
    draft.env_from("vault:secret/all");
    let plan = draft.finish("local").unwrap();
    assert!(!plan.replaces("A") && !plan.replaces("user"));
    assert_eq!(shown(&resolve(plan).unwrap()), ["user=u2"]);
}

#[test]
fn an_optional_variable_stays_out_even_when_all_keys_has_it() {
    assert_eq!(
        env(&[("A", "vault:secret/missing#x?")], &["vault:secret/all"]),
        ["B=all-b", "user=u2"]
    );
}

#[test]
fn flag_beats_file_beats_inherited_in_any_order() {
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let mut draft = draft();
        for step in order {
            match step {
                0 => draft.inherit(OsStr::new("A"), OsStr::new("vault:secret/db#user")),
                1 => draft.deliver("A", "vault:broken#", Origin::File),
                _ => draft.deliver("A", "vault:secret/one", Origin::Flag),
            }
        }
        let plan = draft.finish("local").unwrap();
        assert_eq!(plan.requests("local").len(), 1, "the losers are not read");
        assert_eq!(shown(&resolve(plan).unwrap()), ["A=1"]);
    }
    let mut draft = draft();
    draft.deliver("A", "first", Origin::Flag);
    draft.deliver("A", "second", Origin::Flag);
    let plan = draft.finish("local").unwrap();
    assert_eq!(
        plan.literals()
            .map(|(_, text)| text.expose())
            .collect::<Vec<_>>(),
        [b"second"]
    );
}

#[test]
fn r16_literals_are_told_apart_from_untouched_variables() {
    let mut draft = draft();
    draft.inherit(OsStr::new("KEEP"), OsStr::new("$$ ${HOME} \\"));
    draft.inherit(OsStr::new("ESCAPED"), OsStr::new("$${vault:a}"));
    draft.inherit(OsStr::new("MISSING"), OsStr::new("vault:secret/missing#a?"));
    draft.deliver("FLAG", "plain", Origin::Flag);
    let plan = draft.finish("local").unwrap();
    let literals: Vec<_> = plan
        .literals()
        .map(|(name, text)| (name, text.expose()))
        .collect();
    assert_eq!(
        literals,
        [("ESCAPED", &b"${vault:a}"[..]), ("FLAG", b"plain")]
    );
    let replaced = ["KEEP", "ESCAPED", "MISSING", "FLAG"].map(|name| plan.replaces(name));
    assert_eq!(replaced, [false, true, true, true]);
    assert!(resolve(plan).unwrap().is_empty());
}

#[test]
fn h7_a_fetched_value_is_never_expanded() {
    let raw = "${vault:secret/db#password} vault:secret/db#user $${bao:x}";
    assert_eq!(
        env(
            &[
                ("A", "vault:secret/echo#v"),
                ("B", "<${vault:secret/echo#v}>")
            ],
            &["P_=vault:secret/echo"]
        ),
        [
            format!("A={raw}"),
            format!("B=<{raw}>"),
            format!("P_v={raw}")
        ]
    );
    assert_eq!(
        env(&[("A", "vault:no#x:-${vault:secret/db#user}")], &[]),
        ["A=${vault:secret/db#user}"]
    );
}

#[test]
fn h4_template_syntax_reaches_the_source_as_text() {
    let path = "secret/{{.Role}}/\"'$(id)";
    let plan = plan(&[("A", &format!("vault:{path}#f"))], &[]).unwrap();
    assert_eq!(plan.requests("local")[0].path, path);
}

#[test]
fn r11_rendered_values_arrive_without_loss() {
    let json = serde_json::json!({
        "number": 12, "yes": true, "null": null, "nested": {"b": [1, "x"], "a": null},
        "line": "a\n", "pem": "-----BEGIN X-----\nAA==\n-----END X-----\n", "base64": "AAECAw==",
    });
    for (name, value) in json.as_object().unwrap().clone() {
        let rendered = render(value);
        let plan = plan(&[("A", "vault:x#f"), ("B", "${vault:x#f}")], &[]).unwrap();
        let mut answers = Answers::default();
        let fields = Fields {
            canonical_path: "x".into(),
            values: BTreeMap::from([("f".into(), rendered.clone())]),
        };
        answers.add("local", plan.requests("local"), vec![Ok(fields)]);
        let entries = plan.resolve(answers).unwrap();
        assert!(
            entries.iter().all(|entry| entry.value == rendered),
            "{name}"
        );
    }
    let rendered = render(json["nested"].clone());
    assert_eq!(rendered.expose(), br#"{"b":[1,"x"],"a":null}"#);
    assert_eq!(render(json["null"].clone()).expose(), b"");
}

#[test]
fn r3_r13_fallbacks_cover_what_is_missing_and_nothing_else() {
    for missing in [
        "secret/missing#f",
        "secret/gone#f",
        "secret/burnt#f",
        "secret/db#password#9",
        "secret/db#f",
        "secret/none",
    ] {
        let value = |suffix: &str| format!("vault:{missing}{suffix}");
        assert_eq!(env(&[("A", &value(":-d"))], &[]), ["A=d"], "{missing}");
        assert!(env(&[("A", &value("?"))], &[]).is_empty(), "{missing}");
        let inline = format!("<${{{}}}${{{}}}>", value("?"), value(":-d"));
        assert_eq!(env(&[("A", &inline)], &[]), ["A=<d>"], "{missing}");
        let errors = fault(&[("A", &value(""))], &[]);
        assert_eq!(errors.status(), status::NO_SECRET, "{missing}: {errors}");
    }
    for wrong in ["bad#f", "secret/db"] {
        for suffix in ["", "?", ":-d"] {
            let errors = fault(&[("A", &format!("vault:{wrong}{suffix}"))], &[]);
            assert_eq!(errors.status(), status::USAGE, "{wrong}{suffix}: {errors}");
        }
    }
}

proptest! {
    /// Whatever is asked for, each path is read once, and each value arrives as often as needed.
    #[test]
    fn r5_every_value_arrives_however_often_it_is_shared(
        picks in prop::collection::vec((0..4usize, any::<bool>()), 1..12),
    ) {
        let fields = ["secret/db#user", "secret/db#password", "secret/all#A", "secret/one#only"];
        let values = ["app", "p\u{e4}$$ss", "all-a", "1"];
        let mut draft = draft();
        let mut expected = Vec::new();
        for (index, (pick, inline)) in picks.iter().enumerate() {
            let (name, field, value) = (format!("V{index:02}"), fields[*pick], values[*pick]);
            let text = match inline {
                true => format!("${{vault:{field}}}${{bao:{field}}}"),
                false => format!("vault:{field}"),
            };
            draft.deliver(&name, &text, Origin::File);
            expected.push(format!("{name}={}", value.repeat(if *inline { 2 } else { 1 })));
        }
        let plan = draft.finish("local").unwrap();
        let requests = plan.requests("local");
        let paths: BTreeSet<_> = requests.iter().map(|request| &request.path).collect();
        prop_assert_eq!(paths.len(), requests.len());
        prop_assert_eq!(shown(&resolve(plan).unwrap()), expected);
    }
}
