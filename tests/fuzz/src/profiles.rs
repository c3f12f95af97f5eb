//! Profiles, as JSON or as YAML of several documents: read, chosen, and put into a pod.

use std::net::Ipv4Addr;

use cloudtaser_abi::annotation::Override;
use serde_json::{Value, json};
use url::{Host, Url};

use crate::admit::{admit, containers, is_wrapped, review_of, variable};
use crate::check_text;
use crate::profile::{
    CloudTaserProfile, CloudTaserProfileSpec, ClusterCloudTaserProfile, Profile, Profiles, Scope,
    choose,
};
use crate::world::World;
use crate::yaml;

/// Documents of one input; more say nothing new and take time.
const DOCUMENTS: usize = 8;

/// All documents together are the profiles of a namespace and of the cluster.
pub fn check(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    let read = match serde_json::from_str(text) {
        Ok(value) => Ok(vec![value]),
        Err(_) => yaml::read(text),
    };
    let documents = match read {
        Ok(documents) => documents,
        Err(error) => {
            let _ = error.to_string();
            return;
        }
    };
    let mut profiles = Profiles::default();
    for document in documents.into_iter().take(DOCUMENTS) {
        let kind = document["kind"].as_str().unwrap_or_default().to_owned();
        if kind == "ClusterCloudTaserProfile" {
            let read = serde_json::from_value::<ClusterCloudTaserProfile>(document);
            profiles.cluster.extend(read.ok().map(Profile::from));
        } else if let Ok(object) = serde_json::from_value::<CloudTaserProfile>(document) {
            profiles.namespaced.push(object.into());
        }
    }
    for profile in profiles.namespaced.iter().chain(&profiles.cluster) {
        check_spec(profile);
    }
    check_pods(profiles);
}

/// What is written is read again, and an unusable one says why.
fn check_spec(profile: &Profile) {
    let text = serde_json::to_string(&profile.spec).expect("a profile is JSON");
    let again: CloudTaserProfileSpec = serde_json::from_str(&text).expect("as it was written");
    assert_eq!(again, profile.spec);
    let is_metadata = |address: &String| {
        let url = Url::parse(address).expect("an address that was checked");
        url.host() == Some(Host::Ipv4(Ipv4Addr::new(169, 254, 169, 254)))
    };
    match profile.check() {
        Ok(()) => assert!(!profile.spec.server.addresses.iter().any(is_metadata)),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn check_pods(profiles: Profiles) {
    let world = World::new(profiles);
    let every = world
        .profiles
        .namespaced
        .iter()
        .chain(&world.profiles.cluster);
    let mut names: Vec<Option<&str>> = every.map(|profile| Some(profile.name.as_str())).collect();
    names.truncate(DOCUMENTS);
    names.push(None);
    for name in names {
        let name = name.map(str::trim);
        let chosen = choose(name, &world.namespace, &world.profiles).ok();
        if let Some(profile) = chosen {
            let of_ours = profile.scope == Scope::Namespace;
            assert!(of_ours || profile.spec.namespaces.admits(&world.namespace));
        }
        for (key, value) in [("role", "other"), ("address", "https://evil.example")] {
            let pod = pod(name, &[(key, value)]);
            let admitted = admit(&review_of(&pod), &world).expect("a review");
            assert!(
                chosen.is_some() || !admitted.is_allowed,
                "without a profile"
            );
            if let (Some(profile), true) = (chosen, admitted.is_allowed) {
                check_settings(profile, &admitted.pod, key, value);
            }
        }
        let admitted = admit(&review_of(&pod(name, &[])), &world).expect("a review");
        assert!(
            chosen.is_some() || !admitted.is_allowed,
            "without a profile"
        );
        if let (Some(profile), true) = (chosen, admitted.is_allowed) {
            check_settings(profile, &admitted.pod, "", "");
        }
    }
}

fn pod(profile: Option<&str>, wishes: &[(&str, &str)]) -> Value {
    let mut annotations = json!({"cloudtaser.io/inject": "true"});
    if let Some(name) = profile {
        annotations["cloudtaser.io/profile"] = name.into();
    }
    for (key, value) in wishes {
        annotations[format!("cloudtaser.io/vault-{key}")] = (*value).into();
    }
    json!({
        "metadata": {"annotations": annotations},
        "spec": {"containers": [
            {"name": "app", "image": "i", "command": ["/a"], "envFrom": [{"secretRef": {"name": "s"}}]},
        ]},
    })
}

/// The container is told what the profile says, and nothing that the pod was not allowed.
fn check_settings(profile: &Profile, pod: &Value, key: &str, wish: &str) {
    let spec = &profile.spec;
    let role = spec.auth.role.replace("{namespace}", "shop");
    let role = role.replace("{serviceAccount}", "default");
    let server = spec.server.addresses.join(",");
    let chosen = |wanted: &str, needed: Override, own: String| {
        let is_free = key == wanted && spec.allows(needed);
        let wish = is_free.then(|| wish.to_owned());
        [own].into_iter().chain(wish).collect::<Vec<_>>()
    };
    for container in containers(pod).filter(|container| is_wrapped(container)) {
        let is_one_of = |name: &str, allowed: &[String]| {
            // What the kubelet would expand is doubled.
            let found = variable(container, name)
                .unwrap_or_default()
                .replace("$$", "$");
            assert!(allowed.contains(&found), "{name} is {found:?}: {profile:?}");
        };
        is_one_of(
            "CLOUDTASER_ADDR",
            &chosen("address", Override::Address, server.clone()),
        );
        is_one_of(
            "CLOUDTASER_ROLE",
            &chosen("role", Override::Role, role.clone()),
        );
        let skips = spec.server.insecure_skip_verify.to_string();
        is_one_of("CLOUDTASER_INSECURE_SKIP_VERIFY", &[skips]);
        if let Some(text) = spec.server.ca.as_ref().and_then(|ca| ca.inline.clone()) {
            is_one_of("BAO_CACERT_BYTES", &[text]);
        } else if spec.server.ca.is_none() {
            is_one_of("BAO_CACERT_BYTES", &[String::new()]);
        }
        check_text(container["name"].as_str().unwrap_or_default(), 63);
    }
}
