//! Which of the profiles that a namespace sees its pods get. Pure.

use serde_json::{Value, json};

use crate::cli::judge::Place;
use crate::lookup::checked;
use crate::profile::{Profile, Scope, choose};

/// What a profile is to the pods of a namespace.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Use {
    /// Pods that name none get it.
    Default,
    /// Pods that name it get it.
    ByName,
    /// Nobody gets it: the namespace has one of the same name.
    Hidden,
    /// It is not for pods of this namespace.
    Elsewhere,
}

impl Use {
    /// One word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::ByName => "by-name",
            Self::Hidden => "hidden",
            Self::Elsewhere => "elsewhere",
        }
    }

    const fn why(self, scope: Scope) -> &'static str {
        match (self, scope) {
            (Self::Default, Scope::Namespace) => {
                "it is called `default` and lies in the namespace, which goes before the cluster"
            }
            (Self::Default, Scope::Cluster) => {
                "it is called `default`, and the namespace has none of that name"
            }
            (Self::ByName, _) => "for pods that name it (`cloudtaser.io/profile`)",
            (Self::Hidden, _) => "the namespace has one of the same name",
            (Self::Elsewhere, _) => "its `namespaces` are others",
        }
    }
}

/// A profile as one namespace sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// The profile.
    pub profile: Profile,
    /// What it is there.
    pub usage: Use,
    /// Why.
    pub why: &'static str,
    /// What is wrong with it.
    pub problem: Option<String>,
    /// What its condition `Ready` says, if that is about the profile as it stands.
    pub ready: Option<bool>,
}

/// What pods of a namespace get.
#[derive(Clone, Debug, PartialEq)]
pub struct NamespaceView {
    /// The namespace.
    pub namespace: String,
    /// Why pods that name no profile are refused there.
    pub refusal: Option<String>,
    /// All that it sees: its own, then the cluster's.
    pub listed: Vec<Listed>,
}

impl NamespaceView {
    /// The profiles of a namespace, from the objects of the API.
    #[must_use]
    pub fn new(place: &Place, own: &[Value], cluster: &[Value]) -> Self {
        let (namespace, profiles) = (&place.namespace, &place.profiles);
        let chosen = choose(None, namespace, profiles);
        let objects = |scope| match scope {
            Scope::Namespace => own,
            Scope::Cluster => cluster,
        };
        let all = profiles.namespaced.iter().chain(&profiles.cluster);
        let listed = all.map(|profile| {
            let (name, scope) = (profile.name.as_str(), profile.scope);
            let is_hidden =
                scope == Scope::Cluster && profiles.namespaced.iter().any(|own| own.name == name);
            let is_here = scope == Scope::Namespace || profile.spec.namespaces.admits(namespace);
            let usage = match (is_hidden, is_here) {
                (true, _) => Use::Hidden,
                (_, false) => Use::Elsewhere,
                _ if name == "default" => Use::Default,
                _ => Use::ByName,
            };
            let mut found = objects(scope).iter();
            let object =
                found.find(|object| object.pointer("/metadata/name") == Some(&name.into()));
            Listed {
                usage,
                why: usage.why(scope),
                problem: object.and_then(|object| checked(scope, object).err()),
                ready: object.and_then(ready),
                profile: profile.clone(),
            }
        });
        Self {
            namespace: namespace.name.clone(),
            listed: listed.collect(),
            refusal: chosen.err().map(|error| error.to_string()),
        }
    }

    /// The one that counts for pods that name none, usable or not.
    #[must_use]
    pub fn default(&self) -> Option<&Listed> {
        self.listed.iter().find(|one| one.usage == Use::Default)
    }

    /// Whether something is wrong with a profile that pods of the namespace can get.
    #[must_use]
    pub fn has_problem(&self) -> bool {
        let counts = |one: &&Listed| matches!(one.usage, Use::Default | Use::ByName);
        self.listed
            .iter()
            .filter(counts)
            .any(|one| one.problem.is_some())
    }

    /// For programs.
    #[must_use]
    pub fn record(&self) -> Value {
        let listed = self.listed.iter().map(|one| {
            json!({
                "name": one.profile.name,
                "scope": place_word(one.profile.scope),
                "use": one.usage.word(),
                "why": one.why,
                "problem": one.problem,
                "ready": one.ready,
                "spec": one.profile.spec,
            })
        });
        let usable = self.default().filter(|_| self.refusal.is_none());
        json!({
            "namespace": self.namespace,
            "applies": usable.map(|one| json!({
                "name": one.profile.name,
                "scope": place_word(one.profile.scope),
            })),
            "refusal": self.refusal,
            "profiles": listed.collect::<Vec<_>>(),
        })
    }
}

/// Where a profile lies, in a word.
#[must_use]
pub const fn place_word(scope: Scope) -> &'static str {
    match scope {
        Scope::Namespace => "namespace",
        Scope::Cluster => "cluster",
    }
}

fn ready(object: &Value) -> Option<bool> {
    let seen = object.pointer("/status/observedGeneration")?;
    if Some(seen) != object.pointer("/metadata/generation") {
        return None;
    }
    let conditions = object.pointer("/status/conditions")?.as_array()?;
    let mut named = conditions.iter();
    let ready = named.find(|one| one.get("type") == Some(&"Ready".into()))?;
    Some(ready.get("status") == Some(&"True".into()))
}
