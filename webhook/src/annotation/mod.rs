//! A pod's annotations, read into typed [`Wishes`].
//!
//! Hostile input: whoever writes a pod writes them. Reading decides nothing; what a pod may ask for
//! is decided in [`crate::decide`] against the profile, so every wish remembers which annotation it
//! is from. The table of keys is `cloudtaser_abi::annotation`; other projects' annotations are
//! [`foreign`].

mod error;
pub mod foreign;
mod secrets;
mod value;

use std::collections::{BTreeMap, BTreeSet};

use cloudtaser_abi::annotation as keys;
use cloudtaser_abi::annotation::{Annotation, Override};
use cloudtaser_abi::protection::Protection;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

pub use error::{AnnotationError, printable, shown};
pub use secrets::Secrets;

/// A wish that a profile must allow, and the annotation that it is from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Wish<T> {
    /// What is wished.
    pub value: T,
    /// The annotation's key.
    pub key: String,
}

/// Which init containers are wrapped. Sidecars are no init containers in this sense.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum InitScope {
    /// Those with a reference in their environment.
    #[default]
    References,
    /// All of them.
    All,
    /// None of them.
    Nobody,
}

/// What a pod asks for.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Wishes {
    /// The profile's name.
    pub profile: Option<String>,
    /// Secrets for every container in scope.
    pub secrets: Secrets,
    /// The annotation that asks for [`Self::secrets`], for the refusal.
    pub secrets_key: Option<String>,
    /// Only these containers.
    pub containers: Option<BTreeSet<String>>,
    /// Not these.
    pub skip_containers: BTreeSet<String>,
    /// Which init containers.
    pub init_containers: InitScope,
    /// Commands by container.
    pub commands: BTreeMap<String, Vec<String>>,
    /// Exec probes and hooks start through the wrapper.
    pub wraps_probes: bool,
    /// The wrapper's `--delivery`.
    pub delivery: Option<Wish<&'static str>>,
    /// The wrapper's `--min-protection`.
    pub min_protection: Option<Wish<Protection>>,
    /// The wrapper's `--enforcer`.
    pub enforcer: Option<Wish<&'static str>>,
    /// Least `terminationGracePeriodSeconds`.
    pub grace_seconds: Option<i64>,
    /// The server's address, as it was written.
    pub address: Option<Wish<String>>,
    /// The role.
    pub role: Option<Wish<String>>,
    /// The login method.
    pub auth_method: Option<Wish<&'static str>>,
    /// Its mount.
    pub auth_path: Option<Wish<String>>,
    /// The server's namespace.
    pub namespace: Option<Wish<String>>,
    /// Take any certificate.
    pub skip_verify: Option<Wish<bool>>,
    /// Variables of the wrapper that only a foreign annotation sets: none of them is a profile's.
    pub settings: BTreeMap<&'static str, String>,
}

/// Wishes, and what the author should know about the annotations.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Parsed {
    /// What was read.
    pub wishes: Wishes,
    /// Sentences for the admission response.
    pub warnings: Vec<String>,
}

/// Whether the pod opted in.
///
/// # Errors
///
/// A value that is neither yes nor no. Fails closed: the pod is refused, because somebody meant
/// something by it (W12).
pub fn is_opted_in(annotations: &BTreeMap<String, String>) -> Result<bool, AnnotationError> {
    match annotations.get(keys::INJECT) {
        None => Ok(false),
        Some(value) => value::boolean(keys::INJECT, value),
    }
}

/// A warning about a pod without the annotation that opts in, if it has others of ours, or ours as
/// a label. In a cluster a policy says the same (`manifests/policy-later.yaml`), for the webhook is
/// not asked about such a pod.
#[must_use]
pub fn seems_to_opt_in(metadata: &ObjectMeta) -> Option<String> {
    let begins = |key: &str, with: &str| {
        let begin = key.get(..with.len());
        begin.is_some_and(|begin| begin.eq_ignore_ascii_case(with))
    };
    let annotations = metadata.annotations.iter().flat_map(BTreeMap::keys);
    let mut annotations = annotations.filter(|key| begins(key, keys::PREFIX));
    let labels = metadata.labels.iter().flat_map(BTreeMap::keys);
    let mut labels = labels.filter(|key| begins(key, keys::INJECT));
    let (what, key) = match (annotations.next(), labels.next()) {
        (Some(key), _) => ("annotation", key),
        (None, Some(key)) => ("label", key),
        (None, None) => return None,
    };
    Some(format!(
        "the pod has the {what} {}, but not the annotation `{}`: nothing is injected; is it misspelt?",
        shown(key),
        keys::INJECT
    ))
}

/// Bytes of all annotations of an object together, at most: the API server's own limit
/// (`TotalAnnotationSizeLimitB`), which it checks after admission. Here it bounds our work.
const MOST_BYTES: usize = 256 * 1024;

/// Warnings about keys that mean nothing, at most; an answer holds no more. Chosen: the look for
/// a similar key is the dearest step of reading, so it is not done for thousands of keys.
const MOST_UNKNOWN: usize = 15;

/// Longest word, such as a key without its prefix, that a similar one is looked for: the API's limit
/// for such keys and for containers' names.
const LONGEST_NAME: usize = 63;

/// Reads all annotations of a pod that opted in.
///
/// # Errors
///
/// [`AnnotationError`]: the first value that cannot be read, in the order of the keys.
pub fn parse(annotations: &BTreeMap<String, String>) -> Result<Parsed, AnnotationError> {
    let sizes = annotations
        .iter()
        .map(|(key, value)| key.len().saturating_add(value.len()));
    if sizes.fold(0, usize::saturating_add) > MOST_BYTES {
        return Err(AnnotationError::TooMany { limit: MOST_BYTES });
    }
    let mut parsed = Parsed::default();
    let mut unknown_keys = 0_usize;
    // Foreign ones first: ours win.
    foreign::read(annotations, &mut parsed)?;
    let mut paths = Vec::new();
    let mut map = None;
    for (key, value) in annotations {
        let Some(annotation) = keys::find(key) else {
            if unknown_keys < MOST_UNKNOWN {
                let warning = unknown(key);
                unknown_keys = unknown_keys.saturating_add(warning.iter().len());
                parsed.warnings.extend(warning);
            }
            continue;
        };
        match key.as_str() {
            keys::SECRET_PATHS => paths = secrets::paths(key, value)?,
            keys::ENV_MAP => map = Some(value.as_str()),
            _ => parsed.wishes.take(annotation, value)?,
        }
    }
    let wishes = &mut parsed.wishes;
    secrets::variables(&mut wishes.secrets, &paths, map)?;
    if !paths.is_empty() {
        wishes.secrets_key = Some(keys::SECRET_PATHS.to_owned());
    }
    Ok(parsed)
}

impl Wishes {
    /// Takes the value of one annotation of ours, but for the two that belong together.
    fn take(&mut self, annotation: &Annotation, value: &str) -> Result<(), AnnotationError> {
        let key = annotation.key;
        match key {
            keys::PROFILE => self.profile = Some(value::text(key, value)?),
            keys::FILES => {
                self.secrets.files.extend(secrets::files(key, value)?);
                self.secrets_key = Some(key.to_owned());
            }
            keys::CONTAINERS => self.containers = Some(value::names(key, value)?),
            keys::SKIP_CONTAINERS => self.skip_containers = value::names(key, value)?,
            keys::INIT_CONTAINERS => {
                self.init_containers = match value::word(key, value, keys::INIT_CONTAINER_WORDS)? {
                    "all" => InitScope::All,
                    "none" => InitScope::Nobody,
                    _ => InitScope::References,
                };
            }
            keys::COMMAND => self.commands = value::commands(key, value)?,
            keys::PROBES => {
                self.wraps_probes = value::word(key, value, keys::PROBE_WORDS)? == "wrap";
            }
            keys::GRACE => self.grace_seconds = Some(value::seconds(key, value)?),
            _ => return self.take_setting(annotation, value),
        }
        Ok(())
    }

    /// The annotations that a profile must allow, or that nobody may use.
    fn take_setting(
        &mut self,
        annotation: &Annotation,
        value: &str,
    ) -> Result<(), AnnotationError> {
        let key = annotation.key;
        match key {
            keys::DELIVERY => {
                self.delivery = wish(key, value::word(key, value, keys::DELIVERY_WORDS)?);
            }
            keys::MIN_PROTECTION => {
                let word = value::word(key, value, keys::PROTECTION_WORDS)?;
                self.min_protection = wish(key, word.parse().unwrap_or(Protection::Enforced));
            }
            keys::ENFORCER => {
                self.enforcer = wish(key, value::word(key, value, keys::ENFORCER_WORDS)?);
            }
            keys::VAULT_ADDRESS => self.address = wish(key, value.trim().to_owned()),
            keys::VAULT_ROLE => self.role = wish(key, value::text(key, value)?),
            keys::VAULT_AUTH_METHOD => {
                self.auth_method = wish(key, value::word(key, value, keys::AUTH_METHOD_WORDS)?);
            }
            keys::VAULT_AUTH_PATH => self.auth_path = wish(key, value::text(key, value)?),
            keys::VAULT_NAMESPACE => self.namespace = wish(key, value::text(key, value)?),
            keys::VAULT_SKIP_VERIFY => self.skip_verify = wish(key, value::boolean(key, value)?),
            _ if annotation.needs == Override::Never => return Err(never(key)),
            // `inject` was read before; `status` is ours to write and means nothing here.
            _ => {}
        }
        Ok(())
    }
}

fn wish<T>(key: &str, value: T) -> Option<Wish<T>> {
    let key = key.to_owned();
    Some(Wish { value, key })
}

/// The refusal of a setting that is the operator's alone (H5).
fn never(key: &str) -> AnnotationError {
    AnnotationError::Never {
        key: key.to_owned(),
        why: "images and service accounts are the operator's choice, in the profile and in the \
              pod's `serviceAccountName`",
    }
}

/// A warning about a key with our prefix that means nothing.
fn unknown(key: &str) -> Option<String> {
    let name = key.strip_prefix(keys::PREFIX)?;
    let known = keys::ANNOTATIONS.iter().map(Annotation::name);
    let hint = nearest(name, known).map_or_else(String::new, |nearest| {
        format!("; did you mean `{}{nearest}`?", keys::PREFIX)
    });
    Some(format!(
        "annotation {} means nothing to CloudTaser{hint}",
        shown(key)
    ))
}

/// The known word that is most like `word`, if one is. None is like a text that is longer than a
/// name: the time grows with the product of both lengths.
pub(crate) fn nearest<'w>(word: &str, known: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    // 0.75: chosen; takes a letter too many, too few or swapped in words of our table, and none of
    // its words for another (a test).
    let is_name = |text: &&str| text.len() <= LONGEST_NAME;
    let word = Some(word).filter(is_name)?;
    let scored = known
        .into_iter()
        .filter(is_name)
        .map(|known| (strsim::jaro_winkler(word, known), known))
        .filter(|(score, _)| *score >= 0.75);
    let best = scored.max_by(|(a, _), (b, _)| a.total_cmp(b))?;
    Some(best.1)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
