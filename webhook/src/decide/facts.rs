//! What must be looked up before a decision ([`Needs`]), and what was found ([`Facts`]).
//!
//! Whoever looks things up touches the world; deciding does not. A value of a ConfigMap or Secret
//! is reduced to "is it a reference" where it is read, so no value ever comes here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cloudtaser_abi::reference::holds_reference;

use crate::image::ImageConfig;

/// A ConfigMap or Secret of the pod's namespace.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum SourceKey {
    /// A ConfigMap.
    ConfigMap(String),
    /// A Secret.
    Secret(String),
}

impl SourceKey {
    /// Kind and name for messages.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::ConfigMap(name) => format!("ConfigMap `{name}`"),
            Self::Secret(name) => format!("Secret `{name}`"),
        }
    }
}

/// What must be looked up.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Needs {
    /// Images whose command is needed, each once; those that a registry is asked about.
    pub images: BTreeSet<String>,
    /// ConfigMaps and Secrets whose values decide whether an init container is wrapped. Those that
    /// cannot be looked up count as holding a reference.
    pub deciding_sources: BTreeSet<SourceKey>,
    /// Others that the pod requires; looking them up gives warnings only, and may be left out.
    pub other_sources: BTreeSet<SourceKey>,
    /// The only architecture that the pod can run on, as images spell it, if there is one.
    pub architecture: Option<&'static str>,
}

impl Needs {
    /// Whether nothing is to be looked up.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let sources = self.deciding_sources.is_empty() && self.other_sources.is_empty();
        sources && self.images.is_empty()
    }
}

/// What an image lookup gave.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ImageFact {
    /// What the image says; shared, for many reviews at once may name it.
    Found(Arc<ImageConfig>),
    /// Nothing: a sentence with the registry and the cause, without credentials.
    Failed(String),
}

/// What a lookup of a ConfigMap or Secret gave.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SourceFact {
    /// It is there.
    Found {
        /// Its keys.
        keys: BTreeSet<String>,
        /// Those whose value is or holds a reference.
        reference_keys: BTreeSet<String>,
    },
    /// The API server says that there is none.
    Missing,
}

impl SourceFact {
    /// Reduces values to what a decision needs.
    pub fn new<'v>(values: impl IntoIterator<Item = (&'v str, &'v [u8])>) -> Self {
        let (mut keys, mut reference_keys) = (BTreeSet::new(), BTreeSet::new());
        for (key, value) in values {
            keys.insert(key.to_owned());
            if str::from_utf8(value).is_ok_and(holds_reference) {
                reference_keys.insert(key.to_owned());
            }
        }
        Self::Found {
            keys,
            reference_keys,
        }
    }
}

/// What was looked up. What is not here was not asked for.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Facts {
    /// By the image's reference, as the pod has it.
    pub images: BTreeMap<String, ImageFact>,
    /// By kind and name.
    pub sources: BTreeMap<SourceKey, SourceFact>,
}
