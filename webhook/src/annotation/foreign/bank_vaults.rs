//! Annotations of the bank-vaults injector, with its older and its newer prefix. Some keys have the
//! word `vault-` in one and not in the other, and the newer has them with `bao-` too; all count.
//! Which there are: <https://bank-vaults.dev/docs/mutating-webhook/annotations/> and the constants
//! of its source (`pkg/common`); a test names them all.

use super::super::{secrets, value, wish};
use super::{AnnotationError, Parsed, advise, never};

pub(super) const PREFIXES: [&str; 2] = [
    "vault.security.banzaicloud.io/",
    "secrets-webhook.security.bank-vaults.io/",
];

/// Takes one annotation; `name` is `key` without its prefix.
pub(super) fn take(
    parsed: &mut Parsed,
    key: &str,
    name: &str,
    given: &str,
) -> Result<(), AnnotationError> {
    let wishes = &mut parsed.wishes;
    let short = ["vault-", "bao-"].into_iter();
    let short = short.filter_map(|server| name.strip_prefix(server)).next();
    match short.unwrap_or(name) {
        "addr" => wishes.address = wish(key, given.trim().to_owned()),
        "role" => wishes.role = wish(key, value::text(key, given)?),
        "path" => wishes.auth_path = wish(key, value::text(key, given)?),
        "namespace" => wishes.namespace = wish(key, value::text(key, given)?),
        "skip-verify" => wishes.skip_verify = wish(key, value::boolean(key, given)?),
        // Its `jwt` sends the pod's token to a mount that is `kubernetes` by default.
        "auth-method" => match given.trim() {
            "jwt" | "kubernetes" => wishes.auth_method = wish(key, "kubernetes"),
            _ => advise(
                parsed,
                key,
                "a pod can log in by `cloudtaser.io/vault-auth-method`: \
                                      kubernetes, jwt or cert",
            ),
        },
        "from-path" | "env-from-path" => {
            let paths = secrets::paths(key, given)?;
            secrets::variables(&mut wishes.secrets, &paths, None)?;
            wishes.secrets_key = Some(key.to_owned());
        }
        "transit-key-id" => {
            wishes
                .settings
                .insert("CLOUDTASER_TRANSIT_KEY", value::text(key, given)?);
        }
        "transit-path" => {
            wishes
                .settings
                .insert("CLOUDTASER_TRANSIT_MOUNT", value::text(key, given)?);
        }
        "passthrough" | "env-passthrough" => {
            wishes
                .settings
                .insert("CLOUDTASER_PASS", value::text(key, given)?);
        }
        "mutate-probes" => wishes.wraps_probes = value::boolean(key, given)?,
        "image"
        | "env-image"
        | "secret-init-image"
        | "agent-image"
        | "ct-image"
        | "serviceaccount"
        | "service-account"
        | "serviceaccount-token-volume-name"
        | "service-account-token-volume-name" => return Err(never(key)),
        other => {
            if let Some(advice) = advice(other, given.trim()) {
                advise(parsed, key, advice);
            }
        }
    }
    Ok(())
}

/// What to use instead of a key that does not map; nothing where what it asks for is always so.
fn advice(name: &str, given: &str) -> Option<&'static str> {
    let is = |prefix: &str| name.starts_with(prefix);
    Some(match (name, given) {
        ("readonly-root-fs" | "run-as-non-root", "true")
        | ("psp-allow-privilege-escalation", "false")
        | ("provider", "vault" | "bao")
        | ("env-daemon" | "secret-init-daemon" | "revoke-token", "true") => return None,
        ("readonly-root-fs" | "run-as-non-root" | "psp-allow-privilege-escalation", _) => {
            "the copy step is as the restricted Pod Security Standard wants it"
        }
        ("run-as-user" | "run-as-group", _) => {
            "the copy step has the pod's user; set it in the pod's `securityContext`"
        }
        ("provider", _) => "secrets are read from OpenBao or Vault only",
        ("env-daemon" | "secret-init-daemon", _) => {
            "the wrapper stays; set the variable CLOUDTASER_EXEC to `true` in the container if it \
             must not"
        }
        ("revoke-token", _) => "the token is always revoked at the end",
        ("log-level" | "env-log-level", _) => {
            "set the variable CLOUDTASER_VERBOSE to `true` in the container to see more"
        }
        ("enable-json-log" | "env-enable-json-log" | "secret-init-json-log", _) => {
            "the wrapper writes plain lines to standard error"
        }
        ("env-log-server", _) => "the wrapper writes to standard error",
        ("mutate", _) => "`cloudtaser.io/inject` alone says whether a pod is injected",
        ("mutate-containers", _) => "name the containers in `cloudtaser.io/containers`",
        ("ignore-missing-secrets", _) => "write `?` behind the references that may be missing",
        ("tls-secret" | "client-cert", _) => {
            "certification authorities are the profile's `server.ca`"
        }
        ("registry-skip-verify", _) => {
            "registries' authorities are the operator's; or say the command in the pod"
        }
        ("token-auth-mount", _) => {
            "a pod logs in as its service account; see `cloudtaser.io/vault-auth-method`"
        }
        ("client-timeout" | "transit-batch-size", _) => {
            "the wrapper has limits of its own, and no annotation for them"
        }
        ("env-delay" | "secret-init-delay", _) => "the wrapper waits for the server by itself",
        _ if is("aws-") || is("credentials-") => "secrets are read from OpenBao or Vault only",
        _ if name.ends_with("pull-policy") => "the profile's `image.pullPolicy` says it",
        _ if name == "agent" || is("agent-") || is("ct-") || is("configfile-path") => {
            "no agent runs in the pod; write files with `cloudtaser.io/files`, references as \
             `${vault:…}`"
        }
        _ => {
            "there is no counterpart; docs/annotations.md has the keys, which begin with \
             `cloudtaser.io/`"
        }
    })
}

#[cfg(test)]
mod tests {
    use cloudtaser_abi::annotation as keys;

    use super::super::super::parse;
    use super::*;

    /// Every documented key, without `vault-` and `bao-`, and a value.
    const DOCUMENTED: [(&str, &str); 62] = [
        ("psp-allow-privilege-escalation", "true"),
        ("run-as-non-root", "false"),
        ("run-as-user", "1000"),
        ("run-as-group", "1000"),
        ("readonly-root-fs", "false"),
        ("registry-skip-verify", "true"),
        ("mutate", "skip"),
        ("mutate-probes", "true"),
        ("mutate-containers", "app"),
        ("provider", "aws"),
        ("secret-init-daemon", "false"),
        ("secret-init-delay", "1s"),
        ("secret-init-json-log", "true"),
        ("secret-init-image", "i"),
        ("secret-init-image-pull-policy", "Always"),
        ("env-daemon", "false"),
        ("env-delay", "1s"),
        ("enable-json-log", "true"),
        ("env-image", "i"),
        ("env-image-pull-policy", "Always"),
        ("env-passthrough", "VAULT_ADDR"),
        ("env-from-path", "secret/data/a"),
        ("addr", "https://bao.example:8200"),
        ("image", "i"),
        ("image-pull-policy", "Always"),
        ("role", "r"),
        ("path", "kubernetes"),
        ("skip-verify", "true"),
        ("tls-secret", "s"),
        ("ignore-missing-secrets", "true"),
        ("client-timeout", "10s"),
        ("transit-key-id", "k"),
        ("transit-path", "transit"),
        ("transit-batch-size", "25"),
        ("auth-method", "jwt"),
        ("token-auth-mount", "token:vault-token"),
        ("serviceaccount", "a"),
        ("service-account-token-volume-name", "v"),
        ("namespace", "n"),
        ("log-level", "debug"),
        ("passthrough", "VAULT_ADDR"),
        ("from-path", "secret/data/a"),
        ("agent", "true"),
        ("agent-configmap", "c"),
        ("agent-once", "true"),
        ("agent-share-process-namespace", "true"),
        ("agent-cpu-limit", "1"),
        ("agent-cpu-request", "1"),
        ("agent-memory-limit", "1"),
        ("agent-memory-request", "1"),
        ("configfile-path", "/vault"),
        ("agent-env-variables", "[]"),
        ("ct-configmap", "c"),
        ("ct-image", "i"),
        ("ct-once", "true"),
        ("ct-pull-policy", "Always"),
        ("ct-share-process-namespace", "true"),
        ("ct-secrets-mount-path", "/vault"),
        ("ct-inject-in-initcontainers", "true"),
        ("aws-region", "eu"),
        ("credentials-namespace", "n"),
        ("aws-tls-secret-arn", "a"),
    ];

    #[test]
    fn every_documented_key_maps_or_is_warned_of_or_is_refused() {
        for (name, given) in DOCUMENTED {
            for server in ["", "vault-", "bao-"] {
                for prefix in PREFIXES {
                    let key = format!("{prefix}{server}{name}");
                    let Ok(parsed) = parse(&[(key.clone(), given.to_owned())].into()) else {
                        assert!(name.contains("image") || name.contains("service"), "{key}");
                        continue;
                    };
                    let is_mapped = parsed.wishes != crate::annotation::Wishes::default();
                    let [warning] = &parsed.warnings[..] else {
                        assert!(is_mapped && parsed.warnings.is_empty(), "{key}: {parsed:?}");
                        continue;
                    };
                    assert!(!is_mapped && warning.contains(&key), "{warning}");
                    assert!(!warning.contains("no counterpart"), "{warning}");
                }
            }
        }
        // Control: one that nobody documents.
        let key = format!("{}zzz", PREFIXES[1]);
        let parsed = parse(&[(key, String::new())].into()).unwrap();
        assert!(parsed.warnings[0].contains("no counterpart"));
    }

    #[test]
    fn both_prefixes_and_the_short_names_map() {
        for (prefix, addr) in [(PREFIXES[0], "vault-addr"), (PREFIXES[1], "addr")] {
            let pairs = [
                (
                    format!("{prefix}{addr}"),
                    "https://bao.example:8200".to_owned(),
                ),
                (
                    format!("{prefix}vault-from-path"),
                    "secret/data/a,secret/data/b#2".to_owned(),
                ),
                (format!("{prefix}vault-skip-verify"), "true".to_owned()),
                (format!("{prefix}transit-key-id"), "key".to_owned()),
                (format!("{prefix}vault-auth-method"), "jwt".to_owned()),
            ];
            let parsed = parse(&pairs.into()).unwrap();
            let wishes = parsed.wishes;
            assert_eq!(wishes.address.unwrap().value, "https://bao.example:8200");
            assert_eq!(
                wishes.secrets.env_from,
                ["vault:secret/data/a", "vault:secret/data/b#2"]
            );
            assert!(wishes.skip_verify.unwrap().value);
            assert_eq!(wishes.auth_method.unwrap().value, "kubernetes");
            assert_eq!(wishes.settings["CLOUDTASER_TRANSIT_KEY"], "key");
            assert!(parsed.warnings.is_empty(), "{:?}", parsed.warnings);
        }
    }

    #[test]
    fn what_does_not_map_is_warned_of_and_ours_win() {
        let key = |name: &str| format!("{}{name}", PREFIXES[0]);
        let parsed = parse(
            &[
                (key("vault-ignore-missing-secrets"), "true".to_owned()),
                (key("something-new"), "1".to_owned()),
                (key("vault-role"), "theirs".to_owned()),
                (keys::VAULT_ROLE.to_owned(), "ours".to_owned()),
            ]
            .into(),
        )
        .unwrap();
        assert_eq!(parsed.warnings.len(), 2);
        assert!(
            parsed
                .warnings
                .iter()
                .all(|text| text.contains(PREFIXES[0]))
        );
        assert_eq!(parsed.wishes.role.unwrap().value, "ours");
    }

    #[test]
    fn h5_a_foreign_image_is_refused() {
        let key = format!("{}vault-env-image", PREFIXES[0]);
        assert!(parse(&[(key, "evil/image".to_owned())].into()).is_err());
    }
}
