use kube::CustomResourceExt;
use serde_json::json;

use super::*;

fn profile(name: &str, scope: Scope) -> Profile {
    let mut spec = CloudTaserProfileSpec::default();
    spec.server
        .addresses
        .push("https://10.0.0.1:8200".to_owned());
    Profile {
        name: name.to_owned(),
        scope,
        generation: None,
        spec,
    }
}

fn shop() -> NamespaceFacts {
    NamespaceFacts {
        name: "shop".to_owned(),
        labels: [("team".to_owned(), "a".to_owned())].into(),
    }
}

#[test]
fn a_namespaces_profile_comes_before_the_clusters() {
    let profiles = Profiles {
        namespaced: vec![profile("own", Scope::Namespace)],
        cluster: vec![
            profile("own", Scope::Cluster),
            profile("default", Scope::Cluster),
        ],
    };
    let chosen = |wanted| choose(wanted, &shop(), &profiles).unwrap();
    assert_eq!(chosen(Some("own")).scope, Scope::Namespace);
    assert_eq!(chosen(None).name, "default");
    let error = choose(Some("x\n"), &shop(), &profiles)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains(r#"no profile "x\n""#) && error.contains("own, own, default"),
        "{error}"
    );
    let none = choose(None, &shop(), &Profiles::default())
        .unwrap_err()
        .to_string();
    assert!(none.ends_with("there are: none"), "{none}");
}

#[test]
fn a_clusters_profile_can_be_for_some_namespaces() {
    let mut restricted = profile("default", Scope::Cluster);
    let mut check = |names: &[&str], label: Option<(&str, &str)>| {
        restricted.spec.namespaces = NamespaceSpec {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            match_labels: label
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
        };
        let cluster = vec![restricted.clone()];
        let profiles = Profiles {
            cluster,
            ..Profiles::default()
        };
        choose(None, &shop(), &profiles).is_ok()
    };
    assert!(check(&[], None));
    assert!(check(&["shop"], Some(("team", "a"))));
    assert!(!check(&["other"], None));
    assert!(!check(&["shop"], Some(("team", "b"))));
}

#[test]
fn h2_a_profile_with_a_metadata_service_is_not_used() {
    let mut hostile = profile("default", Scope::Namespace);
    hostile
        .spec
        .server
        .addresses
        .push("http://2852039166".to_owned());
    let profiles = Profiles {
        namespaced: vec![hostile],
        ..Profiles::default()
    };
    assert!(matches!(
        choose(None, &shop(), &profiles),
        Err(ProfileError::Address { .. })
    ));
}

#[test]
fn both_kinds_read_the_same_settings() {
    let spec = json!({"server": {"addresses": ["https://bao"]}, "overrides": ["role"],
        "auth": {"tokenExpirationSeconds": 900}});
    let one: CloudTaserProfile = serde_json::from_value(json!({
        "apiVersion": "cloudtaser.io/v1alpha1", "kind": "CloudTaserProfile",
        "metadata": {"name": "x"}, "spec": spec}))
    .unwrap();
    let other: ClusterCloudTaserProfile = serde_json::from_value(json!({
        "apiVersion": "cloudtaser.io/v1alpha1", "kind": "ClusterCloudTaserProfile",
        "metadata": {"name": "x"}, "spec": spec}))
    .unwrap();
    let (one, other) = (Profile::from(one), Profile::from(other));
    assert_eq!(one.spec, other.spec);
    assert_eq!(one.spec.auth.token_expiration_seconds, 900);
    assert!(one.spec.allows(Override::Role) && !one.spec.allows(Override::Paths));
    let default = CloudTaserProfileSpec::default();
    for wanted in Override::GRANTABLE {
        assert_eq!(default.allows(wanted), Override::DEFAULT.contains(&wanted));
    }
}

#[test]
fn both_schemas_have_the_rules() {
    for crd in [CloudTaserProfile::crd(), ClusterCloudTaserProfile::crd()] {
        let text = serde_json::to_string(&crd).unwrap();
        for rule in [
            "give exactly one of inline",
            "insecureHttp if that is meant",
            "the method cert",
        ] {
            assert!(text.contains(rule), "{rule}: {text}");
        }
    }
}

/// The definition's words for what pods may choose are those of the one table of annotations.
#[test]
fn a_profile_can_allow_what_the_table_of_annotations_says_and_nothing_else() {
    use cloudtaser_abi::annotation::Override;
    for wanted in Override::GRANTABLE {
        let name: OverrideName = serde_json::from_value(json!(wanted.word())).unwrap();
        assert_eq!(Override::from(name), wanted);
    }
    let schema = schemars::schema_for!(OverrideName).to_value();
    let words = schema.to_string().matches("\"const\"").count();
    assert_eq!(words, Override::GRANTABLE.len(), "{schema}");
    for refused in [Override::Free, Override::Never, Override::Ours] {
        let word = json!(refused.word());
        assert!(serde_json::from_value::<OverrideName>(word).is_err());
    }
}
