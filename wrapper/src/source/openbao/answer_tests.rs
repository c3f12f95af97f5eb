//! Answers of the API, as servers give them, and what they mean.

use serde_json::json;

use super::*;

const KV1: Engine = Engine::Plain;
const KV2: Engine = Engine::KvVersioned;

fn answer(
    engine: Engine,
    version: Option<u64>,
    status: u16,
    body: &Value,
) -> Result<Answer, String> {
    let token = Secret::from(String::from("hvs.hunter2"));
    let asked = Asked {
        path: "secret/db",
        api_path: "secret/data/db",
        engine,
        version,
        ours: &[&token],
        capability: "read",
    };
    asked.answer(Reply::parse(status, body.to_string().as_bytes()).expect("JSON"))
}

fn fields(engine: Engine, body: &Value) -> BTreeMap<String, String> {
    match answer(engine, None, 200, body) {
        Ok(Answer::Fields(fields, _)) => {
            let text = |value: Secret| String::from_utf8(value.expose().into()).expect("text");
            fields
                .values
                .into_iter()
                .map(|(name, value)| (name, text(value)))
                .collect()
        }
        other => panic!("{other:?}"),
    }
}

fn not(engine: Engine, version: Option<u64>, status: u16, body: &Value) -> ReadError {
    match answer(engine, version, status, body) {
        Ok(Answer::Not(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn r12_the_engine_decides_where_fields_stand_and_names_do_not() {
    let body = json!({"data": {"data": {"a": 1}, "metadata": {"version": 3}}});
    assert_eq!(
        fields(KV2, &body),
        BTreeMap::from([("a".into(), "1".into())])
    );
    let plain = fields(KV1, &body);
    assert_eq!(plain["data"], r#"{"a":1}"#);
    assert_eq!(plain["metadata"], r#"{"version":3}"#);
}

#[test]
fn r11_every_json_type_has_its_rendering() {
    let body = r#"{"data": {"n": 1.50, "big": 123456789012345678901, "e": 1e+5, "t": true,
        "z": null, "o": {"b": [1, "x"], "a": {}}, "pem": "-----BEGIN X-----\nAB==\n-----END\n",
        "u": "\u00e4\u0000\ud83d\ude00", "": "empty name"}}"#;
    let body: Value = serde_json::from_str(body).unwrap();
    let found = fields(KV1, &body);
    for (name, value) in [
        ("n", "1.50"),
        ("big", "123456789012345678901"),
        ("e", "1e+5"),
        ("t", "true"),
        ("z", ""),
        ("o", r#"{"b":[1,"x"],"a":{}}"#),
        ("pem", "-----BEGIN X-----\nAB==\n-----END\n"),
        ("u", "ä\0😀"),
        ("", "empty name"),
    ] {
        assert_eq!(found[name], value, "{name}");
    }
}

#[test]
fn r3_deleted_destroyed_and_missing_versions_differ() {
    let gone = |metadata: Value| json!({"data": {"data": null, "metadata": metadata}});
    let deleted = gone(json!({"version": 2, "deletion_time": "2026-01-01T00:00:00Z"}));
    let destroyed = gone(json!({"version": 2, "deletion_time": "x", "destroyed": true}));
    let path = || String::from("secret/db");
    for status in [200, 404] {
        assert_eq!(
            not(KV2, None, status, &deleted),
            ReadError::Deleted {
                path: path(),
                version: 2
            }
        );
        assert_eq!(
            not(KV2, Some(2), status, &destroyed),
            ReadError::Destroyed {
                path: path(),
                version: 2
            }
        );
    }
    let missing = json!({"errors": []});
    assert_eq!(
        not(KV2, None, 404, &missing),
        ReadError::NoSecret { path: path() }
    );
    assert_eq!(
        not(KV1, None, 404, &missing),
        ReadError::NoSecret { path: path() }
    );
    let pinned = answer(KV2, Some(7), 404, &missing);
    assert!(matches!(pinned, Ok(Answer::NoSuchVersion(7))));
    let warned = json!({"errors": [], "warnings": ["Invalid path for a versioned K/V engine"]});
    assert_eq!(
        not(KV1, None, 404, &warned),
        ReadError::NoSecret { path: path() }
    );
}

#[test]
fn a_refusal_names_the_policy_or_the_servers_words() {
    let denied = json!({"errors": ["1 error occurred:\n\t* permission denied\n\n"]});
    let text = not(KV2, None, 403, &denied).to_string();
    assert!(
        text.contains(r#"path "secret/data/db" { capabilities = ["read"] }"#),
        "{text}"
    );
    let bad = json!({"errors": ["unknown role: hvs.hunter2"]});
    let text = not(KV1, None, 400, &bad).to_string();
    assert!(text.contains("status 400: unknown role: …"), "{text}");
}

#[test]
fn a_lease_is_noticed() {
    for (lease, has) in [
        (json!("database/creds/a/b"), true),
        (json!(""), false),
        (json!(3), false),
    ] {
        let body = json!({"lease_id": lease, "data": {"username": "u"}});
        let found = answer(KV1, None, 200, &body);
        assert!(
            matches!(found, Ok(Answer::Fields(_, found)) if found == has),
            "{found:?}"
        );
    }
}

#[test]
fn h8_wrong_types_are_errors_without_values() {
    for (engine, body) in [
        (KV1, json!({"data": "hunter2"})),
        (KV1, json!(["hunter2"])),
        (KV2, json!({"data": {"data": {"a": "hunter2"}}})),
        (KV2, json!({"data": {"data": "hunter2", "metadata": {}}})),
        (KV2, json!({"data": {"data": ["hunter2"], "metadata": {}}})),
    ] {
        let error = answer(engine, None, 200, &body).expect_err("wrong");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn r9_plaintexts_are_bytes() {
    let token = Secret::from(String::from("hvs.hunter2"));
    let read = |item: Value| plaintext(item, String::from("transit/decrypt/k"), &[&token]);
    match read(json!({"plaintext": "AP+A"})) {
        Ok(Answer::Fields(fields, false)) => {
            assert_eq!(fields.values[PLAINTEXT_FIELD].expose(), [0, 0xff, 0x80]);
        }
        other => panic!("{other:?}"),
    }
    let refused = read(json!({"error": "invalid ciphertext: no prefix", "reference": ""}));
    assert!(matches!(
        refused,
        Ok(Answer::Not(ReadError::Refused { .. }))
    ));
    for item in [
        json!("hunter2"),
        json!({}),
        json!({"plaintext": "hunter2!"}),
    ] {
        let error = read(item).expect_err("wrong");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
