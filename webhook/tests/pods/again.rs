//! Pods that were injected before, or look so: what another webhook exchanges after us is wrapped
//! (W13), and whoever imitates a part of it gets no program without protection (H1).
//!
//! Every change is one that a pod's author can make himself, so each is also asked of the policy.

use crate::policy::{Outcome as Judged, policy};
use crate::support::Case;
use cloudtaser_webhook::decide::{Decision, Refusal};
use serde_json::{Value, json};

const WRAPPER: [&str; 3] = ["/cloudtaser/bin/cloudtaser", "run", "--"];

fn injected() -> Case {
    let pod = json!({
        "metadata": {"name": "web", "annotations": {
            "cloudtaser.io/inject": "true",
            "cloudtaser.io/secret-paths": "secret/db",
        }},
        "spec": {
            "initContainers": [{
                "name": "migrate", "image": "shop/migrate:1", "command": ["/migrate"],
                "env": [{"name": "URL", "value": "vault:secret/db#url"}],
            }],
            "containers": [
                {"name": "app", "image": "shop/web:1", "command": ["/srv/web"], "args": ["-v"]},
                {"name": "other", "image": "shop/web:1", "command": ["/srv/other"]},
            ],
        },
    });
    let mut case = Case::new(pod, &Value::Null);
    apply(&mut case);
    assert_eq!(policy(&case.pod), Judged::Admitted);
    case
}

fn apply(case: &mut Case) {
    let outcome = case.run();
    assert!(
        matches!(outcome.verdict.decision, Decision::Inject(_)),
        "{:?}",
        outcome.verdict
    );
    json_patch::patch(&mut case.pod, &outcome.patch).unwrap();
}

fn app(pod: &mut Value) -> &mut Value {
    &mut pod["spec"]["containers"][0]
}

#[test]
fn w13_an_exchanged_command_is_wrapped_again_and_nothing_else_changes() {
    for (command, args, expected) in [
        (
            json!(["/new"]),
            json!(["/srv/web", "-v"]),
            json!(["/new", "/srv/web", "-v"]),
        ),
        (
            json!(["/new", "a b", ""]),
            Value::Null,
            json!(["/new", "a b", ""]),
        ),
        // A program before ours: the wrapper stands once, and first.
        (
            json!(["/trace", "--", WRAPPER[0], "run", "--"]),
            json!(["/srv/web", "-v"]),
            json!(["/trace", "--", "/srv/web", "-v"]),
        ),
    ] {
        let mut case = injected();
        let before = case.pod.clone();
        app(&mut case.pod)["command"] = command;
        app(&mut case.pod)["args"] = args;
        assert!(matches!(policy(&case.pod), Judged::Refused(_)));
        let outcome = case.run();
        assert_eq!(
            (outcome.decision(), outcome.reason()),
            ("complete", "completed")
        );
        assert_eq!(outcome.verdict.warnings, Vec::<String>::new());
        apply(&mut case);
        let mut wanted = before;
        app(&mut wanted)["args"] = expected;
        assert_eq!(case.pod, wanted);
        assert_eq!(case.run().decision(), "unchanged");
        assert!(case.run().patch.is_empty());
        assert_eq!(policy(&case.pod), Judged::Admitted);
    }
}

/// Without a command, what starts is the image's: with the arguments that are there.
#[test]
fn w13_a_command_that_was_taken_out_is_the_images() {
    let mut case = injected();
    let _old = app(&mut case.pod)
        .as_object_mut()
        .unwrap()
        .remove("command");
    let image = cloudtaser_webhook::image::ImageConfig {
        entrypoint: vec!["/entry".to_owned()],
        ..Default::default()
    };
    let Decision::Deny(refusal) = case.run().verdict.decision else {
        panic!("nobody knows what it starts");
    };
    assert_eq!(refusal.reason(), "image_unknown");
    assert_eq!(case.needs().images.len(), 1);
    let fact = cloudtaser_webhook::decide::ImageFact::Found(image.into());
    case.facts.images.insert("shop/web:1".to_owned(), fact);
    apply(&mut case);
    assert_eq!(app(&mut case.pod)["command"], json!(WRAPPER));
    assert_eq!(
        app(&mut case.pod)["args"],
        json!(["/entry", "/srv/web", "-v"])
    );
}

#[test]
fn w13_an_init_container_stays_wrapped_when_what_decided_about_it_is_gone() {
    let mut case = injected();
    let init = &mut case.pod["spec"]["initContainers"][1];
    init["command"] = json!(["/new"]);
    let env = init["env"].as_array_mut().unwrap();
    env[0] = json!({"name": "URL", "valueFrom": {"configMapKeyRef": {"name": "gone", "key": "k"}}});
    let gone = cloudtaser_webhook::decide::SourceKey::ConfigMap("gone".to_owned());
    let missing = cloudtaser_webhook::decide::SourceFact::Missing;
    case.facts.sources.insert(gone, missing);
    apply(&mut case);
    let init = &case.pod["spec"]["initContainers"][1];
    assert_eq!(
        (&init["command"], &init["args"]),
        (&json!(WRAPPER), &json!(["/new", "/migrate"]))
    );
}

/// One that has a part of what we add: refused, whatever it starts.
#[test]
fn h1_a_half_injected_container_is_refused() {
    type Change = (&'static str, &'static str, fn(&mut Value));
    let changes: [Change; 12] = [
        ("no variables", "not_as_injected", |c| c["env"] = json!([])),
        ("another server", "not_as_injected", |c| {
            c["env"][1] = json!({"name": "CLOUDTASER_ADDR", "value": "https://evil.example"});
        }),
        ("another server, behind ours", "not_as_injected", |c| {
            let env = c["env"].as_array_mut().unwrap();
            env.push(json!({"name": "CLOUDTASER_ADDR", "value": "https://evil.example"}));
        }),
        ("a server from elsewhere", "not_as_injected", |c| {
            let from = json!({"configMapKeyRef": {"name": "evil", "key": "k"}});
            c["env"][1] = json!({"name": "CLOUDTASER_ADDR", "valueFrom": from});
        }),
        ("less protection", "not_as_injected", |c| {
            let env = c["env"].as_array_mut().unwrap();
            env.retain(|variable| variable["name"] != "CLOUDTASER_MIN_PROTECTION");
        }),
        ("authorities", "not_as_injected", |c| {
            let env = c["env"].as_array_mut().unwrap();
            env.push(json!({"name": "VAULT_CAPATH", "value": "/evil"}));
        }),
        ("variables from a ConfigMap", "not_as_injected", |c| {
            c["envFrom"] = json!([{"configMapRef": {"name": "evil"}}]);
        }),
        ("another container's name", "not_as_injected", |c| {
            let env = c["env"].as_array_mut().unwrap();
            let mut own = env
                .iter_mut()
                .filter(|v| v["name"] == "CLOUDTASER_CONTAINER_NAME");
            own.next().unwrap()["value"] = json!("other");
        }),
        ("another pod's name", "not_as_injected", |c| {
            let env = c["env"].as_array_mut().unwrap();
            env.push(json!({"name": "CLOUDTASER_POD_NAME", "value": "other"}));
        }),
        ("no wrapper", "not_mounted", |c| {
            let _mount = c["volumeMounts"].as_array_mut().unwrap().remove(0);
        }),
        ("no identity", "not_mounted", |c| {
            let _mount = c["volumeMounts"].as_array_mut().unwrap().remove(1);
        }),
        ("something over the wrapper", "mount_taken", |c| {
            let mounts = c["volumeMounts"].as_array_mut().unwrap();
            mounts.push(json!({"name": "v", "mountPath": "/cloudtaser/bin/cloudtaser"}));
        }),
    ];
    for (what, reason, change) in changes {
        for command in [json!(["/new"]), json!(WRAPPER)] {
            let mut case = injected();
            app(&mut case.pod)["command"] = command.clone();
            // Control: without the change it is taken.
            assert!(matches!(case.run().verdict.decision, Decision::Inject(_)));
            change(app(&mut case.pod));
            let decision = case.run().verdict.decision;
            let Decision::Deny(refusal) = decision else {
                panic!("{what}, {command}: {decision:?}");
            };
            assert_eq!(refusal.reason(), reason, "{what}, {command}: {refusal}");
        }
    }
}

/// The wrapper's options count before its variables.
#[test]
fn h1_the_wrapper_with_options_of_its_own_is_refused() {
    for command in [
        json!([WRAPPER[0], "run", "--addr", "https://evil.example", "--"]),
        json!([WRAPPER[0], "run", "--min-protection=none", "--"]),
        json!([WRAPPER[0], "run"]),
        json!([WRAPPER[0], "doctor"]),
        json!([WRAPPER[0]]),
    ] {
        let mut case = injected();
        app(&mut case.pod)["command"] = command.clone();
        let Decision::Deny(refusal) = case.run().verdict.decision else {
            panic!("{command}");
        };
        assert!(
            matches!(*refusal, Refusal::WrapperOptions { .. }),
            "{refusal}"
        );
        assert!(matches!(policy(&case.pod), Judged::Refused(_)), "{command}");
    }
    // Control: the program in `command` too.
    let mut case = injected();
    app(&mut case.pod)["command"] = json!([WRAPPER[0], "run", "--", "/srv/web"]);
    assert_eq!(case.run().decision(), "unchanged");
    assert_eq!(policy(&case.pod), Judged::Admitted);
}

#[test]
fn the_profile_that_counted_is_written_over_what_the_author_wrote() {
    let pod = |claim: &str| {
        json!({
            "metadata": {"name": "web", "annotations": {
                "cloudtaser.io/inject": "true", "cloudtaser.io/applied-profile": claim,
            }},
            "spec": {"containers": [{"name": "app", "image": "i", "command": ["/srv/web"]}]},
        })
    };
    let mut case = Case::new(pod("strict@1"), &Value::Null);
    case.profiles.cluster[0].generation = Some(3);
    let key = "cloudtaser.io/applied-profile";
    apply(&mut case);
    assert_eq!(case.pod["metadata"]["annotations"][key], "default@3");
    assert!(case.run().patch.is_empty());
    // Also where all else is as we would have it.
    case.pod["metadata"]["annotations"][key] = json!("strict@1");
    assert_eq!(case.run().decision(), "unchanged");
    apply(&mut case);
    assert_eq!(case.pod["metadata"]["annotations"][key], "default@3");
    // One of the pod's namespace says so.
    let mut own = case.profiles.cluster.remove(0);
    own.scope = cloudtaser_webhook::profile::Scope::Namespace;
    case.profiles.namespaced.push(own);
    apply(&mut case);
    assert_eq!(case.pod["metadata"]["annotations"][key], "shop/default@3");
}
