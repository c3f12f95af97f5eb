//! H1: variables that would change what the profile says: refused where a container sets them, set
//! aside where a ConfigMap could bring them, and refused in a pod that looks injected.

use crate::support::Case;
use cloudtaser_webhook::decide::Decision;
use serde_json::{Value, json};

/// Written down here a second time, so that a name that is lost there is missed here.
const SETTINGS: [&str; 24] = [
    "CLOUDTASER_ADDR",
    "CLOUDTASER_AUTH",
    "CLOUDTASER_AUTH_MOUNT",
    "CLOUDTASER_AUTH_WRAPPED",
    "CLOUDTASER_CA_CERT",
    "CLOUDTASER_CA_PATH",
    "CLOUDTASER_CLIENT_CERT",
    "CLOUDTASER_CLIENT_KEY",
    "CLOUDTASER_CONFIG",
    "CLOUDTASER_CRL",
    "CLOUDTASER_ENFORCER",
    "CLOUDTASER_INSECURE_HTTP",
    "CLOUDTASER_INSECURE_SKIP_VERIFY",
    "CLOUDTASER_JWT_FILE",
    "CLOUDTASER_MIN_PROTECTION",
    "CLOUDTASER_NAMESPACE",
    "CLOUDTASER_PROXY",
    "CLOUDTASER_ROLE",
    "CLOUDTASER_ROLE_ID",
    "CLOUDTASER_ROLE_ID_FILE",
    "CLOUDTASER_SECRET_ID_FILE",
    "CLOUDTASER_SOURCE",
    "CLOUDTASER_TLS_SERVER_NAME",
    "CLOUDTASER_TOKEN_FILE",
];
const DELIVERY: [&str; 3] = [
    "CLOUDTASER_DELIVERY",
    "CLOUDTASER_ENV_STATIC",
    "CLOUDTASER_PRELOAD_LIBRARY",
];
const FACTS: [&str; 5] = [
    "CLOUDTASER_CONTAINER_NAME",
    "CLOUDTASER_NODE_NAME",
    "CLOUDTASER_POD_NAME",
    "CLOUDTASER_POD_NAMESPACE",
    "CLOUDTASER_POD_UID",
];
/// Other tools' that the profile of these tests leaves open.
const OTHERS: [&str; 13] = [
    "BAO_CAPATH",
    "BAO_CLIENT_CERT",
    "BAO_CLIENT_KEY",
    "BAO_NAMESPACE",
    "BAO_PROXY_ADDR",
    "BAO_TLS_SERVER_NAME",
    "VAULT_CAPATH",
    "VAULT_CLIENT_CERT",
    "VAULT_CLIENT_KEY",
    "VAULT_NAMESPACE",
    "VAULT_PROXY_ADDR",
    "VAULT_TLS_SERVER_NAME",
    "CLOUDTASER_CRL",
];

fn all() -> impl Iterator<Item = &'static str> {
    SETTINGS
        .into_iter()
        .chain(DELIVERY)
        .chain(FACTS)
        .chain(OTHERS)
}

/// A pod whose container has these fields beside its own.
fn case(more: &Value, profile: &Value) -> Case {
    let mut app = json!({"name": "app", "image": "shop/web:1", "command": ["/srv/web"]});
    let fields = app.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    let annotations = json!({"cloudtaser.io/inject": "true", "cloudtaser.io/secret-paths": "a"});
    let pod = json!({
        "metadata": {"name": "web", "annotations": annotations},
        "spec": {"containers": [app]},
    });
    Case::new(pod, profile)
}

fn injected(more: &Value, profile: &Value) -> Case {
    let mut case = case(more, profile);
    let outcome = case.run();
    assert!(
        matches!(outcome.verdict.decision, Decision::Inject(_)),
        "{more}: {:?}",
        outcome.verdict
    );
    json_patch::patch(&mut case.pod, &outcome.patch).unwrap();
    case
}

fn reason(case: &Case) -> &'static str {
    match case.run().verdict.decision {
        Decision::Deny(refusal) => refusal.reason(),
        _ => "taken",
    }
}

fn env(case: &Case) -> &Vec<Value> {
    case.pod["spec"]["containers"][0]["env"].as_array().unwrap()
}

/// All that say something about one variable.
fn said(case: &Case, name: &str) -> Vec<Value> {
    let all = env(case).iter().filter(|variable| variable["name"] == name);
    all.cloned().collect()
}

/// A profile that lets pods choose what they fetch, and nothing else.
fn strict() -> Value {
    json!({"overrides": ["paths"]})
}

#[test]
fn h1_each_variable_of_the_profile_is_refused_in_a_pod() {
    for name in all() {
        let env = json!({"env": [{"name": name, "value": "x"}]});
        assert_eq!(reason(&case(&env, &strict())), "variable", "{name}");
    }
    // Controls: the program's own, and the delivery's where the profile lets pods choose.
    for name in [
        "SSL_CERT_FILE",
        "VAULT_CACERT",
        "CLOUDTASER_LOG",
        "VAULT_ADDR",
    ] {
        let env = json!({"env": [{"name": name, "value": "x"}]});
        assert_eq!(reason(&case(&env, &strict())), "taken", "{name}");
    }
    let profile = json!({"overrides": ["paths", "delivery"]});
    for name in DELIVERY {
        let env = json!({"env": [{"name": name, "value": "x"}]});
        assert_eq!(reason(&case(&env, &profile)), "taken", "{name}");
    }
}

/// Explicit variables win over those from elsewhere, so each is said, once.
#[test]
fn h1_what_a_pod_may_not_set_a_config_map_cannot_either() {
    let from = json!({"envFrom": [{"configMapRef": {"name": "settings"}}]});
    let case_ = injected(&from, &strict());
    for name in all() {
        assert_eq!(said(&case_, name).len(), 1, "{name}");
    }
    let value = |name: &str| said(&case_, name)[0]["value"].clone();
    assert_eq!(value("CLOUDTASER_TOKEN_FILE"), Value::Null);
    // What is not text has a word for nothing.
    assert_eq!(value("CLOUDTASER_AUTH_WRAPPED"), "false");
    assert_eq!(value("CLOUDTASER_ENV_STATIC"), "omit");
    assert_eq!(
        value("CLOUDTASER_PRELOAD_LIBRARY"),
        "/cloudtaser/bin/libcloudtaser_preload.so"
    );
    // Each of them counts when the pod comes again.
    assert_eq!(reason(&case_), "taken");
    for name in all() {
        let mut changed = injected(&from, &strict());
        let env = &mut changed.pod["spec"]["containers"][0]["env"];
        let env = env.as_array_mut().unwrap();
        env.retain(|variable| variable["name"] != name);
        assert_eq!(reason(&changed), "not_as_injected", "{name}");
    }
    // Control: without variables from elsewhere, nothing is said about what is not set.
    let plain = injected(&json!({}), &strict());
    assert_eq!(said(&plain, "CLOUDTASER_TOKEN_FILE"), Vec::<Value>::new());
    assert_eq!(said(&plain, "CLOUDTASER_ADDR").len(), 1);
}

/// A second one, behind ours, counts to the kubelet.
#[test]
fn h1_a_variable_that_is_added_to_an_injected_pod_is_refused() {
    let lines = ["CLOUDTASER_ENV_FROM"];
    for name in all().chain(lines) {
        let mut case = injected(&json!({}), &strict());
        let env = &mut case.pod["spec"]["containers"][0]["env"];
        let variable = json!({"name": name, "value": "x"});
        env.as_array_mut().unwrap().push(variable);
        assert_eq!(reason(&case), "not_as_injected", "{name}");
    }
    // Control.
    let mut case = injected(&json!({}), &strict());
    let env = &mut case.pod["spec"]["containers"][0]["env"];
    let variable = json!({"name": "SSL_CERT_FILE", "value": "x"});
    env.as_array_mut().unwrap().push(variable);
    assert_eq!(reason(&case), "taken");
}

/// Where the profile names no authorities, they are the image's from their usual places, and what
/// `SSL_CERT_FILE` says stays the program's.
#[test]
fn h1_authorities_are_the_profiles_or_the_systems() {
    let own = json!({"env": [{"name": "SSL_CERT_FILE", "value": "/own.pem"}]});
    let case_ = injected(&own, &Value::Null);
    assert_eq!(said(&case_, "CLOUDTASER_CA_CERT")[0]["value"], "system");
    assert_eq!(said(&case_, "SSL_CERT_FILE")[0]["value"], "/own.pem");
    assert_eq!(said(&case_, "CLOUDTASER_CONFIG")[0]["value"], "none");
    let file = json!({"server": {"ca": {"configMap": {"name": "ca", "key": "ca.crt"}}}});
    let named = injected(&own, &file);
    let expected = "/cloudtaser/identity/ca.crt";
    assert_eq!(said(&named, "CLOUDTASER_CA_CERT")[0]["value"], expected);
    // As text they have no variable of ours, and the name that carries them is not the pod's.
    let text = json!({"server": {"ca": {"inline": "-----BEGIN CERTIFICATE-----"}}});
    let name = "BAO_CACERT_BYTES";
    let other = json!({"env": [{"name": name, "value": "other"}]});
    assert_eq!(reason(&case(&other, &text)), "variable");
    let mut case_ = injected(&own, &text);
    assert_eq!(said(&case_, name).len(), 1);
    let env = &mut case_.pod["spec"]["containers"][0]["env"];
    env.as_array_mut().unwrap().push(other["env"][0].clone());
    assert_eq!(reason(&case_), "not_as_injected");
}
