//! Reads a review.

use k8s_openapi::api::core::v1::Pod;
use serde::Deserialize;
use serde_json::Value;

use super::ReviewVersion;

/// What a review asks about.
#[derive(Clone, Debug)]
pub struct Request {
    /// The version to answer in.
    pub version: ReviewVersion,
    /// The review's own id, which the answer repeats.
    pub uid: String,
    /// What happens to the object. Only for [`Operation::Create`] are there a pod and an object;
    /// all others are answered with [`crate::engine::Outcome::skip`].
    pub operation: Operation,
    /// The namespace that the pod goes into; a pod's own metadata may not have it yet.
    pub namespace: String,
    /// Nothing will be stored. We answer as always: deciding has no side effects.
    pub is_dry_run: bool,
    /// The pod, typed.
    pub pod: Pod,
    /// The pod as it was sent. The patch is made for this one, so that fields which our types do
    /// not know stay.
    pub object: Value,
}

/// What happens to an object.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Operation {
    /// It is made.
    Create,
    /// It is changed.
    Update,
    /// It is deleted.
    Delete,
    /// A subresource is connected to.
    Connect,
}

/// A review that cannot be answered as asked. The caller (the API server, or whoever plays it) must
/// act; the answer goes out in the caller's version where that could be read.
#[derive(Debug, thiserror::Error)]
#[error("invalid review: {problem}")]
#[non_exhaustive]
pub struct InvalidReview {
    /// The version to answer in.
    pub version: ReviewVersion,
    /// The id, where it could be read.
    pub uid: Option<String>,
    /// What is wrong; never a part of the object.
    pub problem: &'static str,
    /// The parser's words about where.
    #[source]
    pub source: Option<serde_json::Error>,
}

impl InvalidReview {
    /// The word for log and metrics.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        "invalid_review"
    }
}

/// Reads a review of a pod.
///
/// # Errors
///
/// [`InvalidReview`].
pub fn decode(body: &[u8]) -> Result<Request, InvalidReview> {
    let mut invalid = InvalidReview {
        version: ReviewVersion::V1,
        uid: None,
        problem: "it is not JSON",
        source: None,
    };
    let mut review: Value = match serde_json::from_slice(body) {
        Ok(review) => review,
        Err(source) => {
            invalid.source = Some(source);
            return Err(invalid);
        }
    };
    // Taken out, not copied: it is nearly all of the review.
    let object = review.pointer_mut("/request/object").map(Value::take);
    let version = text(&review, "apiVersion").and_then(ReviewVersion::from_api_version);
    invalid.version = version.unwrap_or_default();
    let request = review.get("request").unwrap_or(&Value::Null);
    invalid.uid = text(request, "uid").map(str::to_owned);
    match read(&review, request, object, version) {
        Ok(request) => Ok(request),
        Err((problem, source)) => Err(InvalidReview {
            problem,
            source,
            ..invalid
        }),
    }
}

type Problem = (&'static str, Option<serde_json::Error>);

fn read(
    review: &Value,
    request: &Value,
    object: Option<Value>,
    version: Option<ReviewVersion>,
) -> Result<Request, Problem> {
    let known = "its `apiVersion` is not admission.k8s.io/v1 or v1beta1";
    let version = version.ok_or((known, None))?;
    if text(review, "kind") != Some("AdmissionReview") {
        return Err(("its `kind` is not AdmissionReview", None));
    }
    if !request.is_object() {
        return Err(("it has no `request`", None));
    }
    let uid = text(request, "uid").filter(|uid| !uid.is_empty());
    let uid = uid.ok_or(("its request has no `uid`", None))?;
    let operation = match text(request, "operation") {
        Some("CREATE") => Operation::Create,
        Some("UPDATE") => Operation::Update,
        Some("DELETE") => Operation::Delete,
        Some("CONNECT") => Operation::Connect,
        _ => {
            return Err((
                "its `operation` is not CREATE, UPDATE, DELETE or CONNECT",
                None,
            ));
        }
    };
    let kind = request.get("kind").unwrap_or(&Value::Null);
    let is_pod = text(kind, "group") == Some("")
        && text(kind, "version") == Some("v1")
        && text(kind, "kind") == Some("Pod");
    let is_itself = text(request, "subResource").unwrap_or_default().is_empty();
    if !is_pod || !is_itself {
        return Err((
            "it is not about a pod (v1); the webhook's rules are wrong",
            None,
        ));
    }
    // A deletion has none; a webhook whose rules are wrong must not keep pods from going.
    let (object, pod) = if operation == Operation::Create {
        let object = object.filter(Value::is_object);
        let object = object.ok_or(("its request has no `object`", None))?;
        if has_too_many(&object) {
            return Err(("its pod has more than 4,096 containers or volumes", None));
        }
        let pod = Pod::deserialize(&object)
            .map_err(|source| ("its `object` cannot be read as a pod", Some(source)))?;
        (object, pod)
    } else {
        (Value::Null, Pod::default())
    };
    Ok(Request {
        version,
        uid: uid.to_owned(),
        operation,
        namespace: text(request, "namespace").unwrap_or_default().to_owned(),
        is_dry_run: request
            .get("dryRun")
            .and_then(Value::as_bool)
            .unwrap_or(false),
        pod,
        object,
    })
}

/// Containers of one kind, or volumes, at most. Chosen: no node runs so many, and each takes some
/// KiB once it is read, however short its text is: `{}` is one.
const MOST_LISTED: usize = 4_096;

fn has_too_many(object: &Value) -> bool {
    let lists = [
        "containers",
        "initContainers",
        "ephemeralContainers",
        "volumes",
    ];
    let spec = object.get("spec");
    lists.iter().any(|list| {
        let list = spec
            .and_then(|spec| spec.get(list))
            .and_then(Value::as_array);
        list.is_some_and(|list| list.len() > MOST_LISTED)
    })
}

fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key)?.as_str()
}
