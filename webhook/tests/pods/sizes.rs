//! A small pod that would become a large one is refused before the large one is made.

use std::sync::Arc;

use cloudtaser_webhook::decide::{Decision, ImageFact, MOST_ADDED, Refusal};
use cloudtaser_webhook::image::ImageConfig;
use serde_json::{Value, json};

use crate::support::Case;

/// A pod of so many containers, each of the image `one`.
fn many(containers: usize, annotations: &Value) -> Value {
    let of = |number| json!({"name": format!("c{number}"), "image": "one"});
    let containers: Vec<Value> = (0..containers).map(of).collect();
    let mut pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web", "annotations": {"cloudtaser.io/inject": "true"}},
        "spec": {"containers": containers},
    });
    for (name, value) in annotations.as_object().into_iter().flatten() {
        pod["metadata"]["annotations"][name] = value.clone();
    }
    pod
}

fn case(pod: Value, profile: &Value, command: &str) -> Case {
    let mut case = Case::new(pod, profile);
    let image = ImageConfig {
        command: vec![command.to_owned()],
        ..ImageConfig::default()
    };
    let fact = ImageFact::Found(Arc::new(image));
    case.facts.images.insert("one".to_owned(), fact);
    case
}

#[track_caller]
fn assert_refused(case: &Case) {
    let decision = case.run().verdict.decision;
    let Decision::Deny(refusal) = decision else {
        panic!("not refused");
    };
    assert!(matches!(*refusal, Refusal::TooLarge { .. }), "{refusal}");
    assert!(refusal.to_string().contains("1024 KiB"), "{refusal}");
}

/// Injected, and no more than the limit and the pointers of the operations, both of which Base64
/// lengthens by a third.
#[track_caller]
fn assert_injected(case: &Case) {
    let outcome = case.run();
    let decision = &outcome.verdict.decision;
    assert!(matches!(decision, Decision::Inject(_)), "{decision:?}");
    let bytes = serde_json::to_vec(&outcome.patch).unwrap().len();
    assert!(bytes < 2 * MOST_ADDED, "{bytes}");
}

#[test]
fn containers_alone_are_enough() {
    assert_injected(&case(many(100, &Value::Null), &Value::Null, "/app"));
    assert_refused(&case(many(1000, &Value::Null), &Value::Null, "/app"));
}

#[test]
fn the_authorities_of_a_profile_count_in_each_container() {
    let text = format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----",
        "A".repeat(60_000)
    );
    let profile = json!({"server": {"ca": {"inline": text}}});
    assert_injected(&case(many(10, &Value::Null), &profile, "/app"));
    assert_refused(&case(many(40, &Value::Null), &profile, "/app"));
}

#[test]
fn the_command_of_an_image_counts_in_each_container() {
    let command = "x".repeat(60_000);
    assert_injected(&case(many(10, &Value::Null), &Value::Null, &command));
    assert_refused(&case(many(40, &Value::Null), &Value::Null, &command));
    // As JSON has it, where a control character takes six bytes.
    let command = "\u{1}".repeat(60_000);
    assert_refused(&case(many(10, &Value::Null), &Value::Null, &command));
}

#[test]
fn the_files_of_an_annotation_count_in_each_container() {
    let line = format!("/run/secrets/x=vault:secret/a#{}", "b".repeat(200));
    let files = vec![line; 200].into_iter().enumerate();
    let files: Vec<String> = files
        .map(|(number, line)| line.replace("/x=", &format!("/x{number}=")))
        .collect();
    let annotations = json!({"cloudtaser.io/files": files.join("\n")});
    assert_injected(&case(many(10, &annotations), &Value::Null, "/app"));
    assert_refused(&case(many(40, &annotations), &Value::Null, "/app"));
}

#[test]
fn no_more_images_are_looked_up_than_a_pod_has() {
    let pod = |count: usize| {
        let mut pod = many(count, &Value::Null);
        for (number, container) in pod["spec"]["containers"]
            .as_array_mut()
            .unwrap()
            .iter_mut()
            .enumerate()
        {
            container["image"] = format!("i{number:03}").into();
        }
        Case::new(pod, &Value::Null)
    };
    assert_eq!(pod(20).needs().images.len(), 20);
    let mut case = pod(100);
    let asked = case.needs().images;
    assert_eq!(asked.len(), 32);
    for name in asked {
        let image = ImageConfig {
            command: vec!["/app".to_owned()],
            ..ImageConfig::default()
        };
        let fact = ImageFact::Found(Arc::new(image));
        case.facts.images.insert(name, fact);
    }
    let Decision::Deny(refusal) = case.run().verdict.decision else {
        panic!("not refused");
    };
    let text = refusal.to_string();
    assert!(
        text.contains("`c32`") && text.contains("32 other images"),
        "{text}"
    );
}

#[test]
fn a_long_name_is_not_repeated_by_every_warning() {
    // As long as a name may be; a longer one is refused (`names`).
    let name = "n".repeat(61);
    let variables = |count: usize| -> Vec<Value> {
        let of = |number| json!({"name": format!("V{number}"), "value": "vault:secret/a#b"});
        (0..count).map(of).collect()
    };
    let arguments: Vec<String> = (0..5_000).map(|number| format!("$(V{number})")).collect();
    let mut pod = many(2, &Value::Null);
    for container in pod["spec"]["containers"].as_array_mut().unwrap() {
        container["name"] = format!("{}{name}", container["name"].as_str().unwrap()).into();
        container["args"] = json!(arguments);
        container["env"] = json!(variables(5_000));
    }
    let warnings = case(pod, &Value::Null, "/app").run().verdict.warnings;
    let bytes: usize = warnings.iter().map(String::len).sum();
    assert!(!warnings.is_empty() && bytes < (1 << 20), "{bytes}");
}

#[test]
fn an_image_of_the_node_alone_refuses_its_own_container_only() {
    let mut pod = many(2, &Value::Null);
    pod["spec"]["containers"][1]["imagePullPolicy"] = "Never".into();
    pod["spec"]["containers"][1]["command"] = json!(["/own"]);
    let never = case(pod.clone(), &Value::Null, "/app");
    assert_eq!(never.needs().images.len(), 1, "the other one is asked for");
    assert_injected(&never);
    // Without its own command it is refused, whatever a registry says.
    pod["spec"]["containers"][1]["command"] = Value::Null;
    let Decision::Deny(refusal) = case(pod.clone(), &Value::Null, "/app")
        .run()
        .verdict
        .decision
    else {
        panic!("not refused");
    };
    let text = refusal.to_string();
    assert!(text.contains("`c1`") && text.contains("Never"), "{text}");
    // And where it is alone, nobody is asked.
    pod["spec"]["containers"].as_array_mut().unwrap().remove(0);
    assert!(Case::new(pod, &Value::Null).needs().images.is_empty());
}
