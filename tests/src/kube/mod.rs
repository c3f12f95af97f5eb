//! A real Kubernetes API: etcd and kube-apiserver, and no other part of a cluster.
//!
//! [`Api::shared`] is the one that tests use; a [`Namespace`] keeps one test from another, and
//! [`Client`] speaks JSON with the server as an administrator or with a token. Nothing runs pods
//! and nothing completes what a controller would: no token is mounted, no owner is followed, a
//! deleted namespace stays, and service accounts are made by [`Api::namespace`] alone.
//! `cargo xtask test api` builds the programs and names them.

pub mod access;
pub mod api;
pub mod burst;
pub mod client;
pub mod installed;
pub mod load;
pub mod namespace;
pub mod path;
pub mod webhook;

pub use access::Review;
pub use api::Api;
pub use client::{Client, Patch};
pub use installed::{Installed, Replica};
pub use load::Load;
pub use namespace::Namespace;
pub use webhook::{Hook, Mutating};
