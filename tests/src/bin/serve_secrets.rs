//! A real secret server for the benchmarks: `serve_secrets NAME=PATHSxFIELDS…`.
//!
//! It starts the server of [`cloudtaser_tests::server`], plants PATHS secrets
//! `secret/NAME/0`, `secret/NAME/1`, … in KV version 2, each with the fields `f0`, `f1`, … of 32
//! random digits, and lets the client certificate log in by `cert`. Then it prints one line of
//! JSON with what a client needs, and lives until its standard input closes; the server and its
//! files go with it. `CLOUDTASER_TEST_SERVER` names the server's program.
#![expect(
    clippy::expect_used,
    reason = "test code: a panic shows what could not be set up"
)]

use std::io::{Read, Write};

use cloudtaser_tests::marker;
use cloudtaser_tests::server::keep::folder;
use cloudtaser_tests::server::{Kv, Server, Stage};
use serde_json::{Map, Value, json};

/// Where the secrets stand, and the name of the login's role and of the policy that reads them.
const MOUNT: &str = "secret";
const ROLE: &str = "bench";
/// What a workload may do: read, nothing else.
const POLICY: &str = "path \"secret/data/*\" { capabilities = [\"read\"] }";

fn main() {
    let server = Server::start(Stage::Unsealed);
    let admin = server.admin();
    let kv = admin.kv(MOUNT, 2);
    for word in std::env::args().skip(1) {
        plant(&kv, &word);
    }
    admin.policy(ROLE, POLICY);
    admin.cert_login("cert", ROLE, &server.pki.authority.pem(), &[ROLE]);
    let token_file = folder("token").join("token");
    let token = admin.create_token(&[ROLE]);
    std::fs::write(&token_file, token.token).expect("written");
    let (certificate, key) = server.client_files();
    let told = json!({
        "addr": server.url(),
        "ca_cert": server.ca_file(),
        "client_cert": certificate,
        "client_key": key,
        "auth_mount": "cert",
        "role": ROLE,
        // For clients that cannot log in by certificate.
        "token_file": token_file,
        "mount": MOUNT,
    });
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{told}").expect("written");
    stdout.flush().expect("written");
    let _all = std::io::stdin().read_to_end(&mut Vec::new());
}

fn plant(kv: &Kv, word: &str) {
    let (name, counts) = word.split_once('=').expect("NAME=PATHSxFIELDS");
    let (paths, fields) = counts.split_once('x').expect("PATHSxFIELDS");
    let count = |text: &str| text.parse::<usize>().expect("a number");
    for path in 0..count(paths) {
        let values: Map<String, Value> = (0..count(fields))
            .map(|field| (format!("f{field}"), marker().into()))
            .collect();
        kv.put(&format!("{name}/{path}"), &Value::Object(values));
    }
}
