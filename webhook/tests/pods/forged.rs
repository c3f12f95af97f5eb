//! H1: a pod that looks injected counts only if it is what the engine would have made. Each forgery
//! is an injected pod with one thing changed: the engine refuses it, and so does the policy where
//! it can tell. What the API server and other webhooks add is let through by both.

use crate::policy::{Outcome, policy};
use crate::support::Case;
use cloudtaser_webhook::decide::Decision;
use serde_json::{Value, json};

/// An injected pod, and what is known beside it.
fn injected() -> Case {
    let pod = json!({
        "metadata": {"name": "web", "annotations": {"cloudtaser.io/inject": "true"}},
        "spec": {
            "containers": [
                {"name": "app", "image": "shop/web:1", "command": ["/srv/web"]},
                {"name": "istio-proxy", "image": "istio:1", "command": ["/proxy"]},
            ],
            "volumes": [{"name": "evil", "configMap": {"name": "evil"}}],
        },
    });
    let mut case = Case::new(pod, &Value::Null);
    let patch = case.run().patch;
    json_patch::patch(&mut case.pod, &patch).unwrap();
    case
}

/// Merges into the value at a pointer: objects by field, and a list gets what is in brackets.
fn change(pod: &mut Value, pointer: &str, with: &Value) {
    let at = pod.pointer_mut(pointer).unwrap();
    match (at, with) {
        (Value::Object(fields), Value::Object(more)) => fields.extend(more.clone()),
        (Value::Array(items), Value::Array(more)) => items.extend(more.clone()),
        (at, with) => *at = with.clone(),
    }
}

fn refusal(case: &Case) -> Option<String> {
    match case.run().verdict.decision {
        Decision::Deny(refusal) => Some(refusal.to_string()),
        Decision::Inject(_) => None,
        Decision::Skip(reason) => panic!("{reason:?}"),
    }
}

const COPY: &str = "/spec/initContainers/0";
const CONTEXT: &str = "/spec/initContainers/0/securityContext";

/// Where, what, and the field that the refusal names.
fn copies() -> Vec<(&'static str, Value, &'static str)> {
    let mount = |path: &str| {
        json!({"volumeMounts": [
            {"name": "cloudtaser-bin", "mountPath": "/cloudtaser/bin"},
            {"name": "evil", "mountPath": path, "readOnly": true},
        ]})
    };
    vec![
        (COPY, mount("/bin"), "volumeMounts"),
        (COPY, mount("/bin/cloudtaser"), "volumeMounts"),
        (COPY, mount("/var/run/secrets/../../../bin"), "volumeMounts"),
        (COPY, mount("/var/run/secrets/.."), "volumeMounts"),
        (
            COPY,
            json!({"volumeMounts": [
                {"name": "cloudtaser-bin", "mountPath": "/cloudtaser/bin", "subPath": "x"},
            ]}),
            "volumeMounts",
        ),
        (
            COPY,
            json!({"volumeMounts": [
                {"name": "cloudtaser-bin", "mountPath": "/cloudtaser/bin"},
                {"name": "evil", "mountPath": "/var/run/secrets/x"},
            ]}),
            "volumeMounts",
        ),
        (
            COPY,
            json!({"volumeDevices": [{"name": "d", "devicePath": "/bin/cloudtaser"}]}),
            "volumeDevices",
        ),
        (
            COPY,
            json!({"env": [{"name": "LD_PRELOAD", "value": "/x.so"}]}),
            "env",
        ),
        (
            COPY,
            json!({"env": [{"name": "CLOUDTASER_X", "value": "y"}]}),
            "env",
        ),
        (
            COPY,
            json!({"envFrom": [{"configMapRef": {"name": "evil"}}]}),
            "envFrom",
        ),
        (COPY, json!({"workingDir": "/evil"}), "workingDir"),
        (
            COPY,
            json!({"terminationMessagePath": "/bin/cloudtaser"}),
            "terminationMessagePath",
        ),
        (
            COPY,
            json!({"ports": [{"containerPort": 1, "hostPort": 1}]}),
            "ports",
        ),
        (
            COPY,
            json!({"lifecycle": {"postStart": {"exec": {"command": ["/x"]}}}}),
            "lifecycle",
        ),
        (
            COPY,
            json!({"resources": {"claims": [{"name": "device"}]}}),
            "resources",
        ),
        (CONTEXT, json!({"privileged": true}), "securityContext"),
        (
            CONTEXT,
            json!({"allowPrivilegeEscalation": true}),
            "securityContext",
        ),
        (
            CONTEXT,
            json!({"readOnlyRootFilesystem": false}),
            "securityContext",
        ),
        (CONTEXT, json!({"runAsNonRoot": false}), "securityContext"),
        (CONTEXT, json!({"procMount": "Unmasked"}), "securityContext"),
        (
            CONTEXT,
            json!({"seLinuxOptions": {"type": "spc_t"}}),
            "securityContext",
        ),
        (
            CONTEXT,
            json!({"seccompProfile": {"type": "Unconfined"}}),
            "securityContext",
        ),
        (
            CONTEXT,
            json!({"appArmorProfile": {"type": "Unconfined"}}),
            "securityContext",
        ),
        (
            CONTEXT,
            json!({"capabilities": {"drop": ["ALL"], "add": ["SYS_ADMIN"]}}),
            "securityContext",
        ),
        (
            CONTEXT,
            json!({"capabilities": {"drop": ["KILL"]}}),
            "securityContext",
        ),
    ]
}

#[test]
fn h01_a_copy_step_with_one_thing_changed_is_refused() {
    for (pointer, with, field) in copies() {
        let mut case = injected();
        change(&mut case.pod, pointer, &with);
        let said = refusal(&case).unwrap_or_else(|| panic!("admitted: {pointer} {with}"));
        let named = format!("`cloudtaser-copy` is CloudTaser's, and its field `{field}` ");
        assert!(said.contains(&named), "{pointer} {with}: {said}");
        assert!(
            matches!(policy(&case.pod), Outcome::Refused(_)),
            "policy: {pointer} {with}"
        );
    }
    // What the policy cannot know: the image, and that the profile asks for another policy.
    for with in [
        json!({"image": "evil:1"}),
        json!({"imagePullPolicy": "Never"}),
    ] {
        let mut case = injected();
        change(&mut case.pod, COPY, &with);
        assert!(refusal(&case).is_some(), "{with}");
    }
}

/// Controls: what an API server and its plugins set, and what webhooks of others are known to add.
#[test]
fn w13_what_others_add_to_the_copy_step_is_let_through() {
    let token = json!({"volumeMounts": [
        {"name": "cloudtaser-bin", "mountPath": "/cloudtaser/bin"},
        {"name": "aws-iam-token", "readOnly": true,
         "mountPath": "/var/run/secrets/eks.amazonaws.com/serviceaccount"},
        {"name": "kube-api-access-x", "readOnly": true,
         "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"},
    ]});
    let additions = [
        (COPY, json!({})),
        (COPY, token),
        (COPY, json!({"imagePullPolicy": "IfNotPresent"})),
        (COPY, json!({"imagePullPolicy": "Always"})),
        (
            COPY,
            json!({
                "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File",
                "env": [{"name": "AWS_ROLE_ARN", "value": "arn"}],
                "resizePolicy": [{"resourceName": "cpu", "restartPolicy": "NotRequired"}],
            }),
        ),
        (
            COPY,
            json!({"resources": {
                "limits": {"cpu": "1", "memory": "1Gi", "ephemeral-storage": "1Gi"},
                "requests": {"cpu": "1"},
            }}),
        ),
        (
            CONTEXT,
            json!({
                "runAsUser": 1_000_680_000,
                "seLinuxOptions": {"level": "s0:c26,c5"},
                "procMount": "Default",
                "capabilities": {"drop": ["ALL", "KILL", "MKNOD"]},
            }),
        ),
    ];
    for (pointer, with) in additions {
        let mut case = injected();
        change(&mut case.pod, pointer, &with);
        let outcome = case.run();
        assert!(
            matches!(outcome.verdict.decision, Decision::Inject(_)),
            "{with}: {outcome:?}"
        );
        assert!(outcome.patch.is_empty(), "{with}: {:?}", outcome.patch);
        assert_eq!(policy(&case.pod), Outcome::Admitted, "{with}");
    }
}

const APP: &str = "/spec/containers/0";
const LEFT: &str = "/spec/containers/1";

/// Where, what, and the refusal's word.
fn containers() -> Vec<(&'static str, Value, &'static str)> {
    let ours =
        |path: &str| json!([{"name": "cloudtaser-bin", "mountPath": path, "readOnly": true}]);
    let evil = json!([
        "/cloudtaser/bin/cloudtaser",
        "run",
        "--addr",
        "https://evil.example",
        "--"
    ]);
    let mounts = "/spec/containers/0/volumeMounts";
    vec![
        (APP, json!({"command": evil}), "wrapper_options"),
        (
            APP,
            json!({"livenessProbe": {"exec": {"command": evil}}}),
            "wrapper_options",
        ),
        (
            APP,
            json!({"lifecycle": {"preStop": {"exec": {"command": evil}}}}),
            "wrapper_options",
        ),
        (
            APP,
            json!({"terminationMessagePath": "/cloudtaser/identity/ca.crt"}),
            "mount_taken",
        ),
        (
            APP,
            json!({"volumeDevices": [{"name": "d", "devicePath": "/cloudtaser/bin/cloudtaser"}]}),
            "mount_taken",
        ),
        (mounts, ours("/w"), "our_volume"),
        (
            mounts,
            json!([{"name": "cloudtaser-identity", "mountPath": "/w"}]),
            "our_volume",
        ),
        (
            "/spec/containers/0/volumeMounts/0",
            json!({"mountPropagation": "HostToContainer"}),
            "mount_taken",
        ),
        // A container that is left alone has nothing of ours.
        (LEFT, json!({"volumeMounts": ours("/w")}), "our_volume"),
        (
            LEFT,
            json!({"volumeMounts": ours("/cloudtaser/bin")}),
            "our_volume",
        ),
        (
            LEFT,
            json!({"volumeMounts": [{"name": "cloudtaser-identity", "mountPath": "/w"}]}),
            "our_volume",
        ),
        (
            "/spec/volumes/2/projected",
            json!({"sources": []}),
            "name_taken",
        ),
        (
            "/spec/volumes/1/emptyDir",
            json!({"medium": ""}),
            "name_taken",
        ),
    ]
}

#[test]
fn h01_a_container_with_one_thing_changed_is_refused() {
    for (pointer, with, reason) in containers() {
        let mut case = injected();
        assert_eq!(refusal(&case), None);
        change(&mut case.pod, pointer, &with);
        let Decision::Deny(refusal) = case.run().verdict.decision else {
            panic!("admitted: {pointer} {with}");
        };
        assert_eq!(refusal.reason(), reason, "{pointer} {with}: {refusal}");
        // What the policy cannot know: what the profile projects.
        if !pointer.ends_with("projected") {
            let judged = policy(&case.pod);
            assert!(
                matches!(judged, Outcome::Refused(_)),
                "policy: {pointer} {with}"
            );
        }
    }
}

/// Controls: what the API server makes of it, and a program's own.
#[test]
fn w13_what_others_make_of_a_container_is_let_through() {
    for (pointer, with) in [
        (
            APP,
            json!({"terminationMessagePath": "/dev/termination-log"}),
        ),
        (
            APP,
            json!({"livenessProbe": {"exec": {"command": ["/check"]}}}),
        ),
        (
            APP,
            json!({"livenessProbe": {"exec": {"command":
                ["/cloudtaser/bin/cloudtaser", "run", "--", "/check"]}}}),
        ),
        (APP, json!({"resources": {"limits": {"cpu": "1"}}})),
        (
            "/spec/containers/0/volumeMounts",
            json!([{"name": "evil", "mountPath": "/data"}]),
        ),
        (
            LEFT,
            json!({"volumeMounts": [{"name": "evil", "mountPath": "/data"}]}),
        ),
        // The same amount, as the API server writes it.
        ("/spec/volumes/1/emptyDir", json!({"sizeLimit": "32768Ki"})),
    ] {
        let mut case = injected();
        change(&mut case.pod, pointer, &with);
        assert_eq!(refusal(&case), None, "{pointer} {with}");
        assert!(case.run().patch.is_empty(), "{pointer} {with}");
        assert_eq!(policy(&case.pod), Outcome::Admitted, "{pointer} {with}");
    }
}
