//! What each login takes of a plain client, and that it refuses others.

use cloudtaser_tests::server::{
    Admin, Authority, JwtKey, Server, TokenReview, login_claims, unique,
};
use serde_json::{Value, json};

/// A name for the mount of a login and, as its policy, of the tokens that come from it.
fn prepare(kind: &str) -> (Admin, String) {
    let admin = Server::shared().admin();
    let name = unique(kind);
    admin.allow(&name, "nothing");
    (admin, name)
}

/// Logs in; the answer's status, when the token that comes has the policy.
#[track_caller]
fn log_in(admin: &Admin, mount: &str, body: &Value) -> u16 {
    let path = format!("auth/{mount}/login");
    let reply = admin.with_token("").ask("POST", &path, body);
    if reply.status == 200 {
        let policies = reply.body["auth"]["policies"].as_array().unwrap();
        assert!(policies.contains(&json!(mount)), "{reply:?}");
    }
    reply.status
}

#[test]
fn approle_takes_a_secret_id_wrapped_or_not() {
    let (admin, mount) = prepare("approle");
    let role_id = admin.approle_login(&mount, "app", &[&mount]);
    let secret_id = admin.secret_id(&mount, "app");
    let body = |secret: &str| json!({ "role_id": role_id, "secret_id": secret });
    assert_eq!(log_in(&admin, &mount, &body(&secret_id)), 200);
    assert_eq!(log_in(&admin, &mount, &body("wrong")), 400);
    let wrapping = admin.wrapped_secret_id(&mount, "app");
    let unwrap = admin.with_token(&wrapping);
    let answer = unwrap.write("sys/wrapping/unwrap", &Value::Null);
    let secret_id = answer["data"]["secret_id"].as_str().unwrap();
    assert_eq!(log_in(&admin, &mount, &body(secret_id)), 200);
}

#[test]
fn cert_takes_the_client_certificate_of_the_connection() {
    let (admin, mount) = prepare("cert");
    let ca = Server::shared().pki.authority.pem();
    admin.cert_login(&mount, "app", &ca, &[&mount]);
    assert_eq!(log_in(&admin, &mount, &json!({ "name": "app" })), 200);
    let (admin, mount) = prepare("cert");
    let other = Authority::new("another").pem();
    admin.cert_login(&mount, "app", &other, &[&mount]);
    assert_eq!(log_in(&admin, &mount, &json!({ "name": "app" })), 400);
}

#[test]
fn jwt_takes_tokens_of_its_key() {
    let (admin, mount) = prepare("jwt");
    let key = JwtKey::new();
    admin.jwt_login(&mount, "app", &key, &[&mount]);
    let body = |key: &JwtKey| json!({ "role": "app", "jwt": key.sign(&login_claims("me")) });
    assert_eq!(log_in(&admin, &mount, &body(&key)), 200);
    assert_eq!(log_in(&admin, &mount, &body(&JwtKey::new())), 400);
}

#[test]
fn kubernetes_takes_tokens_that_the_review_knows() {
    let (admin, mount) = prepare("kubernetes");
    let cluster = TokenReview::start();
    admin.kubernetes_login(&mount, "app", ("shop", "web"), &cluster, &[&mount]);
    let body = |token: &str| json!({ "role": "app", "jwt": token });
    let good = cluster.issue("shop", "web");
    assert_eq!(log_in(&admin, &mount, &body(&good)), 200);
    let account = cluster.issue("shop", "other");
    assert_eq!(log_in(&admin, &mount, &body(&account)), 403);
    let unknown = TokenReview::start().issue("shop", "web");
    assert_eq!(log_in(&admin, &mount, &body(&unknown)), 403);
}
