//! After the start, neither values nor the token nor the private key are left in the wrapper's
//! memory outside its two secret mappings: the region, and the token's own.
//!
//! The token that a login makes is told by the fault proxy, which sees every request.

use cloudtaser_tests::running::{Running, is_root};
use cloudtaser_tests::search::{Pieces, random_text, search};
use cloudtaser_tests::server::fault::Proxy;
use cloudtaser_tests::server::{Flaw, Server, planted, unique};
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

#[test]
fn no_value_token_key_or_credential_is_left() {
    if !is_root() {
        return;
    }
    let server = Server::shared();
    let admin = server.admin();
    let kv = admin.kv(&unique("kv"), 2);
    let values: Vec<_> = (0..20).map(|_| random_text(40)).collect();
    let names = (0..).map(|n: usize| format!("F{n}"));
    let fields = names.zip(&values).map(|(name, value)| (name, json!(value)));
    kv.put("all", &serde_json::Value::Object(fields.collect()));
    let policy = unique("memory");
    let rules = format!(
        "path \"{}/data/*\" {{ capabilities = [\"read\"] }}",
        kv.mount
    );
    admin.policy(&policy, &rules);
    let mount = unique("approle");
    let role_id = admin.approle_login(&mount, "app", &[&policy]);
    let secret_id = admin.secret_id(&mount, "app");
    let pki = &server.pki;
    let client = pki.authority.client("app", Flaw::None);
    let proxy = Proxy::new(server);
    let start = |is_direct: bool, secret_id: &str| {
        let url = if is_direct { server.url() } else { proxy.url() };
        let wrapper = Wrapper::openbao_at(&url, &pki.authority, Some(&client))
            .login("approle", &mount, "")
            .flag("--role-id", &role_id)
            .flag_file("--secret-id-file", secret_id)
            .flag("--env-from", format!("vault:{}/all", kv.mount))
            .flags(&["--verbose"]);
        Running::start(wrapper)
    };
    let running = start(false, &secret_id);
    let seen = proxy.seen();
    let token = seen
        .iter()
        .find_map(|seen| seen.request.header("x-vault-token"));
    let token = token.expect("a request with the token").to_owned();
    let (_, key) = client.der();
    let [number, reversed] = private_number(key.secret_der());
    let mut targets: Vec<Vec<u8>> = values
        .iter()
        .map(|value| value.clone().into_bytes())
        .collect();
    targets.extend([
        token.clone().into_bytes(),
        secret_id.clone().into_bytes(),
        number,
        reversed,
    ]);
    let pieces = Pieces::of(&targets);
    let control = search(running.program, &pieces, None);
    assert!(
        control.places.len() >= values.len(),
        "control: {:?}",
        control.places
    );
    let searched = running.search(&pieces, SECRET_MAPPINGS);
    assert!(searched.places.is_empty(), "{:?}", searched.places);
    running.end();
    // Over HTTP/2, too, which the proxy does not speak; the token is another one then.
    let secret_id = admin.secret_id(&mount, "app");
    targets.push(secret_id.clone().into_bytes());
    let running = start(true, &secret_id);
    let searched = running.search(&Pieces::of(&targets), SECRET_MAPPINGS);
    assert!(searched.places.is_empty(), "{:?}", searched.places);
    running.end();
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
        let running = Running::start(wrapper);
        let pieces = Pieces::of(&values);
        let control = search(running.program, &pieces, None);
        assert!(!control.places.is_empty(), "control");
        // A token that was handed to us is not kept.
        let searched = running.search(&pieces, 1);
        assert!(searched.places.is_empty(), "{:?}", searched.places);
    }
}
