//! Annotations of other injectors, with the same meaning where there is one.
//!
//! They never opt a pod in: that is `cloudtaser.io/inject` alone, so that two injectors in one
//! cluster do not fight over a pod by accident. Where a key has no counterpart, a warning says what
//! to use. A key that would choose an image or a service account is refused, as ours is (H5).

mod bank_vaults;
mod vault_k8s;

use std::collections::BTreeMap;

use super::{AnnotationError, Parsed, never, shown};

/// Reads the annotations of bank-vaults and of vault-k8s.
pub(super) fn read(
    annotations: &BTreeMap<String, String>,
    parsed: &mut Parsed,
) -> Result<(), AnnotationError> {
    for (key, value) in annotations {
        let name = bank_vaults::PREFIXES
            .iter()
            .find_map(|prefix| key.strip_prefix(prefix));
        if let Some(name) = name {
            bank_vaults::take(parsed, key, name, value)?;
        }
    }
    vault_k8s::read(annotations, parsed)
}

/// Longest key that is shown whole. Chosen: the longest documented one has 79 characters.
const LONGEST: usize = 100;

/// A warning that names the annotation, whole where it is like a documented one, and what to do
/// instead.
fn advise(parsed: &mut Parsed, key: &str, advice: &str) {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"./-_".contains(&byte);
    let named = if key.len() <= LONGEST && key.bytes().all(is_plain) {
        format!("`{key}`")
    } else {
        shown(key)
    };
    let warning = format!("annotation {named} is not used: {advice}");
    parsed.warnings.push(warning);
}
