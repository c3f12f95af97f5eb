//! Writes the answer to a review.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use json_patch::Patch;
use serde_json::{Map, Value, json};

use super::{InvalidReview, ReviewVersion};
use crate::annotation::printable;

/// Bytes of one warning, at most: clients are told to keep below 120, and the API server cuts at
/// 256 (Kubernetes, "Dynamic Admission Control", response).
const WARNING_BYTES: usize = 256;

/// Warnings of one answer, at most. The API server drops all that go beyond 4,096 bytes together
/// (same page), and 15 of them with the sentence that more were left out stay below.
const WARNINGS: usize = 15;

/// Bytes of a refusal's message, at most. Chosen: longer than any of ours about a pod that a person
/// wrote; the names in it are whatever the pod has.
const MESSAGE_BYTES: usize = 4_096;

/// What the API server is told.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The pod may be made, with these changes.
    Allow {
        /// May be empty.
        patch: Patch,
        /// For whoever makes the pod.
        warnings: Vec<String>,
    },
    /// The pod may not be made.
    Deny {
        /// A sentence that its author can act on.
        message: String,
        /// For whoever makes the pod.
        warnings: Vec<String>,
    },
}

/// The answer to the review `uid`, in its version.
///
/// # Errors
///
/// A patch that cannot be written as JSON, which the types exclude; the caller answers with a
/// server error, and the API server's failure policy refuses the pod (fail closed).
pub fn encode(
    version: ReviewVersion,
    uid: &str,
    answer: &Answer,
) -> Result<Value, serde_json::Error> {
    let mut response = Map::from_iter([("uid".to_owned(), uid.into())]);
    let mut add = |name: &str, value: Value| response.insert(name.to_owned(), value);
    let warnings = match answer {
        Answer::Allow { patch, warnings } => {
            add("allowed", true.into());
            if !patch.is_empty() {
                add("patchType", "JSONPatch".into());
                add("patch", STANDARD.encode(serde_json::to_vec(patch)?).into());
            }
            warnings
        }
        Answer::Deny { message, warnings } => {
            add("allowed", false.into());
            add("status", failure(403, "Forbidden", message));
            warnings
        }
    };
    if !warnings.is_empty() {
        add("warnings", bounded(warnings).into());
    }
    Ok(review(version, response.into()))
}

/// The answer to a review that could not be read: the pod is refused, and the message says that the
/// review is at fault.
#[must_use]
pub fn encode_invalid(invalid: &InvalidReview) -> Value {
    let mut message = format!("cloudtaser: {invalid}");
    if let Some(source) = &invalid.source {
        // Only where and what kind: the parser's own words may repeat the object's text.
        let (line, column) = (source.line(), source.column());
        let place = if line == 0 {
            String::new()
        } else {
            format!(" (line {line}, column {column})")
        };
        message.push_str(&place);
    }
    let response = json!({
        "uid": invalid.uid.as_deref().unwrap_or_default(),
        "allowed": false,
        "status": failure(400, "BadRequest", &message),
    });
    review(invalid.version, response)
}

fn failure(code: u16, reason: &str, message: &str) -> Value {
    json!({
        "status": "Failure",
        "code": code,
        "reason": reason,
        "message": cut(message, MESSAGE_BYTES),
    })
}

fn review(version: ReviewVersion, response: Value) -> Value {
    json!({
        "apiVersion": version.api_version(),
        "kind": "AdmissionReview",
        "response": response,
    })
}

fn bounded(warnings: &[String]) -> Vec<String> {
    let mut bounded: Vec<String> = warnings
        .iter()
        .take(WARNINGS)
        .map(|text| cut(&format!("cloudtaser: {text}"), WARNING_BYTES))
        .collect();
    let left = warnings.len().saturating_sub(WARNINGS);
    if left > 0 {
        bounded.push(format!("cloudtaser: {left} more warning(s)"));
    }
    bounded
}

/// On one line and bounded: a pod's names reach us before the API server has looked at them.
fn cut(text: &str, most: usize) -> String {
    const MARK: &str = "…";
    let text = printable(text);
    if text.len() <= most {
        return text;
    }
    let end = text.floor_char_boundary(most.saturating_sub(MARK.len()));
    format!("{}{MARK}", text.get(..end).unwrap_or_default())
}
