//! `AdmissionReview` in and out, `admission.k8s.io/v1` and `v1beta1`, answered in kind.
//!
//! The first and the last of the four steps (decode, decide, patch, encode). A review that cannot
//! be read is *invalid*, which is not the same as a pod that is *denied*: the former is a fault of
//! whoever calls us, and its answer still refuses the pod (fail closed).
//!
//! Everything is read into [`serde_json::Value`] first and into types from there: the workspace
//! keeps numbers as they are written, and types that take either a number or a text
//! (`IntOrString`) can be read from a value only.

mod decode;
mod encode;

pub use decode::{InvalidReview, Operation, Request, decode};
pub use encode::{Answer, encode, encode_invalid};

/// The two versions of a review.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ReviewVersion {
    /// `admission.k8s.io/v1`.
    #[default]
    V1,
    /// `admission.k8s.io/v1beta1`; no server of a supported version sends it by itself.
    V1Beta1,
}

impl ReviewVersion {
    /// The text of `apiVersion`.
    #[must_use]
    pub const fn api_version(self) -> &'static str {
        match self {
            Self::V1 => "admission.k8s.io/v1",
            Self::V1Beta1 => "admission.k8s.io/v1beta1",
        }
    }

    fn from_api_version(text: &str) -> Option<Self> {
        [Self::V1, Self::V1Beta1]
            .into_iter()
            .find(|version| version.api_version() == text)
    }
}

#[cfg(test)]
mod tests;
