//! `cloudtaser doctor` and a real server: each finding, and beside it the same without the fault.

use std::ffi::OsString;

use cloudtaser_tests::server::https::{Connection, reply, server_config};
use cloudtaser_tests::server::{Authority, Flaw, Front, Identity, Server, keep, unique};
use cloudtaser_tests::{Ended, Wrapper, cloudtaser};
use serde_json::{Value, json};

/// The checks of the server, in their order.
const NAMES: [&str; 7] = [
    "server-settings",
    "server-address",
    "server-tls",
    "client-certificate",
    "login",
    "policies",
    "clock-skew",
];

/// A place that names the server at `url` in variables.
fn place(url: &str, authority: &Authority, client: Option<&Identity>) -> Wrapper {
    let wrapper = Wrapper::product()
        .env("CLOUDTASER_ADDR", url)
        .env("CLOUDTASER_RETRIES", "0");
    let ca = wrapper.write("ca.crt", authority.pem());
    let files = client.map(|client| client.write(wrapper.folder(), "client"));
    let wrapper = wrapper.env("CLOUDTASER_CA_CERT", ca);
    match files {
        None => wrapper,
        Some((certificate, key)) => wrapper
            .env("CLOUDTASER_CLIENT_CERT", certificate)
            .env("CLOUDTASER_CLIENT_KEY", key),
    }
}

/// The same with an approle of its own, whose tokens have the policy of that name.
fn with_login(server: &Server, name: &str) -> Wrapper {
    let admin = server.admin();
    let role_id = admin.approle_login(name, "app", &[name]);
    let place = place(
        &server.url(),
        &server.pki.authority,
        Some(&server.pki.client),
    );
    let secret_id = place.write("secret-id", admin.secret_id(name, "app"));
    place
        .env("CLOUDTASER_AUTH_MOUNT", name)
        .env("CLOUDTASER_AUTH", "approle")
        .env("CLOUDTASER_ROLE_ID", role_id)
        .env("CLOUDTASER_SECRET_ID_FILE", secret_id)
}

/// What doctor reports.
struct Report {
    ended: Ended,
    json: Value,
}

fn doctor(place: &Wrapper, references: &[&str]) -> Report {
    let mut words: Vec<OsString> = vec![cloudtaser().into()];
    words.extend(["doctor", "--json", "--"].map(OsString::from));
    words.extend(references.iter().map(OsString::from));
    let ended = Ended::of(place.bare(&words), b"");
    let json = serde_json::from_str(&ended.stdout());
    let json = json.unwrap_or_else(|error| panic!("{error}: {ended:?}"));
    Report { ended, json }
}

impl Report {
    fn check(&self, name: &str) -> &Value {
        let checks = self.json["checks"].as_array().unwrap();
        checks.iter().find(|check| check["name"] == name).unwrap()
    }

    /// The outcomes of the server's checks: a letter each of `ok`, `warn`, `fail`.
    fn outcomes(&self) -> String {
        let first = |name: &&str| self.check(name)["status"].as_str().unwrap()[..1].to_owned();
        NAMES.iter().map(first).collect()
    }

    #[track_caller]
    fn says(&self, name: &str, key: &str, text: &str) {
        let said = self.check(name)[key].as_str().unwrap_or_default();
        assert!(said.contains(text), "{name}: no `{text}` in `{said}`");
    }

    #[track_caller]
    fn is(&self, outcomes: &str, status: i32) {
        let found = (self.outcomes(), self.ended.status());
        assert_eq!(found, (outcomes.to_owned(), status), "{:?}", self.ended);
    }
}

#[test]
fn all_is_in_order_no_secret_is_read_and_the_token_is_gone() {
    let server = Server::shared();
    let admin = server.admin();
    let name = unique("doctor");
    let kv = admin.kv(&name, 2);
    let value = cloudtaser_tests::marker();
    kv.put("db", &json!({ "password": value }));
    admin.allow(&name, &name);
    let place = with_login(server, &name).env("PGPASSWORD", format!("vault:{name}/db#password"));
    let report = doctor(&place, &[&format!("vault:{name}/other#x")]);
    report.is("ooooooo", 0);
    report.says("server-settings", "finding", "by --addr");
    report.says("server-address", "finding", "answers (version ");
    report.says("server-tls", "finding", "TLS 1.3, key exchange ");
    report.says(
        "login",
        "finding",
        "by the method approle; the token ends in ",
    );
    report.says("policies", "finding", "all 2 path(s)");
    let all = format!("{:?}", report.ended);
    assert!(!all.contains(&value), "{all}");
    assert!(admin.accessors_with(&name).is_empty());
    // Control: a token with this policy would be seen.
    let _token = admin.create_token(&[&name]);
    assert_eq!(admin.accessors_with(&name).len(), 1);
}

#[test]
fn what_the_policies_lack_is_named_with_the_line_to_add() {
    let server = Server::shared();
    let admin = server.admin();
    let name = unique("doctor");
    let _kv = admin.kv(&name, 2);
    let rule = |path: &str, capability: &str| {
        format!("path \"{path}\" {{ capabilities = [\"{capability}\"] }}")
    };
    let (first, second) = (format!("{name}/data/a"), format!("{name}/data/b"));
    let (pki, transit) = (format!("{name}-pki/issue/web"), "transit/decrypt/app");
    admin.policy(&name, &(rule(&first, "read") + "\n" + &rule(&pki, "read")));
    let place = with_login(server, &name)
        .env("CLOUDTASER_TRANSIT_KEY", "app")
        .file(&format!("[env]\nA = \"vault:{name}/a#x\"\n"));
    let write = format!(">>vault:{pki}#certificate#{{\"common_name\":\"a\"}}");
    let other = format!("vault:{name}/b#x");
    let words = [other.as_str(), write.as_str(), "vault:v1:abcd"];
    let report = doctor(&place, &words);
    report.is("ooooofo", 77);
    report.says("policies", "finding", "3 of 4");
    for line in [
        rule(&second, "read"),
        rule(&pki, "update"),
        rule(transit, "update"),
    ] {
        report.says("policies", "fix", &line);
    }
    let fix = report.check("policies")["fix"].as_str().unwrap();
    assert!(!fix.contains(&first), "{fix}");
    // Control: the lines that it names are enough.
    admin.policy(
        &name,
        &(rule(&first, "read") + "\n" + &fix.replace("; ", "\n")),
    );
    doctor(&place, &words).is("ooooooo", 0);
    // Nothing below the mount: then the token does not see it.
    let elsewhere = doctor(&place, &[&format!("vault:{name}-none/db#x")]);
    elsewhere.is("ooooofo", 77);
    elsewhere.says(
        "policies",
        "fix",
        &rule(&format!("{name}-none/data/db"), "read"),
    );
}

#[test]
fn certificates_that_are_not_accepted_are_told_apart() {
    let server = Server::shared();
    let authority = &server.pki.authority;
    let admin = server.admin();
    let token = admin.create_token(&["default"]);
    let at = |authority: &Authority, client: Option<&Identity>| {
        place(&server.url(), authority, client).env("VAULT_TOKEN", &token.token)
    };
    doctor(&at(authority, Some(&server.pki.client)), &[]).is("ooooooo", 0);
    for (flaw, text) in [
        (Flaw::Expired, "it expired "),
        (Flaw::NotYetValid, "it is not valid before "),
    ] {
        let client = authority.client("client", flaw);
        let report = doctor(&at(authority, Some(&client)), &[]);
        report.is("oowfwow", 77);
        report.says("client-certificate", "finding", text);
        report.says("login", "finding", "not tried");
    }
    let without = doctor(&at(authority, None), &[]);
    without.is("oowfwow", 77);
    without.says(
        "client-certificate",
        "finding",
        "does not accept our client certificate",
    );
    let stranger = Authority::new("another");
    let report = doctor(&at(&stranger, Some(&server.pki.client)), &[]);
    report.is("oofowow", 76);
    report.says("server-tls", "finding", "signed by nobody that we trust");
    assert!(admin.is_alive(&token.accessor), "it is not ours to revoke");
}

#[test]
fn skipped_verification_leaves_no_protection() {
    let server = Server::shared();
    let token = server.admin().create_token(&["default"]);
    let stranger = Authority::new("another");
    let place = place(&server.url(), &stranger, Some(&server.pki.client))
        .env("VAULT_TOKEN", &token.token)
        .env("CLOUDTASER_INSECURE_SKIP_VERIFY", "true");
    let report = doctor(&place, &[]);
    report.is("woooooo", 0);
    report.says("server-settings", "finding", "--insecure-skip-verify");
    let protection = &report.json["protection"];
    assert_eq!(protection["level"], "none", "{protection}");
    let missing = protection["missing"].as_str().unwrap();
    assert!(missing.contains("--insecure-skip-verify"), "{missing}");
}

#[test]
fn settings_and_addresses_that_cannot_be_are_lines_and_not_the_end() {
    let server = Server::shared();
    let wrong = Wrapper::product().env("VAULT_ADDR", "bao.example:8200");
    let report = doctor(&wrong, &[]);
    report.is("fwwwwww", 64);
    report.says("server-settings", "finding", "VAULT_ADDR");
    // Whoever uses the store does not ask there.
    let store = Wrapper::product()
        .env("VAULT_ADDR", "bao.example:8200")
        .env("CLOUDTASER_SOURCE", "local");
    doctor(&store, &[]).is("ooooooo", 0);
    let authority = &server.pki.authority;
    let nobody = format!("https://127.0.0.1:{}", keep::free_port());
    let report = doctor(&place(&nobody, authority, None), &[]);
    report.is("ofwowow", 69);
    report.says("server-address", "finding", "cannot connect to");
    // One node of two is enough for a start.
    let both = format!("{nobody},{}", server.url());
    let token = server.admin().create_token(&["default"]);
    let place = place(&both, authority, Some(&server.pki.client)).env("VAULT_TOKEN", token.token);
    doctor(&place, &[]).is("owooooo", 0);
}

#[test]
fn logins_are_judged() {
    let server = Server::shared();
    let admin = server.admin();
    let name = unique("doctor");
    admin.allow(&name, "nothing");
    let good = with_login(server, &name);
    doctor(&good, &[]).is("ooooooo", 0);
    let bad = good.env("CLOUDTASER_ROLE_ID", "wrong");
    let report = doctor(&bad, &[]);
    report.is("oooofoo", 77);
    report.says("login", "finding", "refuses the login");
    let client = Some(&server.pki.client);
    let with = |token: &str| {
        let place = place(&server.url(), &server.pki.authority, client);
        doctor(&place.env("VAULT_TOKEN", token), &[])
    };
    let endless = with(admin.token());
    endless.is("oooowoo", 0);
    endless.says("login", "finding", "has no end");
    let long = admin.create_token_with(&json!({ "policies": ["default"], "ttl": "48h" }));
    with(&long.token).says("login", "finding", "more than a day");
    let short = admin.create_token_with(&json!({ "policies": ["default"], "ttl": "50s" }));
    with(&short.token).says("login", "finding", "less than a minute");
    let gone = with("hvs.gone");
    gone.is("oooofoo", 77);
    gone.says("login", "finding", "does not accept the token");
}

#[test]
fn a_wrapped_credential_is_left_for_the_start() {
    let server = Server::shared();
    let admin = server.admin();
    let name = unique("doctor");
    let place = with_login(server, &name).env("CLOUDTASER_AUTH_WRAPPED", "true");
    let wrapping = admin.wrapped_secret_id(&name, "app");
    let _file = place.write("secret-id", &wrapping);
    let report = doctor(&place, &[]);
    report.is("oooowoo", 0);
    report.says("login", "finding", "works once");
    let unwrap = admin.with_token(&wrapping);
    let _answer = unwrap.write("sys/wrapping/unwrap", &Value::Null);
}

#[test]
fn a_clock_that_is_off_is_warned_of() {
    let authority = Authority::new("clocks");
    let config = server_config(&authority.server(Flaw::None), None, rustls::ALL_VERSIONS);
    let front = Front::new(move |stream, _shared| {
        let Ok(mut connection) = Connection::accept(stream, config.clone()) else {
            return;
        };
        while let Ok(Some(_request)) = connection.request() {
            let body = br#"{"initialized":true,"sealed":false,"version":"1"}"#;
            let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
            if connection.write(&reply(200, &[date], body)).is_err() {
                return;
            }
        }
    });
    let place =
        place(&format!("https://{}", front.address), &authority, None).env("VAULT_TOKEN", "hvs.x");
    let report = doctor(&place, &[]);
    report.is("oooooow", 0);
    report.says("clock-skew", "finding", "; ours is ahead");
}
