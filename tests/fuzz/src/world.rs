//! What is known beside the pod: profiles, images, ConfigMaps and Secrets, always the same.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::decide::{Facts, ImageFact, Needs, Operator, SourceFact, SourceKey};
use crate::image::ImageConfig;
use crate::profile::{NamespaceFacts, Profile, Profiles, Scope};

/// The addresses of the server that the profiles name.
pub(crate) const SERVER: &str = "https://bao.example:8200";
/// The namespace that pods go into.
pub(crate) const NAMESPACE: &str = "shop";

/// Everything that a decision takes beside the pod.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) namespace: NamespaceFacts,
    pub(crate) profiles: Profiles,
    pub(crate) operator: Operator,
}

impl World {
    /// A world with these profiles.
    pub(crate) fn new(profiles: Profiles) -> Self {
        let name = NAMESPACE.to_owned();
        Self {
            namespace: NamespaceFacts {
                name,
                ..NamespaceFacts::default()
            },
            profiles,
            operator: Operator {
                image: "registry.example/cloudtaser:1".to_owned(),
            },
        }
    }

    /// The profile `default` allows what it allows by itself, `open` everything; `inline` has the
    /// authorities in it and is strict, and `elsewhere` is not for this namespace.
    pub(crate) fn standard() -> Self {
        let server = json!({"addresses": [SERVER]});
        let every = [
            "paths",
            "delivery",
            "protection",
            "address",
            "role",
            "authMethod",
            "authPath",
            "namespace",
            "skipVerify",
        ];
        let inline = json!({"addresses": [SERVER], "ca": {"inline": "AUTHORITIES"}});
        let protection = json!({"minimum": "secretmem", "enforcer": "require"});
        let cluster = [
            ("default", json!({"server": server})),
            ("open", json!({"server": server, "overrides": every})),
            (
                "inline",
                json!({"server": inline, "overrides": ["paths"], "protection": protection}),
            ),
            (
                "elsewhere",
                json!({"server": server, "namespaces": {"names": ["other"]}}),
            ),
        ];
        Self::new(Profiles {
            namespaced: Vec::new(),
            cluster: cluster.map(|(name, spec)| profile(name, &spec)).into(),
        })
    }

    /// What was found of what is needed. A name that begins with `x` is not there, one that begins
    /// with `u` was not read.
    pub(crate) fn facts(&self, needs: &Needs) -> Facts {
        let mut facts = Facts::default();
        for image in &needs.images {
            let fact = match image.as_bytes().first() {
                Some(b'x') => ImageFact::Failed("the registry does not answer".to_owned()),
                _ => ImageFact::Found(Arc::new(ImageConfig {
                    entrypoint: vec!["/entry".to_owned(), "$(HOME)".to_owned()],
                    command: vec!["run".to_owned()],
                    os: "linux".to_owned(),
                    architecture: "amd64".to_owned(),
                })),
            };
            facts.images.insert(image.clone(), fact);
        }
        for key in &needs.deciding_sources {
            let (SourceKey::ConfigMap(name) | SourceKey::Secret(name)) = key;
            let values: [(&str, &[u8]); 2] = [("a", b"plain"), ("b", b"vault:secret/db#user")];
            let fact = match name.as_bytes().first() {
                Some(b'u') => continue,
                Some(b'x') => SourceFact::Missing,
                Some(b'p') => SourceFact::new(values.into_iter().take(1)),
                _ => SourceFact::new(values),
            };
            facts.sources.insert(key.clone(), fact);
        }
        facts
    }
}

fn profile(name: &str, spec: &Value) -> Profile {
    Profile {
        name: name.to_owned(),
        scope: Scope::Cluster,
        generation: None,
        spec: serde_json::from_value(spec.clone()).expect("a profile of ours"),
    }
}
