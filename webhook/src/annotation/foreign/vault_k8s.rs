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
    let own = other("preserve-secret-case-");
    let keeps = own.or_else(|| annotations.get(&format!("{PREFIX}preserve-secret-case")));
    let keeps = keeps.is_some_and(|keeps| keeps.trim() == "true");
    let name = || {
        if keeps {
            secret.to_owned()
        } else {
            secret.to_lowercase()
        }
    };
    let file = other("agent-inject-file-").cloned().unwrap_or_else(name);
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
        "proxy-address" => advise(parsed, key, "pods ask the profile's server themselves"),
        "ca-cert" | "ca-key" | "client-cert" | "client-key" | "tls-secret" | "tls-server-name"
        | "ssl-cert" => {
            advise(parsed, key, "TLS settings are the profile's `server`");
        }
        _ => by_secret(parsed, key, name),
    }
    Ok(())
}

/// Those that have a secret's name at their end, and those that configure its agent.
fn by_secret(parsed: &mut Parsed, key: &str, name: &str) {
    let is = |prefix: &str| name.starts_with(prefix);
    let advice = if is("agent-inject-template") {
        "Go templates are not run; write the file's text with `cloudtaser.io/files`, references as \
         `${vault:PATH#FIELD}`"
    } else if is("agent-inject-command") {
        "no command is run when a secret changes"
    } else if is("agent-inject-file-")
        || is("agent-inject-perms-")
        || is("secret-volume-path")
        || is("preserve-secret-case")
    {
        // Read with the secret.
        return;
    } else if name == "agent-inject" || name == "agent-inject-status" {
        "`cloudtaser.io/inject` alone says whether a pod is injected"
    } else if name == "agent-inject-token" {
        "the program does not get the wrapper's token; name the secrets that it needs"
    } else if name == "agent-revoke-grace" {
        "the pod's time to end is `cloudtaser.io/grace`"
    } else if name == "agent-revoke-on-shutdown" {
        "the token is always revoked at the end"
    } else if name == "agent-share-process-namespace" {
        "set the pod's own `shareProcessNamespace`"
    } else if is("error-on-missing-key") {
        "a missing field fails the start; write `?` behind a reference that may be missing"
    } else if is("log-") {
        "set the variable CLOUDTASER_VERBOSE to `true` in the container to see more"
    } else if is("auth-config") {
        "how a pod logs in is the profile's `auth`"
    } else if is("auth-m") || is("client-") {
        "the wrapper has limits of its own, and no annotation for them"
    } else if is("agent-") || is("template-") || name == "go-max-procs" {
        "no agent runs in the pod, so there is nothing to configure"
    } else {
        "there is no counterpart; docs/annotations.md has the keys, which begin with \
         `cloudtaser.io/`"
    };
    advise(parsed, key, advice);
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
    fn a_files_name_keeps_its_case_where_that_is_asked_for() {
        let secret = ("agent-inject-secret-DB", "secret/data/db");
        for (extra, file) in [
            (("role", "r"), "db"),
            (("preserve-secret-case", "true"), "DB"),
            (("preserve-secret-case-DB", "true"), "DB"),
            (("preserve-secret-case", "false"), "db"),
        ] {
            let parsed = read(&[secret, extra]).unwrap();
            let line = format!("/vault/secrets/{file}=vault:secret/data/db");
            assert_eq!(parsed.wishes.secrets.files, [line]);
        }
    }

    /// Those of <https://developer.hashicorp.com/vault/docs/platform/k8s/injector/annotations> and
    /// of the injector's source that have no counterpart.
    #[test]
    fn every_documented_key_that_does_not_map_is_warned_of() {
        for name in [
            "agent-inject",
            "agent-inject-status",
            "agent-configmap",
            "agent-extra-secret",
            "agent-init-first",
            "agent-inject-command-x",
            "agent-inject-template-x",
            "agent-inject-template-file-x",
            "agent-inject-default-template",
            "agent-template-left-delim-x",
            "agent-inject-token",
            "agent-limits-cpu",
            "agent-limits-mem",
            "agent-limits-ephemeral",
            "agent-requests-cpu",
            "agent-requests-mem",
            "agent-requests-ephemeral",
            "agent-pre-populate",
            "agent-pre-populate-only",
            "agent-revoke-on-shutdown",
            "agent-revoke-grace",
            "agent-run-as-user",
            "agent-run-as-group",
            "agent-run-as-same-user",
            "agent-set-security-context",
            "agent-share-process-namespace",
            "agent-request-namespace",
            "agent-cache-enable",
            "agent-cache-use-auto-auth-token",
            "agent-cache-listener-port",
            "agent-cache-exit-on-err",
            "agent-copy-volume-mounts",
            "agent-enable-quit",
            "agent-telemetry-prometheus_retention_time",
            "agent-auto-auth-exit-on-err",
            "agent-disable-idle-connections",
            "agent-disable-keep-alives",
            "agent-json-patch",
            "agent-init-json-patch",
            "auth-config-path",
            "auth-min-backoff",
            "auth-max-backoff",
            "ca-cert",
            "ca-key",
            "client-cert",
            "client-key",
            "client-max-retries",
            "client-timeout",
            "error-on-missing-key-x",
            "go-max-procs",
            "log-level",
            "log-format",
            "proxy-address",
            "template-config-exit-on-retry-failure",
            "template-static-secret-render-interval",
            "template-max-connections-per-host",
            "tls-secret",
            "tls-server-name",
        ] {
            let warnings = read(&[(name, "1")]).unwrap().warnings;
            assert_eq!(warnings.len(), 1, "{name}: {warnings:?}");
            assert!(
                warnings[0].contains(&format!("{PREFIX}{name}")),
                "{warnings:?}"
            );
            assert!(!warnings[0].contains("no counterpart"), "{warnings:?}");
        }
        // Control: one that nobody documents.
        let warnings = read(&[("zzz", "1")]).unwrap().warnings;
        assert!(warnings[0].contains("no counterpart"), "{warnings:?}");
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
