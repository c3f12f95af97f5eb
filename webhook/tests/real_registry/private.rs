//! Case W7 and W9: each login works, a wrong one names the registry, and nobody gets another's
//! answer.

use crate::images::Image;
use crate::push::Pusher;
use crate::registry::{Access, Registry};
use crate::token_service::TokenService;
use crate::{Keyring, Platform, password, resolve, resolver};

/// `u:right` in base64.
const RIGHT: &str = "Basic dTpyaWdodA==";

#[tokio::test]
async fn w7_htpasswd_takes_each_kind_of_pull_secret_and_a_wrong_one_names_the_registry() {
    let registry = Registry::start_tls(&Access::Htpasswd);
    let image = Image::new("amd64", &["/private"], &[]);
    Pusher::new(&registry, "team/app", Some(RIGHT))
        .image("1", &image)
        .await;
    let name = format!("{}/team/app:1", registry.host());
    let parsed = name.parse().unwrap();
    let platform = Platform::new("linux", "amd64", None);
    let right = [password(registry.host(), "u", "right")];
    for keyring in [
        Keyring::for_pod(&right, &[], &[]),
        Keyring::for_pod(&[], &right, &[]),
        Keyring::for_pod(&[], &[], &right),
        Keyring::for_pod(&[password("other.example", "u", "no")], &[], &right),
        Keyring::for_pod(&[password(registry.host(), "u", "old")], &[], &right),
    ] {
        let resolver = resolver(vec![registry.settings()]);
        let found = resolver
            .resolve("shop", &parsed, &platform, &keyring)
            .await
            .unwrap();
        assert_eq!(found.entrypoint, ["/private"]);
    }
    let wrong = [password(registry.host(), "u", "MARKER")];
    let resolver = resolver(vec![registry.settings()]);
    let refused = resolve(&resolver, &name, "amd64", &wrong)
        .await
        .unwrap_err();
    assert_eq!(refused.reason(), "registry_denied");
    let message = refused.message();
    assert!(
        message.contains(registry.host()) && message.contains(&name),
        "{message}"
    );
    assert!(!message.contains("MARKER") && !format!("{refused:?}").contains("MARKER"));
}

#[tokio::test]
async fn w9_a_namespace_without_the_login_gets_no_answer_from_the_cache() {
    let registry = Registry::start(&Access::Htpasswd);
    let image = Image::new("amd64", &["/private"], &[]);
    Pusher::new(&registry, "app", Some(RIGHT))
        .image("1", &image)
        .await;
    let resolver = resolver(vec![registry.settings()]);
    let name = format!("{}/app:1", registry.host());
    let right = [password(registry.host(), "u", "right")];
    assert!(
        resolve(&resolver, &name, "amd64", &right).await.is_ok(),
        "the control"
    );
    let refused = resolve(&resolver, &name, "amd64", &[]).await.unwrap_err();
    assert_eq!(refused.reason(), "registry_denied");
}

#[tokio::test]
async fn a_token_service_is_asked_for_one_repository_and_its_token_is_taken() {
    let service = TokenService::start().await;
    let realm = service.realm();
    let access = Access::Token {
        realm: &realm,
        pem: service.certificate_pem(),
    };
    let registry = Registry::start(&access);
    let image = Image::new("amd64", &["/token"], &[]);
    let push = format!("Bearer {}", service.token("team/app", &["pull", "push"]));
    Pusher::new(&registry, "team/app", Some(&push))
        .image("1", &image)
        .await;
    let resolver = resolver(vec![registry.settings(), service.settings()]);
    let name = format!("{}/team/app:1", registry.host());
    let right = [password(registry.host(), "u", "right")];
    let found = resolve(&resolver, &name, "amd64", &right).await.unwrap();
    assert_eq!(found.entrypoint, ["/token"]);
    assert_eq!(service.asked(), ["repository:team/app:pull"]);
    for secrets in [vec![], vec![password(registry.host(), "u", "wrong")]] {
        let refused = resolve(&resolver, &name, "amd64", &secrets)
            .await
            .unwrap_err();
        assert_eq!(refused.reason(), "registry_denied", "{}", refused.message());
    }
}
