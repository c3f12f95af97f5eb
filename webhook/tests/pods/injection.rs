//! What a golden patch cannot show at a glance: second invocations, what stays, what is promised of
//! the added parts, and that the wrapper knows what it is told.

use crate::support::Case;
use cloudtaser_webhook::decide::{Decision, Refusal};
use serde_json::{Value, json};

fn pod(spec: Value) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web", "annotations": {"cloudtaser.io/inject": "true"}},
        "spec": spec,
    })
}

fn app(name: &str) -> Value {
    json!({"name": name, "image": "shop/web:1", "command": ["/srv/web"]})
}

fn injected(case: &mut Case) {
    let outcome = case.run();
    assert!(
        matches!(outcome.verdict.decision, Decision::Inject(_)),
        "{:?}",
        outcome.verdict
    );
    json_patch::patch(&mut case.pod, &outcome.patch).unwrap();
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array()
        .unwrap()
        .iter()
        .map(|item| item["name"].as_str().unwrap())
        .collect()
}

#[test]
fn w13_a_container_that_comes_later_is_wrapped_and_the_others_are_not_twice() {
    let mut case = Case::new(pod(json!({"containers": [app("app")]})), &Value::Null);
    injected(&mut case);
    let first = case.pod.clone();
    // As another webhook does it: a container, and an init container before ours.
    let containers = case.pod["spec"]["containers"].as_array_mut().unwrap();
    containers.insert(0, app("added"));
    let init = case.pod["spec"]["initContainers"].as_array_mut().unwrap();
    init.insert(
        0,
        json!({"name": "their-init", "image": "x", "command": ["x"]}),
    );
    injected(&mut case);
    let spec = &case.pod["spec"];
    assert_eq!(
        names(&spec["initContainers"]),
        ["cloudtaser-copy", "their-init"]
    );
    assert_eq!(spec["containers"][0]["args"], json!(["/srv/web"]));
    assert_eq!(spec["containers"][1], first["spec"]["containers"][0]);
    assert_eq!(
        names(&spec["volumes"]),
        ["cloudtaser-bin", "cloudtaser-identity"]
    );
    assert!(case.run().patch.is_empty());
    assert_eq!(case.run().reason(), "already_injected");
}

#[test]
fn w13_what_other_webhooks_add_to_our_parts_is_no_conflict() {
    let mut case = Case::new(pod(json!({"containers": [app("app")]})), &Value::Null);
    injected(&mut case);
    let init = &mut case.pod["spec"]["initContainers"][0];
    init["env"] = json!([{"name": "HTTP_PROXY", "value": "x"}]);
    init["terminationMessagePath"] = json!("/dev/termination-log");
    init["resources"]["limits"]["ephemeral-storage"] = json!("1Gi");
    let env = case.pod["spec"]["containers"][0]["env"]
        .as_array_mut()
        .unwrap();
    env.push(json!({"name": "HTTP_PROXY", "value": "x"}));
    assert!(case.run().patch.is_empty(), "{:?}", case.run().verdict);
}

#[test]
fn h1_changing_our_variables_in_between_is_refused() {
    let spec = json!({"containers": [app("app")]});
    let mut case = Case::new(pod(spec), &Value::Null);
    injected(&mut case);
    let good = case.pod.clone();
    for variable in [
        json!({"name": "CLOUDTASER_ADDR", "value": "https://evil.example"}),
        json!({"name": "CLOUDTASER_ROLE", "value": "admin"}),
        json!({"name": "CLOUDTASER_PROXY", "value": "http://evil.example"}),
        json!({"name": "VAULT_CAPATH", "value": "/evil"}),
    ] {
        case.pod = good.clone();
        let env = case.pod["spec"]["containers"][0]["env"]
            .as_array_mut()
            .unwrap();
        env.push(variable.clone());
        let decision = case.run().verdict.decision;
        let Decision::Deny(refusal) = decision else {
            panic!("{variable}: {decision:?}");
        };
        assert!(
            matches!(*refusal, Refusal::NotAsInjected { .. }),
            "{refusal}"
        );
    }
    case.pod = good;
    let env_from = json!([{"configMapRef": {"name": "evil"}}]);
    case.pod["spec"]["containers"][0]["envFrom"] = env_from;
    assert!(matches!(case.run().verdict.decision, Decision::Deny(_)));
}

#[test]
fn w14_the_users_variables_keep_their_order_and_text() {
    let mut container = app("app");
    container["env"] = json!([
        {"name": "PLAIN", "value": "1"},
        {"name": "WHOLE", "value": "vault:secret/db#password"},
        {"name": "INLINE", "value": "$(PLAIN)${vault:secret/db#user}"},
    ]);
    let env = container["env"].clone();
    let mut case = Case::new(pod(json!({"containers": [container]})), &Value::Null);
    injected(&mut case);
    let after = case.pod["spec"]["containers"][0]["env"].as_array().unwrap();
    assert_eq!(Value::Array(after[..3].to_vec()), env);
}

#[test]
fn w19_ours_is_first_and_the_order_of_the_others_stays() {
    let init = |name: &str| json!({"name": name, "image": "x", "command": ["x"]});
    let spec = json!({"initContainers": [init("a"), init("b")], "containers": [app("app")]});
    let mut case = Case::new(pod(spec), &Value::Null);
    injected(&mut case);
    assert_eq!(
        names(&case.pod["spec"]["initContainers"]),
        ["cloudtaser-copy", "a", "b"]
    );
}

#[test]
fn w20_a_sidecar_keeps_its_restart_policy() {
    let mut sidecar = app("sidecar");
    sidecar["restartPolicy"] = "Always".into();
    let spec = json!({"initContainers": [sidecar], "containers": [app("app")]});
    let mut case = Case::new(pod(spec), &Value::Null);
    injected(&mut case);
    let after = &case.pod["spec"]["initContainers"][1];
    assert_eq!(after["restartPolicy"], "Always");
    assert_eq!(after["command"][0], "/cloudtaser/bin/cloudtaser");
}

#[test]
fn w22_an_ephemeral_container_gets_nothing() {
    let ephemeral = json!([{"name": "debug", "image": "busybox", "command": ["sh"]}]);
    let spec = json!({"containers": [app("app")], "ephemeralContainers": ephemeral});
    let mut case = Case::new(pod(spec), &Value::Null);
    injected(&mut case);
    assert_eq!(case.pod["spec"]["ephemeralContainers"], ephemeral);
}

/// The rules of the Pod Security Standard *restricted* that a container or a volume can break.
#[test]
fn w24_what_is_added_passes_the_restricted_standard() {
    let mut case = Case::new(pod(json!({"containers": [app("app")]})), &Value::Null);
    injected(&mut case);
    let spec = &case.pod["spec"];
    let init = &spec["initContainers"][0];
    let context = &init["securityContext"];
    assert_eq!(context["allowPrivilegeEscalation"], false);
    assert_eq!(context["capabilities"], json!({"drop": ["ALL"]}));
    assert_eq!(context["runAsNonRoot"], true);
    assert_eq!(context["seccompProfile"]["type"], "RuntimeDefault");
    assert_eq!(context["readOnlyRootFilesystem"], true);
    for volume in spec["volumes"].as_array().unwrap() {
        let is_allowed = volume.get("emptyDir").is_some() || volume.get("projected").is_some();
        assert!(is_allowed, "{volume}");
    }
    // ResourceQuota and the class Guaranteed: every amount is given, requests equal limits.
    assert_eq!(init["resources"]["requests"], init["resources"]["limits"]);
    // The application cannot write where the wrapper and the library lie.
    for mount in spec["containers"][0]["volumeMounts"].as_array().unwrap() {
        assert_eq!(mount["readOnly"], true, "{mount}");
    }
    assert_eq!(spec["containers"][0].get("securityContext"), None);
}

#[test]
fn w26_nothing_depends_on_names_of_namespaces() {
    let mut case = Case::new(pod(json!({"containers": [app("app")]})), &Value::Null);
    let patch = case.run().patch;
    case.namespace.name = "kube-system".to_owned();
    let other = serde_json::to_string(&case.run().patch).unwrap();
    let one = serde_json::to_string(&patch).unwrap();
    assert_eq!(one.replace("shop.default", "kube-system.default"), other);
}

#[test]
fn w27_a_dry_run_gets_the_same_answer() {
    use cloudtaser_webhook::review::{decode, encode};
    let object = pod(json!({"containers": [app("app")]}));
    let answer = |is_dry_run: bool| {
        let review = json!({
            "apiVersion": "admission.k8s.io/v1",
            "kind": "AdmissionReview",
            "request": {
                "uid": "u",
                "kind": {"group": "", "version": "v1", "kind": "Pod"},
                "operation": "CREATE",
                "namespace": "shop",
                "dryRun": is_dry_run,
                "object": object,
            },
        });
        let request = decode(&serde_json::to_vec(&review).unwrap()).unwrap();
        assert_eq!(request.is_dry_run, is_dry_run);
        let case = Case::new(request.object, &Value::Null);
        encode(request.version, &request.uid, &case.run().into_answer()).unwrap()
    };
    assert_eq!(answer(true), answer(false));
    assert_eq!(answer(true)["response"]["allowed"], true);
}

#[test]
fn a_null_field_is_an_absent_one() {
    let mut container = app("app");
    container["args"] = Value::Null;
    container["env"] = Value::Null;
    let spec = json!({"volumes": null, "initContainers": null, "containers": [container]});
    let mut case = Case::new(pod(spec), &Value::Null);
    injected(&mut case);
    assert!(case.run().patch.is_empty());
}

/// The wrapper's own sources name every variable that the webhook sets for it.
#[test]
fn the_wrapper_knows_every_variable_that_is_set() {
    let wrapper = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../wrapper/src");
    let read = |file: &str| std::fs::read_to_string(wrapper.join(file)).unwrap();
    let known = [
        "cli/run.rs",
        "cli/server.rs",
        "config/planned.rs",
        "config/server.rs",
    ];
    let known: String = known.into_iter().map(read).collect();
    let mut container = app("app");
    container["envFrom"] = json!([{"configMapRef": {"name": "x"}}]);
    let mut object = pod(json!({"containers": [container]}));
    object["metadata"]["annotations"] = json!({
        "cloudtaser.io/inject": "true",
        "cloudtaser.io/secret-paths": "a,b",
        "cloudtaser.io/env-map": "x=Y",
        "cloudtaser.io/files": "/a=vault:b#c",
        "vault.security.banzaicloud.io/vault-transit-key-id": "k",
        "vault.security.banzaicloud.io/vault-transit-path": "t",
        "vault.security.banzaicloud.io/vault-passthrough": "A",
    });
    let server = json!({"server": {"clientCertificateSecret": "c", "namespace": "n"}});
    let mut case = Case::new(object, &server);
    injected(&mut case);
    let env = &case.pod["spec"]["containers"][0]["env"];
    for name in names(env) {
        // Facts for the enforcer and the log; the wrapper takes no setting from them.
        let is_fact = ["_POD_", "_NODE_", "_CONTAINER_"]
            .iter()
            .any(|part| name.contains(part));
        assert!(is_fact || known.contains(&format!("\"{name}\"")), "{name}");
    }
}

/// What `cloudtaser_abi::reference` knows of the wrapper's grammar is what the wrapper has.
#[test]
fn references_begin_as_the_wrapper_reads_them() {
    use cloudtaser_abi::reference::{SCHEMES, is_syntax};
    let wrapper = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../wrapper/src");
    let read = |file: &str| std::fs::read_to_string(wrapper.join(file)).unwrap();
    let grammar = read("reference/mod.rs");
    let line = |name: &str| {
        let mut lines = grammar.lines();
        lines
            .find(|line| line.contains(&format!("const {name}:")))
            .unwrap()
            .to_owned()
    };
    let syntax: String = (' '..='~').filter(|c| is_syntax(*c)).collect();
    assert_eq!(syntax, "#:?\\}");
    assert!(line("SYNTAX").ends_with(r"= &['\\', '#', '?', ':', '}'];"));
    assert!(line("CONFIGURED_SOURCE").ends_with(r#"= ["vault", "bao"];"#));
    let sources = [read("source/local.rs"), read("source/openbao/mod.rs")].concat();
    let names: Vec<&str> = sources
        .lines()
        .filter_map(|line| line.trim().strip_prefix("name: \"")?.strip_suffix("\","))
        .collect();
    let mut expected = vec!["vault", "bao"];
    expected.extend(names);
    assert_eq!(
        SCHEMES.map(|scheme| scheme.trim_end_matches(':')).to_vec(),
        expected
    );
}

/// No limit of time is asked for here; with work that grows with the square of the pod this test
/// takes minutes.
#[test]
fn a_pod_as_large_as_a_request_may_be_is_decided() {
    let mut containers: Vec<Value> = (0..200).map(|n| app(&format!("app{n}"))).collect();
    let env = (0..20_000).map(|n| json!({"name": format!("V{n}"), "value": "vault:a#b"}));
    containers[0]["env"] = env.collect();
    let args = (0..20_000).map(|n| Value::from(format!("$(V{n})")));
    containers[0]["args"] = args.collect();
    let mut case = Case::new(pod(json!({"containers": containers})), &Value::Null);
    // As many as anybody is told, and no more are made.
    assert!(case.run().verdict.warnings.len() > 100);
    injected(&mut case);
    assert!(case.run().patch.is_empty());
}

/// The profile's own authorities were replaced by a variable of the same name.
#[test]
fn h01_authorities_in_a_profile_are_not_a_pods_to_replace() {
    let spec = |ca: Value| json!({"server": {"ca": ca}});
    let inline = spec(json!({"inline": "THE OPERATOR'S"}));
    let file = spec(json!({"configMap": {"name": "ca"}}));
    let mut container = app("app");
    container["env"] = json!([{"name": "BAO_CACERT_BYTES", "value": "THE POD'S"}]);
    let mine = pod(json!({"containers": [container]}));
    let outcome = Case::new(mine.clone(), &inline).run();
    let Decision::Deny(refusal) = &outcome.verdict.decision else {
        panic!("{outcome:?}");
    };
    assert!(matches!(**refusal, Refusal::Variable { .. }), "{refusal}");
    // A file wins over the variable: it changes nothing there.
    injected(&mut Case::new(mine, &file));
    injected(&mut Case::new(
        pod(json!({"containers": [app("app")]})),
        &inline,
    ));
}

/// The API server refuses it after us; the webhook took it for a fault of its own.
#[test]
fn a_container_without_a_name_is_as_one_with_an_empty_name() {
    for name in [None, Some(json!(null)), Some(json!(""))] {
        let mut container = json!({"image": "i", "command": ["/a"]});
        if let Some(name) = name {
            container["name"] = name;
        }
        let mut case = Case::new(pod(json!({"containers": [container]})), &Value::Null);
        injected(&mut case);
        assert!(case.run().patch.is_empty());
    }
}

/// It opted in, so it does not start without a wrapper, as where nothing had to be looked up.
#[test]
fn w21_a_pod_whose_only_container_in_scope_has_no_reference_is_refused() {
    let with = |value: &str| {
        let mut init = app("init");
        init["envFrom"] = json!([{"configMapRef": {"name": "settings"}}]);
        let mut pod = pod(json!({"initContainers": [init], "containers": [app("app")]}));
        pod["metadata"]["annotations"]["cloudtaser.io/skip-containers"] = json!("app");
        let mut case = Case::new(pod, &Value::Null);
        let key = cloudtaser_webhook::decide::SourceKey::ConfigMap("settings".to_owned());
        let fact = cloudtaser_webhook::decide::SourceFact::new([("k", value.as_bytes())]);
        case.facts.sources.insert(key, fact);
        case
    };
    let Decision::Deny(refusal) = with("plain").run().verdict.decision else {
        panic!("it is admitted");
    };
    assert_eq!(*refusal, Refusal::NothingInScope);
    injected(&mut with("vault:secret/db#password"));
}
