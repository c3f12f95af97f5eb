//! Nodes that a pod can go to: the wrapper runs on Linux, on amd64 and arm64 (W32).

use k8s_openapi::api::core::v1::{NodeSelectorRequirement, PodSpec};

use super::reason::Refusal;

const SYSTEM: [&str; 2] = ["kubernetes.io/os", "beta.kubernetes.io/os"];
const ARCHITECTURE: [&str; 2] = ["kubernetes.io/arch", "beta.kubernetes.io/arch"];
/// As nodes and images spell them.
const ARCHITECTURES: [&str; 2] = ["amd64", "arm64"];

/// Refuses a pod that can only run elsewhere, and names the one architecture that it can run on, if
/// it says so.
pub(super) fn architecture(spec: &PodSpec) -> Result<Option<&'static str>, Refusal> {
    if let Some(os) = spec.os.as_ref().filter(|os| os.name != "linux") {
        let what = format!("the operating system `{}`", os.name);
        return Err(Refusal::Platform { what });
    }
    let selector = spec.node_selector.iter().flatten();
    let mut wanted: Option<Vec<&'static str>> = None;
    for (label, value) in selector {
        narrow(&mut wanted, label, std::slice::from_ref(value))?;
    }
    let affinity = spec
        .affinity
        .as_ref()
        .and_then(|affinity| affinity.node_affinity.as_ref());
    let required = affinity.and_then(|node| {
        node.required_during_scheduling_ignored_during_execution
            .as_ref()
    });
    // Terms are alternatives: one that we can run on is enough.
    let terms = required.map_or(&[][..], |required| required.node_selector_terms.as_slice());
    let mut possible: Vec<&'static str> = Vec::new();
    let mut refusal = None;
    for term in terms {
        let mut of_term = wanted.clone();
        match term_narrows(
            &mut of_term,
            term.match_expressions.as_deref().unwrap_or_default(),
        ) {
            Ok(()) => possible.extend(of_term.unwrap_or_else(|| ARCHITECTURES.to_vec())),
            Err(error) => refusal = refusal.or(Some(error)),
        }
    }
    match refusal {
        Some(refusal) if possible.is_empty() => return Err(refusal),
        _ => {}
    }
    if !terms.is_empty() {
        wanted = Some(possible);
    }
    let mut wanted = wanted.unwrap_or_default();
    wanted.sort_unstable();
    wanted.dedup();
    Ok(match wanted.as_slice() {
        [one] => Some(one),
        _ => None,
    })
}

fn term_narrows(
    wanted: &mut Option<Vec<&'static str>>,
    expressions: &[NodeSelectorRequirement],
) -> Result<(), Refusal> {
    for expression in expressions
        .iter()
        .filter(|expression| expression.operator == "In")
    {
        narrow(
            wanted,
            &expression.key,
            expression.values.as_deref().unwrap_or_default(),
        )?;
    }
    Ok(())
}

/// Takes in that the label has one of these values.
fn narrow(
    wanted: &mut Option<Vec<&'static str>>,
    label: &str,
    values: &[String],
) -> Result<(), Refusal> {
    let is_one = |known: &str| values.iter().any(|value| value == known);
    let impossible = || Refusal::Platform {
        what: format!("{label} = {}", crate::annotation::shown(&values.join(", "))),
    };
    if SYSTEM.contains(&label) && !is_one("linux") {
        return Err(impossible());
    }
    if ARCHITECTURE.contains(&label) {
        let before = wanted.clone().unwrap_or_else(|| ARCHITECTURES.to_vec());
        let left: Vec<_> = before.into_iter().filter(|known| is_one(known)).collect();
        if left.is_empty() {
            return Err(impossible());
        }
        *wanted = Some(left);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(spec: Value) -> Result<Option<&'static str>, Refusal> {
        let mut spec = spec;
        spec["containers"] = json!([]);
        architecture(&serde_json::from_value(spec).unwrap())
    }

    fn affinity(terms: Value) -> Value {
        json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
            {"nodeSelectorTerms": terms}}}})
    }

    fn term(key: &str, values: &[&str]) -> Value {
        json!({"matchExpressions": [{"key": key, "operator": "In", "values": values}]})
    }

    #[test]
    fn w32_windows_and_other_architectures_are_refused() {
        for spec in [
            json!({"os": {"name": "windows"}}),
            json!({"nodeSelector": {"kubernetes.io/os": "windows"}}),
            json!({"nodeSelector": {"kubernetes.io/arch": "s390x"}}),
            affinity(json!([term("kubernetes.io/os", &["windows"])])),
            affinity(json!([term("kubernetes.io/arch", &["s390x", "ppc64le"])])),
        ] {
            assert!(
                matches!(read(spec.clone()), Err(Refusal::Platform { .. })),
                "{spec}"
            );
        }
    }

    #[test]
    fn the_one_architecture_is_found() {
        for (spec, expected) in [
            (json!({}), None),
            (
                json!({"nodeSelector": {"kubernetes.io/arch": "arm64"}}),
                Some("arm64"),
            ),
            (
                affinity(json!([term("kubernetes.io/arch", &["amd64"])])),
                Some("amd64"),
            ),
            (
                affinity(json!([term("kubernetes.io/arch", &["amd64", "arm64"])])),
                None,
            ),
            (
                affinity(json!([
                    term("kubernetes.io/arch", &["s390x"]),
                    term("kubernetes.io/arch", &["arm64"])
                ])),
                Some("arm64"),
            ),
            (affinity(json!([term("zone", &["a"])])), None),
        ] {
            assert_eq!(read(spec.clone()), Ok(expected), "{spec}");
        }
    }
}
