//! The variables that configure the wrapper in a container, and those of the container that would
//! undo them.
//!
//! An explicit variable wins over one from `envFrom`, and ours are explicit. A setting that the
//! profile leaves open would still be taken from a variable of the container, from another tool's
//! (`VAULT_CACERT`), or from a ConfigMap that changes after admission; so where a container has
//! `envFrom`, each of these is set to what the wrapper takes as not set, and where a container sets
//! one itself, the pod is refused. A configuration file is not read: it could say the same.

use cloudtaser_abi::injection::{
    BINARY_DIR, CA_FILE, CLIENT_CERT_FILE, CLIENT_KEY_FILE, CONTAINER_NAME, FACTS, IDENTITY_DIR,
    TOKEN_FILE,
};
use cloudtaser_abi::names::PRELOAD_LIBRARY;
use k8s_openapi::api::core::v1::{Container, EnvVar, EnvVarSource, ObjectFieldSelector};

use super::command::escape;
use super::reason::Refusal;
use super::settings::Settings;
use crate::annotation::Wishes;
use crate::profile::Profile;
use cloudtaser_abi::annotation::Override;

/// Variables of ours that are the profile's, whether it uses them or not.
const OWNED: [&str; 24] = [
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

/// Variables of ours that are the pod's where the profile lets it choose the delivery.
const DELIVERY: [&str; 3] = [
    "CLOUDTASER_DELIVERY",
    "CLOUDTASER_ENV_STATIC",
    "CLOUDTASER_PRELOAD_LIBRARY",
];

/// What the wrapper takes from where nobody says it: the variables, and ours that settle it.
const OPEN: [(&[&str], &[&str]); 9] = [
    (
        &["CLOUDTASER_CA_PATH", "BAO_CAPATH", "VAULT_CAPATH"],
        &["CLOUDTASER_CA_PATH"],
    ),
    (
        &["CLOUDTASER_CA_CERT", "BAO_CACERT", "VAULT_CACERT"],
        &["CLOUDTASER_CA_CERT"],
    ),
    // Read only where no file is named; the first name wins.
    (
        &["BAO_CACERT_BYTES", "VAULT_CACERT_BYTES"],
        &["CLOUDTASER_CA_CERT", "BAO_CACERT_BYTES"],
    ),
    (
        &[
            "CLOUDTASER_CLIENT_CERT",
            "BAO_CLIENT_CERT",
            "VAULT_CLIENT_CERT",
        ],
        &["CLOUDTASER_CLIENT_CERT"],
    ),
    (
        &[
            "CLOUDTASER_CLIENT_KEY",
            "BAO_CLIENT_KEY",
            "VAULT_CLIENT_KEY",
        ],
        &["CLOUDTASER_CLIENT_KEY"],
    ),
    (
        &[
            "CLOUDTASER_TLS_SERVER_NAME",
            "BAO_TLS_SERVER_NAME",
            "VAULT_TLS_SERVER_NAME",
        ],
        &["CLOUDTASER_TLS_SERVER_NAME"],
    ),
    (
        &["CLOUDTASER_NAMESPACE", "BAO_NAMESPACE", "VAULT_NAMESPACE"],
        &["CLOUDTASER_NAMESPACE"],
    ),
    (
        &["CLOUDTASER_PROXY", "BAO_PROXY_ADDR", "VAULT_PROXY_ADDR"],
        &["CLOUDTASER_PROXY"],
    ),
    (&["CLOUDTASER_CRL"], &["CLOUDTASER_CRL"]),
];

/// The variables that are added to a container.
pub(super) fn variables(
    container: &Container,
    profile: &Profile,
    settings: &Settings,
    wishes: &Wishes,
) -> Result<Vec<EnvVar>, Refusal> {
    let mut added = configured(profile, settings);
    let own = |name: &str| {
        container
            .env
            .iter()
            .flatten()
            .any(|variable| variable.name == name)
    };
    for variable in container.env.iter().flatten() {
        if is_guarded(&variable.name, profile, &added) {
            return Err(refused(container, profile, &variable.name));
        }
    }
    added.retain(|(name, _)| !own(name));
    for (name, lines) in secrets(wishes) {
        if own(name) {
            let container = container.name.clone();
            return Err(Refusal::SetTwice { container, name });
        }
        added.push((name, lines));
    }
    let settings = wishes.settings.iter().filter(|(name, _)| !own(name));
    added.extend(settings.map(|(name, value)| (*name, value.clone())));
    added.extend(left_open(container, profile, &added));
    let mut variables: Vec<EnvVar> = added
        .into_iter()
        .map(|(name, value)| plain(name, &value))
        .collect();
    variables.extend(facts(container));
    Ok(variables)
}

/// Checks a container that was injected before: its variables are those that we would add. In a pod
/// that only looks injected, they could be anything (H1).
///
/// Not compared is what a pod's author may choose by a variable of his own as well, such as the log
/// level: it cannot be told who set it.
pub(super) fn verify(
    container: &Container,
    profile: &Profile,
    settings: &Settings,
    wishes: &Wishes,
) -> Result<(), Refusal> {
    let configured = configured(profile, settings);
    let may_deliver = profile.spec.allows(Override::Delivery);
    let is_chosen = |name: &str| may_deliver && DELIVERY.contains(&name);
    let open = left_open(container, profile, &configured);
    let ours = configured
        .iter()
        .cloned()
        .chain(open)
        .chain(secrets(wishes));
    let ours = ours.filter(|(name, _)| !is_chosen(name));
    let ours = ours.map(|(name, value)| plain(name, &value));
    let ours: Vec<EnvVar> = ours.chain(facts(container)).collect();
    let differs = |name: &str| Refusal::NotAsInjected {
        container: container.name.clone(),
        name: name.to_owned(),
        profile: profile.name.clone(),
    };
    for expected in &ours {
        // Once: of two by the same name, the last one counts to the kubelet.
        let mut found = named(container, &expected.name);
        if !found.next().is_some_and(|found| is_same(found, expected)) || found.next().is_some() {
            return Err(differs(&expected.name));
        }
    }
    let is_expected = |name: &str| ours.iter().any(|expected| expected.name == name);
    let mut others = container.env.iter().flatten();
    match others.find(|variable| {
        is_guarded(&variable.name, profile, &configured) && !is_expected(&variable.name)
    }) {
        Some(variable) => Err(differs(&variable.name)),
        None => Ok(()),
    }
}

/// An absent value is the empty one.
fn is_same(found: &EnvVar, ours: &EnvVar) -> bool {
    found.value_from == ours.value_from
        && found.value.as_deref().unwrap_or_default() == ours.value.as_deref().unwrap_or_default()
}

/// Whether a variable is not the pod's to set, given what the profile says.
fn is_guarded(name: &str, profile: &Profile, configured: &[(&'static str, String)]) -> bool {
    if DELIVERY.contains(&name) {
        return !profile.spec.allows(Override::Delivery);
    }
    OWNED.contains(&name)
        || name == CONTAINER_NAME
        || FACTS.iter().any(|(fact, _)| *fact == name)
        || configured.iter().any(|(set, _)| *set == name)
        || is_open(name, configured)
}

/// The secrets of the pod's annotations.
fn secrets(wishes: &Wishes) -> impl Iterator<Item = (&'static str, String)> {
    let all = [
        ("CLOUDTASER_ENV", &wishes.secrets.env),
        ("CLOUDTASER_ENV_FROM", &wishes.secrets.env_from),
        ("CLOUDTASER_FILE", &wishes.secrets.files),
    ];
    let all = all.into_iter().filter(|(_, lines)| !lines.is_empty());
    all.map(|(name, lines)| (name, lines.join("\n")))
}

/// What a container is told about itself.
fn facts(container: &Container) -> impl Iterator<Item = EnvVar> {
    let own = plain(CONTAINER_NAME, &container.name);
    let facts = FACTS.into_iter().map(|(name, field)| fact(name, field));
    facts.chain([own])
}

fn named<'c>(container: &'c Container, name: &str) -> impl Iterator<Item = &'c EnvVar> {
    let variables = container.env.iter().flatten();
    variables.filter(move |variable| variable.name == name)
}

/// What must be said although the profile does not say it, because the container takes variables
/// from elsewhere: all that it may not set itself.
fn left_open(
    container: &Container,
    profile: &Profile,
    added: &[(&'static str, String)],
) -> Vec<(&'static str, String)> {
    if container.env_from.iter().flatten().next().is_none() {
        return Vec::new();
    }
    let others = OPEN.iter().flat_map(|(names, _)| names.iter());
    let others = others.filter(|name| is_open(name, added) && !OWNED.contains(*name));
    let ours = OWNED.iter().chain(&DELIVERY);
    let ours = ours.filter(|name| is_guarded(name, profile, added));
    let ours = ours.filter(|name| !added.iter().any(|(set, _)| set == *name));
    ours.chain(others)
        .map(|name| (*name, unset(name)))
        .collect()
}

/// The value that says the same as no variable. Empty is unset for those that hold text.
fn unset(name: &str) -> String {
    match name {
        "CLOUDTASER_AUTH_WRAPPED" => "false".to_owned(),
        "CLOUDTASER_ENV_STATIC" => "omit".to_owned(),
        "CLOUDTASER_PRELOAD_LIBRARY" => format!("{BINARY_DIR}/{PRELOAD_LIBRARY}"),
        _ => String::new(),
    }
}

/// The profile's settings, in a fixed order.
fn configured(profile: &Profile, settings: &Settings) -> Vec<(&'static str, String)> {
    let server = &profile.spec.server;
    let file = |name: &str| format!("{IDENTITY_DIR}/{name}");
    let mut added = vec![
        // What a file says would count where the profile says nothing.
        ("CLOUDTASER_CONFIG", "none".to_owned()),
        ("CLOUDTASER_SOURCE", "openbao".to_owned()),
        ("CLOUDTASER_ADDR", settings.address.clone()),
    ];
    let mut add = |name, value: Option<String>| added.extend(value.map(|value| (name, value)));
    add("CLOUDTASER_NAMESPACE", settings.namespace.clone());
    match server.ca.as_ref().map(|ca| &ca.inline) {
        // The wrapper has no variable of its own for the text.
        Some(Some(text)) => add("BAO_CACERT_BYTES", Some(text.clone())),
        Some(None) => add("CLOUDTASER_CA_CERT", Some(file(CA_FILE))),
        // The image's, from the usual places: SSL_CERT_FILE and SSL_CERT_DIR are the program's.
        None => add("CLOUDTASER_CA_CERT", Some("system".to_owned())),
    }
    if server.client_certificate_secret.is_some() {
        add("CLOUDTASER_CLIENT_CERT", Some(file(CLIENT_CERT_FILE)));
        add("CLOUDTASER_CLIENT_KEY", Some(file(CLIENT_KEY_FILE)));
    }
    add("CLOUDTASER_TLS_SERVER_NAME", server.tls_server_name.clone());
    add(
        "CLOUDTASER_INSECURE_SKIP_VERIFY",
        Some(settings.skip_verify.to_string()),
    );
    add(
        "CLOUDTASER_INSECURE_HTTP",
        Some(settings.insecure_http.to_string()),
    );
    add("CLOUDTASER_AUTH", Some(settings.method.to_owned()));
    add("CLOUDTASER_AUTH_MOUNT", Some(settings.mount.clone()));
    add("CLOUDTASER_ROLE", Some(settings.role.clone()));
    if settings.method != "cert" {
        add("CLOUDTASER_JWT_FILE", Some(file(TOKEN_FILE)));
    }
    add("CLOUDTASER_DELIVERY", Some(settings.delivery.to_owned()));
    add(
        "CLOUDTASER_MIN_PROTECTION",
        Some(settings.min_protection.name().to_owned()),
    );
    add("CLOUDTASER_ENFORCER", Some(settings.enforcer.to_owned()));
    added
}

/// Whether the wrapper would take this variable for a setting that `added` leaves open.
fn is_open(name: &str, added: &[(&'static str, String)]) -> bool {
    let row = OPEN.iter().find(|(names, _)| names.contains(&name));
    row.is_some_and(|(_, settled)| !added.iter().any(|(name, _)| settled.contains(name)))
}

fn refused(container: &Container, profile: &Profile, name: &str) -> Refusal {
    let annotation = match name {
        "CLOUDTASER_ADDR" => "vault-address",
        "CLOUDTASER_AUTH" => "vault-auth-method",
        "CLOUDTASER_AUTH_MOUNT" => "vault-auth-path",
        "CLOUDTASER_ROLE" => "vault-role",
        "CLOUDTASER_NAMESPACE" | "VAULT_NAMESPACE" | "BAO_NAMESPACE" => "vault-namespace",
        "CLOUDTASER_MIN_PROTECTION" => "min-protection",
        "CLOUDTASER_ENFORCER" => "enforcer",
        _ => "",
    };
    let instead = if annotation.is_empty() {
        ", or ask the operator to set it in the profile".to_owned()
    } else {
        format!(", and use the annotation `cloudtaser.io/{annotation}`")
    };
    Refusal::Variable {
        container: container.name.clone(),
        name: name.to_owned(),
        profile: profile.name.clone(),
        instead,
    }
}

/// A variable whose value the kubelet does not expand.
fn plain(name: &str, value: &str) -> EnvVar {
    EnvVar {
        name: name.to_owned(),
        // An absent value is the empty one to Kubernetes, and survives a round trip through it.
        value: (!value.is_empty()).then(|| escape(value)),
        value_from: None,
    }
}

fn fact(name: &str, field: &str) -> EnvVar {
    EnvVar {
        name: name.to_owned(),
        value: None,
        value_from: Some(EnvVarSource {
            field_ref: Some(ObjectFieldSelector {
                api_version: Some("v1".to_owned()),
                field_path: field.to_owned(),
            }),
            ..EnvVarSource::default()
        }),
    }
}

/// Variables of the server's client that the program expects and the wrapper keeps from it.
pub(super) fn withheld(container: &Container) -> Vec<&str> {
    let variables = || container.env.iter().flatten();
    let passed = variables().any(|variable| variable.name == "CLOUDTASER_PASS");
    let names = variables().map(|variable| variable.name.as_str());
    let prefixes = cloudtaser_abi::names::SERVER_ENV_PREFIXES;
    let withheld = names.filter(|name| prefixes.iter().any(|prefix| name.starts_with(prefix)));
    if passed {
        Vec::new()
    } else {
        withheld.collect()
    }
}
