//! What the targets of the webhook have in common: its pure modules, and what must be true of their
//! answers whatever comes in.
//!
//! The modules are included as files, at the places where they look for each other. What touches
//! the world (server, cluster, registries' HTTP) stays out, so that the build stays short.
#![allow(
    dead_code,
    missing_debug_implementations,
    unexpected_cfgs,
    unfulfilled_lint_expectations,
    unreachable_pub,
    unused_imports,
    reason = "the modules are included for what the targets read"
)]

#[path = "../../../webhook/src/address.rs"]
mod address;
#[path = "../../../webhook/src/annotation/mod.rs"]
mod annotation;
#[path = "../../../webhook/src/decide/mod.rs"]
mod decide;
#[path = "../../../webhook/src/engine.rs"]
mod engine;
#[path = "../../../webhook/src/patch/mod.rs"]
mod patch;
#[path = "../../../webhook/src/profile/mod.rs"]
mod profile;
#[path = "../../../webhook/src/review/mod.rs"]
mod review;
#[path = "../../../webhook/src/cli/yaml.rs"]
mod yaml;

// The wrapper's own reader of references, to compare with.
#[path = "../../../wrapper/src/reference/mod.rs"]
mod reference;
#[path = "../../../wrapper/src/secret.rs"]
mod secret;
#[path = "../../../wrapper/src/status.rs"]
mod status;

mod admit;
pub mod annotations;
mod image;
pub mod profiles;
pub mod references;
pub mod reviews;
mod world;

pub use image::answers;

/// Fails if a text that people or logs get is longer than `most` bytes, or could pretend to be a
/// line of its own.
fn check_text(text: &str, most: usize) {
    assert!(text.len() <= most, "{} bytes: {text:?}", text.len());
    let odd = text.chars().find(|c| c.is_control());
    assert!(odd.is_none(), "{odd:?} in {text:?}");
}
