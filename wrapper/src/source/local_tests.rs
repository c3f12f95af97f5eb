//! Unit tests of the source `local`, on real files.

use super::*;
use crate::store::document::{Document, Recipients};
use crate::store::versions::FieldMap;
use crate::store::{crypt, file};
use age::secrecy::ExposeSecret;

/// A store with `secret/db`, in a folder that goes with the returned value.
fn store() -> (tempfile::TempDir, SourceConfig) {
    let folder = tempfile::tempdir().unwrap();
    let identity = age::x25519::Identity::generate();
    let config = SourceConfig {
        store: folder.path().join("store.age"),
        identities: vec![folder.path().join("identity.txt")],
        passphrase_file: None,
        ..SourceConfig::default()
    };
    let text = format!("# a comment\n\n{}\n", identity.to_string().expose_secret());
    std::fs::write(&config.identities[0], text).unwrap();
    let mut document = Document::new(Recipients::Keys(vec![identity.to_public().to_string()]));
    let path = SecretPath::parse("secret/db").unwrap();
    for password in ["old", "new\n"] {
        let fields: FieldMap = serde_json::from_str::<FieldMap>(
            r#"{"port": 5432.0, "on": true, "none": null, "list": [1, {"a": 2}]}"#,
        )
        .unwrap()
        .into_iter()
        .chain([("password".to_owned(), password.into())])
        .collect();
        document.put(&path, &fields, "t").unwrap();
    }
    for number in 3..=5 {
        document.put(&path, &FieldMap::new(), "t").unwrap();
        let entry = document.entry_mut(&path).unwrap();
        let _ = match number {
            3 => entry.delete(3, "t"),
            4 => entry.destroy(4),
            _ => true,
        };
    }
    let encrypted = crypt::encrypt(&document, None, &config.store).unwrap();
    file::create(&config.store, &encrypted).unwrap();
    (folder, config)
}

fn request(path: &str, version: impl Into<Option<u64>>) -> Request {
    Request::read(path, version.into())
}

#[test]
fn answers_stand_in_the_order_of_the_requests() {
    let (_folder, config) = store();
    let mut source = (KIND.open)(&config).unwrap();
    let answers = source
        .read(&[
            request("secret/none", None),
            request("secret/db", 2),
            request("secret/data/db", 1),
            request("secret/db", 3),
            request("secret/db", 4),
            request("secret/db", 6),
            request("secret", None),
        ])
        .unwrap();
    let path = "secret/db".to_owned();
    assert_eq!(
        answers[0].as_ref().unwrap_err(),
        &ReadError::NoSecret {
            path: "secret/none".into()
        }
    );
    let fields = answers[1].as_ref().unwrap();
    assert_eq!(fields.canonical_path, "secret/data/db");
    for (name, value) in [
        ("password", "new\n"),
        ("port", "5432.0"),
        ("on", "true"),
        ("none", ""),
        ("list", r#"[1,{"a":2}]"#),
    ] {
        assert_eq!(fields.values[name].expose(), value.as_bytes(), "{name}");
    }
    assert_eq!(
        answers[2].as_ref().unwrap().values["password"].expose(),
        b"old"
    );
    assert_eq!(
        answers[3].as_ref().unwrap_err(),
        &ReadError::Deleted {
            path: path.clone(),
            version: 3
        }
    );
    assert_eq!(
        answers[4].as_ref().unwrap_err(),
        &ReadError::Destroyed {
            path: path.clone(),
            version: 4
        }
    );
    assert_eq!(
        answers[5].as_ref().unwrap_err(),
        &ReadError::NoVersion { path, version: 6 }
    );
    assert!(matches!(answers[6], Err(ReadError::BadPath { .. })));
}

#[test]
fn a_missing_store_is_the_sources_error() {
    let config = SourceConfig {
        store: "/nonexistent/store.age".into(),
        ..Default::default()
    };
    let error = (KIND.open)(&config).unwrap().read(&[]).unwrap_err();
    assert!(
        matches!(error.cause.downcast_ref(), Some(StoreError::Missing { .. })),
        "{error:?}"
    );
}
