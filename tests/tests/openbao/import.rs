//! `cloudtaser store import --from-server`: what a real server holds, into the store.

use std::process::Command;

use cloudtaser_tests::process::eventually;
use cloudtaser_tests::server::{Admin, Kv, Server, unique};
use cloudtaser_tests::store::{Home, run, show};
use serde_json::{Value, json};

/// A name for a mount, its policy, and a login whose tokens have that policy.
fn prepare(version: u8) -> (Admin, String, Kv) {
    let admin = Server::shared().admin();
    let name = unique("import");
    let kv = admin.kv(&name, version);
    admin.allow(&name, &name);
    (admin, name, kv)
}

/// The command, logged in by an approle with these policies.
fn import(home: &Home, admin: &Admin, policies: &[&str], words: &[&str]) -> Command {
    let server = Server::shared();
    let mount = unique("approle");
    let role_id = admin.approle_login(&mount, "app", policies);
    let secret_id = home.path().join("secret-id");
    std::fs::write(&secret_id, admin.secret_id(&mount, "app")).unwrap();
    let (certificate, key) = server.client_files();
    let mut command = home.command(["import", "--from-server"]);
    command
        .args(words)
        .env("CLOUDTASER_ADDR", server.url())
        .env("CLOUDTASER_CA_CERT", server.ca_file())
        .env("CLOUDTASER_CLIENT_CERT", certificate)
        .env("CLOUDTASER_CLIENT_KEY", key)
        .env("CLOUDTASER_AUTH", "approle")
        .env("CLOUDTASER_AUTH_MOUNT", mount)
        .env("CLOUDTASER_ROLE_ID", role_id)
        .env("CLOUDTASER_SECRET_ID_FILE", secret_id);
    command
}

/// Status and both outputs.
fn end(mut command: Command) -> (Option<i32>, String) {
    let output = run(&mut command, b"");
    (output.status.code(), show(&output))
}

fn text(home: &Home, target: &str) -> String {
    String::from_utf8(home.ok(["get", target], b"")).unwrap()
}

#[test]
fn everything_below_a_path_comes_with_its_types() {
    for version in [1, 2] {
        let (admin, name, kv) = prepare(version);
        let value = format!("{}\n\u{e9}${{x}}\"\\", cloudtaser_tests::marker());
        let fields = r#"{"port": 5432, "big": 12345678901234567890, "rate": 1.50, "on": true,
                        "none": null, "list": [1, "a"], "object": {"b": 1, "a": {"c": "d"}}}"#;
        let mut typed: Value = serde_json::from_str(fields).unwrap();
        typed["password"] = json!(value);
        kv.put("app/db", &typed);
        kv.put("app/deep/er/one", &json!({ "x": "1" }));
        kv.put("app", &json!({ "x": "beside the folder" }));
        kv.put("other", &json!({ "x": "not asked for" }));
        let home = Home::with_store();
        let words = [format!("{name}/app/")];
        let (status, shown) = end(import(&home, &admin, &[&name], &[&words[0]]));
        assert_eq!(status, Some(0), "{shown}");
        assert!(!shown.contains(&value[..32]), "{shown}");
        let listed = String::from_utf8(home.ok(["list"], b"")).unwrap();
        assert_eq!(listed, format!("{name}/app/db\n{name}/app/deep/er/one\n"));
        assert_eq!(text(&home, &format!("{name}/app/db#password")), value);
        for (field, digits) in [("port", "5432"), ("on", "true")] {
            assert_eq!(text(&home, &format!("{name}/app/db#{field}")), digits);
        }
        // The whole, as another reader of the server has it: its numbers may have lost digits
        // there.
        let stored: Value = serde_json::from_str(&text(&home, &format!("{name}/app/db"))).unwrap();
        let answer = admin.read(&kv.path("app/db"));
        let place = if version == 1 { "/data" } else { "/data/data" };
        assert_eq!(&stored, answer.pointer(place).unwrap());
        assert!(admin.accessors_with(&name).is_empty(), "the token is gone");

        // A single path, in either spelling, and the whole mount.
        for words in [format!("{name}/app"), kv.path("app"), format!("{name}/")] {
            let home = Home::with_store();
            let (status, shown) = end(import(&home, &admin, &[&name], &[&words]));
            assert_eq!(status, Some(0), "{words}: {shown}");
            let found = text(&home, &format!("{name}/app#x"));
            assert_eq!(found, "beside the folder");
        }
    }
}

#[test]
fn a_dry_run_shows_names_and_writes_nothing() {
    let (admin, name, kv) = prepare(2);
    let value = cloudtaser_tests::marker();
    kv.put("db", &json!({ "password": value, "user": "app" }));
    let home = Home::with_store();
    let before = std::fs::read(home.store()).unwrap();
    let path = format!("{name}/db");
    let (status, shown) = end(import(&home, &admin, &[&name], &[&path, "--dry-run"]));
    assert_eq!(status, Some(0), "{shown}");
    assert!(
        shown.contains(&path) && shown.contains("password"),
        "{shown}"
    );
    assert!(!shown.contains(&value), "{shown}");
    assert_eq!(std::fs::read(home.store()).unwrap(), before);
    // Fields are added to those that are there, or replace them.
    home.ok(["set", &path, "old"], b"1");
    let (status, _) = end(import(&home, &admin, &[&name], &[&path]));
    assert_eq!(
        (status, text(&home, &format!("{path}#old"))),
        (Some(0), "1".into())
    );
    let (status, _) = end(import(&home, &admin, &[&name], &[&path, "--replace"]));
    assert_eq!(status, Some(0));
    home.fails(66, ["get", &format!("{path}#old")], b"");
}

#[test]
fn deleted_ones_are_passed_over_with_a_note() {
    let (admin, name, kv) = prepare(2);
    for secret in ["kept", "deleted", "destroyed"] {
        kv.put(secret, &json!({ "x": "1" }));
    }
    kv.delete("deleted");
    kv.destroy("destroyed", &[1]);
    let home = Home::with_store();
    let (status, shown) = end(import(&home, &admin, &[&name], &[&format!("{name}/")]));
    assert_eq!(status, Some(0), "{shown}");
    for text in ["`/deleted` was deleted", "`/destroyed` was destroyed"] {
        assert!(
            shown.contains(&text.replace('/', &format!("{name}/"))),
            "{shown}"
        );
    }
    let listed = String::from_utf8(home.ok(["list"], b"")).unwrap();
    assert_eq!(listed, format!("{name}/kept\n"));
}

#[test]
fn what_cannot_be_read_leaves_the_store_as_it_was() {
    let (admin, name, kv) = prepare(2);
    kv.put("open", &json!({ "x": "1" }));
    kv.put("closed", &json!({ "x": "1" }));
    let rules = format!(
        "path \"{name}/data/open\" {{ capabilities = [\"read\"] }}\n\
         path \"{name}/metadata\" {{ capabilities = [\"list\"] }}\n\
         path \"{name}/metadata/\" {{ capabilities = [\"list\"] }}"
    );
    let half = unique("half");
    admin.policy(&half, &rules);
    let home = Home::with_store();
    let before = std::fs::read(home.store()).unwrap();
    let path = |rest: &str| format!("{name}/{rest}");
    for (word, expected, told) in [
        (path("closed"), 77, "permission denied"),
        (path(""), 77, "permission denied"),
        (path("sub/"), 77, "list"),
        (
            String::from("nowhere/x"),
            77,
            "no policy of the role touches it",
        ),
        (String::from("a//b"), 64, "two slashes"),
    ] {
        let words = [path("open"), word.clone()];
        let words = words.each_ref().map(String::as_str);
        let (status, shown) = end(import(&home, &admin, &[&half], &words));
        assert_eq!(status, Some(expected), "{word}: {shown}");
        assert!(shown.contains(told), "{word}: {shown}");
        assert_eq!(std::fs::read(home.store()).unwrap(), before, "{word}");
        assert!(admin.accessors_with(&half).is_empty(), "{word}");
    }
    for missing in [path("missing"), path("missing/")] {
        let (status, shown) = end(import(&home, &admin, &[&name], &[&missing]));
        assert_eq!(status, Some(66), "{shown}");
    }
    // Controls: what may be read is, and a server that is not there has the server's status.
    let (status, shown) = end(import(&home, &admin, &[&half], &[&path("open")]));
    assert_eq!(status, Some(0), "{shown}");
    let mut unreachable = import(&home, &admin, &[&half], &[&path("open")]);
    unreachable
        .env("CLOUDTASER_ADDR", "https://127.0.0.1:1")
        .env("CLOUDTASER_RETRIES", "0");
    assert_eq!(end(unreachable).0, Some(69));
}

#[test]
fn what_ends_with_its_lease_is_not_kept() {
    let admin = Server::shared().admin();
    let (name, postgres) = (
        unique("database"),
        cloudtaser_tests::server::Postgres::shared(),
    );
    admin.database(&name, "reader", postgres, "10m");
    admin.allow(&name, &name);
    let home = Home::with_store();
    let path = format!("{name}/creds/reader");
    let (status, shown) = end(import(&home, &admin, &[&name], &[&path]));
    assert_eq!(status, Some(64), "{shown}");
    assert!(shown.contains("cannot be kept"), "{shown}");
    let is_gone = eventually(|| admin.leases(&path).is_empty());
    assert!(is_gone, "it goes with the token");
}
