use base64::Engine;
use serde_json::{Value, json};

use super::*;

fn review(version: &str) -> Value {
    json!({
        "apiVersion": format!("admission.k8s.io/{version}"),
        "kind": "AdmissionReview",
        "request": {
            "uid": "u-1",
            "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "resource": {"group": "", "version": "v1", "resource": "pods"},
            "namespace": "shop",
            "operation": "CREATE",
            "dryRun": true,
            "object": {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"generateName": "web-"},
                "spec": {"containers": [{
                    "name": "app",
                    "ports": [{"containerPort": 8080}],
                    "livenessProbe": {"httpGet": {"port": 8080}},
                    "newField": {"x": 1}
                }]}
            }
        }
    })
}

fn read(review: &Value) -> Result<Request, InvalidReview> {
    decode(&serde_json::to_vec(review).unwrap())
}

#[test]
fn w28_both_versions_are_answered_in_kind() {
    for (text, version) in [
        ("v1", ReviewVersion::V1),
        ("v1beta1", ReviewVersion::V1Beta1),
    ] {
        let request = read(&review(text)).unwrap();
        assert_eq!(request.version, version);
        assert!(request.is_dry_run);
        assert_eq!(request.namespace, "shop");
        // Unknown fields stay in the object that is patched.
        assert_eq!(request.object["spec"]["containers"][0]["newField"]["x"], 1);
        let patch = serde_json::from_value(json!([{"op": "add", "path": "/x", "value": 1}]));
        let answer = Answer::Allow {
            patch: patch.unwrap(),
            warnings: vec!["w".to_owned()],
        };
        let written = encode(request.version, &request.uid, &answer).unwrap();
        assert_eq!(written["apiVersion"], format!("admission.k8s.io/{text}"));
        let response = &written["response"];
        assert_eq!(response["uid"], "u-1");
        assert_eq!(response["allowed"], true);
        let patch = response["patch"].as_str().unwrap();
        let patch = base64::engine::general_purpose::STANDARD
            .decode(patch)
            .unwrap();
        assert_eq!(patch, br#"[{"op":"add","path":"/x","value":1}]"#);
        assert_eq!(response["warnings"], json!(["cloudtaser: w"]));
    }
}

#[test]
fn w28_malformed_reviews_are_invalid_and_refused_with_a_reason() {
    let change = |path: &str, value: Value| {
        let mut review = review("v1beta1");
        *review.pointer_mut(path).unwrap() = value;
        review
    };
    for (review, problem) in [
        (change("/kind", json!("Pod")), "`kind`"),
        (change("/apiVersion", json!("v1")), "`apiVersion`"),
        (change("/request", json!(null)), "no `request`"),
        (change("/request", json!([])), "no `request`"),
        (change("/request/uid", json!("")), "no `uid`"),
        (change("/request/operation", json!("PATCH")), "`operation`"),
        (
            change("/request/kind/kind", json!("Deployment")),
            "not about a pod",
        ),
        (change("/request/object", json!(null)), "no `object`"),
        (change("/request/object/spec", json!("x")), "read as a pod"),
    ] {
        let invalid = read(&review).unwrap_err();
        assert!(invalid.to_string().contains(problem), "{invalid}");
        let answer = encode_invalid(&invalid);
        assert_eq!(answer["response"]["allowed"], false);
        assert_eq!(answer["response"]["status"]["code"], 400);
        assert_eq!(invalid.reason(), "invalid_review");
    }
    let mut other = review("v1");
    other["request"]["subResource"] = json!("exec");
    assert!(read(&other).is_err());
}

#[test]
fn what_is_not_a_creation_is_answered_without_an_object() {
    for operation in ["UPDATE", "DELETE", "CONNECT"] {
        let mut review = review("v1");
        review["request"]["operation"] = json!(operation);
        review["request"]["object"] = Value::Null;
        let request = read(&review).unwrap();
        assert_ne!(request.operation, Operation::Create);
        let skip = crate::decide::SkipReason::NotCreated;
        let answer = crate::engine::Outcome::skip(skip).into_answer();
        let written = encode(request.version, &request.uid, &answer).unwrap();
        assert_eq!(written["response"], json!({"uid": "u-1", "allowed": true}));
    }
}

#[test]
fn an_invalid_review_says_where_and_never_what() {
    let invalid = decode(b"{\"a\": hunter2}").unwrap_err();
    let answer = encode_invalid(&invalid);
    let message = answer["response"]["status"]["message"].as_str().unwrap();
    assert!(message.contains("line 1"), "{message}");
    let mut review = review("v1");
    review["request"]["object"]["spec"] = json!("hunter2");
    let answer = encode_invalid(&read(&review).unwrap_err());
    assert!(!answer.to_string().contains("hunter2"), "{answer}");
    assert!(decode(b"").is_err());
}

#[test]
fn warnings_are_bounded() {
    let answer = Answer::Deny {
        message: "no".to_owned(),
        warnings: vec!["ä".repeat(1000); 40],
    };
    let written = encode(ReviewVersion::V1, "u", &answer).unwrap();
    let warnings = written["response"]["warnings"].as_array().unwrap();
    let bytes: usize = warnings
        .iter()
        .map(|text| text.as_str().unwrap().len())
        .sum();
    assert_eq!(warnings.len(), 16);
    assert!(bytes < 4096, "{bytes}");
    assert_eq!(written["response"]["status"]["code"], 403);
}

#[test]
fn a_pod_of_more_containers_than_any_is_invalid_before_it_takes_their_room() {
    let of = |list: &str, count: usize| {
        let mut review = review("v1");
        review["request"]["object"]["spec"][list] = json!(vec![json!({"name": "a"}); count]);
        read(&review)
    };
    for list in ["containers", "initContainers", "volumes"] {
        assert!(of(list, 4_096).is_ok(), "{list}");
        let refused = of(list, 4_097).unwrap_err();
        assert!(refused.problem.contains("more than 4,096"), "{refused}");
    }
}

/// A container's name reaches us before the API server has looked at it.
#[test]
fn h4_messages_take_one_line_and_drive_no_terminal() {
    let answer = Answer::Deny {
        message: "container `a\u{1b}[2J\nb\u{202e}`, \"ä\"".to_owned(),
        warnings: vec!["c\r\nd".to_owned()],
    };
    let review = encode(ReviewVersion::V1, "u", &answer).unwrap();
    let response = &review["response"];
    let message = r#"container `a\u{1b}[2J\nb\u{202e}`, "ä""#;
    assert_eq!(response["status"]["message"], message);
    assert_eq!(response["warnings"][0], r"cloudtaser: c\r\nd");
}
