//! Documents as registries have them, and as they should not.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn image() -> Value {
    let digest = format!("sha256:{:064}", 1);
    json!({
        "schemaVersion": 2, "mediaType": MANIFESTS[0],
        "config": {"mediaType": CONFIGS[0], "digest": digest, "size": 7},
        "layers": [],
    })
}

fn manifest(value: &Value, content_type: Option<&str>) -> Result<Document, DocumentError> {
    read(value.to_string().as_bytes(), content_type)
}

#[test]
fn an_image_is_known_by_its_own_word_then_the_answers_then_its_shape() {
    let mut bare = image();
    bare.as_object_mut().unwrap().remove("mediaType");
    for content_type in [
        Some(MANIFESTS[1]),
        Some("application/json; charset=utf-8"),
        None,
    ] {
        let found = manifest(&bare, content_type).unwrap();
        assert!(matches!(found, Document::Image(_, 7)));
    }
    let index = json!({"schemaVersion": 2, "manifests": []});
    for content_type in [Some(INDEXES[1]), Some("text/plain"), None] {
        assert!(matches!(
            manifest(&index, content_type),
            Ok(Document::Index(_))
        ));
    }
}

#[test]
fn what_is_no_image_is_refused_by_its_kind() {
    assert!(manifest(&image(), None).is_ok(), "the control");
    let one = json!({"schemaVersion": 1, "name": "a", "fsLayers": [], "history": []});
    assert!(matches!(
        manifest(&one, Some(SCHEMA_1[1])),
        Err(DocumentError::Schema1)
    ));
    assert!(matches!(manifest(&one, None), Err(DocumentError::Schema1)));
    let mut both = image();
    both["manifests"] = json!([]);
    assert!(matches!(
        manifest(&both, None),
        Err(DocumentError::Ambiguous)
    ));
    let mut chart = image();
    chart["config"]["mediaType"] = json!("application/vnd.cncf.helm.config.v1+json");
    let error = manifest(&chart, None).unwrap_err();
    assert!(error.to_string().contains("helm.config"), "{error}");
    let mut odd = image();
    odd["mediaType"] = json!(format!("a`\n{}", "b".repeat(900)));
    let error = manifest(&odd, None).unwrap_err().to_string();
    assert!(!error.contains('\n') && error.len() < 200, "{error}");
    for text in [
        "",
        "[]",
        "{}",
        "{\"schemaVersion\":2}",
        "{\"schemaVersion\":\"2\"}",
    ] {
        assert!(
            read(text.as_bytes(), Some("application/json")).is_err(),
            "{text}"
        );
    }
    let mut wild = image();
    wild["config"]["digest"] = json!("md5");
    assert!(matches!(
        manifest(&wild, None),
        Err(DocumentError::Json { .. })
    ));
}

#[test]
fn an_index_without_end_is_refused_before_it_is_read() {
    let entry =
        json!({"mediaType": MANIFESTS[0], "digest": format!("sha256:{:064}", 1), "size": 1});
    let index = |count| json!({"schemaVersion": 2, "manifests": vec![entry.clone(); count]});
    assert!(manifest(&index(MAX_ENTRIES), None).is_ok(), "the control");
    let refused = manifest(&index(MAX_ENTRIES + 1), None);
    assert!(matches!(
        refused,
        Err(DocumentError::Entries { count: 1001 })
    ));
}

#[test]
fn no_error_quotes_what_the_registry_sent() {
    let mut wild = image();
    wild["config"] = json!("MARKER");
    let errors = [
        manifest(&wild, None).unwrap_err(),
        manifest(&json!({"schemaVersion": "MARKER"}), None).unwrap_err(),
        manifest(&json!({"schemaVersion": 2, "manifests": "MARKER"}), None).unwrap_err(),
        configuration(json!({"Cmd": "MARKER"})).unwrap_err(),
        configuration(json!({"Labels": {"MARKER": ["MARKER"]}})).unwrap_err(),
    ];
    for error in errors {
        let shown = format!("{error} {error:?}");
        assert!(
            !shown.contains("MARKER") && shown.contains("line 1"),
            "{shown}"
        );
    }
}

fn configuration(inner: Value) -> Result<ImageConfig, DocumentError> {
    let value = json!({
        "os": "linux", "architecture": "arm64", "config": inner,
        "rootfs": {"type": "layers", "diff_ids": []},
    });
    config(value.to_string().as_bytes())
}

#[test]
fn a_configuration_gives_the_command_unsplit_and_the_platform() {
    let found = configuration(json!({
        "Entrypoint": ["/a b", ""], "Cmd": ["-c", "x 'y'"], "Env": null, "Volumes": null,
        "ExposedPorts": {"80/tcp": {}}, "Labels": {"k": "v"}, "ArgsEscaped": true,
        "Healthcheck": {"Test": ["CMD", "x"]}, "OnBuild": null, "Hostname": "",
    }))
    .unwrap();
    assert_eq!(found.entrypoint, ["/a b", ""]);
    assert_eq!(found.command, ["-c", "x 'y'"]);
    assert_eq!(
        (found.os.as_str(), found.architecture.as_str()),
        ("linux", "arm64")
    );
    for nothing in [
        json!({}),
        json!(null),
        json!({"Entrypoint": null, "Cmd": []}),
    ] {
        let found = configuration(nothing).unwrap();
        assert!(found.entrypoint.is_empty() && found.command.is_empty());
    }
}

#[test]
fn a_command_that_is_too_long_or_that_no_kernel_starts_is_refused() {
    let word = "x".repeat(MAX_COMMAND - size_of::<String>());
    assert!(configuration(json!({"Cmd": [word]})).is_ok(), "the control");
    for cmd in [
        json!([word, "x"]),
        // Nothing but words without a text.
        json!(vec![""; MAX_COMMAND / size_of::<String>() + 1]),
        json!(["a\0b"]),
    ] {
        let refused = configuration(json!({ "Cmd": cmd }));
        assert!(matches!(refused, Err(DocumentError::Command)));
    }
    assert!(configuration(json!({"Cmd": "sh -c x"})).is_err(), "no list");
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        drop(read(&bytes, None));
        drop(config(&bytes));
    }

    #[test]
    fn no_damage_makes_it_panic(at in 0_usize..300, byte in any::<u8>()) {
        let mut bytes = image().to_string().into_bytes();
        let length = bytes.len();
        bytes[at % length] = byte;
        drop(read(&bytes, Some(MANIFESTS[0])));
    }
}
