//! What the engines answer to a plain client: the wrapper has to make values of it.

use cloudtaser_tests::server::{Postgres, Server, unique};
use serde_json::{Value, json};

#[test]
fn both_versions_of_kv_keep_secrets_in_nested_mounts_too() {
    let admin = Server::shared().admin();
    for (version, place) in [(1, "/data"), (2, "/data/data")] {
        let kv = admin.kv(&unique("team/kv"), version);
        kv.put("app", &json!({ "password": "hunter2" }));
        let answer = admin.read(&kv.path("app"));
        assert_eq!(answer.pointer(place).unwrap()["password"], "hunter2");
        kv.delete("app");
        let reply = admin.ask("GET", &kv.path("app"), &Value::Null);
        assert_eq!(reply.status, 404);
        // A deleted version still has metadata; a secret that never was has none.
        let is_told = reply.body.pointer("/data/metadata/deletion_time").is_some();
        assert_eq!(is_told, version == 2, "{reply:?}");
    }
}

#[test]
fn versions_are_deleted_and_destroyed() {
    let admin = Server::shared().admin();
    let kv = admin.kv(&unique("kv"), 2);
    for number in 1..=3 {
        kv.put("app", &json!({ "number": number }));
    }
    kv.delete_versions("app", &[1]);
    kv.destroy("app", &[2]);
    for (version, is_destroyed) in [(1, false), (2, true)] {
        let path = format!("{}?version={version}", kv.path("app"));
        let reply = admin.ask("GET", &path, &Value::Null);
        assert_eq!(reply.status, 404);
        assert_eq!(reply.body["data"]["metadata"]["destroyed"], is_destroyed);
    }
    assert_eq!(admin.read(&kv.path("app"))["data"]["data"]["number"], 3);
}

#[test]
fn database_credentials_open_the_database_until_their_lease_ends() {
    let (admin, postgres) = (Server::shared().admin(), Postgres::shared());
    let mount = unique("database");
    admin.database(&mount, "reader", postgres, "10m");
    let answer = admin.read(&format!("{mount}/creds/reader"));
    let field = |name: &str| answer["data"][name].as_str().unwrap().to_owned();
    let (user, password) = (field("username"), field("password"));
    assert!(postgres.admits(&user, &password));
    assert!(!postgres.admits(&user, "wrong"));
    assert_eq!(admin.leases(&format!("{mount}/creds/reader")).len(), 1);
    let lease = &answer["lease_id"];
    let _answer = admin.write(
        "sys/leases/revoke",
        &json!({ "lease_id": lease, "sync": true }),
    );
    assert!(!postgres.admits(&user, &password));
    assert!(admin.leases(&format!("{mount}/creds/reader")).is_empty());
}

#[test]
fn certificates_are_issued() {
    let admin = Server::shared().admin();
    let mount = unique("pki");
    admin.pki(&mount, "web");
    let issue = format!("{mount}/issue/web");
    let answer = admin.write(&issue, &json!({ "common_name": "web.example" }));
    for (field, begin) in [
        ("certificate", "-----BEGIN CERTIFICATE-----\n"),
        ("private_key", "-----BEGIN EC PRIVATE KEY-----\n"),
    ] {
        let text = answer["data"][field].as_str().unwrap();
        assert!(text.starts_with(begin), "{text}");
    }
}

#[test]
fn ciphertexts_are_made_and_read() {
    let admin = Server::shared().admin();
    let mount = unique("transit");
    admin.transit(&mount, "app");
    let ciphertext = admin.encrypt(&mount, "app", b"hunter2");
    assert!(ciphertext.starts_with("vault:v1:"), "{ciphertext}");
    let path = format!("{mount}/decrypt/app");
    let answer = admin.write(&path, &json!({ "ciphertext": ciphertext }));
    assert_eq!(answer["data"]["plaintext"], "aHVudGVyMg==");
}

#[test]
fn an_answer_is_wrapped_once() {
    let admin = Server::shared().admin();
    let kv = admin.kv(&unique("kv"), 1);
    kv.put("app", &json!({ "password": "hunter2" }));
    let wrapping = admin.wrapped("GET", &kv.path("app"), &Value::Null, "60s");
    let unwrap = admin.with_token(&wrapping);
    let answer = unwrap.write("sys/wrapping/unwrap", &Value::Null);
    assert_eq!(answer["data"]["password"], "hunter2");
    let again = unwrap.ask("POST", "sys/wrapping/unwrap", &Value::Null);
    assert_eq!(again.status, 400, "{again:?}");
}
