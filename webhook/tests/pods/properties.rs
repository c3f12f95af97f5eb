//! Properties over generated pods: what is not ours stays, twice is once, nothing panics.

use crate::support::Case;
use cloudtaser_webhook::decide::Decision;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Texts with the characters that mean something to somebody on the way.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z/$(){}#:?\\\\\"' \n]{0,12}",
        Just("vault:secret/db#password".to_owned()),
        Just("x${bao:secret/db#user}".to_owned()),
        ".{0,8}",
    ]
}

fn variable() -> impl Strategy<Value = Value> {
    ("[A-Z][A-Z_]{0,6}", option::of(text()), any::<bool>()).prop_map(
        |(name, value, is_from)| match (value, is_from) {
            (Some(value), _) => json!({"name": name, "value": value}),
            (None, true) => {
                json!({"name": name, "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}})
            }
            (None, false) => json!({"name": name}),
        },
    )
}

fn container(name: String) -> impl Strategy<Value = Value> {
    let list = || option::of(vec(text(), 0..3));
    (
        list(),
        list(),
        option::of(vec(variable(), 0..4)),
        any::<u8>(),
    )
        .prop_map(move |(command, args, env, bits)| {
            let mut container =
                json!({"name": name, "image": "i", "unknownField": {"a": [1, null]}});
            let mut set = |key: &str, value: Option<Value>| {
                if let Some(value) = value {
                    container[key] = value;
                }
            };
            set("command", command.map(Value::from));
            set("args", args.map(Value::from));
            set("env", env.map(Value::from));
            let bit = |n: u8| bits & (1 << n) != 0;
            let exec = json!({"exec": {"command": ["/probe", "$(A)"]}, "timeoutSeconds": 3});
            set("livenessProbe", bit(0).then(|| exec.clone()));
            set("lifecycle", bit(1).then(|| json!({"preStop": exec})));
            set(
                "volumeMounts",
                bit(2).then(|| json!([{"name": "v", "mountPath": "/data"}])),
            );
            set(
                "envFrom",
                bit(3).then(|| json!([{"configMapRef": {"name": "c"}}])),
            );
            set("restartPolicy", bit(4).then(|| json!("Always")));
            container
        })
}

fn containers(prefix: &'static str, sizes: std::ops::Range<usize>) -> impl Strategy<Value = Value> {
    let indexes = sizes.prop_map(|size| (0..size).collect::<Vec<_>>());
    indexes
        .prop_flat_map(move |indexes| {
            indexes
                .into_iter()
                .map(|n| container(format!("{prefix}{n}")))
                .collect::<Vec<_>>()
        })
        .prop_map(Value::from)
}

fn annotations() -> impl Strategy<Value = Map<String, Value>> {
    let ours = prop::sample::select(vec![
        ("cloudtaser.io/secret-paths", "a,b#2?"),
        ("cloudtaser.io/env-map", "x=Y"),
        ("cloudtaser.io/files", "/a=vault:b#c"),
        ("cloudtaser.io/probes", "wrap"),
        ("cloudtaser.io/init-containers", "all"),
        ("cloudtaser.io/grace", "2m"),
        ("cloudtaser.io/skip-containers", "app0"),
        ("cloudtaser.io/delivery", "environ"),
        ("example.com/other", "~1/"),
    ]);
    vec(ours, 0..4).prop_map(|pairs| {
        let inject = [("cloudtaser.io/inject", "true")];
        let all = inject.into_iter().chain(pairs);
        all.map(|(key, value)| (key.to_owned(), value.into()))
            .collect()
    })
}

fn case() -> impl Strategy<Value = Case> {
    (
        annotations(),
        option::of(containers("init", 0..3)),
        containers("app", 1..4),
        any::<bool>(),
    )
        .prop_map(|(annotations, init, app, has_volumes)| {
            let mut spec = json!({"containers": app, "futureField": 1.50});
            if let Some(init) = init {
                spec["initContainers"] = init;
            }
            if has_volumes {
                spec["volumes"] = json!([{"name": "v", "emptyDir": {}}]);
            }
            let metadata = json!({"name": "p", "annotations": annotations});
            let pod =
                json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec});
            let mut case = Case::new(pod, &Value::Null);
            let image = cloudtaser_webhook::image::ImageConfig {
                entrypoint: vec!["/entry".to_owned()],
                ..Default::default()
            };
            let fact = cloudtaser_webhook::decide::ImageFact::Found(image.into());
            case.facts.images.insert("i".to_owned(), fact);
            case
        })
}

/// The pod without what is ours, so that what is left must be what was there.
fn without_ours(pod: &Value, before: &Value) -> Value {
    let mut pod = pod.clone();
    let drop_named = |list: &mut Value, is_ours: &dyn Fn(&str) -> bool| {
        if let Some(items) = list.as_array_mut() {
            items.retain(|item| !item["name"].as_str().is_some_and(is_ours));
        }
    };
    let starts = |name: &str| name.starts_with("cloudtaser-");
    drop_named(&mut pod["spec"]["volumes"], &starts);
    drop_named(&mut pod["spec"]["initContainers"], &starts);
    if let Some(annotations) = pod["metadata"]["annotations"].as_object_mut() {
        annotations.remove("cloudtaser.io/status");
        annotations.remove("cloudtaser.io/applied-profile");
    }
    pod["spec"]["terminationGracePeriodSeconds"] =
        before["spec"]["terminationGracePeriodSeconds"].clone();
    for list in ["initContainers", "containers"] {
        let old = before["spec"][list].as_array().cloned().unwrap_or_default();
        let new = pod["spec"][list].as_array_mut();
        for (container, old) in new.into_iter().flatten().zip(&old) {
            drop_named(&mut container["volumeMounts"], &starts);
            let own = old["env"].as_array().into_iter().flatten();
            let own: Vec<&str> = own
                .filter_map(|variable| variable["name"].as_str())
                .collect();
            let is_ours = |name: &str| {
                let mut prefixes = ["CLOUDTASER_", "VAULT_", "BAO_"].iter();
                prefixes.any(|prefix| name.starts_with(prefix)) && !own.contains(&name)
            };
            drop_named(&mut container["env"], &is_ours);
            for path in ["command", "args"] {
                container[path] = old[path].clone();
            }
            for path in [
                "/livenessProbe/exec/command",
                "/lifecycle/preStop/exec/command",
            ] {
                if let (Some(new), Some(old)) = (container.pointer_mut(path), old.pointer(path)) {
                    *new = old.clone();
                }
            }
        }
    }
    pod
}

/// Empty lists and nulls count as absent.
fn tidy(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().map(|(key, value)| (key.clone(), tidy(value)));
            kept.filter(|(_, value)| !value.is_null() && *value != json!([]))
                .collect()
        }
        Value::Array(items) => items.iter().map(tidy).collect(),
        other => other.clone(),
    }
}

proptest! {
    #[test]
    fn what_is_not_ours_stays_and_twice_is_once(case in case()) {
        let mut case = case;
        let before = case.pod.clone();
        let outcome = case.run();
        json_patch::patch(&mut case.pod, &outcome.patch).unwrap();
        match outcome.verdict.decision {
            Decision::Inject(_) => {
                let again = case.run();
                prop_assert!(again.patch.is_empty(), "{:?}", again);
                let kept = without_ours(&case.pod, &before);
                prop_assert_eq!(tidy(&kept), tidy(&before));
                let first = &case.pod["spec"]["initContainers"][0]["name"];
                prop_assert_eq!(first, "cloudtaser-copy");
            }
            _ => prop_assert_eq!(&case.pod, &before),
        }
    }

    #[test]
    fn a_patch_is_the_same_every_time(case in case()) {
        let one = serde_json::to_string(&case.run().patch).unwrap();
        let other = serde_json::to_string(&case.run().patch).unwrap();
        prop_assert_eq!(one, other);
    }

    #[test]
    fn annotations_never_panic(pairs in btree_map(key(), ".{0,40}", 0..6)) {
        let mut pairs: Map<String, Value> =
            pairs.into_iter().map(|(key, value)| (key, value.into())).collect();
        pairs.insert("cloudtaser.io/inject".to_owned(), "true".into());
        let container = json!({"name": "app", "image": "i", "command": ["x"]});
        let case = Case::new(
            json!({"metadata": {"annotations": pairs}, "spec": {"containers": [container]}}),
            &json!({"overrides": ["paths", "delivery", "address", "role", "authMethod", "authPath",
                "namespace", "skipVerify", "protection"]}),
        );
        // No line of ours may be begun by a value.
        for operation in case.run().patch.iter() {
            if let json_patch::PatchOperation::Add(add) = operation {
                let name = add.value["name"].as_str().unwrap_or_default();
                let is_one_line = ["CLOUDTASER_ADDR", "CLOUDTASER_ROLE"].contains(&name);
                let value = add.value["value"].as_str().unwrap_or_default();
                prop_assert!(!is_one_line || !value.contains('\n'), "{}", value);
            }
        }
    }

    #[test]
    fn reviews_never_panic(body in vec(any::<u8>(), 0..200)) {
        prop_assert!(cloudtaser_webhook::review::decode(&body).is_err());
    }

    #[test]
    fn addresses_never_panic_and_keep_their_meaning(text in "(https?://)?[a-zA-Z0-9.:/@#?\\[\\]x-]{0,30}") {
        use cloudtaser_webhook::address::{Origin, check};
        let origin = Origin::Pod { allows_private: false };
        if let Ok(address) = check(&text, origin) {
            prop_assert_eq!(check(&address, origin), Ok(address.clone()));
        }
    }
}

fn key() -> impl Strategy<Value = String> {
    let known = cloudtaser_abi::annotation::ANNOTATIONS
        .iter()
        .map(|annotation| annotation.key);
    prop_oneof![
        prop::sample::select(known.map(str::to_owned).collect::<Vec<_>>()),
        "cloudtaser.io/[a-z-]{1,12}",
        "vault.hashicorp.com/(agent-inject-secret-[a-z]{1,3}|role|service|agent-[a-z]{1,5})",
        "vault.security.banzaicloud.io/(vault-)?(addr|role|path|from-path|[a-z]{1,8})",
    ]
}
