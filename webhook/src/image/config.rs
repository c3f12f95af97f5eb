//! What the webhook wants to know of an image.

/// The part of an image's configuration that says what it starts, and on what.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ImageConfig {
    /// `ENTRYPOINT`: the command of a container that names none.
    pub entrypoint: Vec<String>,
    /// `CMD`: the arguments of a container that names neither command nor arguments.
    pub command: Vec<String>,
    /// The operating system, such as `linux`.
    pub os: String,
    /// The processor's architecture as Go names it, such as `amd64`.
    pub architecture: String,
}
