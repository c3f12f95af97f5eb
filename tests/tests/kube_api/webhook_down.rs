//! W33: what happens while the webhook is down, or its configuration gone: pods that opted in are
//! refused, all others and the webhook's own are created.

use cloudtaser_tests::kube::installed::{INJECT, NAMESPACE, is_wrapped, wanted};
use cloudtaser_tests::kube::namespace::pod;
use cloudtaser_tests::kube::{Installed, Namespace, path};
use cloudtaser_tests::process::eventually;
use serde_json::json;

/// A pod like the webhook's own, in its namespace.
fn own_pod_is_created(installed: &Installed, name: &str) {
    let mut own = pod(name);
    own["spec"]["serviceAccountName"] = json!("cloudtaser-webhook");
    own["metadata"]["labels"] = json!({ "app.kubernetes.io/name": "cloudtaser-webhook" });
    let pods = path::within("v1", NAMESPACE, "pods");
    let _created = installed.api.admin().create(&pods, &own);
    // Even one that somebody has annotated.
    own["metadata"]["name"] = json!(format!("{name}-annotated"));
    own["metadata"]["annotations"] = json!({ INJECT: "true" });
    let created = installed.api.admin().create(&pods, &own);
    assert!(!is_wrapped(&created), "{created}");
}

/// Refused, with a word of why; whatever else is created.
#[track_caller]
fn fails_closed(installed: &Installed, namespace: &Namespace, name: &str, word: &str) {
    let admin = installed.api.admin();
    let reply = admin.ask("POST", &namespace.pods(), &wanted(name));
    assert!(reply.status >= 400, "{reply:?}");
    let said = reply.body["message"].as_str().unwrap();
    assert!(said.contains(word), "{said}");
    let _created = admin.create(&namespace.pods(), &pod(&format!("{name}-other")));
    own_pod_is_created(installed, name);
}

#[test]
fn down_refuses_who_opted_in_and_nobody_else_and_a_replica_heals_it() {
    let installed = Installed::new();
    let admin = installed.api.admin();
    let namespace = installed.api.namespace("down");
    // The API server must have seen the configuration: a moment after it was made.
    let is_asked = || {
        let reply = admin.dry_run(&namespace.pods(), &wanted("probe"));
        reply.body.to_string().contains("failed calling webhook")
    };
    assert!(eventually(is_asked));
    fails_closed(&installed, &namespace, "first", "failed calling webhook");

    let mut replica = installed.replica();
    let created = admin.create(&namespace.pods(), &wanted("up"));
    assert!(is_wrapped(&created), "{created}");
    // In order, then by force.
    replica.terminate();
    assert_eq!(replica.ended(), Some(0));
    fails_closed(&installed, &namespace, "second", "failed calling webhook");
    let mut replica = installed.replica();
    let created = admin.create(&namespace.pods(), &wanted("up-again"));
    assert!(is_wrapped(&created), "{created}");
    replica.kill();
    fails_closed(&installed, &namespace, "third", "failed calling webhook");

    // The configuration is gone: nobody asks us, and the policy refuses in our place.
    admin.delete(&installed.configuration());
    let is_unasked = || {
        let reply = admin.dry_run(&namespace.pods(), &wanted("probe"));
        !reply.body.to_string().contains("failed calling webhook")
    };
    assert!(eventually(is_unasked));
    fails_closed(
        &installed,
        &namespace,
        "fourth",
        "the pod opted in but did not get its wrapper",
    );

    // A replica alone does not help, and says so; with the configuration it is ready.
    let mut replica = installed.replica_unready(&[]);
    let (status, text) = replica.page("/readyz").unwrap();
    assert_eq!(status, 503);
    assert!(text.contains("[-]ca-bundle failed"), "{text}");
    fails_closed(
        &installed,
        &namespace,
        "fifth",
        "the pod opted in but did not get its wrapper",
    );
    installed.configure();
    replica.wait_ready();
}

#[test]
fn a_decision_is_a_line_of_the_log_without_the_object() {
    let installed = Installed::new();
    let replica = installed.replica();
    let namespace = installed.api.namespace("log");
    let mut object = wanted("app");
    object["spec"]["containers"][0]["env"] = json!([
        { "name": "A", "value": "vault:secret/db#password" },
        { "name": "B", "value": "marker-of-a-value" },
    ]);
    let _created = installed.api.admin().create(&namespace.pods(), &object);
    object["metadata"]["annotations"]["cloudtaser.io/profile"] = json!("no-such");
    object["metadata"]["name"] = json!("refused");
    let refused = installed
        .api
        .admin()
        .ask("POST", &namespace.pods(), &object);
    assert_eq!(refused.status, 403);
    let log = replica.log();
    let line = |name: &str| {
        let mut lines = log.iter();
        let line = lines.find(|line| line["message"] == "decided" && line["name"] == name);
        line.unwrap_or_else(|| panic!("{log:?}"))
    };
    let injected = line("app");
    assert_eq!(injected["namespace"], namespace.name.as_str());
    assert_eq!(injected["kind"], "Pod");
    assert_eq!(injected["decision"], "inject");
    assert_eq!(injected["reason"], "injected");
    assert!(injected["uid"].as_str().is_some_and(|uid| uid.len() == 36));
    assert_eq!(line("refused")["decision"], "deny");
    let all = format!("{log:?}");
    assert!(
        !all.contains("marker-of-a-value") && !all.contains("secret/db"),
        "{all}"
    );
    let counted = "cloudtaser_webhook_decisions_total{decision=\"inject\",reason=\"injected\"}";
    assert_eq!(replica.metric(counted), 1.0);
}
