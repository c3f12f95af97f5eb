//! Admission reviews: the body of a request, or only the pod in it.

use crate::admit::{admit, review_of};
use crate::world::World;

/// A body that is one JSON object with a `spec` is taken for a pod, and its review is made for it.
pub fn check(data: &[u8]) {
    let world = World::standard();
    admit(data, &world);
    if let Ok(pod) = serde_json::from_slice::<serde_json::Value>(data)
        && pod.get("spec").is_some()
    {
        admit(&review_of(&pod), &world);
    }
}
