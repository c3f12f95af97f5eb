//! Paths and versions of the key-value engines: where a secret is looked for, how often, and what
//! is said when it is not there (R1, R2, R3, R5, R12, R13).

use cloudtaser_tests::server::fault::{ALWAYS, Answer, Proxy};
use cloudtaser_tests::server::{Server, unique};
use cloudtaser_wrapper::status;
use serde_json::json;

use super::app::{App, count, environment, kv, refused, text};

#[test]
fn a_path_is_found_in_both_versions_with_and_without_data_and_in_nested_mounts() {
    let admin = Server::shared().admin();
    let [new, old] = [2, 1].map(|version| admin.kv(&unique("kv"), version));
    let nested = admin.kv(&unique("team/kv"), 2);
    for (kv, name) in [(&new, "new"), (&old, "old"), (&nested, "nested")] {
        for secret in ["a/b", "x", "data/x"] {
            kv.put(secret, &json!({ "f": format!("{name} {secret}") }));
        }
    }
    let mounts = [&new, &old, &nested].map(|kv| format!("{}/*", kv.mount));
    let app = App::new(&mounts.each_ref().map(|mount| (mount.as_str(), "read")));
    let cases = [
        (&new, "a/b", "new a/b"),
        (&new, "data/a/b", "new a/b"),
        (&new, "data/x", "new x"),
        (&new, "data/data/x", "new data/x"),
        (&old, "a/b", "old a/b"),
        (&old, "x", "old x"),
        (&old, "data/x", "old data/x"),
        (&nested, "a/b", "nested a/b"),
        (&nested, "data/a/b", "nested a/b"),
        (&nested, "data/data/x", "nested data/x"),
    ];
    let mut wrapper = app.direct();
    for (number, (kv, path, _)) in cases.iter().enumerate() {
        wrapper = wrapper.env(format!("V{number}"), format!("vault:{}/{path}#f", kv.mount));
    }
    let given = environment(&wrapper);
    for (number, (_, path, value)) in cases.iter().enumerate() {
        assert_eq!(text(&given, &format!("V{number}")), *value, "{path}");
    }
}

#[test]
fn r12_a_field_called_data_is_a_field() {
    let looks_versioned = json!({ "data": { "f": "inner" }, "metadata": { "version": 1 } });
    for version in [1, 2] {
        let (kv, app) = kv("kv", version);
        kv.put("plain", &json!({ "data": "flat", "f": "other" }));
        kv.put("like", &looks_versioned);
        let reference = |rest: &str| format!("vault:{}/{rest}", kv.mount);
        let wrapper = app.direct();
        let wrapper = wrapper.env("A", reference("plain#data"));
        let wrapper = wrapper.env("B", reference("like#data"));
        let given = environment(&wrapper.env("C", reference("like#f:-none")));
        assert_eq!(text(&given, "A"), "flat");
        assert_eq!(text(&given, "B"), r#"{"f":"inner"}"#);
        assert_eq!(text(&given, "C"), "none");
    }
}

#[test]
fn r2_r3_versions_are_pinned_and_deleted_and_destroyed_ones_are_told_apart() {
    let (kv, app) = kv("kv", 2);
    for number in 1..=4 {
        kv.put("app", &json!({ "n": number }));
    }
    kv.delete_versions("app", &[1]);
    kv.destroy("app", &[2]);
    let reference = |rest: &str| format!("vault:{}/app#n{rest}", kv.mount);
    let wrapper = app.direct();
    let wrapper = wrapper.env("A", reference("#3")).env("B", reference("#4"));
    let wrapper = wrapper.env("C", reference(""));
    let wrapper = wrapper
        .env("D", reference("#1:-d"))
        .env("E", reference("#2?"));
    let given = environment(&wrapper);
    assert_eq!(
        ["A", "B", "C", "D"].map(|name| text(&given, name)),
        ["3", "4", "4", "d"]
    );
    assert!(!given.contains_key("E"));
    for (rest, said) in [
        ("#1", "was deleted; it can be restored"),
        ("#2", "was destroyed and cannot be restored"),
        ("#5", "has no version 5"),
    ] {
        let wrapper = app.direct().env("A", reference(rest));
        let _ended = refused(&wrapper, status::NO_SECRET, &[said, "variable `A`"]);
    }
    kv.delete("app");
    let wrapper = app.direct().env("A", reference(""));
    let _ended = refused(&wrapper, status::NO_SECRET, &["version 4", "was deleted"]);
    assert!(app.tokens().is_empty());
}

#[test]
fn r13_optional_and_default_count_for_their_own_reference_and_not_for_a_refusal() {
    let (kv, app) = kv("kv", 2);
    kv.put("app", &json!({ "f": "there" }));
    let reference = |rest: &str| format!("vault:{}/{rest}", kv.mount);
    let good = || {
        let wrapper = app.direct().env("PATH_OPTIONAL", reference("none#f?"));
        let wrapper = wrapper.env("KEY_DEFAULT", reference("app#none:-k"));
        let wrapper = wrapper.env("PATH_DEFAULT", reference("none#f:-p"));
        wrapper.env("THERE", reference("app#f:-not used"))
    };
    let given = environment(&good());
    assert!(!given.contains_key("PATH_OPTIONAL"));
    for (name, value) in [
        ("KEY_DEFAULT", "k"),
        ("PATH_DEFAULT", "p"),
        ("THERE", "there"),
    ] {
        assert_eq!(text(&given, name), value);
    }
    let missing = good()
        .env("B", reference("none#f"))
        .env("C", reference("app#g"));
    let _ended = refused(
        &missing,
        status::NO_SECRET,
        &["variable `B`", "variable `C`"],
    );
    // No default stands for what is forbidden, nor for a server that fails.
    let elsewhere = Server::shared().admin().kv(&unique("kv"), 2);
    elsewhere.put("app", &json!({ "f": "not for us" }));
    let forbidden = good().env("B", format!("vault:{}/app#f:-d", elsewhere.mount));
    let _ended = refused(&forbidden, status::PRIVILEGE, &["variable `B`"]);
    let proxy = Proxy::new(app.server);
    proxy.on("GET", &kv.path("app"), ALWAYS, Answer::status(500));
    let failing = app.at(&proxy.url()).env("B", reference("app#f:-d"));
    let _ended = refused(
        &failing.flag("--retries", "0"),
        status::TEMPORARY,
        &["status 500"],
    );
}

#[test]
fn r5_a_path_and_version_is_read_once_whatever_names_it() {
    let (kv, app) = kv("kv", 2);
    kv.put("app", &json!({ "a": "1", "b": "2" }));
    let proxy = Proxy::new(app.server);
    let path = format!("{}/app", kv.mount);
    let wrapper = app
        .at(&proxy.url())
        .env("A", format!("vault:{path}#a"))
        .env("B", format!("bao:{path}#b"))
        .env(
            "C",
            format!("${{vault:{path}#a}}${{vault:{path}#b}}${{vault:{path}#c?}}"),
        )
        .env("D", format!("vault:{path}#a#1"))
        .env("E", format!("vault:{path}#b#1"))
        .env("F", format!("vault:{}#b", kv.path("app")))
        .env("G", format!("vault:{}#b#1", kv.path("app")))
        .flag("--env-from", format!("P_=vault:{path}"));
    let given = environment(&wrapper);
    assert_eq!(text(&given, "C"), "12");
    for name in ["B", "E", "F", "G", "P_b"] {
        assert_eq!(text(&given, name), "2", "{name}");
    }
    let api = format!("GET /v1/{}", kv.path("app"));
    assert_eq!(count(&proxy, &api), 2, "{:?}", proxy.asked());
    assert_eq!(count(&proxy, &format!("{api}?version=1")), 1);
}

#[test]
fn the_kv_version_is_ours_to_say_where_the_mounts_are_forbidden() {
    for (mount, version, path) in [
        ("kv", 1, "app"),
        ("kv", 2, "app"),
        ("team/kv", 2, "data/app"),
    ] {
        let (kv, app) = kv(mount, version);
        kv.put("app", &json!({ "f": "found" }));
        let proxy = Proxy::new(app.server);
        let mounts = "/sys/internal/ui/mounts";
        proxy.on("GET", mounts, ALWAYS, Answer::status(403));
        let wrapper = || {
            let wrapper = app.at(&proxy.url());
            wrapper.env("A", format!("vault:{}/{path}#f", kv.mount))
        };
        let said = wrapper().flag("--kv-version", version.to_string());
        assert_eq!(text(&environment(&said), "A"), "found");
        let _ended = refused(&wrapper(), status::PRIVILEGE, &["--kv-version"]);
    }
}
