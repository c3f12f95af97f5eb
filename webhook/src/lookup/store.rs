//! The profiles as they were last seen: replaced and changed by the watch, read by each decision.
//!
//! Never silently empty: until both kinds were listed once, [`Snapshot::is_complete`] says no and a
//! pod that opted in is refused. A watch that broke leaves what was there, and its age is told.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::profile::{
    CloudTaserProfile, CloudTaserProfileSpec, ClusterCloudTaserProfile, Profile, Profiles, Scope,
};

/// Profiles at one moment.
#[derive(Debug, Default)]
pub struct Snapshot {
    cluster: Profiles,
    by_namespace: HashMap<String, Profiles>,
    /// Whether both kinds were listed.
    pub is_complete: bool,
    /// Whether a profile asks for labels of namespaces.
    pub needs_labels: bool,
}

impl Snapshot {
    /// The profiles that pods of a namespace could get.
    #[must_use]
    pub fn of(&self, namespace: &str) -> &Profiles {
        self.by_namespace.get(namespace).unwrap_or(&self.cluster)
    }
}

type Key = (String, String);

#[derive(Debug, Default)]
struct Inner {
    namespaced: BTreeMap<Key, Profile>,
    cluster: BTreeMap<Key, Profile>,
    watches: [Watch; 2],
    snapshot: Arc<Snapshot>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Watch {
    was_listed: bool,
    broken: Option<Instant>,
}

/// Profiles of both kinds.
#[derive(Debug, Default)]
pub struct ProfileStore {
    inner: RwLock<Inner>,
}

impl ProfileStore {
    /// What is known now.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&inner.snapshot)
    }

    /// Takes a whole list.
    pub fn replace(&self, scope: Scope, objects: &[Value]) {
        let read = objects.iter().map(|object| read(scope, object)).collect();
        self.change(scope, |kept| *kept = read);
        self.alive(scope);
    }

    /// Takes one that was made or changed.
    pub fn set(&self, scope: Scope, object: &Value) {
        let (key, profile) = read(scope, object);
        self.change(scope, |kept| drop(kept.insert(key, profile)));
    }

    /// Forgets one.
    pub fn remove(&self, scope: Scope, object: &Value) {
        let (key, _) = read(scope, object);
        self.change(scope, |kept| drop(kept.remove(&key)));
    }

    /// Changes are seen.
    pub fn alive(&self, scope: Scope) {
        let watch = Watch {
            was_listed: true,
            broken: None,
        };
        self.mark(scope, |old| *old = watch);
    }

    /// Changes are not seen any more.
    pub fn broken(&self, scope: Scope) {
        self.mark(scope, |watch| {
            watch.broken.get_or_insert_with(Instant::now);
        });
    }

    /// For how long changes have not been seen; zero while they are.
    #[must_use]
    pub fn stale(&self) -> Duration {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        let since = inner.watches.iter().filter_map(|watch| watch.broken).min();
        since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    fn mark(&self, scope: Scope, change: impl FnOnce(&mut Watch)) {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        let [namespaced, cluster] = &mut inner.watches;
        change(match scope {
            Scope::Namespace => namespaced,
            Scope::Cluster => cluster,
        });
        let is_complete = inner.watches.iter().all(|watch| watch.was_listed);
        if is_complete != inner.snapshot.is_complete {
            inner.snapshot = Arc::new(inner.built());
        }
    }

    fn change(&self, scope: Scope, change: impl FnOnce(&mut BTreeMap<Key, Profile>)) {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        change(match scope {
            Scope::Namespace => &mut inner.namespaced,
            Scope::Cluster => &mut inner.cluster,
        });
        inner.snapshot = Arc::new(inner.built());
    }
}

impl Inner {
    fn built(&self) -> Snapshot {
        let cluster: Vec<Profile> = self.cluster.values().cloned().collect();
        let mut by_namespace: HashMap<String, Profiles> = HashMap::new();
        for ((namespace, _), profile) in &self.namespaced {
            let own = by_namespace
                .entry(namespace.clone())
                .or_insert_with(|| Profiles {
                    namespaced: Vec::new(),
                    cluster: cluster.clone(),
                });
            own.namespaced.push(profile.clone());
        }
        let has_labels = |profile: &Profile| !profile.spec.namespaces.match_labels.is_empty();
        Snapshot {
            needs_labels: cluster.iter().any(has_labels),
            cluster: Profiles {
                namespaced: Vec::new(),
                cluster,
            },
            by_namespace,
            is_complete: self.watches.iter().all(|watch| watch.was_listed),
        }
    }
}

/// Whether an object of the API is a profile that can be used.
///
/// # Errors
///
/// What is wrong with it, in a sentence.
pub fn checked(scope: Scope, object: &Value) -> Result<(), String> {
    match typed(scope, object) {
        Ok(profile) => profile.check().map_err(|error| error.to_string()),
        Err(error) => Err(format!("the profile cannot be read: {error}")),
    }
}

/// Reads the object without its status, which nothing here uses and which must not hinder.
fn typed(scope: Scope, object: &Value) -> Result<Profile, serde_json::Error> {
    let mut object = object.clone();
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    match scope {
        Scope::Namespace => serde_json::from_value::<CloudTaserProfile>(object).map(Profile::from),
        Scope::Cluster => {
            serde_json::from_value::<ClusterCloudTaserProfile>(object).map(Profile::from)
        }
    }
}

/// One that cannot be read stays as one without a server, which refuses the pods that get it: left
/// out, they would get another of the same name (*fails closed*).
fn read(scope: Scope, object: &Value) -> (Key, Profile) {
    let text = |pointer| {
        let text = object.pointer(pointer).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let (namespace, name) = (text("/metadata/namespace"), text("/metadata/name"));
    let profile = typed(scope, object).unwrap_or_else(|error| {
        tracing::error!(namespace, name, %error, "a profile cannot be read; its pods are refused");
        Profile {
            name: name.clone(),
            scope,
            generation: None,
            spec: CloudTaserProfileSpec::default(),
        }
    });
    ((namespace, name), profile)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::profile::NamespaceFacts;
    use crate::profile::choose;

    fn object(namespace: &str, name: &str, spec: &Value) -> Value {
        json!({"apiVersion": "cloudtaser.io/v1alpha1", "kind": "X",
            "metadata": {"namespace": namespace, "name": name}, "spec": spec})
    }

    #[test]
    fn nothing_counts_before_both_kinds_were_listed_and_stale_stays() {
        let store = ProfileStore::default();
        assert!(!store.snapshot().is_complete);
        let spec = json!({"server": {"addresses": ["https://bao.example:8200"]}});
        store.replace(Scope::Cluster, &[object("", "default", &spec)]);
        assert!(!store.snapshot().is_complete);
        store.replace(Scope::Namespace, &[]);
        assert!(store.snapshot().is_complete);
        store.broken(Scope::Cluster);
        assert_eq!(store.snapshot().of("x").cluster.len(), 1);
        assert!(store.stale() > Duration::ZERO);
        store.alive(Scope::Cluster);
        assert_eq!(store.stale(), Duration::ZERO);
        store.remove(Scope::Cluster, &object("", "default", &spec));
        assert!(store.snapshot().of("x").cluster.is_empty());
    }

    #[test]
    fn an_unreadable_profile_does_not_give_way_to_the_clusters() {
        let store = ProfileStore::default();
        let spec = json!({"server": {"addresses": ["https://bao.example:8200"]}});
        store.replace(Scope::Cluster, &[object("", "default", &spec)]);
        store.replace(
            Scope::Namespace,
            &[object("a", "default", &json!({"server": 7}))],
        );
        let snapshot = store.snapshot();
        let of = |name: &str| {
            let facts = NamespaceFacts {
                name: name.to_owned(),
                ..NamespaceFacts::default()
            };
            choose(None, &facts, snapshot.of(name)).is_ok()
        };
        assert!(!of("a"));
        assert!(of("b"));
    }
}
