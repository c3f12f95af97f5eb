//! What the webhook puts into a pod: names and places that the webhook, the images, the admission
//! policy of the chart and the tests must agree on.

/// Directory, in every container, on the volume with the wrapper and the preload library.
pub const BINARY_DIR: &str = "/cloudtaser/bin";
/// The wrapper as containers start it.
pub const WRAPPER: &str = "/cloudtaser/bin/cloudtaser";
/// Directory, in every container, on the volume with the token and the certificates.
pub const IDENTITY_DIR: &str = "/cloudtaser/identity";
/// The wrapper inside the image of the copy step. Not below [`BINARY_DIR`], which is mounted there.
pub const IMAGE_BINARY: &str = "/bin/cloudtaser";

/// Name of the init container that copies.
pub const INIT_CONTAINER: &str = "cloudtaser-copy";
/// Name of the memory-backed volume.
pub const BINARY_VOLUME: &str = "cloudtaser-bin";
/// Name of the projected volume.
pub const IDENTITY_VOLUME: &str = "cloudtaser-identity";

/// The service-account token, inside [`IDENTITY_DIR`].
pub const TOKEN_FILE: &str = "token";
/// The certification authorities, inside [`IDENTITY_DIR`].
pub const CA_FILE: &str = "ca.crt";
/// The client certificate, inside [`IDENTITY_DIR`].
pub const CLIENT_CERT_FILE: &str = "tls.crt";
/// Its key, inside [`IDENTITY_DIR`].
pub const CLIENT_KEY_FILE: &str = "tls.key";

/// Facts about the pod, from the downward API: variable and field.
pub const FACTS: [(&str, &str); 4] = [
    ("CLOUDTASER_POD_NAMESPACE", "metadata.namespace"),
    ("CLOUDTASER_POD_NAME", "metadata.name"),
    ("CLOUDTASER_POD_UID", "metadata.uid"),
    ("CLOUDTASER_NODE_NAME", "spec.nodeName"),
];
/// The container's own name, which the downward API does not have.
pub const CONTAINER_NAME: &str = "CLOUDTASER_CONTAINER_NAME";
