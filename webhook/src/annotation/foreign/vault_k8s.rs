//! Annotations of the vault-k8s injector. Its secrets are files below `/vault/secrets`, rendered by
//! Go templates; a file here is one reference, or text with references in it, so a secret without a
//! template maps when it has one field, and templates do not map at all.

use std::collections::BTreeMap;

use super::super::{secrets, value, wish};
use super::{AnnotationError, Parsed, advise, never};

const PREFIX: &str = "vault.hashicorp.com/";
/// Where its files are by default.
const FOLDER: &str = "/vault/secrets";

/// Reads them all; those of one secret have its name at their end.
pub(super) fn read(
    annotations: &BTreeMap<String, String>,
    parsed: &mut Parsed,
) -> Result<(), AnnotationError> {
    for (key, given) in annotations {
        let Some(name) = key.strip_prefix(PREFIX) else {
            continue;
        };
        if let Some(secret) = name.strip_prefix("agent-inject-secret-") {
            file(annotations, parsed, key, secret, given)?;
        } else {
            setting(parsed, key, name, given)?;
        }
    }
    Ok(())
}

/// `agent-inject-secret-NAME: PATH`.
fn file(
    annotations: &BTreeMap<String, String>,
    parsed: &mut Parsed,
    key: &str,
    secret: &str,
    given: &str,
) -> Result<(), AnnotationError> {
    let other = |what: &str| annotations.get(&format!("{PREFIX}{what}{secret}"));
    if other("agent-inject-template-")
        .or_else(|| other("agent-inject-template-file-"))
        .is_some()
    {
        // The template has a warning of its own.
        return Ok(());
    }
    let path = value::text(key, given)?;
    let reference = secrets::paths(key, &path)?;
    let mut lines = secrets::Secrets::default();
    secrets::variables(&mut lines, &reference, None)?;
    let Some(reference) = lines.env_from.first() else {
        return Ok(());
    };
    let own = other("secret-volume-path-");
    let folder = own.or_else(|| annotations.get(&format!("{PREFIX}secret-volume-path")));
    let folder = folder.map_or(FOLDER, |folder| folder.trim_end_matches('/'));
    let file = other("agent-inject-file-")
        .cloned()
        .unwrap_or_else(|| secret.to_lowercase());
    let mode = other("agent-inject-perms-");
    let mode = mode.map_or_else(String::new, |mode| format!(",mode={mode}"));
    let line = format!("{folder}/{file}{mode}={reference}");
    parsed
        .wishes
        .secrets
        .files
        .extend(secrets::files(key, &line)?);
    parsed.wishes.secrets_key = Some(key.to_owned());
    let advice = "if the secret has more than one field, the start fails: name the field in \
                  `cloudtaser.io/files`";
    parsed.warnings.push(format!(
        "annotation `{key}` becomes one file with one field; {advice}"
    ));
    Ok(())
}

fn setting(parsed: &mut Parsed, key: &str, name: &str, given: &str) -> Result<(), AnnotationError> {
    let wishes = &mut parsed.wishes;
    match name {
        "role" => wishes.role = wish(key, value::text(key, given)?),
        "namespace" => wishes.namespace = wish(key, value::text(key, given)?),
        "service" => wishes.address = wish(key, given.trim().to_owned()),
        "tls-skip-verify" => wishes.skip_verify = wish(key, value::boolean(key, given)?),
        "auth-path" => {
            let path = value::text(key, given)?;
            let path = path.trim_matches('/');
            let path = path.strip_prefix("auth/").unwrap_or(path).to_owned();
            wishes.auth_path = wish(key, path);
        }
        "auth-type" => {
            let words = cloudtaser_abi::annotation::AUTH_METHOD_WORDS;
            match words.iter().find(|word| **word == given.trim()) {
                Some(word) => wishes.auth_method = wish(key, word),
                None => advise(parsed, key, "a pod can log in by kubernetes, jwt or cert"),
            }
        }
        "agent-inject-containers" => wishes.containers = Some(value::names(key, given)?),
        "agent-image" | "agent-service-account-token-volume-name" => return Err(never(key)),
        "ca-cert" | "ca-key" | "client-cert" | "client-key" | "tls-secret" | "tls-server-name"
        | "proxy-address" | "ssl-cert" => {
            advise(parsed, key, "TLS settings are the profile's `server`");
        }
        _ => by_secret(parsed, key, name),
    }
    Ok(())
}

/// Those that have a secret's name at their end, and those that configure its agent.
fn by_secret(parsed: &mut Parsed, key: &str, name: &str) {
    let is = |prefix: &str| name.starts_with(prefix);
    if is("agent-inject-template") {
        let advice = "Go templates are not run; write the file's text with `cloudtaser.io/files`, \
                      references as `${vault:PATH#FIELD}`";
        advise(parsed, key, advice);
    } else if is("agent-inject-command") {
        advise(parsed, key, "no command is run when a secret changes");
    } else if is("agent-inject-file-") || is("agent-inject-perms-") || is("secret-volume-path") {
        // Read with the secret.
    } else if name == "agent-inject" || name == "agent-inject-status" {
        advise(
            parsed,
            key,
            "`cloudtaser.io/inject` alone says whether a pod is injected",
        );
    } else if is("agent-") || is("preserve-secret-case") || is("log-") || is("template-") {
        advise(
            parsed,
            key,
            "no agent runs in the pod, so there is nothing to configure",
        );
    } else {
        advise(parsed, key, "there is no counterpart");
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::parse;
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Parsed, AnnotationError> {
        let pairs = pairs
            .iter()
            .map(|(key, value)| (format!("{PREFIX}{key}"), (*value).to_owned()));
        parse(&pairs.collect())
    }

    #[test]
    fn a_secret_becomes_a_file() {
        let parsed = read(&[
            ("agent-inject-secret-DB", "secret/data/db"),
            ("agent-inject-perms-DB", "0440"),
            ("agent-inject-secret-api", "secret/data/api"),
            ("agent-inject-file-api", "api.key"),
            ("secret-volume-path-api", "/etc/keys/"),
            ("role", "app"),
            ("auth-path", "auth/kubernetes-eu"),
        ])
        .unwrap();
        let lines = parsed.wishes.secrets.files;
        assert_eq!(
            lines,
            [
                "/vault/secrets/db,mode=0440=vault:secret/data/db",
                "/etc/keys/api.key=vault:secret/data/api"
            ]
        );
        assert_eq!(parsed.warnings.len(), 2);
        assert_eq!(parsed.wishes.auth_path.unwrap().value, "kubernetes-eu");
    }

    #[test]
    fn templates_are_warned_of_and_make_no_file() {
        let parsed = read(&[
            ("agent-inject-secret-db", "secret/data/db"),
            ("agent-inject-template-db", "{{ with secret }}"),
            ("agent-inject", "true"),
            ("agent-limits-cpu", "1"),
        ])
        .unwrap();
        assert!(parsed.wishes.secrets.is_empty());
        assert_eq!(parsed.warnings.len(), 3, "{:?}", parsed.warnings);
    }

    #[test]
    fn h5_its_agents_image_is_refused() {
        assert!(read(&[("agent-image", "evil")]).is_err());
        assert!(read(&[("agent-inject-secret-x", "a\nb")]).is_err());
    }
}
