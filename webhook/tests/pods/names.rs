//! H4: texts that are no names, and what they would do in answers and comparisons.

use cloudtaser_webhook::decide::{Decision, Refusal};
use cloudtaser_webhook::review::Answer;
use serde_json::{Value, json};

use crate::support::Case;

fn container(name: &str) -> Value {
    json!({"name": name, "image": "i", "command": ["/app"]})
}

fn pod(annotations: &Value, containers: Vec<Value>) -> Value {
    let mut metadata = json!({"annotations": {"cloudtaser.io/inject": "true"}});
    for (key, value) in annotations.as_object().into_iter().flatten() {
        metadata["annotations"][format!("cloudtaser.io/{key}")] = value.clone();
    }
    json!({"metadata": metadata, "spec": {"containers": containers}})
}

fn many(count: usize) -> Vec<Value> {
    (0..count).map(|n| container(&format!("c{n}"))).collect()
}

#[track_caller]
fn refusal(case: &Case) -> Refusal {
    let outcome = case.run();
    assert!(outcome.patch.is_empty());
    match outcome.verdict.decision {
        Decision::Deny(refusal) => *refusal,
        other => panic!("not refused: {other:?}"),
    }
}

fn is_injected(case: &Case) -> bool {
    matches!(case.run().verdict.decision, Decision::Inject(_))
}

/// Names are repeated in warnings, and compared letter by letter with those that an annotation
/// has: this took hours.
#[test]
fn a_name_that_no_container_can_have_is_refused_at_once() {
    let long = "a".repeat(1 << 20);
    let wanted = json!({"containers": "a".repeat(200 << 10)});
    let refused = refusal(&Case::new(
        pod(&wanted, vec![container(&long)]),
        &Value::Null,
    ));
    assert!(matches!(refused, Refusal::LongName { .. }), "{refused}");
    assert!(refused.to_string().len() < 300, "{refused}");
    let longest = "a".repeat(63);
    assert!(is_injected(&Case::new(
        pod(&Value::Null, vec![container(&longest)]),
        &Value::Null
    )));
    let near = Case::new(pod(&json!({"containers": "ap"}), many(1)), &Value::Null);
    assert!(
        matches!(refusal(&near), Refusal::UnknownContainer { .. }),
        "the control"
    );
}

#[test]
fn what_a_pod_says_is_no_line_of_its_own_in_an_answer() {
    let mut odd = pod(&Value::Null, vec![container("a\n\u{1b}[2Jb")]);
    odd["spec"]["containers"][0]["volumeMounts"] =
        json!([{"name": "v\r", "mountPath": "/cloudtaser/bin"}]);
    let Answer::Deny { message, .. } = Case::new(odd, &Value::Null).run().into_answer() else {
        panic!("not refused");
    };
    assert!(!message.contains(char::is_control), "{message:?}");
    assert!(
        message.contains("a\\n\\u{1b}[2Jb"),
        "the control: {message:?}"
    );
}
