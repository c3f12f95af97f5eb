//! The kubelet's own table of matches, and orders.

use proptest::prelude::*;

use super::super::credentials::PullSecretKind;
use super::*;

fn secret(places: &[(&str, &str)]) -> PullSecret {
    let auths: serde_json::Map<_, _> = places
        .iter()
        .map(|(at, user)| {
            let login = serde_json::json!({"username": user, "password": "p"});
            ((*at).to_owned(), login)
        })
        .collect();
    let text = serde_json::json!({ "auths": auths }).to_string();
    PullSecret::read("s", PullSecretKind::DockerConfigJson, text.as_bytes()).unwrap()
}

fn users(keyring: &Keyring, registry: &str, repository: &str) -> Vec<String> {
    let found = keyring.candidates(registry, repository);
    found
        .into_iter()
        .map(|credential| match credential {
            Credential::Password { username, .. } => username.expose().to_owned(),
            Credential::IdentityToken(_) => String::from("token"),
        })
        .collect()
}

fn matches(entry: &str, registry: &str, repository: &str) -> bool {
    let keyring = Keyring::for_pod(&[secret(&[(entry, "u")])], &[], &[]);
    !users(&keyring, registry, repository).is_empty()
}

#[test]
fn hosts_globs_ports_and_paths_fit_as_in_the_kubelet() {
    for (entry, registry, repository, fits) in [
        ("reg.example.com", "reg.example.com", "a", true),
        ("https://reg.example.com", "reg.example.com", "a", true),
        ("http://reg.example.com/", "reg.example.com", "a", true),
        ("https://reg.example.com/v1/", "reg.example.com", "a", true),
        (
            "https://reg.example.com/v2/team",
            "reg.example.com",
            "team/a",
            true,
        ),
        (
            "https://reg.example.com/v2/team",
            "reg.example.com",
            "other/a",
            false,
        ),
        ("reg.example.com/team", "reg.example.com", "team/a", true),
        ("reg.example.com/team", "reg.example.com", "a", false),
        ("*.example.com", "reg.example.com", "a", true),
        ("*.example.com", "a.reg.example.com", "a", false),
        ("*.example.com", "example.com", "a", false),
        ("*.*.example.com", "a.reg.example.com", "a", true),
        ("reg*.example.com", "reg7.example.com", "a", true),
        ("reg?.example.com", "reg7.example.com", "a", true),
        ("reg?.example.com", "reg.example.com", "a", false),
        ("reg[0-9].example.com", "reg7.example.com", "a", true),
        ("reg[^0-9].example.com", "reg7.example.com", "a", false),
        ("*.example.com/team", "reg.example.com", "team/a", true),
        ("reg.example.com:5000", "reg.example.com:5000", "a", true),
        ("reg.example.com", "reg.example.com:5000", "a", false),
        ("reg.example.com:5000", "reg.example.com", "a", false),
        ("*", "localhost", "a", true),
        ("*", "reg.example.com", "a", false),
        ("docker.io", "docker.io", "library/nginx", true),
        (
            "https://index.docker.io/v1/",
            "docker.io",
            "library/nginx",
            true,
        ),
        ("https://index.docker.io/v1/", "quay.io", "a", false),
        ("evil.com/reg.example.com", "reg.example.com", "a", false),
        ("reg.example.com.evil.com", "reg.example.com", "a", false),
    ] {
        let found = matches(entry, registry, repository);
        assert_eq!(found, fits, "{entry} for {registry}/{repository}");
    }
}

#[test]
fn the_more_specific_comes_first_and_the_default_last() {
    let first = secret(&[("reg.example", "host"), ("reg.example/team", "team")]);
    let second = secret(&[("reg.example/team", "second"), ("other.example", "no")]);
    let default = secret(&[("*.example", "glob"), ("reg.example/team/app", "default")]);
    let keyring = Keyring::for_pod(&[first, second], &[], &[default]);
    assert_eq!(
        users(&keyring, "reg.example", "team/app"),
        ["team", "second", "host", "default", "glob"]
    );
}

#[test]
fn the_service_account_counts_where_the_pod_names_none() {
    let (pod, account) = (secret(&[("r.io", "pod")]), secret(&[("r.io", "account")]));
    let both = Keyring::for_pod(
        std::slice::from_ref(&pod),
        std::slice::from_ref(&account),
        &[],
    );
    assert_eq!(users(&both, "r.io", "a"), ["pod"]);
    let alone = Keyring::for_pod(&[], &[account], &[pod]);
    assert_eq!(users(&alone, "r.io", "a"), ["account", "pod"]);
}

#[test]
fn docker_hubs_entry_serves_only_where_no_other_fits() {
    let hub = ("https://index.docker.io/v1/", "hub");
    let both = Keyring::for_pod(&[secret(&[hub, ("docker.io/team", "team")])], &[], &[]);
    assert_eq!(users(&both, "docker.io", "team/a"), ["team"]);
    assert_eq!(users(&both, "docker.io", "library/a"), ["hub"]);
}

#[test]
fn repeated_logins_are_tried_once_and_all_of_them_are_bounded() {
    let many: Vec<PullSecret> = (0..40)
        .map(|n| secret(&[("r.io", &format!("u{}", n / 2))]))
        .collect();
    let found = users(&Keyring::for_pod(&many, &[], &[]), "r.io", "a");
    assert_eq!(found.len(), MAX_TRIED);
    assert_eq!(found[..3], ["u0", "u1", "u2"]);
}

proptest! {
    #[test]
    fn a_star_fits_everything_and_no_pattern_panics(
        text in "[a-z0-9-]{0,12}",
        pattern in "[a-c*?\\[\\]^-]{0,12}",
    ) {
        prop_assert!(glob(b"*", text.as_bytes()));
        prop_assert!(glob(text.as_bytes(), text.as_bytes()));
        let around = format!("*{text}*");
        let longer = format!("x{text}y");
        prop_assert!(glob(around.as_bytes(), longer.as_bytes()));
        glob(pattern.as_bytes(), text.as_bytes());
    }

    #[test]
    fn another_hosts_login_is_never_a_candidate(host in "[a-z]{1,8}\\.[a-z]{2,4}", entry in "\\PC{0,30}") {
        // Without a glob, only the very host fits.
        prop_assume!(!entry.contains(['*', '?', '[']) && !entry.contains(&host));
        prop_assert!(!matches(&entry, &host, "a"));
    }
}
