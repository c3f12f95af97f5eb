//! The pure modules of the webhook's `image`, as they lie there.

#[path = "../../../webhook/src/image/address.rs"]
mod address;
#[path = "../../../webhook/src/image/challenge.rs"]
mod challenge;
#[path = "../../../webhook/src/image/config.rs"]
mod config;
#[path = "../../../webhook/src/image/credentials.rs"]
mod credentials;
#[path = "../../../webhook/src/image/digest.rs"]
mod digest;
#[path = "../../../webhook/src/image/document.rs"]
mod document;
#[path = "../../../webhook/src/image/error.rs"]
mod error;
#[path = "../../../webhook/src/image/keyring.rs"]
mod keyring;
#[path = "../../../webhook/src/image/platform.rs"]
mod platform;
#[path = "../../../webhook/src/image/reference.rs"]
mod reference;

#[path = "answers.rs"]
pub mod answers;

pub use config::ImageConfig;
