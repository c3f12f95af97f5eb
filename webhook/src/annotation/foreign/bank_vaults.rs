//! Annotations of the bank-vaults injector, with its older and its newer prefix. The newer one
//! writes most keys without the word `vault-`; both are taken.

use cloudtaser_abi::annotation as keys;

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
    match name.strip_prefix("vault-").unwrap_or(name) {
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
        | "agent-image"
        | "serviceaccount"
        | "service-account"
        | "serviceaccount-token-volume-name" => return Err(never(key)),
        // What they switch on is always so here, or is the way of that injector to work.
        "env-daemon"
        | "secret-init-daemon"
        | "enable-json-log"
        | "env-enable-json-log"
        | "log-level"
        | "env-log-level"
        | "env-log-server"
        | "run-as-user"
        | "run-as-group"
        | "run-as-non-root"
        | "readonly-root-fs"
        | "image-pull-policy"
        | "env-image-pull-policy"
        | "psp-allow-privilege-escalation"
        | "provider" => {}
        "mutate" => advise(
            parsed,
            key,
            "`cloudtaser.io/inject` alone says whether a pod is injected",
        ),
        "ignore-missing-secrets" => {
            advise(
                parsed,
                key,
                "write `?` behind the references that may be missing",
            );
        }
        "tls-secret" | "client-cert" => {
            advise(
                parsed,
                key,
                "certification authorities are the profile's `server.ca`",
            );
        }
        "ct-configmap" | "agent" | "agent-configmap" | "ct-image" | "configfile-path" => {
            advise(
                parsed,
                key,
                "write files with `cloudtaser.io/files`, references as `${vault:…}`",
            );
        }
        "env-delay" | "secret-init-delay" => {
            advise(parsed, key, "the wrapper waits for the server by itself");
        }
        "revoke-token" => advise(parsed, key, "the token is always revoked at the end"),
        _ => advise(
            parsed,
            key,
            &format!(
                "there is no counterpart; see the keys that begin with `{}`",
                keys::PREFIX
            ),
        ),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::super::parse;
    use super::*;

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
