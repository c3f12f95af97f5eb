//! What the server makes on demand, on its way to the program: database credentials, certificates,
//! plaintexts (R6, R7, R8, R9).

use cloudtaser_tests::process::eventually;
use cloudtaser_tests::server::certs::provider;
use cloudtaser_tests::server::fault::Proxy;
use cloudtaser_tests::server::{Postgres, Server, unique};
use cloudtaser_wrapper::status;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use serde_json::{Value, json};

use super::app::{App, Waiting, count, environment, refused, text};

#[test]
fn r6_keys_of_a_dynamic_credential_are_one_lease_and_a_pair_that_ends_with_the_program() {
    let (admin, postgres) = (Server::shared().admin(), Postgres::shared());
    let mount = unique("database");
    admin.database(&mount, "reader", postgres, "10m");
    let path = format!("{mount}/creds/reader");
    let app = App::new(&[(path.as_str(), "read")]);
    let proxy = Proxy::new(app.server);
    let wrapper = app
        .at(&proxy.url())
        .env("U", format!("vault:{path}#username"))
        .env("P", format!("vault:{path}#password"))
        .env(
            "URL",
            format!("${{vault:{path}#username}}:${{vault:{path}#password}}"),
        )
        .flag("--env-from", format!("ALL_=vault:{path}"));
    let running = Waiting::start(wrapper);
    let given = &running.environment;
    let (user, password) = (text(given, "U").to_owned(), text(given, "P").to_owned());
    assert_eq!(text(given, "URL"), format!("{user}:{password}"));
    assert_eq!(text(given, "ALL_password"), password);
    assert_eq!(admin.leases(&path).len(), 1);
    assert_eq!(
        count(&proxy, &format!("GET /v1/{path}")),
        1,
        "{:?}",
        proxy.asked()
    );
    assert!(postgres.admits(&user, &password), "control: it is usable");
    let _ended = running.end();
    assert!(eventually(|| admin.leases(&path).is_empty()));
    assert!(eventually(|| !postgres.admits(&user, &password)));
}

#[test]
fn with_exec_a_lease_keeps_its_token_and_without_one_the_token_ends_before_the_program() {
    let (admin, postgres) = (Server::shared().admin(), Postgres::shared());
    let (mount, kv) = (unique("database"), admin.kv(&unique("kv"), 2));
    kv.put("app", &json!({ "f": "static" }));
    admin.database(&mount, "reader", postgres, "10m");
    let creds = format!("{mount}/creds/reader");
    let app = App::new(&[(creds.as_str(), "read"), (kv.path("app").as_str(), "read")]);
    let exec = || app.direct().flags(&["--exec", "--verbose"]);
    let wrapper = exec().env("A", format!("vault:{}/app#f", kv.mount));
    let running = Waiting::start(wrapper);
    assert_eq!(text(&running.environment, "A"), "static");
    assert!(app.tokens().is_empty());
    running.end().says(&["the login token is revoked"]);
    let wrapper = exec()
        .env("U", format!("vault:{creds}#username"))
        .env("P", format!("vault:{creds}#password"));
    let running = Waiting::start(wrapper);
    let given = running.environment.clone();
    running.end().says(&["dynamic secrets hang on it"]);
    let token = app.token();
    assert!(postgres.admits(text(&given, "U"), text(&given, "P")));
    let end = json!({ "accessor": token });
    let _answer = admin.write("auth/token/revoke-accessor", &end);
}

#[test]
fn r7_certificate_and_key_of_several_variables_are_issued_once_and_fit() {
    let admin = Server::shared().admin();
    let mount = unique("pki");
    admin.pki(&mount, "web");
    let path = format!("{mount}/issue/web");
    let app = App::new(&[(path.as_str(), "update")]);
    let write = |field: &str, parameters: &str| format!(">>vault:{path}#{field}#{parameters}");
    let parameters = r#"{"common_name":"web.example","ttl":"10m"}"#;
    let same = r#"{ "ttl": "10m", "common_name": "web.ex\u0061mple" }"#;
    let wrapper = app
        .direct()
        .env("CERT", write("certificate", parameters))
        .env("KEY", write("private_key", same))
        .env(
            "BOTH",
            format!(
                "${{{}}}\n${{{}}}",
                write("certificate", same),
                write("serial_number", same)
            ),
        );
    let given = environment(&wrapper);
    // The authority's own certificate, and ours.
    assert_eq!(admin.list(&format!("{mount}/certs")).len(), 2);
    let (certificate, key) = (&given["CERT"], &given["KEY"]);
    assert!(given["BOTH"].starts_with(certificate));
    let chain = vec![CertificateDer::from_pem_slice(certificate).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(key).unwrap();
    let pair = CertifiedKey::from_der(chain.clone(), key, &provider());
    assert!(pair.is_ok(), "{pair:?}");
    // Controls: another start is another certificate, whose key does not fit this one.
    let again = environment(&wrapper);
    assert_eq!(admin.list(&format!("{mount}/certs")).len(), 3);
    let other = PrivateKeyDer::from_pem_slice(&again["KEY"]).unwrap();
    assert!(CertifiedKey::from_der(chain, other, &provider()).is_err());
}

#[test]
fn r8_parameters_reach_the_server_as_they_were_written() {
    let admin = Server::shared().admin();
    let [old, new] = [1, 2].map(|version| admin.kv(&unique("kv"), version));
    let app =
        App::new(&[old.path("w").as_str(), new.path("w").as_str()].map(|path| (path, "create")));
    let object = r##"{"a":"#}{?:-\"'${vault:x/y#z}","b":{"c":["}}",{"#":null}]},"n":1.25}"##;
    // Version 1 answers a write with nothing, version 2 with the number of the new version.
    let wrapper = app
        .direct()
        .env("NOTHING", format!(">>vault:{}#f#{object}?", old.path("w")))
        .env(
            "INSIDE",
            format!(
                "<${{>>vault:{}#version#{{\"data\":{object}}}}}>",
                new.path("w")
            ),
        );
    let given = environment(&wrapper);
    assert!(!given.contains_key("NOTHING"));
    assert_eq!(text(&given, "INSIDE"), "<1>");
    let expected: Value = serde_json::from_str(object).unwrap();
    assert_eq!(admin.read(&old.path("w"))["data"], expected);
    assert_eq!(admin.read(&new.path("w"))["data"]["data"], expected);
}

#[test]
fn r9_ciphertexts_come_in_batches_duplicates_once_and_inside_of_text() {
    // A batch has 250.
    const COUNT: usize = 260;
    let admin = Server::shared().admin();
    let mount = unique("transit");
    admin.transit(&mount, "app");
    let plaintext = |number: usize| format!("value {number}");
    let encode = |text: &[u8]| base64::Engine::encode(&base64::prelude::BASE64_STANDARD, text);
    let items: Vec<_> = (0..COUNT)
        .map(|number| json!({ "plaintext": encode(plaintext(number).as_bytes()) }))
        .collect();
    let encrypt = format!("{mount}/encrypt/app");
    let answer = admin.write(&encrypt, &json!({ "batch_input": items }));
    let results = answer["data"]["batch_results"].as_array().unwrap();
    let ciphertexts: Vec<_> = results
        .iter()
        .map(|result| result["ciphertext"].as_str().unwrap())
        .collect();
    let decrypt = format!("{mount}/decrypt/app");
    let app = App::new(&[(decrypt.as_str(), "update")]);
    let proxy = Proxy::new(app.server);
    let mut wrapper = app
        .at(&proxy.url())
        .flag("--transit-mount", &mount)
        .flag("--transit-key", "app")
        .env("AGAIN", ciphertexts[0])
        .env(
            "INSIDE",
            format!(
                "a:${{{0}}}@${{{1}}}:${{{0}}}",
                ciphertexts[1], ciphertexts[2]
            ),
        );
    for (number, ciphertext) in ciphertexts.iter().enumerate() {
        wrapper = wrapper.env(format!("V{number}"), ciphertext);
    }
    let given = environment(&wrapper);
    for number in 0..COUNT {
        assert_eq!(text(&given, &format!("V{number}")), plaintext(number));
    }
    assert_eq!(text(&given, "AGAIN"), "value 0");
    assert_eq!(text(&given, "INSIDE"), "a:value 1@value 2:value 1");
    let seen = proxy.seen();
    let batches = seen
        .iter()
        .filter(|seen| seen.request.path.contains(&decrypt));
    let mut sizes: Vec<_> = batches
        .map(|seen| {
            let body: Value = serde_json::from_slice(&seen.request.body).unwrap();
            body["batch_input"].as_array().unwrap().len()
        })
        .collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [COUNT - 250, 250]);
}

#[test]
fn r9_a_plaintext_is_taken_byte_for_byte_and_a_bad_ciphertext_has_no_default() {
    let admin = Server::shared().admin();
    let mount = unique("transit");
    for key in ["app", "other"] {
        if key == "app" {
            admin.transit(&mount, key);
        } else {
            let _answer = admin.write(&format!("{mount}/keys/{key}"), &json!({}));
        }
    }
    let path = format!("{mount}/decrypt/*");
    let app = App::new(&[(path.as_str(), "update")]);
    let bytes: Vec<u8> = (1..=255).chain(*b"\n\n").collect();
    let old = admin.encrypt(&mount, "app", &bytes);
    let _answer = admin.write(&format!("{mount}/keys/app/rotate"), &json!({}));
    let new = admin.encrypt(&mount, "app", b"vault:v2:bG9u");
    assert!(new.starts_with("vault:v2:"), "{new}");
    let start = || {
        let wrapper = app.direct().flag("--transit-mount", &mount);
        wrapper
            .flag("--transit-key", "app")
            .env("OLD", &old)
            .env("NEW", &new)
    };
    let given = environment(&start());
    assert_eq!(given["OLD"], bytes);
    assert_eq!(text(&given, "NEW"), "vault:v2:bG9u");
    let foreign = admin.encrypt(&mount, "other", b"x");
    let wrapper = start().env("BAD", foreign);
    let _ended = refused(&wrapper, status::USAGE, &["variable `BAD`"]);
    assert!(app.tokens().is_empty());
}
