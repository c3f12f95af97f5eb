//! What stands around a pod still holds when it is injected: Pod Security, quotas, limits. And what
//! its author wrote stays.

use std::collections::BTreeSet;

use cloudtaser_tests::kube::installed::{INJECT, Installed, is_wrapped, wanted};
use cloudtaser_tests::kube::{Namespace, path};
use cloudtaser_tests::process::eventually;
use serde_json::{Value, json};

/// A namespace in which the server enforces a Pod Security Standard.
fn enforcing(installed: &Installed, standard: &str) -> Namespace {
    let labels = json!({ "pod-security.kubernetes.io/enforce": standard });
    installed.api.namespace_with("standard", &labels)
}

/// Passes *restricted* as written.
fn restricted(name: &str) -> Value {
    let mut pod = wanted(name);
    pod["spec"]["securityContext"] = json!({
        "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" },
    });
    pod["spec"]["containers"][0]["securityContext"] = json!({
        "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] },
    });
    pod
}

#[test]
fn w24_a_pod_that_passes_a_standard_as_written_passes_it_injected() {
    let installed = Installed::shared();
    let admin = installed.api.admin();
    let within = |standard: &str, pod: &Value| {
        let namespace = enforcing(installed, standard);
        admin.ask_warned("POST", &namespace.pods(), pod)
    };
    for (standard, pod) in [
        ("restricted", restricted("app")),
        ("baseline", wanted("app")),
    ] {
        let (reply, warnings) = within(standard, &pod);
        assert_eq!(reply.status, 201, "{standard}: {reply:?}");
        assert!(is_wrapped(&reply.body), "{standard}");
        assert_eq!(warnings, [] as [String; 0], "{standard}");
    }
    // Controls: what does not pass as written does not pass injected, for the same reason.
    let mut privileged = wanted("app");
    privileged["spec"]["containers"][0]["securityContext"] = json!({ "privileged": true });
    let refused = [("restricted", wanted("app")), ("baseline", privileged)];
    for (standard, pod) in refused {
        let (reply, _) = within(standard, &pod);
        assert_eq!(reply.status, 403, "{standard}: {reply:?}");
        let said = reply.body["message"].as_str().unwrap();
        assert!(said.contains("violates PodSecurity"), "{said}");
        assert!(said.contains("\"app\""), "{said}");
        assert!(!said.contains("cloudtaser-copy"), "{said}");
    }
}

/// A pod with these requests, which are its limits too.
fn asking(name: &str, cpu: &str, memory: &str) -> Value {
    let mut pod = wanted(name);
    let amounts = json!({ "cpu": cpu, "memory": memory });
    pod["spec"]["containers"][0]["resources"] = json!({ "requests": amounts, "limits": amounts });
    pod
}

#[test]
fn w24_a_quota_counts_an_injected_pod_as_it_counts_the_pod() {
    let installed = Installed::shared();
    let admin = installed.api.admin();
    let namespace = installed.api.namespace("quota");
    let hard = json!({
        "requests.cpu": "1", "limits.cpu": "1",
        "requests.memory": "512Mi", "limits.memory": "512Mi", "pods": "2",
    });
    let quotas = namespace.path("v1", "resourcequotas");
    let quota = json!({ "metadata": { "name": "quota" }, "spec": { "hard": hard } });
    let _object = admin.create(&quotas, &quota);
    // No controller counts here: the test says that nothing is used, and then the server counts.
    let status = json!({ "status": { "hard": hard, "used": {
        "requests.cpu": "0", "limits.cpu": "0",
        "requests.memory": "0", "limits.memory": "0", "pods": "0",
    } } });
    let path = format!("{quotas}/quota/status");
    let _object = admin
        .patch(&path, cloudtaser_tests::kube::Patch::Merge, &status)
        .ok(&path);
    let tried = |pod: &Value| admin.dry_run(&namespace.pods(), pod);
    // Controls: a pod that says nothing, or asks for too much, is refused, whether injected or not.
    let refused = |pod: &Value| {
        eventually(|| {
            tried(pod).status == 403 && {
                let said = tried(pod).body["message"].to_string();
                said.contains("quota")
            }
        })
    };
    assert!(refused(&wanted("silent")));
    assert!(refused(&asking("greedy", "2", "64Mi")));
    // The copy step ends before the program starts: the larger of both counts, not the sum.
    let created = admin.create(&namespace.pods(), &asking("app", "1", "512Mi"));
    assert!(is_wrapped(&created));
    let used = admin.wait_until(&format!("{quotas}/quota"), |quota| {
        quota["status"]["used"]["pods"] == "1"
    });
    assert_eq!(used["status"]["used"]["requests.cpu"], "1", "{used}");
    assert_eq!(used["status"]["used"]["limits.memory"], "512Mi", "{used}");
}

#[test]
fn w24_a_limit_range_fits_the_copy_step() {
    let installed = Installed::shared();
    let admin = installed.api.admin();
    let namespace = installed.api.namespace("limits");
    let limits = json!({ "metadata": { "name": "limits" }, "spec": { "limits": [{
        "type": "Container",
        "default": { "cpu": "500m", "memory": "256Mi" },
        "defaultRequest": { "cpu": "250m", "memory": "128Mi" },
        "max": { "cpu": "1", "memory": "512Mi" },
        "min": { "cpu": "50m", "memory": "32Mi" },
    }] } });
    let _object = admin.create(&namespace.path("v1", "limitranges"), &limits);
    let tried = |pod: &Value| admin.dry_run(&namespace.pods(), pod);
    let is_limited = || tried(&asking("greedy", "2", "64Mi")).status == 403;
    assert!(eventually(is_limited));
    let created = admin.create(&namespace.pods(), &wanted("app"));
    assert!(is_wrapped(&created));
    // The range's defaults go to the program; the copy step has its own.
    let resources = &created["spec"]["containers"][0]["resources"];
    assert_eq!(
        resources["limits"],
        json!({ "cpu": "500m", "memory": "256Mi" })
    );
    let resources = &created["spec"]["initContainers"][0]["resources"];
    assert_eq!(
        resources["limits"],
        json!({ "cpu": "100m", "memory": "64Mi" })
    );
    assert_eq!(resources["limits"], resources["requests"]);
}

/// Takes out what is ours, by the names that are ours.
fn without_ours(mut pod: Value) -> Value {
    let spec = &mut pod["spec"];
    remove_named(&mut spec["initContainers"], "cloudtaser-copy");
    for volume in ["cloudtaser-bin", "cloudtaser-identity"] {
        remove_named(&mut spec["volumes"], volume);
    }
    for container in spec["containers"].as_array_mut().unwrap() {
        for volume in ["cloudtaser-bin", "cloudtaser-identity"] {
            remove_named(&mut container["volumeMounts"], volume);
        }
        if container["command"][0] == "/cloudtaser/bin/cloudtaser" {
            let argv = container["args"].take();
            container["command"] = argv;
            container.as_object_mut().unwrap().remove("args");
        }
        let ours = |variable: &Value| {
            let name = variable["name"].as_str().unwrap();
            name.starts_with("CLOUDTASER_")
        };
        if let Some(list) = container["env"].as_array_mut() {
            list.retain(|variable| !ours(variable));
        }
        if container["env"] == json!([]) || container["env"].is_null() {
            container.as_object_mut().unwrap().remove("env");
        }
    }
    if spec["initContainers"] == json!([]) || spec["initContainers"].is_null() {
        spec.as_object_mut().unwrap().remove("initContainers");
    }
    let status = pod["status"].as_object_mut().unwrap();
    status.remove("qosClass");
    let metadata = pod["metadata"].as_object_mut().unwrap();
    for field in [
        "annotations",
        "uid",
        "creationTimestamp",
        "managedFields",
        "resourceVersion",
    ] {
        metadata.remove(field);
    }
    pod
}

fn remove_named(list: &mut Value, name: &str) {
    if let Some(list) = list.as_array_mut() {
        list.retain(|item| item["name"] != name);
    }
}

/// What each changes of a pod's `spec`.
fn shapes() -> Vec<(&'static str, Value)> {
    let app = |more: Value| {
        let mut app = json!({
            "name": "app", "image": "registry.invalid/app:1", "command": ["/app", "--serve"],
        });
        json_patch::merge(&mut app, &more);
        json!({ "containers": [app] })
    };
    vec![
        ("plain", json!({})),
        (
            "read-only-root",
            app(json!({ "securityContext": { "readOnlyRootFilesystem": true } })),
        ),
        (
            "any-uid",
            json!({ "securityContext": { "runAsUser": 123_456, "runAsGroup": 7 } }),
        ),
        (
            "fs-group",
            json!({ "securityContext": { "fsGroup": 2000, "supplementalGroups": [3, 4] } }),
        ),
        ("share-processes", json!({ "shareProcessNamespace": true })),
        ("host-network", json!({ "hostNetwork": true })),
        (
            "pod-resources",
            json!({ "resources": { "limits": { "cpu": "1", "memory": "64Mi" } } }),
        ),
        (
            "privileged",
            app(json!({ "securityContext": { "privileged": true }, "tty": true, "stdin": true })),
        ),
        (
            "scheduling",
            json!({
                "nodeSelector": { "kubernetes.io/arch": "arm64", "kubernetes.io/os": "linux" },
                "priority": 0, "schedulerName": "other", "hostname": "web", "subdomain": "shop",
                "restartPolicy": "OnFailure", "enableServiceLinks": false,
                "terminationGracePeriodSeconds": 7, "activeDeadlineSeconds": 60,
                "hostAliases": [{ "ip": "192.0.2.1", "hostnames": ["a"] }],
                "dnsPolicy": "None", "dnsConfig": { "nameservers": ["192.0.2.53"] },
                "schedulingGates": [{ "name": "example.com/gate" }],
                "readinessGates": [{ "conditionType": "example.com/ready" }],
            }),
        ),
        (
            "probes",
            app(json!({
                "livenessProbe": { "exec": { "command": ["/live"] } },
                "readinessProbe": { "httpGet": { "path": "/", "port": 80 } },
                "startupProbe": { "grpc": { "port": 81 } },
                "lifecycle": { "preStop": { "exec": { "command": ["/stop"] } } },
                "ports": [{ "containerPort": 80, "name": "http" }],
                "resizePolicy": [{ "resourceName": "cpu", "restartPolicy": "NotRequired" }],
                "volumeDevices": [], "workingDir": "/srv", "terminationMessagePath": "/dev/x",
            })),
        ),
    ]
}

#[test]
fn w24_every_field_that_is_not_ours_stays_as_the_server_stores_it_without_us() {
    let installed = Installed::shared();
    let admin = installed.api.admin();
    let namespace = installed.api.namespace("shapes");
    for (name, more) in shapes() {
        let mut pod = wanted(name);
        json_patch::merge(&mut pod["spec"], &more);
        // Tokens have random names; they are another test's.
        pod["spec"]["automountServiceAccountToken"] = json!(false);
        let injected = admin.dry_run(&namespace.pods(), &pod);
        assert_eq!(injected.status, 201, "{name}: {injected:?}");
        assert!(is_wrapped(&injected.body), "{name}");
        pod["metadata"]["annotations"] = json!({});
        let plain = admin.dry_run(&namespace.pods(), &pod);
        assert_eq!(plain.status, 201, "{name}: {plain:?}");
        let (plain, injected) = (plain.body, injected.body);
        // The copy step asks for something, so that a pod that asks for nothing gets another class.
        let class = |pod: &Value| pod["status"]["qosClass"].as_str().unwrap().to_owned();
        let expected = match class(&plain).as_str() {
            "BestEffort" => "Burstable".to_owned(),
            _ => class(&plain),
        };
        assert_eq!(class(&injected), expected, "{name}");
        let mut plain = without_ours(plain);
        let mut injected = without_ours(injected);
        for pod in [&mut plain, &mut injected] {
            for list in ["volumes", "volumeMounts"] {
                drop_empty(pod, list);
            }
        }
        let difference = json!(json_patch::diff(&plain, &injected));
        assert_eq!(difference, json!([]), "{name}");
    }
}

/// An empty list is an absent one.
fn drop_empty(value: &mut Value, name: &str) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| drop_empty(item, name)),
        Value::Object(fields) => {
            let is_empty = |list: &Value| list.is_null() || *list == json!([]);
            if fields.get(name).is_some_and(is_empty) {
                fields.remove(name);
            }
            fields
                .values_mut()
                .for_each(|field| drop_empty(field, name));
        }
        _ => {}
    }
}

#[test]
fn w26_namespaces_of_the_system_are_not_sent_to_us() {
    let (installed, replica) = Installed::shared_with_replica();
    let admin = installed.api.admin();
    let free = installed.api.namespace("user");
    let system = [
        "kube-system",
        "kube-public",
        "kube-node-lease",
        "cloudtaser",
    ];
    for namespace in system {
        let within = |kind: &str| path::within("v1", namespace, kind);
        let account = json!({ "metadata": { "name": "default" } });
        // The server may have made it, or another test.
        let _answer = admin.ask("POST", &within("serviceaccounts"), &account);
        let pod = wanted(&format!("w26-{namespace}"));
        let (reply, warnings) = admin.ask_warned("POST", &within("pods"), &pod);
        assert_eq!((reply.status, warnings.len()), (201, 0), "{reply:?}");
        assert_eq!(reply.body["metadata"]["annotations"][INJECT], "true");
        assert_eq!(reply.body["spec"]["initContainers"], Value::Null);
        assert_eq!(reply.body["spec"]["containers"][0]["command"][0], "/app");
    }
    // Control: the same pod elsewhere is seen, and later than those.
    let _pod = admin.create(&free.pods(), &wanted("w26-control"));
    let named = || {
        let log = replica.log();
        let names = log.iter().filter_map(|line| line["name"].as_str());
        let names = names.filter(|name| name.starts_with("w26-"));
        names.map(str::to_owned).collect::<BTreeSet<_>>()
    };
    assert!(eventually(|| !named().is_empty()));
    assert_eq!(named(), BTreeSet::from(["w26-control".to_owned()]));
}
