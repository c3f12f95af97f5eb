//! What these tests share: cases as files, and one run of the engine.

use std::collections::BTreeMap;
use std::sync::Arc;

use cloudtaser_webhook::decide::{
    Facts, ImageFact, Input, Needs, Operator, SourceFact, SourceKey, needs,
};
use cloudtaser_webhook::engine::{self, Outcome};
use cloudtaser_webhook::image::ImageConfig;
use cloudtaser_webhook::profile::{NamespaceFacts, Profile, Profiles, Scope};
use serde_json::{Value, json};

/// A pod and everything that is known beside it.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) pod: Value,
    pub(crate) profiles: Profiles,
    pub(crate) namespace: NamespaceFacts,
    pub(crate) facts: Facts,
}

impl Case {
    /// The pod with a profile of the cluster that has `spec` over the defaults of the tests.
    pub(crate) fn new(pod: Value, spec: &Value) -> Self {
        let mut settings = json!({"server": {"addresses": ["https://bao.example:8200"]}});
        merge(&mut settings, spec);
        let profile = Profile {
            name: "default".to_owned(),
            scope: Scope::Cluster,
            generation: None,
            spec: serde_json::from_value(settings).unwrap(),
        };
        Self {
            pod,
            profiles: Profiles {
                cluster: vec![profile],
                namespaced: Vec::new(),
            },
            namespace: NamespaceFacts {
                name: "shop".to_owned(),
                labels: BTreeMap::new(),
            },
            facts: Facts::default(),
        }
    }

    /// Reads a case: `pod`, and where it needs them `profile`, `images` and `sources`.
    pub(crate) fn read(text: &str) -> Self {
        let mut file: Value = serde_saphyr::from_str(text).unwrap();
        let mut case = Self::new(file["pod"].take(), &file["profile"]);
        for (name, image) in file["images"].as_object().into_iter().flatten() {
            let fact = match image["failed"].as_str() {
                Some(problem) => ImageFact::Failed(problem.to_owned()),
                None => ImageFact::Found(Arc::new(ImageConfig {
                    entrypoint: texts(&image["entrypoint"]),
                    command: texts(&image["command"]),
                    os: image["os"].as_str().unwrap_or("linux").to_owned(),
                    architecture: "amd64".to_owned(),
                })),
            };
            case.facts.images.insert(name.clone(), fact);
        }
        for (kind, sources) in file["sources"].as_object().into_iter().flatten() {
            for (name, data) in sources.as_object().into_iter().flatten() {
                let key = match kind.as_str() {
                    "secrets" => SourceKey::Secret(name.clone()),
                    _ => SourceKey::ConfigMap(name.clone()),
                };
                let fact = match data.as_object() {
                    None => SourceFact::Missing,
                    Some(data) => SourceFact::new(
                        data.iter()
                            .map(|(k, v)| (k.as_str(), v.as_str().unwrap().as_bytes())),
                    ),
                };
                case.facts.sources.insert(key, fact);
            }
        }
        case
    }

    pub(crate) fn run(&self) -> Outcome {
        self.with(|input, facts| engine::run(input, &self.pod, facts).unwrap())
    }

    pub(crate) fn needs(&self) -> Needs {
        self.with(|input, _| needs(input))
    }

    fn with<T>(&self, call: impl FnOnce(&Input<'_>, &Facts) -> T) -> T {
        let pod = serde_json::from_value(self.pod.clone()).unwrap();
        let operator = Operator {
            image: "registry.example/cloudtaser:1".to_owned(),
        };
        let input = Input {
            pod: &pod,
            namespace: &self.namespace,
            profiles: &self.profiles,
            operator: &operator,
        };
        call(&input, &self.facts)
    }
}

fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (_, Value::Null) => {}
        (into, from) => *into = from.clone(),
    }
}

fn texts(value: &Value) -> Vec<String> {
    let items = value.as_array().into_iter().flatten();
    items
        .map(|text| text.as_str().unwrap().to_owned())
        .collect()
}
