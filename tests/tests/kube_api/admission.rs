//! When the server asks a mutating webhook: the same small one throughout, which is not ours.

use cloudtaser_tests::kube::namespace::pod;
use cloudtaser_tests::kube::webhook::{labelled, marked};
use cloudtaser_tests::kube::{Api, Hook, Mutating, path};
use cloudtaser_tests::process::eventually;
use serde_json::{Value, json};

#[test]
fn a_webhook_changes_what_is_created_and_what_is_tried() {
    let (api, hook) = (Api::shared(), Hook::start());
    let namespace = api.namespace("hook");
    let _name = hook.register(api, &namespace, &Mutating::all(), &pod("probe"));
    let created = api.admin().create(&namespace.pods(), &pod("real"));
    assert!(marked(&created), "{created}");
    let tried = api.admin().dry_run(&namespace.pods(), &pod("tried"));
    assert!(marked(&tried.clone().ok("a dry run")), "{tried:?}");
    for (name, dry) in [("real", false), ("tried", true)] {
        let seen = hook.seen(name);
        assert_eq!(seen.len(), 1, "{seen:?}");
        assert_eq!(seen[0]["dryRun"], dry);
        assert_eq!(seen[0]["operation"], "CREATE");
        assert_eq!(seen[0]["namespace"], namespace.name.as_str());
        assert_eq!(seen[0]["kind"]["kind"], "Pod");
        // The server has filled in what the pod left open.
        assert_eq!(seen[0]["object"]["spec"]["serviceAccountName"], "default");
    }
}

#[test]
fn a_webhook_is_not_asked_about_other_namespaces() {
    let (api, hook) = (Api::shared(), Hook::start());
    let (mine, other) = (api.namespace("hook"), api.namespace("hook"));
    let _name = hook.register(api, &mine, &Mutating::all(), &pod("probe"));
    let created = api.admin().create(&other.pods(), &pod("elsewhere"));
    assert!(!marked(&created), "{created}");
    assert_eq!(hook.seen("elsewhere"), [] as [Value; 0]);
    let created = api.admin().create(&mine.pods(), &pod("here"));
    assert!(marked(&created), "{created}");
}

#[test]
fn a_webhook_is_asked_about_selected_objects_only() {
    let (api, hook) = (Api::shared(), Hook::start());
    let namespace = api.namespace("hook");
    let narrowed = Mutating::with(json!({
        "objectSelector": { "matchLabels": { "inject": "yes" } },
    }));
    let wanted = |name: &str| labelled(name, &json!({ "inject": "yes" }));
    let _name = hook.register(api, &namespace, &narrowed, &wanted("probe"));
    for (name, object, is_asked) in [
        ("without", pod("without"), false),
        (
            "other",
            labelled("other", &json!({ "inject": "no" })),
            false,
        ),
        ("with", wanted("with"), true),
    ] {
        let created = api.admin().create(&namespace.pods(), &object);
        assert_eq!(marked(&created), is_asked, "{created}");
        assert_eq!(hook.seen(name).len(), usize::from(is_asked), "{name}");
    }
}

#[test]
fn a_webhook_is_asked_where_its_conditions_match_only() {
    let (api, hook) = (Api::shared(), Hook::start());
    let namespace = api.namespace("hook");
    let expression = "has(object.metadata.annotations) && \
                      'inject' in object.metadata.annotations";
    let narrowed = Mutating::with(json!({
        "matchConditions": [{ "name": "opted-in", "expression": expression }],
    }));
    let wanted = |name: &str| {
        let mut object = pod(name);
        object["metadata"]["annotations"] = json!({ "inject": "" });
        object
    };
    let _name = hook.register(api, &namespace, &narrowed, &wanted("probe"));
    for (name, object, is_asked) in [
        ("without", pod("without"), false),
        ("with", wanted("with"), true),
    ] {
        let created = api.admin().create(&namespace.pods(), &object);
        assert_eq!(marked(&created), is_asked, "{created}");
        assert_eq!(hook.seen(name).len(), usize::from(is_asked), "{name}");
    }
}

#[test]
fn without_its_webhook_a_pod_is_refused_or_let_through_as_the_policy_says() {
    let (api, hook) = (Api::shared(), Hook::start());
    let (closed, open) = (api.namespace("hook"), api.namespace("hook"));
    let _name = hook.register(api, &closed, &Mutating::all(), &pod("probe"));
    let ignoring = Mutating::with(json!({ "failurePolicy": "Ignore" }));
    let _name = hook.register(api, &open, &ignoring, &pod("probe"));
    drop(hook);
    // The server may hold a connection that was made before.
    let refusal = |body: &Value| body["message"].as_str().unwrap_or_default().to_owned();
    let is_refused = || {
        let reply = api.admin().dry_run(&closed.pods(), &pod("app"));
        reply.status == 500 && refusal(&reply.body).contains("failed calling webhook")
    };
    assert!(eventually(is_refused));
    let created = api.admin().create(&open.pods(), &pod("app"));
    assert!(!marked(&created), "{created}");
}

#[test]
fn a_webhook_is_not_asked_any_more_when_its_configuration_is_gone() {
    let (api, hook) = (Api::shared(), Hook::start());
    let namespace = api.namespace("hook");
    let name = hook.register(api, &namespace, &Mutating::all(), &pod("probe"));
    let group = "admissionregistration.k8s.io/v1";
    let path = path::cluster(group, "mutatingwebhookconfigurations");
    api.admin().delete(&format!("{path}/{name}"));
    let is_left_alone = || {
        let tried = api.admin().dry_run(&namespace.pods(), &pod("app"));
        !marked(&tried.ok("a dry run"))
    };
    assert!(eventually(is_left_alone));
}
