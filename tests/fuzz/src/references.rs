//! References in what a container's environment holds: a value of its own, a key of a ConfigMap or
//! Secret, or all of them.
//!
//! The webhook only recognises references; the wrapper reads them. Here both look at the same text.
//! Where the webhook sees none, the wrapper must see none either: a container that is not wrapped
//! would get the reference's text for a secret.

use std::collections::BTreeMap;

use cloudtaser_abi::reference::holds_reference;
use json_patch::Patch;
use k8s_openapi::api::core::v1::Pod;
use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::admit::{admit, containers, is_wrapped, review_of};
use crate::decide::{Decision, Facts, Input, SourceFact, needs};
use crate::engine;
use crate::reference::{Schemes, template};
use crate::world::World;

/// The bytes are the value of a key `k`; those that are text also a variable's.
pub fn check(data: &[u8]) {
    let fact = SourceFact::new([("k", data), ("plain", b"text".as_slice())]);
    let SourceFact::Found {
        keys,
        reference_keys,
    } = &fact
    else {
        panic!("values were there");
    };
    assert_eq!(keys.len(), 2);
    let text = str::from_utf8(data);
    let holds = text.is_ok_and(holds_reference);
    assert_eq!(reference_keys.iter().eq(["k"]), holds);
    if let Ok(text) = text {
        check_readers(text, holds);
        check_value(text, holds);
    }
    for kind in ["configMap", "secret"] {
        let by_key = json!({"env": [{"name": "V", "valueFrom":
            {format!("{kind}KeyRef"): {"name": "source", "key": "k"}}}]});
        let whole = json!({"envFrom": [{format!("{kind}Ref"): {"name": "source"}}]});
        let other = json!({"env": [{"name": "V", "valueFrom":
            {format!("{kind}KeyRef"): {"name": "source", "key": "plain"}}}]});
        for (container, is_expected) in [(by_key, holds), (whole, holds), (other, false)] {
            assert_eq!(wraps_init(&container, &fact), is_expected, "{container}");
        }
    }
}

/// The wrapper's reader finds nothing where the webhook found nothing.
fn check_readers(text: &str, holds: bool) {
    let schemes = Schemes::new(["local", "openbao"]);
    let found = match template::parse(text, &schemes) {
        Ok(template) => template.references().next().is_some(),
        Err(_) => true,
    };
    assert!(holds || !found, "{text:?}");
    // The other way is one-sided by design: `$${vault:` is text to the wrapper.
    assert!(found || !holds || text.contains("$${"), "{text:?}");
}

/// A variable's own value, which may also stand in an argument.
fn check_value(text: &str, holds: bool) {
    let env = json!([{"name": "V", "value": text}]);
    let pod = json!({
        "metadata": {"annotations": {"cloudtaser.io/inject": "true"}},
        "spec": {
            "initContainers": [{"name": "init", "image": "i", "command": ["/i"], "env": env}],
            "containers": [{"name": "app", "image": "i", "command": [text, "$(V)"], "env": env}],
        },
    });
    let admitted = admit(&review_of(&pod), &World::standard()).expect("a review");
    assert!(
        admitted.is_allowed,
        "a text is no reason to refuse a pod: {text:?}"
    );
    let wrapped: BTreeMap<_, _> = containers(&admitted.pod)
        .map(|container| {
            (
                container["name"].as_str().unwrap_or_default(),
                is_wrapped(container),
            )
        })
        .collect();
    assert_eq!(wrapped, [("app", true), ("init", holds)].into(), "{text:?}");
    for container in containers(&admitted.pod) {
        assert_eq!(container["env"][0], env[0], "the value stays");
    }
}

/// Whether an init container with this environment is wrapped when its source was found so.
fn wraps_init(environment: &Value, fact: &SourceFact) -> bool {
    let mut init = json!({"name": "init", "image": "i", "command": ["/i"]});
    for (field, value) in environment.as_object().into_iter().flatten() {
        init[field] = value.clone();
    }
    let mut object = json!({
        "metadata": {"annotations": {"cloudtaser.io/inject": "true"}},
        "spec": {
            "initContainers": [init],
            "containers": [{"name": "app", "image": "i", "command": ["/a"]}],
        },
    });
    let pod = Pod::deserialize(&object).expect("a pod");
    let world = World::standard();
    let input = Input {
        pod: &pod,
        namespace: &world.namespace,
        profiles: &world.profiles,
        operator: &world.operator,
    };
    let needs = needs(&input);
    assert_eq!(needs.deciding_sources.len(), 1);
    let mut facts = Facts::default();
    let sources = needs.deciding_sources.into_iter();
    facts.sources.extend(sources.map(|key| (key, fact.clone())));
    let outcome = engine::run(&input, &object, &facts).expect("a patch");
    assert!(matches!(outcome.verdict.decision, Decision::Inject(_)));
    let Patch(operations) = &outcome.patch;
    json_patch::patch(&mut object, operations).expect("the patch fits");
    let mut init = containers(&object).filter(|container| container["name"] == "init");
    init.next().is_some_and(is_wrapped)
}
