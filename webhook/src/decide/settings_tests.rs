use super::*;
use crate::annotation::Wish;
use crate::profile::Scope;
use crate::profile::spec::OverrideName;

const IDENTITY: Identity<'_> = Identity {
    namespace: "shop",
    service_account: "web",
};

fn profile(overrides: &[OverrideName]) -> Profile {
    let mut profile = Profile {
        name: "default".to_owned(),
        scope: Scope::Cluster,
        generation: None,
        spec: Default::default(),
    };
    profile.spec.server.addresses = vec!["https://10.0.0.1:8200".to_owned()];
    if !overrides.is_empty() {
        profile.spec.overrides = Some(overrides.to_vec());
    }
    profile
}

fn wish<T>(value: T) -> Option<Wish<T>> {
    let key = "k".to_owned();
    Some(Wish { value, key })
}

fn read(profile: &Profile, wishes: &Wishes) -> Result<Settings, Refusal> {
    settings(profile, wishes, IDENTITY, &mut Vec::new())
}

fn address(text: &str) -> Wishes {
    Wishes {
        address: wish(text.to_owned()),
        ..Wishes::default()
    }
}

#[test]
fn h1_another_server_is_refused_unless_listed() {
    let default = profile(&[]);
    let other = address("https://evil.example");
    assert!(matches!(
        read(&default, &other),
        Err(Refusal::NotAllowed { .. })
    ));
    // The profile's own, in another spelling.
    assert!(read(&default, &address("HTTPS://10.0.0.1:8200/")).is_ok());
    let mut listed = profile(&[OverrideName::Address]);
    let list = vec!["https://two.example".to_owned()];
    listed.spec.address_policy.allowed = Some(list);
    assert!(matches!(
        read(&listed, &other),
        Err(Refusal::AddressNotListed { .. })
    ));
    let settings = read(&listed, &address("https://TWO.example/")).unwrap();
    assert_eq!(settings.address, "https://two.example");
}

#[test]
fn h2_where_any_server_is_allowed_private_ones_are_not() {
    let mut free = profile(&[OverrideName::Address]);
    assert!(read(&free, &address("https://bao.example")).is_ok());
    for text in [
        "https://0x0a000002",
        "https://169.254.169.254",
        "https://a@bao.example",
    ] {
        assert!(
            matches!(read(&free, &address(text)), Err(Refusal::Address { .. })),
            "{text}"
        );
    }
    free.spec.address_policy.allow_private = true;
    assert!(read(&free, &address("https://10.0.0.2")).is_ok());
    assert!(read(&free, &address("https://169.254.169.254")).is_err());
}

#[test]
fn h3_skip_verify_is_ignored_with_a_warning() {
    let wishes = Wishes {
        skip_verify: wish(true),
        ..Wishes::default()
    };
    let mut warnings = Vec::new();
    let read = settings(&profile(&[]), &wishes, IDENTITY, &mut warnings).unwrap();
    assert!(!read.skip_verify);
    assert_eq!(warnings.len(), 1);
    let allowed = profile(&[OverrideName::SkipVerify]);
    let read = settings(&allowed, &wishes, IDENTITY, &mut warnings).unwrap();
    assert!(read.skip_verify && warnings.len() == 1);
}

#[test]
fn h4_a_role_is_data() {
    let mut free = profile(&[OverrideName::Role]);
    let hostile = "x{namespace}\"}}'$(A)".to_owned();
    let wishes = Wishes {
        role: wish(hostile.clone()),
        ..Wishes::default()
    };
    assert_eq!(read(&free, &wishes).unwrap().role, hostile);
    free.spec.auth.allowed_roles = Some(vec!["{namespace}-*".to_owned()]);
    assert!(matches!(
        read(&free, &wishes),
        Err(Refusal::RoleNotListed { .. })
    ));
    let wishes = Wishes {
        role: wish("shop-x".to_owned()),
        ..Wishes::default()
    };
    assert!(read(&free, &wishes).is_ok());
    assert_eq!(
        read(&profile(&[]), &Wishes::default()).unwrap().role,
        "shop.web"
    );
}

#[test]
fn more_protection_is_free_and_less_is_not() {
    let mut demanding = profile(&[]);
    demanding.spec.protection.minimum = ProtectionName::Locked;
    demanding.spec.protection.enforcer = EnforcerName::Prefer;
    let wishes = |level, enforcer| Wishes {
        min_protection: wish(level),
        enforcer: wish(enforcer),
        ..Wishes::default()
    };
    assert!(read(&demanding, &wishes(Protection::Enforced, "require")).is_ok());
    let less = read(&demanding, &wishes(Protection::None, "prefer")).unwrap_err();
    assert!(matches!(less, Refusal::LessProtection { .. }));
    assert!(read(&demanding, &wishes(Protection::Locked, "off")).is_err());
    demanding.spec.overrides = Some(vec![OverrideName::Protection]);
    assert!(read(&demanding, &wishes(Protection::None, "off")).is_ok());
}

#[test]
fn stars_stand_for_any_text() {
    for (pattern, text, is_match) in [
        ("a", "a", true),
        ("a", "ab", false),
        ("*", "", true),
        ("a*", "a", true),
        ("a*c", "abc", true),
        ("a*c", "abd", false),
        ("a*a", "a", false),
        ("*b*d", "abcd", true),
        ("*b*b", "ab", false),
    ] {
        assert_eq!(matches(pattern, text), is_match, "{pattern} {text}");
    }
}

#[test]
fn the_method_cert_needs_a_certificate() {
    let wishes = Wishes {
        auth_method: wish("cert"),
        ..Wishes::default()
    };
    let mut profile = profile(&[OverrideName::AuthMethod]);
    assert!(matches!(
        read(&profile, &wishes),
        Err(Refusal::NoClientCertificate { .. })
    ));
    profile.spec.server.client_certificate_secret = Some("tls".to_owned());
    assert_eq!(read(&profile, &wishes).unwrap().mount, "cert");
}

/// One row for each wish that a profile must allow: refused by another permission, taken by its
/// own.
#[test]
fn every_wish_needs_its_own_permission() {
    let text = || wish("https://bao.example".to_owned());
    let none = Wishes::default;
    let rows: [(OverrideName, Override, Wishes); 7] = [
        (
            OverrideName::Address,
            Override::Address,
            Wishes {
                address: text(),
                ..none()
            },
        ),
        (
            OverrideName::Role,
            Override::Role,
            Wishes {
                role: text(),
                ..none()
            },
        ),
        (
            OverrideName::AuthPath,
            Override::AuthPath,
            Wishes {
                auth_path: text(),
                ..none()
            },
        ),
        (
            OverrideName::Namespace,
            Override::Namespace,
            Wishes {
                namespace: text(),
                ..none()
            },
        ),
        (
            OverrideName::AuthMethod,
            Override::AuthMethod,
            Wishes {
                auth_method: wish("jwt"),
                ..none()
            },
        ),
        (
            OverrideName::Delivery,
            Override::Delivery,
            Wishes {
                delivery: wish("environ"),
                ..none()
            },
        ),
        (
            OverrideName::Paths,
            Override::Paths,
            Wishes {
                secrets_key: Some("k".to_owned()),
                ..none()
            },
        ),
    ];
    for (name, expected, wishes) in rows {
        let refusal = read(&profile(&[OverrideName::SkipVerify]), &wishes).unwrap_err();
        let Refusal::NotAllowed { needed, key, .. } = refusal else {
            panic!("{expected:?}: {refusal}");
        };
        assert_eq!((needed, key.as_str()), (expected.word(), "k"));
        assert!(read(&profile(&[name]), &wishes).is_ok(), "{expected:?}");
    }
    // The role that the profile gives anyway may be repeated.
    let own = Wishes {
        role: wish("shop.web".to_owned()),
        ..none()
    };
    assert!(read(&profile(&[]), &own).is_ok());
}

/// A service account's name may have dots and hyphens, a namespace's hyphens only.
#[test]
fn no_two_service_accounts_share_the_default_role() {
    let role = crate::profile::spec::AuthSpec::default().role;
    let of = |namespace, service_account| {
        let identity = Identity {
            namespace,
            service_account,
        };
        identity.fill(&role)
    };
    assert_ne!(of("team", "a-default"), of("team-a", "default"));
    assert_ne!(of("team", "a.default"), of("team-a", "default"));
    assert_eq!(of("team", "a.b"), "team.a.b");
}
