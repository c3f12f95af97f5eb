//! Images made by the tests: configurations, manifests and indexes with true digests.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// `sha256:…` of the bytes.
pub(crate) fn digest(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::from("sha256:");
    for byte in Sha256::digest(bytes) {
        write!(text, "{byte:02x}").unwrap();
    }
    text
}

/// An image without layers.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub(crate) config: Vec<u8>,
    pub(crate) manifest: Vec<u8>,
}

impl Image {
    pub(crate) fn new(architecture: &str, entrypoint: &[&str], command: &[&str]) -> Self {
        let config = json!({
            "os": "linux", "architecture": architecture,
            "config": {"Entrypoint": entrypoint, "Cmd": command},
            "rootfs": {"type": "layers", "diff_ids": []},
        });
        Self::of_config(config.to_string().into_bytes())
    }

    pub(crate) fn of_config(config: Vec<u8>) -> Self {
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "digest": digest(&config), "size": config.len()},
            "layers": [],
        });
        Self {
            config,
            manifest: manifest.to_string().into_bytes(),
        }
    }

    pub(crate) fn digest(&self) -> String {
        digest(&self.manifest)
    }

    /// As an entry of an index.
    pub(crate) fn entry(&self, os: &str, architecture: &str) -> Value {
        json!({
            "mediaType": MANIFEST, "digest": self.digest(), "size": self.manifest.len(),
            "platform": {"os": os, "architecture": architecture},
        })
    }
}

pub(crate) fn index(entries: &[Value]) -> Vec<u8> {
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries});
    index.to_string().into_bytes()
}
