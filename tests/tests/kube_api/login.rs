//! The wrapper's login with a service account's token, which a real API server gives and reviews,
//! at a real secret server.

use cloudtaser_tests::process::eventually;

use super::app::{AUDIENCE, Login, forged, with_end};

#[test]
fn the_right_service_account_gets_the_secret() {
    let Some(login) = Login::new() else { return };
    login.arrives(&login.namespace.token("web", AUDIENCE, None));
    // As a kubelet mounts it.
    let pod = login.namespace.pod("app", "web");
    login.arrives(&login.namespace.token("web", AUDIENCE, Some(&pod)));
}

#[test]
fn another_service_account_does_not() {
    let Some(login) = Login::new() else { return };
    let _user = login.namespace.account("other");
    let token = login.namespace.token("other", AUDIENCE, None);
    login.refused(&token);
    // Control: only the role's list stood in its way.
    login.role("web", "other");
    login.arrives(&token);
}

#[test]
fn an_account_of_that_name_in_another_namespace_does_not() {
    let Some(login) = Login::new() else { return };
    let other = login.api.namespace("other");
    let _user = other.account("web");
    login.refused(&other.token("web", AUDIENCE, None));
    login.arrives(&login.namespace.token("web", AUDIENCE, None));
}

#[test]
fn a_token_for_another_audience_does_not() {
    let Some(login) = Login::new() else { return };
    login.refused(&login.namespace.token("web", "elsewhere", None));
    let own = cloudtaser_tests::kube::api::ISSUER;
    login.refused(&login.namespace.token("web", own, None));
    login.arrives(&login.namespace.token("web", AUDIENCE, None));
}

#[test]
fn an_expired_token_does_not() {
    let Some(login) = Login::new() else { return };
    let token = login.namespace.token("web", AUDIENCE, None);
    login.refused(&with_end(login.api, &token, -600));
    login.arrives(&with_end(login.api, &token, 600));
}

#[test]
fn a_token_of_another_key_does_not() {
    let Some(login) = Login::new() else { return };
    let token = login.namespace.token("web", AUDIENCE, None);
    login.refused(&forged(&token));
    login.arrives(&token);
}

#[test]
fn a_deleted_pods_token_does_not() {
    let Some(login) = Login::new() else { return };
    let (gone, here) = (
        login.namespace.pod("gone", "web"),
        login.namespace.pod("here", "web"),
    );
    let token = |pod| login.namespace.token("web", AUDIENCE, Some(pod));
    let (gone, here) = (token(&gone), token(&here));
    login.arrives(&gone);
    login.namespace.delete_pod("gone");
    // The API server remembers for ten seconds what it has found good.
    let is_good = || {
        login
            .api
            .admin()
            .review(&gone, &[AUDIENCE])
            .is_authenticated
    };
    assert!(eventually(|| !is_good()));
    login.refused(&gone);
    login.arrives(&here);
}

#[test]
fn a_deleted_service_accounts_token_does_not() {
    let Some(login) = Login::new() else { return };
    let token = login.namespace.token("web", AUDIENCE, None);
    login.arrives(&token);
    let accounts = login.namespace.path("v1", "serviceaccounts");
    login.api.admin().delete(&format!("{accounts}/web"));
    let is_good = || {
        login
            .api
            .admin()
            .review(&token, &[AUDIENCE])
            .is_authenticated
    };
    assert!(eventually(|| !is_good()));
    login.refused(&token);
    // One of the same name is another one: the old token stays bad.
    let _user = login.namespace.account("web");
    login.refused(&token);
    login.arrives(&login.namespace.token("web", AUDIENCE, None));
}
