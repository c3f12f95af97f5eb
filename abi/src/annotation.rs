//! Every annotation of ours on a pod: key, type, default, example, meaning, and what a profile must
//! allow before a pod's value counts.
//!
//! One table ([`ANNOTATIONS`]): the webhook's parser, `kubectl cloudtaser lint`, the page
//! `docs/annotations.md` and its check are all made from it. What a value means is read in the
//! webhook (`webhook/src/annotation`), not here.
//!
//! Long because it is one table.

/// What stands before every key of ours.
pub const PREFIX: &str = "cloudtaser.io/";

/// Opts a pod in.
pub const INJECT: &str = "cloudtaser.io/inject";
/// Which profile applies.
pub const PROFILE: &str = "cloudtaser.io/profile";
/// Secrets that every container in scope gets.
pub const SECRET_PATHS: &str = "cloudtaser.io/secret-paths";
/// Variables for the fields of the secret paths.
pub const ENV_MAP: &str = "cloudtaser.io/env-map";
/// Files that every container in scope gets.
pub const FILES: &str = "cloudtaser.io/files";
/// Containers to wrap.
pub const CONTAINERS: &str = "cloudtaser.io/containers";
/// Containers to leave alone.
pub const SKIP_CONTAINERS: &str = "cloudtaser.io/skip-containers";
/// Which init containers are wrapped.
pub const INIT_CONTAINERS: &str = "cloudtaser.io/init-containers";
/// Commands of containers whose image cannot be asked.
pub const COMMAND: &str = "cloudtaser.io/command";
/// What happens to exec probes and lifecycle hooks.
pub const PROBES: &str = "cloudtaser.io/probes";
/// How secrets get into the program.
pub const DELIVERY: &str = "cloudtaser.io/delivery";
/// The least protection of secret memory.
pub const MIN_PROTECTION: &str = "cloudtaser.io/min-protection";
/// What to do about the node's enforcer.
pub const ENFORCER: &str = "cloudtaser.io/enforcer";
/// Time that the pod has to end.
pub const GRACE: &str = "cloudtaser.io/grace";
/// The server.
pub const VAULT_ADDRESS: &str = "cloudtaser.io/vault-address";
/// The role to log in as.
pub const VAULT_ROLE: &str = "cloudtaser.io/vault-role";
/// How to log in.
pub const VAULT_AUTH_METHOD: &str = "cloudtaser.io/vault-auth-method";
/// Where that method is mounted.
pub const VAULT_AUTH_PATH: &str = "cloudtaser.io/vault-auth-path";
/// The server's namespace.
pub const VAULT_NAMESPACE: &str = "cloudtaser.io/vault-namespace";
/// Whether the server's certificate is not looked at.
pub const VAULT_SKIP_VERIFY: &str = "cloudtaser.io/vault-skip-verify";
/// The image of the copy step; never a pod's choice.
pub const IMAGE: &str = "cloudtaser.io/image";
/// The service account; never a pod's choice here.
pub const SERVICE_ACCOUNT: &str = "cloudtaser.io/service-account";
/// Written by the webhook: what it did.
pub const STATUS: &str = "cloudtaser.io/status";
/// Written by the webhook: which profile counted.
pub const APPLIED_PROFILE: &str = "cloudtaser.io/applied-profile";

/// What a value looks like.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ValueType {
    /// `true` or `false`.
    Boolean,
    /// One of these words.
    Words(&'static [&'static str]),
    /// Names with commas between them.
    Names,
    /// One name or path, taken as it is.
    Text,
    /// An address, `https://HOST:PORT`.
    Address,
    /// A time in whole seconds or minutes, such as `45s`.
    Time,
    /// Paths of secrets with commas between them, each `PATH[#VERSION][?]`.
    SecretPaths,
    /// `FIELD=NAME` pairs with commas between them, a semicolon between the groups of two paths.
    EnvMap,
    /// Lines of the form `PATH[,mode=MODE][,owner=UID:GID][,opens=N]=TEXT`.
    Files,
    /// A JSON object: container names, and for each an array of texts.
    Commands,
}

impl ValueType {
    /// The type in the words of the documents.
    #[must_use]
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Boolean => "`true` or `false`",
            Self::Words(_) => "one of some words",
            Self::Names => "names, with commas",
            Self::Text => "text",
            Self::Address => "`https://HOST:PORT`",
            Self::Time => "a time, such as `45s` or `2m`",
            Self::SecretPaths => "`PATH[#VERSION][?]`, with commas",
            Self::EnvMap => "`FIELD=NAME`, with commas; `;` before the next path's",
            Self::Files => "lines `PATH[,mode=…][,owner=…][,opens=N]=TEXT`",
            Self::Commands => "JSON, `{\"CONTAINER\": [\"PROGRAM\", \"ARGUMENT\"]}`",
        }
    }
}

/// What a profile must allow (its list `overrides`) before a pod's value counts.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Override {
    /// Nothing: every pod may.
    Free,
    /// Which secrets: allowed unless the operator takes it away.
    Paths,
    /// How secrets get into the program: allowed unless the operator takes it away.
    Delivery,
    /// Less protection than the profile demands. More needs no permission.
    Protection,
    /// Which server.
    Address,
    /// Which role.
    Role,
    /// Which login method.
    AuthMethod,
    /// Which mount of the login method.
    AuthPath,
    /// Which namespace of the server.
    Namespace,
    /// Whether the server's certificate is not looked at.
    SkipVerify,
    /// Nobody may allow it.
    Never,
    /// The webhook writes it.
    Ours,
}

impl Override {
    /// Those that an operator can allow.
    pub const GRANTABLE: [Self; 9] = [
        Self::Paths,
        Self::Delivery,
        Self::Protection,
        Self::Address,
        Self::Role,
        Self::AuthMethod,
        Self::AuthPath,
        Self::Namespace,
        Self::SkipVerify,
    ];

    /// What a profile allows when it has no list of its own.
    pub const DEFAULT: [Self; 2] = [Self::Paths, Self::Delivery];

    /// The word in a profile's `overrides`, or what stands in its place in the documents.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Paths => "paths",
            Self::Delivery => "delivery",
            Self::Protection => "protection",
            Self::Address => "address",
            Self::Role => "role",
            Self::AuthMethod => "authMethod",
            Self::AuthPath => "authPath",
            Self::Namespace => "namespace",
            Self::SkipVerify => "skipVerify",
            Self::Never => "never",
            Self::Ours => "ours",
        }
    }
}

/// One annotation.
#[derive(Clone, Copy, Debug)]
pub struct Annotation {
    /// The whole key.
    pub key: &'static str,
    /// What its value looks like.
    pub value: ValueType,
    /// What is meant without it.
    pub default: &'static str,
    /// A value that the parser takes.
    pub example: &'static str,
    /// One sentence.
    pub meaning: &'static str,
    /// What a profile must allow.
    pub needs: Override,
}

impl Annotation {
    /// The key without [`PREFIX`].
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.key.strip_prefix(PREFIX).unwrap_or(self.key)
    }
}

/// The annotation with this key.
#[must_use]
pub fn find(key: &str) -> Option<&'static Annotation> {
    ANNOTATIONS.iter().find(|annotation| annotation.key == key)
}

/// Words of [`INIT_CONTAINERS`].
pub const INIT_CONTAINER_WORDS: &[&str] = &["references", "all", "none"];
/// Words of [`PROBES`].
pub const PROBE_WORDS: &[&str] = &["leave", "wrap"];
/// Words of [`DELIVERY`]; the wrapper's `--delivery`.
pub const DELIVERY_WORDS: &[&str] = &["auto", "preload", "environ"];
/// Words of [`MIN_PROTECTION`], weakest first; [`crate::protection::Protection`].
pub const PROTECTION_WORDS: &[&str] = &["none", "locked", "secretmem", "enforced"];
/// Words of [`ENFORCER`], weakest first; the wrapper's `--enforcer`.
pub const ENFORCER_WORDS: &[&str] = &["off", "prefer", "require"];
/// Words of [`VAULT_AUTH_METHOD`]: those of the wrapper's `--auth` that a pod has credentials for.
pub const AUTH_METHOD_WORDS: &[&str] = &["kubernetes", "jwt", "cert"];

/// Every annotation, in the order of the documents.
pub const ANNOTATIONS: &[Annotation] = &[
    Annotation {
        key: INJECT,
        value: ValueType::Boolean,
        default: "`false`",
        example: "true",
        meaning: "Opts the pod in: the commands of its containers start through the wrapper.",
        needs: Override::Free,
    },
    Annotation {
        key: PROFILE,
        value: ValueType::Text,
        default: "`default`",
        example: "payments",
        meaning: "Which profile applies: one of the pod's namespace, else one of the cluster.",
        needs: Override::Free,
    },
    Annotation {
        key: SECRET_PATHS,
        value: ValueType::SecretPaths,
        default: "none",
        example: "secret/data/db,secret/data/api#3?",
        meaning: "Secrets for every container in scope: all fields as variables, unless `env-map` names them.",
        needs: Override::Paths,
    },
    Annotation {
        key: ENV_MAP,
        value: ValueType::EnvMap,
        default: "all fields",
        example: "username=DB_USER,password=DB_PASSWORD;key=API_KEY",
        meaning: "Which fields of the secret paths become which variables; an empty group means all fields.",
        needs: Override::Paths,
    },
    Annotation {
        key: FILES,
        value: ValueType::Files,
        default: "none",
        example: "/run/secrets/key,mode=0440=vault:secret/tls#key",
        meaning: "Files for every container in scope, in memory only.",
        needs: Override::Paths,
    },
    Annotation {
        key: CONTAINERS,
        value: ValueType::Names,
        default: "all but the profile's `skipContainers`",
        example: "app,worker",
        meaning: "Only these containers are wrapped.",
        needs: Override::Free,
    },
    Annotation {
        key: SKIP_CONTAINERS,
        value: ValueType::Names,
        default: "none",
        example: "log-shipper",
        meaning: "These containers are left alone.",
        needs: Override::Free,
    },
    Annotation {
        key: INIT_CONTAINERS,
        value: ValueType::Words(INIT_CONTAINER_WORDS),
        default: "`references`",
        example: "all",
        meaning: "Which init containers are wrapped: those with a reference in their environment, all or none. Sidecars count as containers.",
        needs: Override::Free,
    },
    Annotation {
        key: COMMAND,
        value: ValueType::Commands,
        default: "the image's",
        example: r#"{"app": ["/srv/app", "--listen", ":8080"]}"#,
        meaning: "The command of a container that has no `command` and whose image cannot be asked.",
        needs: Override::Free,
    },
    Annotation {
        key: PROBES,
        value: ValueType::Words(PROBE_WORDS),
        default: "`leave`",
        example: "wrap",
        meaning: "Whether exec probes and exec lifecycle hooks start through the wrapper too; each run then logs in by itself.",
        needs: Override::Free,
    },
    Annotation {
        key: DELIVERY,
        value: ValueType::Words(DELIVERY_WORDS),
        default: "the profile's, else `auto`",
        example: "preload",
        meaning: "How secrets get into the program (`--delivery` of the wrapper).",
        needs: Override::Delivery,
    },
    Annotation {
        key: MIN_PROTECTION,
        value: ValueType::Words(PROTECTION_WORDS),
        default: "the profile's, else `none`",
        example: "secretmem",
        meaning: "The least protection of secret memory; less than the profile's needs its permission.",
        needs: Override::Protection,
    },
    Annotation {
        key: ENFORCER,
        value: ValueType::Words(ENFORCER_WORDS),
        default: "the profile's, else `prefer`",
        example: "require",
        meaning: "What to do about the node's enforcer; less than the profile's needs its permission.",
        needs: Override::Protection,
    },
    Annotation {
        key: GRACE,
        value: ValueType::Time,
        default: "the pod's own",
        example: "45s",
        meaning: "The pod's `terminationGracePeriodSeconds` is raised to at least this, so that the token can still be revoked.",
        needs: Override::Free,
    },
    Annotation {
        key: VAULT_ADDRESS,
        value: ValueType::Address,
        default: "the profile's",
        example: "https://bao.example:8200",
        meaning: "The server.",
        needs: Override::Address,
    },
    Annotation {
        key: VAULT_ROLE,
        value: ValueType::Text,
        default: "the profile's pattern",
        example: "payments",
        meaning: "The role to log in as.",
        needs: Override::Role,
    },
    Annotation {
        key: VAULT_AUTH_METHOD,
        value: ValueType::Words(AUTH_METHOD_WORDS),
        default: "the profile's",
        example: "jwt",
        meaning: "How to log in.",
        needs: Override::AuthMethod,
    },
    Annotation {
        key: VAULT_AUTH_PATH,
        value: ValueType::Text,
        default: "the profile's",
        example: "kubernetes-eu",
        meaning: "Where the login method is mounted, without `auth/`.",
        needs: Override::AuthPath,
    },
    Annotation {
        key: VAULT_NAMESPACE,
        value: ValueType::Text,
        default: "the profile's",
        example: "team-a",
        meaning: "Namespace of the server.",
        needs: Override::Namespace,
    },
    Annotation {
        key: VAULT_SKIP_VERIFY,
        value: ValueType::Boolean,
        default: "`false`",
        example: "true",
        meaning: "Takes any certificate of the server. Ignored, with a warning, unless the profile allows it.",
        needs: Override::SkipVerify,
    },
    Annotation {
        key: IMAGE,
        value: ValueType::Text,
        default: "the profile's",
        example: "registry.example/cloudtaser:1.2.3",
        meaning: "Refused: the image of the copy step is the operator's.",
        needs: Override::Never,
    },
    Annotation {
        key: SERVICE_ACCOUNT,
        value: ValueType::Text,
        default: "the pod's `serviceAccountName`",
        example: "app",
        meaning: "Refused: the wrapper logs in as the pod's own service account.",
        needs: Override::Never,
    },
    Annotation {
        key: STATUS,
        value: ValueType::Text,
        default: "none",
        example: "injected",
        meaning: "Written by the webhook when it injected.",
        needs: Override::Ours,
    },
    Annotation {
        key: APPLIED_PROFILE,
        value: ValueType::Text,
        default: "none",
        example: "payments/default@3",
        meaning: "Written by the webhook when it injected, over whatever was there: the profile that counted, `NAMESPACE/NAME` or `NAME` for one of the cluster, `@` and its generation.",
        needs: Override::Ours,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_ours_and_stand_once() {
        for (index, annotation) in ANNOTATIONS.iter().enumerate() {
            assert!(annotation.key.starts_with(PREFIX), "{}", annotation.key);
            assert_eq!(find(annotation.key).unwrap().key, annotation.key);
            let again = &ANNOTATIONS[index + 1..];
            assert!(again.iter().all(|other| other.key != annotation.key));
            assert!(annotation.meaning.ends_with('.'), "{}", annotation.key);
        }
        assert!(find("cloudtaser.io/injekt").is_none());
    }

    #[test]
    fn words_of_protection_are_the_levels() {
        use crate::protection::Protection;
        assert_eq!(PROTECTION_WORDS, Protection::ALL.map(Protection::name));
    }
}
