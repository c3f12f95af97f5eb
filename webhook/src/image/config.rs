//! What an image says about starting it.

/// Entry point and command of an image, for one platform.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ImageConfig {
    /// `ENTRYPOINT`; empty when there is none.
    pub entrypoint: Vec<String>,
    /// `CMD`; empty when there is none.
    pub command: Vec<String>,
    /// Operating system, `linux`.
    pub os: String,
    /// Architecture as images spell it, `amd64`.
    pub architecture: String,
}
