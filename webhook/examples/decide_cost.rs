//! What deciding about a pod of five containers costs, patch included and nothing looked up: prints
//! nanoseconds a pod, the median of some rounds, and the same for a pod that did not opt in.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a tool of the benchmarks: a panic shows the line"
)]

use std::hint::black_box;
use std::time::Instant;

use cloudtaser_webhook::decide::{Facts, Input, Operator};
use cloudtaser_webhook::engine;
use cloudtaser_webhook::profile::{NamespaceFacts, Profile, Profiles, Scope};
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

const CONTAINERS: usize = 5;
const ROUNDS: usize = 50;
const EACH: u32 = 200;

fn pod(inject: &str) -> Value {
    let variables =
        (0..10).map(|n| json!({"name": format!("V{n}"), "value": format!("value-{n}")}));
    let mut variables: Vec<_> = variables.collect();
    variables.push(json!({"name": "PASSWORD", "value": "vault:secret/data/db#password"}));
    let containers = (0..CONTAINERS).map(|n| {
        json!({
            "name": format!("c{n}"), "image": "registry.example/app:1",
            "command": ["/app"], "args": ["--serve", "--port", "8080"], "env": variables,
            "volumeMounts": [{"name": "data", "mountPath": "/data"}],
            "livenessProbe": {"exec": {"command": ["/app", "check"]}},
        })
    });
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "app", "annotations": {"cloudtaser.io/inject": inject}},
        "spec": {
            "containers": containers.collect::<Vec<_>>(),
            "volumes": [{"name": "data", "emptyDir": {}}],
        },
    })
}

fn main() {
    let profile = Profile {
        name: "default".to_owned(),
        scope: Scope::Cluster,
        generation: None,
        spec: serde_json::from_value(
            json!({"server": {"addresses": ["https://bao.example:8200"]}}),
        )
        .unwrap(),
    };
    let profiles = Profiles {
        cluster: vec![profile],
        namespaced: Vec::new(),
    };
    let namespace = NamespaceFacts {
        name: "shop".to_owned(),
        ..NamespaceFacts::default()
    };
    let operator = Operator {
        image: "registry.example/cloudtaser:1".to_owned(),
    };
    let facts = Facts::default();
    let costs = ["true", "false"].map(|inject| {
        let object = pod(inject);
        let typed: Pod = serde_json::from_value(object.clone()).unwrap();
        let input = Input {
            pod: &typed,
            namespace: &namespace,
            profiles: &profiles,
            operator: &operator,
        };
        let outcome = engine::run(&input, &object, &facts).unwrap();
        assert_eq!(outcome.patch.is_empty(), inject == "false");
        let mut rounds: Vec<u128> = (0..ROUNDS)
            .map(|_| {
                let began = Instant::now();
                for _ in 0..EACH {
                    let _outcome = black_box(engine::run(black_box(&input), &object, &facts));
                }
                began.elapsed().as_nanos() / u128::from(EACH)
            })
            .collect();
        rounds.sort_unstable();
        rounds.get(ROUNDS / 2).copied().unwrap_or_default()
    });
    println!("{}", json!({"inject_ns": costs[0], "skip_ns": costs[1]}));
}
