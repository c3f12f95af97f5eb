//! The custom resources at a real API server: what their rules refuse, and the conditions that the
//! running webhook writes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cloudtaser_tests::kube::installed::wanted;
use cloudtaser_tests::kube::{Installed, Patch};
use serde_json::{Value, json};

const OURS: &str = "cloudtaser.io/v1alpha1";

fn profile(name: &str, spec: &Value) -> Value {
    json!({ "apiVersion": OURS, "kind": "CloudTaserProfile",
        "metadata": { "name": name }, "spec": spec })
}

fn usable() -> Value {
    json!({ "server": { "addresses": ["https://bao.example:8200"] } })
}

fn ready(object: &Value) -> &Value {
    &object["status"]["conditions"][0]
}

#[test]
fn a_condition_follows_its_profile() {
    let installed = Installed::shared();
    let admin = installed.api.admin();
    let namespace = installed.api.namespace("status");
    let all = namespace.path(OURS, "cloudtaserprofiles");
    let one = format!("{all}/default");
    let _object = admin.create(&all, &profile("default", &usable()));
    let object = admin.wait_until(&one, |object| ready(object)["status"] == "True");
    assert_eq!(ready(&object)["reason"], "Usable");
    assert_eq!(object["status"]["observedGeneration"], 1);
    let since = ready(&object)["lastTransitionTime"].clone();
    // Another usable spec: the generation moves, the time of the change does not.
    let change = json!({ "spec": { "auth": { "role": "web" } } });
    let _object = admin.patch(&one, Patch::Merge, &change).ok(&one);
    let is_seen = |object: &Value| object["status"]["observedGeneration"] == 2;
    let object = admin.wait_until(&one, is_seen);
    assert_eq!(ready(&object)["lastTransitionTime"], since);
    let change = json!({ "spec": { "server": { "addresses": ["https://169.254.169.254"] } } });
    let _object = admin.patch(&one, Patch::Merge, &change).ok(&one);
    let object = admin.wait_until(&one, |object| ready(object)["status"] == "False");
    assert_eq!(ready(&object)["reason"], "Unusable");
    assert_eq!(ready(&object)["observedGeneration"], 3);
    let message = ready(&object)["message"].as_str().unwrap();
    assert!(message.contains("address that cannot be used"), "{message}");
}

/// Each decision has one profile as a whole, whatever happens to it meanwhile. Where it changed
/// between the server's two questions about a pod, that pod is refused (fails closed).
#[test]
fn a_profile_that_changes_while_pods_are_made_counts_as_a_whole() {
    const CHANGES: u32 = 20;
    const LIMIT: Duration = Duration::from_secs(120);
    let installed = Installed::shared();
    let admin = installed.api.admin();
    let namespace = installed.api.namespace("changing");
    let all = namespace.path(OURS, "cloudtaserprofiles");
    let one = format!("{all}/default");
    let spec = |count: u32| {
        json!({
            "server": { "addresses": [format!("https://bao-{count}.example:8200")] },
            "auth": { "role": format!("role-{count}") },
        })
    };
    let _object = admin.create(&all, &profile("default", &spec(1)));
    let is_seen =
        |count: u32| move |object: &Value| object["status"]["observedGeneration"] == count;
    let _object = admin.wait_until(&one, is_seen(1));
    let is_over = AtomicBool::new(false);
    let generation = |pod: &Value| {
        let variables = pod["spec"]["containers"][0]["env"].as_array().unwrap();
        let value = |name: &str| {
            let found = variables.iter().find(|variable| variable["name"] == name);
            found.unwrap()["value"].as_str().unwrap().to_owned()
        };
        let applied = pod["metadata"]["annotations"]["cloudtaser.io/applied-profile"].as_str();
        let (place, count) = applied.unwrap().split_once('@').unwrap();
        assert_eq!(place, format!("{}/default", namespace.name));
        assert_eq!(
            value("CLOUDTASER_ADDR"),
            format!("https://bao-{count}.example:8200")
        );
        assert_eq!(value("CLOUDTASER_ROLE"), format!("role-{count}"));
        count.parse::<u32>().unwrap()
    };
    std::thread::scope(|scope| {
        let make = || {
            let admin = installed.api.admin();
            let mut made = 0;
            // The bound is for a test that fails.
            let start = Instant::now();
            while !is_over.load(Ordering::SeqCst) && start.elapsed() < LIMIT {
                let reply = admin.dry_run(&namespace.pods(), &wanted("app"));
                if reply.status == 201 {
                    let _count = generation(&reply.body);
                    made += 1;
                } else {
                    let said = reply.body["message"].as_str().unwrap_or_default();
                    assert!(
                        said.contains("is not as the profile `default` has it"),
                        "{reply:?}"
                    );
                }
            }
            made
        };
        let makers: Vec<_> = (0..2).map(|_| scope.spawn(make)).collect();
        for count in 2..=CHANGES {
            let change = json!({ "spec": spec(count) });
            let _object = admin.patch(&one, Patch::Merge, &change).ok(&one);
        }
        let _object = admin.wait_until(&one, is_seen(CHANGES));
        is_over.store(true, Ordering::SeqCst);
        let made: u32 = makers.into_iter().map(|maker| maker.join().unwrap()).sum();
        assert!(made > 0);
    });
    // Control: the last one counts for the next pod.
    let last = admin.create(&namespace.pods(), &wanted("last"));
    assert_eq!(generation(&last), CHANGES);
}

#[test]
fn two_replicas_do_not_fight_over_a_condition() {
    let installed = Installed::new();
    let (_one, _two) = (installed.replica(), installed.replica());
    let admin = installed.api.admin();
    let namespace = installed.api.namespace("status");
    let all = namespace.path(OURS, "cloudtaserprofiles");
    let _object = admin.create(&all, &profile("first", &usable()));
    let first = format!("{all}/first");
    let is_ready = |object: &Value| ready(object)["status"] == "True";
    let _object = admin.wait_until(&first, is_ready);
    // By the time that a later profile is judged, both have seen what either wrote of the first.
    for name in ["second", "third"] {
        let _object = admin.create(&all, &profile(name, &usable()));
        let _object = admin.wait_until(&format!("{all}/{name}"), is_ready);
    }
    let before = admin.get(&first)["metadata"]["resourceVersion"].clone();
    let _object = admin.create(&all, &profile("fourth", &usable()));
    let _object = admin.wait_until(&format!("{all}/fourth"), is_ready);
    let after = admin.get(&first);
    assert_eq!(after["metadata"]["resourceVersion"], before, "{after}");
}

#[test]
fn rules_refuse_bad_profiles_each_with_its_message() {
    let installed = Installed::shared();
    let admin = installed.api.admin();
    let namespace = installed.api.namespace("rules");
    let all = namespace.path(OURS, "cloudtaserprofiles");
    let server = |server: Value| json!({ "server": server });
    let two = ["https://a.example", "http://b.example"];
    let ca = json!({ "inline": "x", "secret": { "name": "s" } });
    let rows = [
        (
            server(json!({ "addresses": ["http://bao.example"] })),
            "set insecureHttp if that is meant",
        ),
        (
            server(json!({ "addresses": two, "insecureHttp": true })),
            "must all be https or all be http",
        ),
        (
            server(json!({ "addresses": ["https://bao.example"], "ca": ca })),
            "give exactly one of inline, configMap, secret",
        ),
        (
            json!({ "server": { "addresses": ["https://bao.example"] },
                "auth": { "method": "cert" } }),
            "the method cert needs server.clientCertificateSecret",
        ),
        (server(json!({ "addresses": [] })), "spec.server.addresses"),
        (
            json!({ "server": { "addresses": ["https://bao.example"] },
                "auth": { "tokenExpirationSeconds": 60 } }),
            "greater than or equal to 600",
        ),
        (
            json!({ "server": { "addresses": ["https://bao.example"] }, "overrides": ["all"] }),
            "Unsupported value",
        ),
    ];
    for (spec, message) in rows {
        let refused = admin.ask("POST", &all, &profile("bad", &spec));
        assert_eq!(refused.status, 422, "{spec}: {refused:?}");
        let said = refused.body["message"].as_str().unwrap();
        assert!(said.contains(message), "{spec}: {said}");
    }
    assert_eq!(admin.list(&all), [] as [Value; 0]);
    // Controls: what each of the rules asks for, applied on the server's side.
    for (name, spec) in [
        (
            "http",
            server(json!({ "addresses": ["http://b.example"], "insecureHttp": true })),
        ),
        (
            "cert",
            json!({ "server": { "addresses": ["https://b.example"],
                "clientCertificateSecret": "tls", "ca": { "inline": "x" } },
                "auth": { "method": "cert" } }),
        ),
    ] {
        let one = format!("{all}/{name}");
        let _object = admin
            .apply(&one, "operator", &profile(name, &spec))
            .ok(&one);
    }
}
