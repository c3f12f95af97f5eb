//! After the start, neither values nor the token nor the private key are left in the wrapper's
//! memory outside its two secret mappings: the region, and the token's own.
//!
//! Over HTTP/1.1 the token that a login makes is told by the fault proxy, which sees every request.
//! The proxy does not speak HTTP/2; there, the token is one whose id we chose, and that comes to
//! the wrapper in the server's answer all the same, wrapped.
//!
//! The controls: the values are found in the program, which has them, and token, secret id and
//! private key in the wrapper itself while it uses them.

use std::collections::BTreeSet;
use std::process::Stdio;

use cloudtaser_tests::process::eventually;
use cloudtaser_tests::running::{Running, is_root, pid_of, search_outside};
use cloudtaser_tests::search::{Pieces, random_text, search};
use cloudtaser_tests::server::fault::{ALWAYS, Answer, Proxy};
use cloudtaser_tests::server::{Admin, Flaw, Identity, Kv, Server, planted, unique};
use cloudtaser_tests::{Planted, Wrapper};
use serde_json::json;

/// The region, and the token.
const SECRET_MAPPINGS: usize = 2;

/// The number that is a P-256 private key (RFC 5915), in both byte orders: libraries keep it as
/// machine words.
fn private_number(pkcs8: &[u8]) -> [Vec<u8>; 2] {
    // version 1, then an octet string of 32 bytes.
    const BEFORE: [u8; 5] = [2, 1, 1, 4, 32];
    let at = pkcs8.windows(5).position(|window| window == BEFORE);
    let start = at.expect("a P-256 key in PKCS #8") + BEFORE.len();
    let number = pkcs8[start..start + 32].to_vec();
    let reversed = number.iter().rev().copied().collect();
    [number, reversed]
}

/// A secret of many values, who may read it, and whose client certificate is shown.
struct World {
    server: &'static Server,
    admin: Admin,
    kv: Kv,
    values: Vec<String>,
    /// Of the policy, and of the login's mount; the role is `app`.
    name: String,
    role_id: String,
    client: Identity,
}

impl World {
    fn new() -> Self {
        let server = Server::shared();
        let admin = server.admin();
        let (kv, name) = (admin.kv(&unique("kv"), 2), unique("memory"));
        let values: Vec<_> = (0..20).map(|_| random_text(40)).collect();
        let names = (0..).map(|n: usize| format!("F{n}"));
        let fields = names.zip(&values).map(|(name, value)| (name, json!(value)));
        kv.put("all", &serde_json::Value::Object(fields.collect()));
        admin.allow(&name, &kv.mount);
        let role_id = admin.approle_login(&name, "app", &[&name]);
        Self {
            server,
            admin,
            kv,
            values,
            name,
            role_id,
            client: server.pki.authority.client("app", Flaw::None),
        }
    }

    fn at(&self, url: &str) -> Wrapper {
        Wrapper::openbao_at(url, &self.server.pki.authority, Some(&self.client))
            .flag("--env-from", format!("vault:{}/all", self.kv.mount))
            .flags(&["--verbose"])
    }

    fn secret_id(&self) -> String {
        self.admin.secret_id(&self.name, "app")
    }

    fn login(&self, url: &str, secret_id: &str) -> Wrapper {
        self.at(url)
            .login("approle", &self.name, "")
            .flag("--role-id", &self.role_id)
            .flag_file("--secret-id-file", secret_id)
    }

    fn private_number(&self) -> [Vec<u8>; 2] {
        private_number(self.client.der().1.secret_der())
    }

    /// After this start, all values are in the program, and neither they nor the key nor these
    /// credentials in the wrapper.
    fn nothing_is_left(&self, running: Running, credentials: &[&str]) {
        let values = Pieces::of(&self.values);
        let control = search(running.program, &values, None);
        assert_eq!(control.values.len(), self.values.len(), "control");
        let mut targets = Vec::from(self.private_number());
        let texts = self.values.iter().map(String::as_str);
        let texts = texts.chain(credentials.iter().copied());
        targets.extend(texts.map(|text| text.as_bytes().to_vec()));
        let searched = running.search(&Pieces::of(&targets), SECRET_MAPPINGS);
        assert!(searched.places.is_empty(), "{:?}", searched.places);
        running.end();
    }
}

/// The token of the first request that had one.
fn token_in(proxy: &Proxy) -> String {
    let seen = proxy.seen();
    let mut tokens = seen
        .iter()
        .filter_map(|seen| seen.request.header("x-vault-token"));
    tokens.next().expect("a request with the token").to_owned()
}

#[test]
fn no_value_token_key_or_credential_is_left() {
    if !is_root() {
        return;
    }
    let world = World::new();
    let (proxy, secret_id) = (Proxy::new(world.server), world.secret_id());
    let running = Running::start(world.login(&proxy.url(), &secret_id));
    world.nothing_is_left(running, &[&token_in(&proxy), &secret_id]);
}

#[test]
fn nothing_is_left_of_a_start_over_http2_either() {
    if !is_root() {
        return;
    }
    let world = World::new();
    let (url, secret_id) = (world.server.url(), world.secret_id());
    let running = Running::start(world.login(&url, &secret_id));
    world.nothing_is_left(running, &[&secret_id]);
    let token = random_text(40);
    let parameters = json!({ "id": token, "policies": [world.name], "ttl": "1h" });
    let wrap = |admin: &Admin| admin.wrapped("POST", "auth/token/create", &parameters, "60s");
    let wrapping = wrap(&world.admin);
    let wrapper = world.at(&url).token(&wrapping).flags(&["--auth-wrapped"]);
    let running = Running::start(wrapper);
    // Control: it is this token that the wrapper has.
    let asked = world
        .admin
        .with_token(&token)
        .read("auth/token/lookup-self");
    assert_eq!(asked["data"]["id"], json!(token));
    world.nothing_is_left(running, &[&token, &wrapping]);
    let asked = world.admin.with_token(&token);
    let asked = asked.ask("GET", "auth/token/lookup-self", &json!(null));
    assert_eq!(asked.status, 403, "control: it was the wrapper's to revoke");
}

#[test]
fn control_token_secret_id_and_key_are_found_while_they_are_used() {
    if !is_root() {
        return;
    }
    let world = World::new();
    for (method, path) in [("POST", "/login"), ("GET", "/data/all")] {
        let (proxy, secret_id) = (Proxy::new(world.server), world.secret_id());
        proxy.on(method, path, ALWAYS, Answer::Silent);
        let wrapper = world.login(&proxy.url(), &secret_id);
        let mut command = wrapper.command(&["true"]);
        let mut child = command.stderr(Stdio::null()).spawn().expect("started");
        let is_asked = || proxy.asked().iter().any(|asked| asked.contains(path));
        assert!(eventually(is_asked), "{:?}", proxy.asked());
        let credential = match method {
            "POST" => secret_id,
            _ => token_in(&proxy),
        };
        let [number, reversed] = world.private_number();
        let targets = [credential.into_bytes(), number, reversed];
        let searched = search_outside(pid_of(&child), &Pieces::of(&targets));
        drop(child.kill());
        drop(child.wait());
        let found = &searched.values;
        // The key in one of both orders.
        let is_found = found.contains(&0) && (found.contains(&1) || found.contains(&2));
        assert!(is_found, "{path}: {found:?}: {:?}", searched.places);
    }
}

#[test]
fn nothing_of_three_hundred_values_is_left() {
    if !is_root() {
        return;
    }
    for len in [20, 1 << 10] {
        let values: Vec<_> = (0..300).map(|_| random_text(len)).collect();
        let secrets: Vec<_> = (0..)
            .zip(&values)
            .map(|(n, value): (usize, _)| {
                Planted::new("secret/all", &format!("F{n}"), value.as_str())
            })
            .collect();
        let wrapper = planted(&secrets).flag("--env-from", "vault:secret/all");
        let token = std::fs::read_to_string(wrapper.folder().join("token-file")).expect("read");
        let running = Running::start(wrapper);
        let control = search(running.program, &Pieces::of(&values), None);
        let all: BTreeSet<_> = (0..values.len()).collect();
        assert_eq!(control.values, all, "control");
        // A token that was handed to us is not kept: there is the region only.
        let targets: Vec<_> = values.into_iter().chain([token]).collect();
        let searched = running.search(&Pieces::of(&targets), 1);
        assert!(searched.places.is_empty(), "{:?}", searched.places);
    }
}
