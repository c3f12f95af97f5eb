//! H1: a pod that looks injected counts only if it is what the engine would have made. Each forgery
//! is an injected pod with one thing changed: the engine refuses it, and so does the policy where
//! it can tell. What the API server and other webhooks add is let through by both.

use crate::policy::{Outcome, policy};
use crate::support::Case;
use cloudtaser_webhook::decide::Decision;
use serde_json::{Value, json};

/// An injected pod, and what is known beside it.
fn injected() -> Case {
    injected_with(&Value::Null, &json!([]))
}

fn injected_with(profile: &Value, env_from: &Value) -> Case {
    let pod = json!({
        "metadata": {"name": "web", "annotations": {"cloudtaser.io/inject": "true"}},
        "spec": {
            "containers": [
                {"name": "app", "image": "shop/web:1", "command": ["/srv/web"], "envFrom": env_from},
                {"name": "istio-proxy", "image": "istio:1", "command": ["/proxy"]},
            ],
            "volumes": [{"name": "evil", "configMap": {"name": "evil"}}],
        },
    });
    let mut case = Case::new(pod, profile);
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
