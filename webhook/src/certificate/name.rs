//! The names that the serving certificate is for.

use std::collections::BTreeSet;

/// The Service that the API server asks, and names beside it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Names {
    /// The Service's name.
    pub service: String,
    /// Its namespace.
    pub namespace: String,
    /// Names or addresses of a webhook that is reached by URL.
    pub extra: BTreeSet<String>,
}

impl Names {
    /// The name that an API server expects of a Service's webhook.
    #[must_use]
    pub fn expected(&self) -> String {
        format!("{}.{}.svc", self.service, self.namespace)
    }

    /// All names, never a wildcard.
    #[must_use]
    pub fn all(&self) -> BTreeSet<String> {
        let expected = self.expected();
        let long = format!("{expected}.cluster.local");
        let extra = self.extra.iter().filter(|name| !name.contains('*'));
        extra.cloned().chain([expected, long]).collect()
    }
}
