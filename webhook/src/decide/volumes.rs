//! The two volumes and their mounts; and names or places of theirs that are taken.

use cloudtaser_abi::injection::{
    BINARY_DIR, BINARY_VOLUME, CA_FILE, CLIENT_CERT_FILE, CLIENT_KEY_FILE, IDENTITY_DIR,
    IDENTITY_VOLUME, INIT_CONTAINER, TOKEN_FILE,
};
use k8s_openapi::api::core::v1::{
    ConfigMapProjection, Container, EmptyDirVolumeSource, KeyToPath, PodSpec,
    ProjectedVolumeSource, SecretProjection, ServiceAccountTokenProjection, Volume, VolumeMount,
    VolumeProjection,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::copy_step;
use super::reason::Refusal;
use super::settings::Settings;
use crate::profile::Profile;
use crate::profile::spec::KeySpec;

/// Chosen: wrapper and preload library have less than 7 MiB together, and a copy stands beside the
/// old one while it is replaced.
const VOLUME_SIZE: &str = "32Mi";
/// `r--r--r--`: whatever user a container runs as reads its token; the volume is the pod's alone.
const READ_BY_ALL: i32 = 0o444;

/// The mounts that a wrapped container gets.
pub(super) fn mounts() -> Vec<VolumeMount> {
    vec![
        mount(BINARY_VOLUME, BINARY_DIR, true),
        mount(IDENTITY_VOLUME, IDENTITY_DIR, true),
    ]
}

pub(super) fn mount(volume: &str, path: &str, is_read_only: bool) -> VolumeMount {
    VolumeMount {
        name: volume.to_owned(),
        mount_path: path.to_owned(),
        read_only: is_read_only.then_some(true),
        ..VolumeMount::default()
    }
}

/// The memory-backed volume and the projected one.
pub(super) fn volumes(profile: &Profile, settings: &Settings) -> Vec<Volume> {
    let size = profile
        .spec
        .volume_size_limit
        .as_deref()
        .unwrap_or(VOLUME_SIZE);
    let binary = Volume {
        name: BINARY_VOLUME.to_owned(),
        empty_dir: Some(EmptyDirVolumeSource {
            medium: Some("Memory".to_owned()),
            size_limit: Some(Quantity(size.to_owned())),
        }),
        ..Volume::default()
    };
    let identity = Volume {
        name: IDENTITY_VOLUME.to_owned(),
        projected: Some(ProjectedVolumeSource {
            default_mode: Some(READ_BY_ALL),
            sources: Some(projections(profile, settings)),
        }),
        ..Volume::default()
    };
    vec![binary, identity]
}

fn projections(profile: &Profile, settings: &Settings) -> Vec<VolumeProjection> {
    let (auth, server) = (&profile.spec.auth, &profile.spec.server);
    let mut sources = Vec::new();
    if settings.method != "cert" {
        sources.push(VolumeProjection {
            service_account_token: Some(ServiceAccountTokenProjection {
                audience: Some(auth.audience.clone()),
                expiration_seconds: Some(auth.token_expiration_seconds),
                path: TOKEN_FILE.to_owned(),
            }),
            ..VolumeProjection::default()
        });
    }
    let ca = server.ca.as_ref().filter(|ca| ca.inline.is_none());
    if let Some(KeySpec { name, key }) = ca.and_then(|ca| ca.config_map.as_ref()) {
        sources.push(VolumeProjection {
            config_map: Some(ConfigMapProjection {
                name: name.clone(),
                items: Some(vec![item(key, CA_FILE)]),
                optional: None,
            }),
            ..VolumeProjection::default()
        });
    } else if let Some(KeySpec { name, key }) = ca.and_then(|ca| ca.secret.as_ref()) {
        sources.push(secret(name, vec![item(key, CA_FILE)]));
    }
    if let Some(name) = &server.client_certificate_secret {
        let items = [CLIENT_CERT_FILE, CLIENT_KEY_FILE].map(|key| item(key, key));
        sources.push(secret(name, items.into()));
    }
    sources
}

fn secret(name: &str, items: Vec<KeyToPath>) -> VolumeProjection {
    VolumeProjection {
        secret: Some(SecretProjection {
            name: name.to_owned(),
            items: Some(items),
            optional: None,
        }),
        ..VolumeProjection::default()
    }
}

fn item(key: &str, path: &str) -> KeyToPath {
    KeyToPath {
        key: key.to_owned(),
        path: path.to_owned(),
        mode: None,
    }
}

/// Refuses a pod in which something else has a name of ours: a pod's author could else put an image
/// or a volume of his own in our place (H5).
pub(super) fn refuse_taken(
    spec: &PodSpec,
    init: &Container,
    volumes: &[Volume],
) -> Result<(), Refusal> {
    let taken = |what, name| Err(Refusal::NameTaken { what, name });
    let inits = spec.init_containers.iter().flatten();
    for container in inits.filter(|container| container.name == INIT_CONTAINER) {
        copy_step::verify(container, init)?;
    }
    if spec
        .containers
        .iter()
        .any(|container| container.name == INIT_CONTAINER)
    {
        return taken("container", INIT_CONTAINER);
    }
    for volume in spec.volumes.iter().flatten() {
        for (name, ours) in [BINARY_VOLUME, IDENTITY_VOLUME].into_iter().zip(volumes) {
            if volume.name == name && !is_volume(volume, ours) {
                return taken("volume", name);
            }
        }
    }
    Ok(())
}

/// Field for field, but for the limit's amount, which the API server writes in its own way.
fn is_volume(found: &Volume, ours: &Volume) -> bool {
    let mut found = found.clone();
    if let (Some(dir), Some(our)) = (&mut found.empty_dir, &ours.empty_dir)
        && dir.size_limit.is_some()
    {
        dir.size_limit.clone_from(&our.size_limit);
    }
    found == *ours
}

/// Refuses a container that does not start through the wrapper and has one of our volumes.
pub(super) fn refuse_ours(container: &Container) -> Result<(), Refusal> {
    let mut mounts = container.volume_mounts.iter().flatten();
    match mounts.find(|mount| is_named(mount)) {
        Some(mount) => Err(Refusal::OurVolume {
            container: container.name.clone(),
            volume: mount.name.clone(),
        }),
        None => Ok(()),
    }
}

fn is_named(mount: &VolumeMount) -> bool {
    [BINARY_VOLUME, IDENTITY_VOLUME].contains(&mount.name.as_str())
}

/// Refuses a container that mounts something where our volumes go, inside of them or above them.
///
/// A path with `..` is refused wherever it seems to lead: the image may have a link there, which
/// the runtime follows. The policy beside the webhook (`manifests/policy.yaml`) says the same.
pub(super) fn refuse_mounts(container: &Container) -> Result<(), Refusal> {
    let mounts = container.volume_mounts.iter().flatten();
    for mount in mounts.filter(|mount| !is_ours(mount)) {
        refuse_place(container, &mount.name, &mount.mount_path)?;
        if is_named(mount) {
            return Err(Refusal::OurVolume {
                container: container.name.clone(),
                volume: mount.name.clone(),
            });
        }
    }
    for device in container.volume_devices.iter().flatten() {
        refuse_place(container, &device.name, &device.device_path)?;
    }
    // The kubelet mounts an empty file there.
    let message = container.termination_message_path.as_deref();
    message.map_or(Ok(()), |path| {
        refuse_place(container, "terminationMessagePath", path)
    })
}

fn refuse_place(container: &Container, volume: &str, path: &str) -> Result<(), Refusal> {
    let parts = path.split('/');
    let parts: Vec<&str> = parts.filter(|part| !matches!(*part, "" | ".")).collect();
    let (named, volume) = (container.name.clone(), volume.to_owned());
    let shown = path.to_owned();
    if parts.contains(&"..") {
        return Err(Refusal::MountPath {
            container: named,
            volume,
            path: shown,
        });
    }
    let is_taken = [BINARY_DIR, IDENTITY_DIR].into_iter().any(|dir| {
        let ours = dir.split('/').filter(|part| !part.is_empty());
        ours.zip(&parts).all(|(ours, part)| ours == *part)
    });
    if is_taken {
        return Err(Refusal::MountTaken {
            container: named,
            volume,
            path: shown,
        });
    }
    Ok(())
}

/// Whether a container has a mount that an earlier invocation added, or somebody in our place.
pub(super) fn has_any(container: &Container) -> bool {
    container.volume_mounts.iter().flatten().any(is_ours)
}

/// Refuses a container that lacks a mount of ours: what lies at the wrapper's place would be from
/// its image.
pub(super) fn verify(container: &Container) -> Result<(), Refusal> {
    let has = |ours: &VolumeMount| {
        let mut all = container.volume_mounts.iter().flatten();
        all.any(|found| is_ours(found) && found.name == ours.name)
    };
    match mounts().into_iter().find(|ours| !has(ours)) {
        None => Ok(()),
        Some(VolumeMount { name, .. }) => Err(Refusal::NotMounted {
            container: container.name.clone(),
            volume: name,
        }),
    }
}

/// A mount that an earlier invocation added.
fn is_ours(found: &VolumeMount) -> bool {
    mounts().contains(found)
}
