//! Annotations, ours and the other injectors'.
//!
//! Input: one annotation a line. A line that begins with a small letter is `KEY=VALUE`; the first
//! byte of another chooses a key, and a key that has a secret's name at its end gets it from what
//! stands before `=`. `\n` in a value is a line break.

use std::collections::BTreeMap;

use cloudtaser_abi::annotation::{ANNOTATIONS, INJECT};
use serde_json::{Value, json};

use crate::admit::{admit, containers, is_wrapped, review_of, variable};
use crate::annotation::{self, Parsed};
use crate::check_text;
use crate::reference::{self, Schemes, Target, parse_env_from};
use crate::world::{NAMESPACE, SERVER, World};

/// Keys of the other injectors. One that ends in `-` has a secret's name there.
const FOREIGN: [&str; 43] = [
    "vault.security.banzaicloud.io/vault-addr",
    "vault.security.banzaicloud.io/vault-role",
    "vault.security.banzaicloud.io/vault-path",
    "vault.security.banzaicloud.io/vault-namespace",
    "vault.security.banzaicloud.io/vault-skip-verify",
    "vault.security.banzaicloud.io/vault-auth-method",
    "vault.security.banzaicloud.io/vault-env-from-path",
    "vault.security.banzaicloud.io/transit-key-id",
    "vault.security.banzaicloud.io/transit-path",
    "vault.security.banzaicloud.io/vault-env-passthrough",
    "vault.security.banzaicloud.io/mutate-probes",
    "vault.security.banzaicloud.io/vault-env-image",
    "vault.security.banzaicloud.io/vault-serviceaccount",
    "vault.security.banzaicloud.io/vault-ct-configmap",
    "vault.security.banzaicloud.io/",
    "secrets-webhook.security.bank-vaults.io/vault-addr",
    "secrets-webhook.security.bank-vaults.io/role",
    "secrets-webhook.security.bank-vaults.io/path",
    "secrets-webhook.security.bank-vaults.io/from-path",
    "secrets-webhook.security.bank-vaults.io/skip-verify",
    "secrets-webhook.security.bank-vaults.io/passthrough",
    "secrets-webhook.security.bank-vaults.io/image",
    "secrets-webhook.security.bank-vaults.io/mutate",
    "secrets-webhook.security.bank-vaults.io/",
    "vault.hashicorp.com/agent-inject",
    "vault.hashicorp.com/agent-inject-secret-",
    "vault.hashicorp.com/agent-inject-file-",
    "vault.hashicorp.com/agent-inject-perms-",
    "vault.hashicorp.com/agent-inject-template-",
    "vault.hashicorp.com/agent-inject-command-",
    "vault.hashicorp.com/secret-volume-path",
    "vault.hashicorp.com/secret-volume-path-",
    "vault.hashicorp.com/agent-inject-containers",
    "vault.hashicorp.com/agent-image",
    "vault.hashicorp.com/agent-service-account-token-volume-name",
    "vault.hashicorp.com/auth-path",
    "vault.hashicorp.com/auth-type",
    "vault.hashicorp.com/ca-cert",
    "vault.hashicorp.com/namespace",
    "vault.hashicorp.com/role",
    "vault.hashicorp.com/service",
    "vault.hashicorp.com/tls-skip-verify",
    "vault.hashicorp.com/",
];

fn read(text: &str) -> BTreeMap<String, String> {
    let keys = ANNOTATIONS.iter().map(|annotation| annotation.key);
    let keys: Vec<&str> = keys.chain(FOREIGN).collect();
    let mut annotations = BTreeMap::new();
    for line in text.lines() {
        let Some(first) = line.chars().next() else {
            continue;
        };
        let (name, value) = line.split_once('=').unwrap_or((line, ""));
        let value = value.replace("\\n", "\n");
        if first.is_ascii_lowercase() {
            annotations.insert(name.to_owned(), value);
            continue;
        }
        let key = keys[first as usize % keys.len()];
        let secret = name.get(first.len_utf8()..).unwrap_or_default();
        let is_open = key.ends_with(['-', '/']);
        let key = format!("{key}{}", if is_open { secret } else { "" });
        annotations.insert(key, value);
    }
    annotations
}

/// Reads them, and admits a pod that has them: opted in, and not.
pub fn check(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    let mut annotations = read(text);
    let opted = annotation::is_opted_in(&annotations);
    if let Ok(parsed) = annotation::parse(&annotations) {
        check_lines(&parsed);
    }
    let world = World::standard();
    let admitted = admit(&review_of(&pod(&annotations)), &world).expect("a review");
    if opted != Ok(true) {
        assert!(!admitted.is_changed, "{annotations:?}");
    }
    annotations.remove(INJECT);
    let admitted = admit(&review_of(&pod(&annotations)), &world).expect("a review");
    assert!(
        admitted.is_allowed && !admitted.is_changed,
        "{annotations:?}"
    );
    annotations.insert(INJECT.to_owned(), "true".to_owned());
    let admitted = admit(&review_of(&pod(&annotations)), &world).expect("a review");
    if admitted.is_allowed {
        let name = annotations.get("cloudtaser.io/profile");
        check_settings(&admitted.pod, name.map_or("default", |name| name.trim()));
    }
}

fn pod(annotations: &BTreeMap<String, String>) -> Value {
    let reference = json!([{"name": "P", "value": "vault:secret/db#password"}]);
    let probe = json!({"exec": {"command": ["/probe", "$(P)"]}});
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "annotations": annotations},
        "spec": {
            "initContainers": [{"name": "init", "image": "i", "command": ["/i"], "env": reference}],
            "containers": [
                {"name": "app", "image": "i", "args": ["$(P)"], "env": reference},
                {"name": "istio-proxy", "image": "i", "command": ["/proxy"], "livenessProbe": probe},
            ],
        },
    })
}

/// Each line is one line to the wrapper, and says what the annotation says: a path or field that
/// looks like syntax stays a path or field.
fn check_lines(parsed: &Parsed) {
    let secrets = &parsed.wishes.secrets;
    let schemes = Schemes::new(["local", "openbao"]);
    let all = secrets.env.iter().chain(&secrets.env_from);
    for line in all.chain(&secrets.files) {
        check_text(line, usize::MAX);
    }
    for line in &secrets.env {
        let (name, text) = line.split_once('=').expect("NAME=REFERENCE");
        assert!(!name.is_empty() && !name.contains(':'), "{line:?}");
        if let Ok(read) = reference::parse(text, &schemes) {
            let is_field = matches!(&read.target, Target::Read { field: Some(_), .. });
            assert!(is_field && read.scheme == "vault", "{line:?}: {read:?}");
        }
    }
    for line in &secrets.env_from {
        if let Ok(read) = parse_env_from(line, &schemes) {
            assert!(
                read.prefix.is_empty() && read.scheme == "vault",
                "{line:?}: {read:?}"
            );
        }
    }
    assert!(secrets.files.iter().all(|line| line.starts_with('/')));
}

/// What only a profile may choose is as the profile has it.
fn check_settings(pod: &Value, profile: &str) {
    assert_ne!(profile, "elsewhere");
    assert_eq!(
        pod["spec"]["initContainers"][0]["image"],
        "registry.example/cloudtaser:1"
    );
    for container in containers(pod).filter(|container| is_wrapped(container)) {
        let is = |name: &str, value: &str| {
            assert_eq!(
                variable(container, name),
                Some(value),
                "{name} of {profile}"
            );
        };
        is("CLOUDTASER_SOURCE", "openbao");
        is("CLOUDTASER_INSECURE_HTTP", "false");
        let address = variable(container, "CLOUDTASER_ADDR").expect("an address");
        check_text(address, usize::MAX);
        if profile == "open" {
            // A pod may choose one, over TLS and outside of the cluster only.
            assert!(address.starts_with("https://"), "{address}");
            assert!(!address.contains("169.254.169.254"), "{address}");
            continue;
        }
        is("CLOUDTASER_ADDR", SERVER);
        is("CLOUDTASER_ROLE", &format!("{NAMESPACE}.default"));
        is("CLOUDTASER_AUTH", "kubernetes");
        is("CLOUDTASER_AUTH_MOUNT", "kubernetes");
        is("CLOUDTASER_INSECURE_SKIP_VERIFY", "false");
        assert_eq!(variable(container, "CLOUDTASER_NAMESPACE"), None);
        if profile == "inline" {
            is("BAO_CACERT_BYTES", "AUTHORITIES");
            is("CLOUDTASER_DELIVERY", "auto");
            is("CLOUDTASER_ENFORCER", "require");
            let least = variable(container, "CLOUDTASER_MIN_PROTECTION");
            assert!(matches!(least, Some("secretmem" | "enforced")), "{least:?}");
        }
    }
}
