//! What the server refuses by itself, by CEL: a ValidatingAdmissionPolicy, and the schema of a
//! custom resource.

use cloudtaser_tests::kube::namespace::pod;
use cloudtaser_tests::kube::webhook::labelled;
use cloudtaser_tests::kube::{Api, Hook, Mutating, path};
use cloudtaser_tests::process::eventually;
use cloudtaser_tests::server::unique;
use serde_json::{Value, json};

const ADMISSION: &str = "admissionregistration.k8s.io/v1";
const EXTENSIONS: &str = "apiextensions.k8s.io/v1";

/// Has every pod created in the selected namespaces comply with `expression`.
fn require(api: &Api, namespaces: &Value, expression: &str, message: &str) {
    let name = unique("policy");
    let policy = json!({
        "metadata": { "name": name },
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": { "resourceRules": [{
                "apiGroups": [""],
                "apiVersions": ["v1"],
                "operations": ["CREATE"],
                "resources": ["pods"],
            }] },
            "validations": [{ "expression": expression, "message": message }],
        },
    });
    let path = path::cluster(ADMISSION, "validatingadmissionpolicies");
    let _object = api.admin().create(&path, &policy);
    let binding = json!({
        "metadata": { "name": name },
        "spec": {
            "policyName": name,
            "validationActions": ["Deny"],
            "matchResources": { "namespaceSelector": namespaces },
        },
    });
    let path = path::cluster(ADMISSION, "validatingadmissionpolicybindings");
    let _object = api.admin().create(&path, &binding);
}

#[test]
fn a_policy_refuses_what_does_not_comply() {
    let api = Api::shared();
    let (bound, free) = (api.namespace("policy"), api.namespace("policy"));
    let (rule, message) = ("object.metadata.name != 'bad'", "bad is no name");
    require(api, &bound.selector(), rule, message);
    let tried = |pods: &str, name: &str| api.admin().dry_run(pods, &pod(name));
    // The server learns of the policy a moment later.
    assert!(eventually(|| tried(&bound.pods(), "bad").status != 201));
    let refused = api.admin().ask("POST", &bound.pods(), &pod("bad"));
    assert_eq!(refused.status, 422, "{refused:?}");
    let said = refused.body["message"].as_str().unwrap();
    assert!(said.contains(message), "{said}");
    // Controls: another pod there, and the same one elsewhere.
    let _object = api.admin().create(&bound.pods(), &pod("good"));
    let _object = api.admin().create(&free.pods(), &pod("bad"));
}

#[test]
fn a_policy_sees_what_the_webhook_has_made_of_the_pod() {
    let (api, hook) = (Api::shared(), Hook::start());
    let namespace = api.namespace("policy");
    let rule = "has(object.metadata.labels) && 'seen-by' in object.metadata.labels";
    require(
        api,
        &namespace.selector(),
        rule,
        "the webhook was not asked",
    );
    let tried = |object: &Value| api.admin().dry_run(&namespace.pods(), object).status;
    let wanted = |name: &str| labelled(name, &json!({ "inject": "yes" }));
    assert!(eventually(|| tried(&wanted("app")) == 422));
    let narrowed = Mutating::with(json!({
        "objectSelector": { "matchLabels": { "inject": "yes" } },
    }));
    let _name = hook.register(api, &namespace, &narrowed, &wanted("probe"));
    let _object = api.admin().create(&namespace.pods(), &wanted("app"));
    assert_eq!(tried(&pod("other")), 422);
}

/// A custom resource with a rule between two of its fields: the path of its objects.
fn widgets(api: &Api, namespace: &str) -> String {
    // A group of its own for each test.
    let (group, admin) = (format!("{}.test", unique("widgets")), api.admin());
    let number = json!({ "type": "integer" });
    let definition = json!({
        "metadata": { "name": format!("widgets.{group}") },
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": { "kind": "Widget", "plural": "widgets", "singular": "widget" },
            "versions": [{
                "name": "v1",
                "served": true,
                "storage": true,
                "subresources": { "status": {} },
                "schema": { "openAPIV3Schema": {
                    "type": "object",
                    "properties": { "spec": {
                        "type": "object",
                        "required": ["least", "most"],
                        "properties": { "least": number, "most": number },
                        "x-kubernetes-validations": [{
                            "rule": "self.least <= self.most",
                            "message": "least is more than most",
                        }],
                    } },
                } },
            }],
        },
    });
    let path = path::cluster(EXTENSIONS, "customresourcedefinitions");
    let _object = admin.create(&path, &definition);
    let path = format!("{path}/widgets.{group}");
    let is_established = |definition: &Value| {
        let conditions = definition["status"]["conditions"].as_array().cloned();
        conditions
            .into_iter()
            .flatten()
            .any(|condition| condition["type"] == "Established" && condition["status"] == "True")
    };
    let _object = admin.wait_until(&path, is_established);
    let path = path::within(&format!("{group}/v1"), namespace, "widgets");
    // Established a moment before it is served.
    let is_served = eventually(|| admin.ask("GET", &path, &Value::Null).status == 200);
    assert!(is_served, "{path}");
    path
}

#[test]
fn a_custom_resource_refuses_what_breaks_its_rule() {
    let api = Api::shared();
    let admin = api.admin();
    let path = widgets(api, &api.namespace("crd").name);
    let group = path.split('/').nth(2).unwrap().to_owned();
    let widget = |name: &str, least: &Value, most: &Value| {
        json!({
            "apiVersion": format!("{group}/v1"),
            "kind": "Widget",
            "metadata": { "name": name },
            "spec": { "least": least, "most": most },
        })
    };
    let refused = admin.ask("POST", &path, &widget("a", &json!(2), &json!(1)));
    assert_eq!(refused.status, 422, "{refused:?}");
    let said = refused.body["message"].as_str().unwrap();
    assert!(said.contains("least is more than most"), "{said}");
    let wrong = admin.ask("POST", &path, &widget("a", &json!("one"), &json!(1)));
    assert_eq!(wrong.status, 422, "{wrong:?}");
    let missing = admin.ask("POST", &path, &widget("a", &Value::Null, &json!(1)));
    assert_eq!(missing.status, 422, "{missing:?}");
    assert_eq!(admin.list(&path), [] as [Value; 0]);
    let good = admin.create(&path, &widget("a", &json!(1), &json!(2)));
    assert_eq!(good["spec"], json!({ "least": 1, "most": 2 }));
    let changed = admin.patch(
        &format!("{path}/a"),
        cloudtaser_tests::kube::Patch::Merge,
        &json!({ "spec": { "least": 3 } }),
    );
    assert_eq!(changed.status, 422, "{changed:?}");
}
