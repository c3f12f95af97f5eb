//! Tokens of service accounts: given for an audience, and reviewed for one.

use cloudtaser_tests::kube::Api;
use cloudtaser_tests::process::eventually;
use serde_json::json;

use super::app::{claims, forged, with_end};

#[test]
fn a_token_is_good_for_its_audience_only() {
    let api = Api::shared();
    let namespace = api.namespace("token");
    let user = namespace.account("web");
    let token = namespace.token("web", "vault", None);
    let review = api.admin().review(&token, &["vault"]);
    assert!(review.is_authenticated, "{review:?}");
    assert_eq!(review.status["user"]["username"], user.as_str());
    assert_eq!(review.status["audiences"], json!(["vault"]));
    for others in [&["other"][..], &[]] {
        let review = api.admin().review(&token, others);
        assert!(!review.is_authenticated, "{review:?}");
    }
    // Nor does the server itself take it.
    let reply = api.with_token(&token).ask("GET", "/api/v1", &json!(null));
    assert_eq!(reply.status, 401, "{reply:?}");
    let own = namespace.token("web", cloudtaser_tests::kube::api::ISSUER, None);
    let reply = api.with_token(&own).ask("GET", "/api/v1", &json!(null));
    assert_eq!(reply.status, 200, "{reply:?}");
}

#[test]
fn a_reviewer_needs_the_role_for_it() {
    let api = Api::shared();
    let namespace = api.namespace("token");
    let user = namespace.account("reviewer");
    let token = namespace.token("default", "vault", None);
    let own = namespace.token("reviewer", cloudtaser_tests::kube::api::ISSUER, None);
    let reviewer = api.with_token(&own);
    let path = "/apis/authentication.k8s.io/v1/tokenreviews";
    let spec = json!({ "spec": { "token": token, "audiences": ["vault"] } });
    assert_eq!(reviewer.ask("POST", path, &spec).status, 403);
    api.admin().let_review(&user);
    let review = reviewer.review(&token, &["vault"]);
    assert!(review.is_authenticated, "{review:?}");
    // It may do nothing else.
    let secrets = namespace.path("v1", "secrets");
    assert_eq!(reviewer.ask("GET", &secrets, &json!(null)).status, 403);
}

#[test]
fn a_token_of_another_key_or_of_the_past_is_not_good() {
    let api = Api::shared();
    let namespace = api.namespace("token");
    let token = namespace.token("default", "vault", None);
    let is_good = |token: &str| api.admin().review(token, &["vault"]).is_authenticated;
    assert!(is_good(&token));
    assert!(!is_good(&forged(&token)));
    // Signed by the server's own key: only the end differs.
    assert!(is_good(&with_end(api, &token, 600)));
    assert!(!is_good(&with_end(api, &token, -600)));
}

#[test]
fn a_pods_token_ends_with_the_pod() {
    let api = Api::shared();
    let namespace = api.namespace("token");
    let pod = namespace.pod("app", "default");
    let token = namespace.token("default", "vault", Some(&pod));
    assert_eq!(claims(&token)["kubernetes.io"]["pod"]["name"], "app");
    let free = namespace.token("default", "vault", None);
    let is_good = |token: &str| api.admin().review(token, &["vault"]).is_authenticated;
    assert!(is_good(&token));
    namespace.delete_pod("app");
    // The server remembers for ten seconds what it has found good.
    assert!(eventually(|| !is_good(&token)));
    assert!(is_good(&free));
}
