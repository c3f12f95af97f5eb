//! Which program an image starts, asked of its registry: for a container that names no command.
//!
//! What decides (names, pull secrets, platforms, addresses, documents) is pure. What touches the
//! network is in `http`, `resolve`, `token` and `registry`. [`ImageResolver`] puts a cache in
//! front of it. An answer is believed only if it has the digest that names it.
//!
//! Why not a registry library: `oci-client` 0.18 verifies digests, but it reads bodies without a
//! limit, follows redirects as the HTTP library does by default, sends credentials to any realm
//! over any scheme, asks for `/v2/` before each login, and keeps the credentials of one caller for
//! the next. So the requests are made here, with reqwest and rustls, the names and documents are
//! `oci-spec`'s types, and challenges are read by `http-auth`.

mod address;
mod cache;
mod challenge;
mod config;
mod credentials;
mod digest;
mod document;
mod error;
mod http;
mod keyring;
mod platform;
mod reference;
mod registry;
mod resolve;
mod session;
mod settings;
mod token;

pub use self::cache::{CacheCounters, ImageResolver};
pub use self::config::ImageConfig;
pub use self::credentials::{Credential, CredentialsError, PullSecret, PullSecretKind, SecretText};
pub use self::document::DocumentError;
pub use self::error::{LookupError, Problem};
pub use self::keyring::Keyring;
pub use self::platform::{Platform, PlatformError};
pub use self::reference::{ImageName, ReferenceError};
pub use self::settings::{HostSettings, Limits, RegistrySettings, SettingsError};
